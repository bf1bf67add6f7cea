#include "core/data/text.hpp"
#include "core/engine/command_lexer.hpp"
#include "core/engine/commands.hpp"
#include "core/engine/entity_error.hpp"
#include "core/engine/extent_rules.hpp"
#include "core/engine/schema_text.hpp"
#include "core/engine/shapes.hpp"
#include "core/ingest/extent_work.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

namespace sluice::engine {
namespace {

using ingest::ExtentChange;
using store::Part;

/// `with (extentCreatedOnFrom=..., extentCreatedOnTo=..., setNewIngestionTime=...)`.
struct ChangeOptions {
    Ticks from = 0, to = kMaxDateTimeTicks;
    bool new_ingestion_time = false;

    bool admits(const Part& part) const {
        return part.state == store::PartState::Extent && part.created >= from && part.created <= to;
    }
};

/// `2025-03-01` or `datetime(2025-03-01)`.
Result<Ticks> time_property(const Properties& with, std::string_view name, Ticks otherwise) {
    auto text = with.get(name);
    if (!text)
        return otherwise;
    if (text->size() > 10 && same_word(std::string_view(*text).substr(0, 9), "datetime(") && text->back() == ')')
        text = trimmed(std::string_view(*text).substr(9, text->size() - 10));
    const auto ticks = data::parse_datetime(*text);
    if (!ticks)
        return bad_request(fmt::format("Property '{}' is '{}'; it takes a datetime such as 2025-03-01.", name, *text));
    return *ticks;
}

Result<ChangeOptions> options_of(const Properties& with) {
    SLUICE_CHECK(with.only({"extentCreatedOnFrom", "extentCreatedOnTo", "setNewIngestionTime"}));
    ChangeOptions options;
    SLUICE_TRY(options.from, time_property(with, "extentCreatedOnFrom", 0));
    SLUICE_TRY(options.to, time_property(with, "extentCreatedOnTo", kMaxDateTimeTicks));
    SLUICE_TRY(options.new_ingestion_time, with.flag("setNewIngestionTime"));
    return options;
}

std::string id_of(const Part& part) {
    return data::format_guid(part.extent);
}

Cell tags_cell(const std::vector<std::string>& tags) {
    return tags.empty() ? Cell(Null{}) : Cell(fmt::format("{}", fmt::join(tags, " ")));
}

CommandResult tag_rows(const std::vector<ExtentChange>& changes) {
    CommandResult result(shape::kExtentTags);
    for (const auto& change : changes)
        result.add({id_of(change.before), id_of(change.after), tags_cell(change.after.tags), Null{}});
    return result;
}

CommandResult move_rows(const std::vector<ExtentChange>& changes) {
    CommandResult result(shape::kMovedExtents);
    for (const auto& change : changes)
        result.add({id_of(change.before), id_of(change.after), Null{}});
    return result;
}

/// The extents of the table among `ids` (nothing: all of them), as the writer sees them inside its transaction.
std::vector<Part> extents_of(const ingest::PartBook& parts, catalog::TableId table,
                             const std::optional<std::set<std::string>>& ids, const ChangeOptions& options) {
    std::vector<Part> out;
    parts.each([&](const Part& part) {
        if (part.table == table && options.admits(part) && (!ids || ids->count(id_of(part)) != 0))
            out.push_back(part);
    });
    return out;
}

std::vector<Part> extents_of(std::vector<Part> parts, const std::set<std::string>& ids, const ChangeOptions& options) {
    std::erase_if(parts, [&](const Part& part) { return !options.admits(part) || ids.count(id_of(part)) == 0; });
    return parts;
}

std::vector<store::PartId> numbers_of(const std::vector<Part>& parts) {
    std::vector<store::PartId> out;
    out.reserve(parts.size());
    for (const Part& part : parts)
        out.push_back(part.id);
    return out;
}

using TagEdit = std::function<std::vector<std::string>(const Part&)>;

Result<std::vector<ExtentChange>> retag(Context& context, const TableTarget& target,
                                        const std::optional<std::set<std::string>>& ids, const ChangeOptions& options,
                                        const TagEdit& edit) {
    SLUICE_TRY(auto* writer, context.writer(*target.database));
    std::vector<ExtentChange> changes;
    SLUICE_CHECK(writer->edit_parts([&](store::Transaction&, ingest::PartBook& parts) -> Result<> {
        auto chosen = extents_of(parts, target.table->id, ids, options);
        // An extent whose tags stay as they are keeps its id too.
        std::erase_if(chosen, [&](const Part& part) { return edit(part) == part.tags; });
        SLUICE_TRY(changes, ingest::retag_extents(parts, numbers_of(chosen), edit));
        return {};
    }));
    return changes;
}

std::vector<std::string> without(const std::vector<std::string>& tags, const std::set<std::string>& gone) {
    std::vector<std::string> out;
    std::copy_if(tags.begin(), tags.end(), std::back_inserter(out),
                 [&](const auto& tag) { return gone.count(tag) == 0; });
    return out;
}

/// Tags to remove by extent, from a query that yields ExtentId and Tags.
Result<std::map<std::string, std::set<std::string>>> tags_by_extent(Context& context, const Argument& query) {
    SLUICE_TRY(const auto rows, context.rows_of(query));
    const auto id = rows.schema().find("ExtentId");
    const auto tags = rows.schema().find("Tags");
    const auto text_like = [&](std::size_t column) { return rows.schema()[column].type == data::ScalarType::String; };
    if (!id || !tags || !text_like(*tags) || (rows.schema()[*id].type != data::ScalarType::Guid && !text_like(*id)))
        return bad_request("The query behind '<|' has to yield ExtentId (guid or string) and Tags (string).");
    std::map<std::string, std::set<std::string>> out;
    for (const auto& chunk : rows.chunks())
        for (std::size_t row = 0; row < chunk.rows(); ++row) {
            const auto& cells = chunk.column(*id);
            const auto extent = rows.schema()[*id].type == data::ScalarType::Guid
                                    ? std::optional(cells.get<data::Guid>(row))
                                    : data::parse_guid(cells.text(row));
            if (extent)
                out[data::format_guid(*extent)].insert(std::string(chunk.column(*tags).text(row)));
        }
    return out;
}

/// Every column of the source has to be in the destination (commands 2.7).
Result<> check_columns(const catalog::Table& from, const catalog::Table& to) {
    for (const auto& column : from.columns) {
        const auto* target = to.find_column(column.name);
        if (!target || target->type != column.type)
            return bad_request(
                fmt::format("Extents of table '{}' cannot be moved to table '{}': it has no column '{}' of "
                            "type '{}'.",
                            from.name, to.name, column.name, data::to_string(column.type)));
    }
    return {};
}

using Sources = std::vector<ingest::ExtentMoves::Source>;

Result<TableTarget> table_of(const catalog::Snapshot& database, catalog::TableId id) {
    for (const auto& [name, table] : database->tables)
        if (table->id == id)
            return TableTarget{database, table};
    return Error{ErrorCode::NotFound, "The table of an extent is gone.", "BadRequest_EntityNotFound"};
}

/// The extents with these ids and their tables; an id that no table has is an error.
Result<Sources> sources_of(Context& context, const catalog::Snapshot& database, const std::set<std::string>& ids,
                           const ChangeOptions& options) {
    SLUICE_TRY(auto* writer, context.writer(*database));
    Sources found;
    std::set<std::string> missing = ids;
    for (Part& part : writer->parts()) {
        if (part.state != store::PartState::Extent || ids.count(id_of(part)) == 0)
            continue;
        const auto target = table_of(database, part.table);
        if (!target)
            continue;
        missing.erase(id_of(part));
        if (options.admits(part))
            found.push_back({target->table, std::move(part)});
    }
    if (!missing.empty())
        return entity_not_found("Extent", *missing.begin());
    return found;
}

/// Every extent of the table, for `.move extents all`.
Result<Sources> all_of(Context& context, const TableTarget& from, const ChangeOptions& options) {
    SLUICE_TRY(auto* writer, context.writer(*from.database));
    Sources found;
    for (Part& part : writer->parts(from.table->id))
        if (options.admits(part))
            found.push_back({from.table, std::move(part)});
    return found;
}

/// Moves extents and drops others in one commit, in which the update policies of the table have run on what is moved.
Result<CommandResult> run_moves(Context& context, const TableTarget& to, Sources sources, const ChangeOptions& options,
                                std::vector<Part> dropped) {
    for (const auto& source : sources) {
        if (source.table->id == to.table->id)
            return bad_request(fmt::format("Extents of table '{}' are there already.", to.table->name));
        SLUICE_CHECK(check_columns(*source.table, *to.table));
    }
    SLUICE_TRY(auto* writer, context.writer(*to.database));
    ingest::ExtentMoves moves{to.table, std::move(sources), std::move(dropped)};
    moves.principal = context.request().principal;
    if (options.new_ingestion_time)
        moves.new_time = context.now();
    const auto changes = ingest::move_extents(*writer, moves);
    if (!changes)
        return changes.error();
    CommandResult result = move_rows(*changes);
    for (const Part& part : moves.dropped)
        result.add({id_of(part), std::string(), Null{}});
    return result;
}

/// The two `{ query }` behind `<|`, as arguments at their places in the command's text.
Result<std::pair<Argument, Argument>> two_queries(const Context& context, const Argument& input) {
    const std::string& text = context.request().text;
    std::vector<Argument> out;
    std::size_t at = skip_blank(text, input.end - input.text.size());
    while (at < text.size() && out.size() < 2) {
        const std::size_t close = text[at] == '{' ? end_of_bracket(text, at) : std::string_view::npos;
        if (close == std::string_view::npos)
            break;
        Argument query;
        query.text = text.substr(at + 1, close - at - 2);
        query.end = close - 1;
        out.push_back(std::move(query));
        at = skip_blank(text, close);
        if (at < text.size() && text[at] == ',')
            at = skip_blank(text, at + 1);
    }
    if (out.size() != 2 || at < text.size())
        return bad_request("Behind '<|' stand two queries: { extents to drop }, { extents to move }.");
    return std::pair(std::move(out[0]), std::move(out[1]));
}

/// `.move extents all`: extents may be merged between the look at the table and the move, which is then done again.
constexpr unsigned kMoveAttempts = 5;

Result<CommandResult> move_all(Context& context, const TableTarget& from, const TableTarget& to,
                               const ChangeOptions& options) {
    for (unsigned attempt = 1;; ++attempt) {
        SLUICE_TRY(auto sources, all_of(context, from, options));
        auto moved = run_moves(context, to, std::move(sources), options, {});
        if (moved || moved.error().code != ErrorCode::Conflict || attempt == kMoveAttempts)
            return moved;
    }
}

} // namespace

Result<CommandResult> alter_extent_tags(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto target, context.table(arguments.get("table")));
    SLUICE_TRY(const auto options, options_of(arguments.properties()));
    SLUICE_TRY(const auto ids, extent_ids_of(context, arguments.get("query")));
    const auto& tags = arguments.get("tags").items;
    const bool merge = arguments.said("alter-merge");
    SLUICE_TRY(const auto changes, retag(context, target, ids, options, [&](const Part& part) {
                   std::vector<std::string> out = merge ? part.tags : std::vector<std::string>();
                   for (const auto& tag : tags)
                       if (std::find(out.begin(), out.end(), tag) == out.end())
                           out.push_back(tag);
                   return out;
               }));
    return tag_rows(changes);
}

