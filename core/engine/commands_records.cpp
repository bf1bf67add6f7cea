#include "core/data/text.hpp"
#include "core/engine/commands.hpp"
#include "core/engine/direct_load.hpp"
#include "core/engine/entity_error.hpp"
#include "core/engine/ingestion_steps.hpp"
#include "core/engine/piping.hpp"
#include "core/ingest/part_book.hpp"
#include "core/kql/kql.hpp"

#include <fmt/format.h>

#include <algorithm>

/// `.delete table T records` and `.update table` (commands 3.7).
namespace sluice::engine {
namespace {

using store::Part;
using store::PartState;

constexpr auto kRow = "$row";
constexpr auto kPart = "$part";

/// Rows that `.update` may take away at once.
constexpr std::uint64_t kMaxDeleted = 5'000'000;

/// The predicate as a selection of rows: it runs over the table with each row's number and part as two more columns.
Result<store::Transaction::RowSelection> selection_of(Context& context, const TableTarget& target,
                                                      const std::string& text) {
    kql::CompileOptions options;
    options.database = target.database;
    options.catalog = &context.databases().catalog();
    options.now = context.now();
    options.principal = context.request().principal;
    kql::ExtraTable rows{target.table->name, store::Store::numbered_rows(*target.table), *target.table->schema()};
    rows.schema.columns.push_back({kRow, data::ScalarType::Long});
    rows.schema.columns.push_back({kPart, data::ScalarType::Long});
    options.extra_tables.push_back(std::move(rows));
    SLUICE_TRY(const auto plan, kql::compile(text, options));
    const auto refused = [&] {
        return bad_request(
            fmt::format("The predicate behind '<|' has the form '{} | where ...': one table, 'where' and "
                        "'extend' only, and no other columns taken away.",
                        target.table->name));
    };
    if (plan.results.size() != 1 || !plan.results.front().parameters.empty())
        return refused();
    const auto& result = plan.results.front();
    const auto row = result.schema.find(kRow), part = result.schema.find(kPart);
    if (!row || !part)
        return refused();
    return store::Transaction::RowSelection{result.sql, result.schema.size(), *row, *part};
}

/// Deleting every row by mistake is easy; the documents ask for one `where` at least.
bool has_condition(std::string_view text) {
    for (std::size_t at = text.find('|'); at != std::string_view::npos; at = text.find('|', at + 1)) {
        const std::size_t word = text.find_first_not_of(" \t\r\n", at + 1);
        if (word != std::string_view::npos &&
            (text.compare(word, 5, "where") == 0 || text.compare(word, 6, "filter") == 0))
            return true;
    }
    return false;
}

struct Change {
    Part before;
    data::Guid after;
    std::uint64_t rows = 0;
};

/// The extents without the rows that were taken; an extent without rows is gone.
std::vector<Change> account(ingest::PartBook& parts, const std::map<store::PartId, std::uint64_t>& lost, bool pretend) {
    std::vector<Change> changes;
    for (const auto& [id, rows] : lost) {
        const Part* known = parts.find(id);
        if (!known)
            continue;
        Change change{*known, {}, rows};
        if (!pretend && known->rows <= rows) {
            parts.remove(id);
        } else if (!pretend) {
            Part& part = parts.change(id);
            part.original_size = part.original_size / part.rows * (part.rows - rows);
            part.rows -= rows;
            part.extent = change.after = data::random_guid();
        }
        changes.push_back(std::move(change));
    }
    return changes;
}

/// The query at its place in the command, so that errors point to the right line.
std::string query_text(const Context& context, const Argument& query) {
    return blanked(std::string_view(context.request().text).substr(0, query.end), query.end - query.text.size());
}

/// `let D = ...; let A = ...;` with the name of one of them as the query.
std::string with_result(const Context& context, const Argument& query, const std::string& name) {
    std::string text = query_text(context, query);
    const std::size_t last = text.find_last_not_of(" \t\r\n");
    if (last != std::string::npos && text[last] != ';')
        text += ';';
    return text + "\n" + name;
}

} // namespace

Result<CommandResult> delete_records(Context& context, const Arguments& arguments) {
    SLUICE_CHECK(arguments.properties().only({"whatif"}));
    SLUICE_TRY(const bool what_if, arguments.properties().flag("whatif"));
    SLUICE_TRY(const auto target, context.table(arguments.get("table")));
    const Argument& query = arguments.get("query");
    if (!has_condition(query.text))
        return bad_request("The predicate behind '<|' needs a 'where'; '.clear table T data' deletes all rows.");
    SLUICE_TRY(auto selection, selection_of(context, target, query_text(context, query)));
    selection.count_only = what_if;
    SLUICE_TRY(auto* writer, context.writer(*target.database));
    if (!what_if)
        SLUICE_CHECK(writer->seal_row_store(target.table->id, "Delete"));
    std::vector<Change> changes;
    SLUICE_CHECK(writer->edit_parts([&](store::Transaction& transaction, ingest::PartBook& parts) -> Result<> {
        SLUICE_TRY(const auto lost, transaction.delete_rows(target.table->id, selection));
        changes = account(parts, lost, what_if);
        return {};
    }));
    CommandResult result("Table:string, ExtentId:guid, NewExtentId:guid, RecordsMatchPredicate:long");
    for (const Change& change : changes)
        result.add({target.table->name, change.before.state == PartState::Extent ? change.before.extent : data::Guid{},
                    change.after, static_cast<std::int64_t>(change.rows)});
    return result;
}

/// Takes rows away and puts others in, in one commit; both queries see the table as it was before.
Result<CommandResult> update_records(Context& context, const Arguments& arguments) {
    SLUICE_CHECK(arguments.properties().only({"whatif", "distributed"}));
    SLUICE_TRY(const bool what_if, arguments.properties().flag("whatif"));
    SLUICE_TRY(const auto target, context.table(arguments.get("table")));
    SLUICE_TRY(auto* writer, context.writer(*target.database));
    const Argument& query = arguments.get("query");
    SLUICE_TRY(auto selection, selection_of(context, target, with_result(context, query, arguments.text("delete"))));
    selection.count_only = what_if;
    if (!what_if) {
        SLUICE_CHECK(writer->seal_row_store(target.table->id, "Update"));
    }
    SLUICE_TRY(auto answer, context.query(with_result(context, query, arguments.text("append"))));
    ResultTable& rows = answer.tables.front();
    SLUICE_CHECK(check_query_schema(rows.schema, *target.table->schema()));
    DirectLoad load(*writer, target.table);
    for (;;) {
        SLUICE_TRY(auto chunk, rows.next());
        if (!chunk)
            break;
        SLUICE_CHECK(load.add(std::move(*chunk)));
    }
    std::optional<Part> added;
    if (!what_if) {
        SLUICE_TRY(added, load.prepare());
    }
    std::vector<Change> changes;
    const auto edit = [&](store::Transaction& transaction, ingest::PartBook& parts) -> Result<> {
        SLUICE_TRY(const auto lost, transaction.delete_rows(target.table->id, selection));
        std::uint64_t sum = 0;
        for (const auto& [part, count] : lost)
            sum += count;
        if (sum > kMaxDeleted)
            return bad_request(fmt::format("The update would delete {} rows; the limit is {}.", sum, kMaxDeleted));
        changes = account(parts, lost, what_if);
        if (added) {
            added->state = PartState::Extent;
            added->extent = data::random_guid();
            added->opened = added->created = added->sealed = context.now();
            parts.change(added->id) = *added;
        }
        return {};
    };
    std::vector<Part> derived;
    if (added) { // the appended rows set off update policies (engine 3.3)
        SLUICE_TRY(derived, writer->edit_parts({target.table, {added->id}, context.request().principal}, edit));
        load.adopted();
    } else {
        SLUICE_CHECK(writer->edit_parts(edit));
    }
    CommandResult result("Table:string, Action:string, ExtentId:guid, RowCount:long");
    for (const Change& change : changes)
        result.add(
            {target.table->name, std::string("Delete"), change.before.extent, static_cast<std::int64_t>(change.rows)});
    if (load.rows() > 0)
        result.add({target.table->name, std::string("Create"), added ? added->extent : data::Guid{},
                    static_cast<std::int64_t>(load.rows())});
    for (const Part& part : derived)
        for (const auto& [name, table] : target.database->tables)
            if (table->id == part.table)
                result.add({name, std::string("Create"), part.extent, static_cast<std::int64_t>(part.rows)});
    return result;
}

} // namespace sluice::engine
