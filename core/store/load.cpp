#include "core/store/cells.hpp"
#include "core/store/damage.hpp"
#include "core/store/impl.hpp"
#include "core/store/records.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::store {
namespace {

using data::ScalarType;

Result<> in_transaction(duckdb_connection connection, const std::vector<std::string>& statements) {
    SLUICE_CHECK(run(connection, "BEGIN TRANSACTION"));
    Result<> done;
    for (const std::string& statement : statements)
        if (done = run(connection, statement); !done)
            break;
    if (done)
        done = run(connection, "COMMIT");
    if (!done)
        (void)run(connection, "ROLLBACK"); // after a failed COMMIT there is nothing left to roll back
    return done;
}

} // namespace

std::string select_all(const SystemTable& table, std::string_view condition) {
    std::string columns;
    for (const data::ColumnSchema& column : table.schema.columns)
        columns += (columns.empty() ? "" : ", ") + identifier(column.name);
    return fmt::format("SELECT {} FROM db.sluice.{} {}", columns, table.name, condition);
}

Result<Part> read_part(const data::Chunk& chunk, std::size_t row) {
    const auto number = [&](std::size_t column) { return chunk.column(column).get<std::int64_t>(row); };
    const auto text = [&](std::size_t column) { return chunk.column(column).text(row); };
    SLUICE_TRY(auto tags, decode_tags(text(11)));
    SLUICE_TRY(auto events, decode_events(text(13)));
    return Part{.id = number(0),
                .table = static_cast<catalog::TableId>(number(1)),
                .state = static_cast<PartState>(chunk.column(2).get<std::int32_t>(row)),
                .extent = chunk.column(3).get<data::Guid>(row),
                .batch_key = std::string(text(4)),
                .opened = number(5),
                .sealed = number(6),
                .created = number(7),
                .rows = static_cast<std::uint64_t>(number(8)),
                .original_size = static_cast<Bytes>(number(9)),
                .items = static_cast<std::uint32_t>(number(10)),
                .tags = std::move(tags),
                .seal_reason = std::string(text(12)),
                .events = std::move(events)};
}

Result<catalog::Database> Store::Impl::load_catalogue() {
    SLUICE_TRY(const auto chunks, read_all(writer.get(), "SELECT kind, name, text FROM db.sluice.catalogue", {},
                                           data::Schema{{{"kind", ScalarType::String},
                                                         {"name", ScalarType::String},
                                                         {"text", ScalarType::String}}}));
    std::vector<catalog::Document> documents;
    for (const data::Chunk& chunk : chunks)
        for (std::size_t row = 0; row < chunk.rows(); ++row)
            documents.push_back({std::string(chunk.column(0).text(row)), std::string(chunk.column(1).text(row)),
                                 std::string(chunk.column(2).text(row))});
    return catalog::from_documents(options.database, documents);
}

Result<std::vector<Part>> Store::Impl::load_parts() {
    const SystemTable& table = system_table(kPartsSlot);
    SLUICE_TRY(const auto chunks, read_all(writer.get(), select_all(table, "ORDER BY id"), {}, table.schema));
    std::vector<Part> parts;
    for (const data::Chunk& chunk : chunks)
        for (std::size_t row = 0; row < chunk.rows(); ++row) {
            SLUICE_TRY(Part part, read_part(chunk, row));
            parts.push_back(std::move(part));
        }
    return parts;
}

Result<> Store::Impl::load_journal(Loaded& loaded) {
    const SystemTable& table = system_table(kJournalSlot);
    SLUICE_TRY(const auto chunks, read_all(writer.get(), select_all(table, ""), {}, table.schema));
    for (const data::Chunk& chunk : chunks)
        for (std::size_t row = 0; row < chunk.rows(); ++row) {
            const std::string_view kind = chunk.column(1).text(row);
            const std::string key(chunk.column(2).text(row));
            const std::string_view body = chunk.column(3).text(row);
            if (kind == journal::kLane) {
                SLUICE_TRY(LanePosition lane, decode_lane(body));
                loaded.lanes.push_back(std::move(lane));
            } else if (kind == journal::kTotals) {
                SLUICE_TRY(loaded.totals[key], decode_totals(body));
            } else if (kind == journal::kSetting) {
                loaded.settings[key] = body;
            }
        }
    return {};
}