Result<CommandResult> drop_extent_tags(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto target, context.table(arguments.get("table")));
    SLUICE_TRY(const auto options, options_of(arguments.properties()));
    if (arguments.has("tags")) {
        const auto& list = arguments.get("tags").items;
        const std::set<std::string> gone(list.begin(), list.end());
        SLUICE_TRY(const auto changes, retag(context, target, std::nullopt, options,
                                             [&](const Part& part) { return without(part.tags, gone); }));
        return tag_rows(changes);
    }
    SLUICE_TRY(const auto tags, tags_by_extent(context, arguments.get("query")));
    SLUICE_TRY(const auto changes, retag(context, target, std::nullopt, options, [&](const Part& part) {
                   const auto found = tags.find(id_of(part));
                   return found == tags.end() ? part.tags : without(part.tags, found->second);
               }));
    return tag_rows(changes);
}

/// `.drop extent tags retention`: what the background does from time to time, now.
Result<CommandResult> apply_tags_retention(Context& context, const Arguments&) {
    SLUICE_TRY(const auto tables, context.tables(Argument{}));
    std::vector<ExtentChange> all;
    for (const auto& target : tables) {
        const auto rules = tag_retention(*target.database, *target.table);
        if (rules.empty())
            continue;
        SLUICE_TRY(auto changed, retag(context, target, std::nullopt, {},
                                       [&](const Part& part) { return kept_tags(part, rules, context.now()); }));
        std::move(changed.begin(), changed.end(), std::back_inserter(all));
    }
    return tag_rows(all);
}

