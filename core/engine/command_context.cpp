#include "core/engine/command_context.hpp"

#include "core/engine/command_lexer.hpp"
#include "core/engine/database_choice.hpp"
#include "core/engine/entity_error.hpp"
#include "core/engine/piping.hpp"

#include <fmt/format.h>

namespace sluice::engine {

Context::Context(const Parts& parts, const Request& request, Deadline deadline, data::Guid operation)
    : databases_(parts.databases), options_(parts.options), engine_(parts.engine), history_(parts.history),
      request_(request), deadline_(deadline), operation_(operation), now_(databases_.clock().now()) {}

Result<catalog::Snapshot> Context::database() const {
    return choose_database(databases_.catalog(), request_.database);
}

Result<catalog::Snapshot> Context::database(std::string_view name) const {
    return choose_database(databases_.catalog(), name.empty() ? std::string_view(request_.database) : name);
}

Result<TableTarget> Context::table(const Argument& path) const {
    if (path.items.size() > 2)
        return bad_request(fmt::format("'{}' is no name of a table; write T or D.T, and names with a dot as ['a.b'].",
                                       fmt::format("{}", fmt::join(path.items, "."))));
    SLUICE_TRY(auto snapshot, path.items.size() == 2 ? database(path.items[0]) : database());
    auto found = snapshot->find_table(path.items.back());
    if (!found)
        return entity_not_found("Table", path.items.back());
    return TableTarget{std::move(snapshot), std::move(found)};
}

Result<std::vector<TableTarget>> Context::tables(const Argument& names) const {
    SLUICE_TRY(auto snapshot, database());
    std::vector<TableTarget> out;
    if (names.items.empty())
        for (const auto& [name, table] : snapshot->tables)
            out.push_back({snapshot, table});
    for (const auto& name : names.items) {
        auto found = snapshot->find_table(name);
        if (!found)
            return entity_not_found("Table", name);
        out.push_back({snapshot, std::move(found)});
    }
    return out;
}

Result<ingest::DatabaseWriter*> Context::writer(const catalog::Database& database) const {
    if (auto* found = databases_.writer(database.name))
        return found;
    return database_not_found(database.name);
}

Result<catalog::Snapshot> Context::change(const catalog::Database& database, Change change) const {
    SLUICE_TRY(auto* target, writer(database));
    // What the change began with: the snapshot that the handler looked at may be older.
    catalog::Snapshot before;
    SLUICE_TRY(auto after, target->change_catalogue([&](const catalog::Database& now) -> Result<catalog::Database> {
        before = std::make_shared<const catalog::Database>(now);
        return change(now);
    }));
    for (JournalEntry& entry : journal_of(*before, *after)) {
        entry.time = now_;
        entry.command = request_.text;
        entry.principal = request_.principal;
        entry.user = request_.user;
        entry.client_request_id = request_.client_request_id;
        entry.activity = operation_;
        history_.add(std::move(entry));
    }
    return after;
}

Result<Answer> Context::answer_of(const Argument& input) const {
    const std::string text =
        blanked(std::string_view(request_.text).substr(0, input.end), input.end - input.text.size());
    if (kql::is_command(text)) {
        const Token verb = next_token(text, next_token(text, 0).end);
        if (!same_word(verb.text, "show"))
            return bad_request(fmt::format("Behind '<|' stands a query or a '.show' command, not '.{}'.", verb.text));
        return engine_.command(reading(text));
    }
    return query(text);
}

Request Context::reading(const std::string& text) const {
    Request inner = request_;
    inner.text = text;
    inner.options.no_truncation = true;
    inner.options.take_max_records.reset();
    inner.options.read_only = true;
    inner.options.server_timeout = deadline_.left();
    return inner;
}

Result<Answer> Context::query(const std::string& text) const {
    return engine_.query(reading(text));
}

Result<Answer> Context::command(const std::string& text) const {
    Request inner = request_;
    inner.text = text;
    inner.options.server_timeout = deadline_.left();
    return engine_.command(inner);
}

Result<data::Rows> Context::rows_of(const Argument& input) const {
    SLUICE_TRY(auto answer, answer_of(input));
    ResultTable& table = answer.tables.front();
    data::Rows rows(std::make_shared<const data::Schema>(table.schema));
    for (;;) {
        SLUICE_TRY(auto chunk, table.next());
        if (!chunk)
            return rows;
        rows.add_chunk(std::move(*chunk));
    }
}

} // namespace sluice::engine