Result<> Store::Impl::compact() {
    // Counters of a part hold unless its row was written later. They are folded one part at a time: few are open.
    SLUICE_TRY(const auto chunks,
               read_all(writer.get(),
                        "SELECT p.id, arg_max(j.body, j.n) FROM db.sluice.journal AS j JOIN db.sluice.parts AS p "
                        "ON j.key = CAST(p.id AS VARCHAR) WHERE j.kind = 'part' AND j.n >= p.saved GROUP BY p.id",
                        {}, data::Schema{{{"id", ScalarType::Long}, {"body", ScalarType::String}}}));
    std::vector<std::string> changes;
    for (const data::Chunk& chunk : chunks)
        for (std::size_t row = 0; row < chunk.rows(); ++row) {
            SLUICE_TRY(const PartCounters counters, decode_counters(chunk.column(1).text(row)));
            changes.push_back(fmt::format("UPDATE db.sluice.parts SET rows = {}, original_size = {}, items = {}, "
                                          "events = {}, saved = {} WHERE id = {}",
                                          counters.rows, counters.original_size, counters.items,
                                          literal(encode_events(counters.events)), next_entry,
                                          chunk.column(0).get<std::int64_t>(row)));
        }
    changes.emplace_back("DELETE FROM db.sluice.journal WHERE kind = 'part' OR (kind, key, n) NOT IN "
                         "(SELECT (kind, key, max(n)) FROM db.sluice.journal GROUP BY kind, key)");
    changes.emplace_back("DELETE FROM db.sluice.file_log WHERE n NOT IN "
                         "(SELECT max(n) FROM db.sluice.file_log GROUP BY connection, url, etag)");
    SLUICE_CHECK(in_transaction(writer.get(), changes));
    ++next_entry;
    return {};
}

Result<> Store::Impl::drop_pieces(std::vector<Part>& parts) {
    std::vector<std::string> changes;
    for (const Part& part : parts) {
        if (part.state != PartState::Piece)
            continue;
        if (tables.contains(part.table))
            changes.push_back(fmt::format(R"(DELETE FROM {} WHERE "$part" = {})", stored_table(part.table), part.id));
        changes.push_back(fmt::format("DELETE FROM db.sluice.parts WHERE id = {}", part.id));
    }
    if (changes.empty())
        return {};
    SLUICE_CHECK(in_transaction(writer.get(), changes));
    std::erase_if(parts, [](const Part& part) { return part.state == PartState::Piece; });
    return {};
}

void Store::Impl::set_slots(const std::map<catalog::TableId, catalog::Table>& wanted) {
    feed.remove_tables();
    statements.clear();
    for (const auto& [id, table] : wanted)
        feed.set_slot(id, std::make_unique<FeedSlot>(*table.schema(), true));
}

Result<Store::Loaded> Store::load() {
    const MaintenanceTurn turn(*impl_);
    Loaded loaded;
    if (auto done = impl_->load(loaded); !done)
        return explained(impl_->options.file, std::move(done).error());
    return loaded;
}

Result<> Store::Impl::load(Loaded& loaded) {
    SLUICE_TRY(loaded.catalogue, load_catalogue());
    tables.clear();
    for (const auto& [name, table] : loaded.catalogue.tables)
        tables.emplace(table->id, *table);
    set_slots(tables);

    SLUICE_TRY(const auto last, read_all(writer.get(),
                                         "SELECT greatest(coalesce((SELECT max(n) FROM db.sluice.journal), 0), "
                                         "coalesce((SELECT max(saved) FROM db.sluice.parts), 0), "
                                         "coalesce((SELECT max(n) FROM db.sluice.file_log), 0))",
                                         {}, data::Schema{{{"last", ScalarType::Long}}}));
    next_entry = last.at(0).column(0).get<std::int64_t>(0) + 1;
    SLUICE_CHECK(compact());
    SLUICE_TRY(loaded.parts, load_parts());
    SLUICE_CHECK(load_journal(loaded));
    if (!loaded.parts.empty())
        highest_part = loaded.parts.back().id;
    loaded.next_part = highest_part + 1;
    SLUICE_CHECK(drop_pieces(loaded.parts));
    open_parts.clear();
    for (const Part& part : loaded.parts)
        if (part.state != PartState::Extent)
            open_parts.emplace(part.id, part);
    return {};
}

} // namespace sluice::store