Result<CommandResult> move_extents(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto to, context.table(arguments.get("table")));
    SLUICE_TRY(const auto options, options_of(arguments.properties()));
    if (arguments.has("query")) {
        SLUICE_TRY(const auto ids, extent_ids_of(context, arguments.get("query")));
        SLUICE_TRY(auto sources, sources_of(context, to.database, ids, options));
        return run_moves(context, to, std::move(sources), options, {});
    }
    SLUICE_TRY(const auto from, context.table(arguments.get("from")));
    if (!arguments.has("ids"))
        return move_all(context, from, to, options);
    SLUICE_TRY(auto sources, sources_of(context, to.database, normal_ids(arguments.get("ids")), options));
    for (const auto& source : sources)
        if (source.table->id != from.table->id)
            return entity_not_found("Extent", id_of(source.extent));
    return run_moves(context, to, std::move(sources), options, {});
}

Result<CommandResult> replace_extents(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto to, context.table(arguments.get("table")));
    SLUICE_TRY(const auto options, options_of(arguments.properties()));
    SLUICE_TRY(const auto queries, two_queries(context, arguments.get("query")));
    SLUICE_TRY(const auto dropped, extent_ids_of(context, queries.first));
    SLUICE_TRY(const auto moved, extent_ids_of(context, queries.second));
    SLUICE_TRY(auto* writer, context.writer(*to.database));
    auto gone = extents_of(writer->parts(to.table->id), dropped, {});
    if (gone.size() != dropped.size())
        return bad_request(
            fmt::format("An extent to drop is not in table '{}' any more, it may have been merged.", to.table->name));
    SLUICE_TRY(auto sources, sources_of(context, to.database, moved, options));
    return run_moves(context, to, std::move(sources), options, std::move(gone));
}

Result<CommandResult> merge_extents(Context& context, const Arguments& arguments) {
    SLUICE_CHECK(arguments.properties().only({"rebuild"}));
    SLUICE_TRY(const auto target, context.table(arguments.get("table")));
    const auto ids = normal_ids(arguments.get("ids"));
    SLUICE_TRY(auto* writer, context.writer(*target.database));
    const auto begun = context.databases().clock().steady();
    const auto sources = extents_of(writer->parts(target.table->id), ids, {});
    if (sources.size() != ids.size())
        return bad_request(fmt::format("Table '{}' has {} of the {} extents; the others may have been merged.",
                                       target.table->name, sources.size(), ids.size()));
    SLUICE_CHECK(ingest::check_mergeable(sources));
    data::Guid merged = data::random_guid();
    if (!arguments.said("dryrun")) {
        SLUICE_TRY(const Part extent, ingest::merge_extents(*writer, sources));
        merged = extent.extent;
    }
    const auto took =
        std::chrono::duration_cast<std::chrono::microseconds>(context.databases().clock().steady() - begun);
    CommandResult result("OriginalExtentId:string, ResultExtentId:string, Duration:timespan");
    for (const Part& part : sources)
        result.add({id_of(part), data::format_guid(merged), TimeSpan{took.count() * kTicksPerMicrosecond}});
    return result;
}

/// One node holds all extents, so there is nothing to spread.
Result<CommandResult> shuffle_extents(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto target, context.table(arguments.get("table")));
    return CommandResult(shape::kMovedExtents);
}

Result<CommandResult> show_tag_statistics(Context& context, const Arguments& arguments) {
    SLUICE_CHECK(arguments.properties().only({"minCreationTime"}));
    SLUICE_TRY(const Ticks since, time_property(arguments.properties(), "minCreationTime", 0));
    SLUICE_TRY(const auto tables, context.tables(Argument{}));
    CommandResult result("TableName:string, TotalExtentsCount:long, TaggedExtentsCount:long, TotalTagsCount:long, "
                         "TotalTagsLength:long, DropByTagsCount:long, DropByTagsLength:long, IngestByTagsCount:long, "
                         "IngestByTagsLength:long");
    for (const auto& target : tables) {
        SLUICE_TRY(auto* writer, context.writer(*target.database));
        std::int64_t extents = 0, tagged = 0;
        std::array<std::int64_t, 3> count{}, length{}; // all, drop-by:, ingest-by:
        for (const Part& part : writer->parts(target.table->id)) {
            if (part.state != store::PartState::Extent || part.created < since)
                continue;
            ++extents;
            tagged += part.tags.empty() ? 0 : 1;
            for (const std::string& tag : part.tags) {
                const std::size_t kind = tag.starts_with("drop-by:") ? 1 : tag.starts_with("ingest-by:") ? 2 : 0;
                for (const std::size_t i :
                     kind == 0 ? std::vector<std::size_t>{0} : std::vector<std::size_t>{0, kind}) {
                    ++count.at(i);
                    length.at(i) += static_cast<std::int64_t>(tag.size());
                }
            }
        }
        result.add(
            {target.table->name, extents, tagged, count[0], length[0], count[1], length[1], count[2], length[2]});
    }
    return result;
}

Result<CommandResult> show_partitioning_statistics(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto database, context.database(arguments.text("database")));
    SLUICE_TRY(auto* writer, context.writer(*database));
    CommandResult result("TableName:string, PartitioningPolicy:dynamic, TotalRowCount:long, PartitionedRowCount:long, "
                         "PartitionedRowsPercentage:real");
    for (const auto& [name, table] : database->tables) {
        std::int64_t rows = 0;
        for (const Part& part : writer->parts(table->id))
            if (part.state == store::PartState::Extent)
                rows += static_cast<std::int64_t>(part.rows);
        const auto policy = table->policies.other.find("partitioning");
        result.add({name, policy == table->policies.other.end() ? Cell(Null{}) : Cell(Dynamic{policy->second}), rows,
                    std::int64_t{0}, 0.0});
    }
    return result;
}

} // namespace sluice::engine
