#include "core/store/cells.hpp"
#include "core/store/transaction_impl.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace sluice::store {

Result<> Transaction::merge_rows(catalog::TableId table, const std::vector<PartId>& from, PartId to) {
    if (from.empty())
        return {};
    SLUICE_CHECK(impl_->insert_later());
    return impl_->once(fmt::format(R"(UPDATE {} SET "$part" = {} WHERE "$part" IN ({}))", stored_table(table), to,
                                   fmt::join(from, ", ")));
}

Result<std::uint64_t> Transaction::merge_slice(catalog::TableId id, PartId from, PartId to, std::uint64_t places) {
    const catalog::Table* table = impl_->find_table(id);
    if (!table)
        return Error{ErrorCode::Internal, fmt::format("there is no stored table {}", id)};
    SLUICE_TRY(const RowRange rows, range_of({*table, from}));
    return impl_->once_counted(
        fmt::format(R"(UPDATE {} SET "$part" = {} WHERE "$part" = {} AND rowid >= {} AND rowid < {})", stored_table(id),
                    to, from, rows.first, std::min(rows.last, rows.first + places)));
}

Result<Transaction::RowRange> Transaction::range_of(Place place) {
    SLUICE_CHECK(impl_->insert_later());
    // Also when nothing is found: the number of rows says so, not the range.
    SLUICE_TRY(
        const auto found,
        impl_->keep(read_all(impl_->connection(),
                             fmt::format(R"(SELECT coalesce(min(rowid), 0), coalesce(max(rowid) + 1, 0) FROM {} )"
                                         R"(WHERE "$part" = {})",
                                         stored_table(place.table.id), place.part),
                             {}, data::Schema{{{"first", data::ScalarType::Long}, {"last", data::ScalarType::Long}}})));
    const data::Chunk& row = found.at(0);
    return RowRange{static_cast<std::uint64_t>(row.column(0).get<std::int64_t>(0)),
                    static_cast<std::uint64_t>(row.column(1).get<std::int64_t>(0))};
}

Result<std::uint64_t> Transaction::copy_rows(Place from, Place to, std::optional<Ticks> time, RowRange rows) {
    std::string targets, sources;
    for (const catalog::Column& column : from.table.columns) {
        const catalog::Column* target = to.table.find_column(column.name);
        if (!target || target->type != column.type)
            return Error{ErrorCode::Internal, fmt::format("table '{}' has no column '{}' of the type in '{}'",
                                                          to.table.name, column.name, from.table.name)};
        targets += fmt::format("c{}, ", target->id);
        sources += fmt::format("c{}, ", column.id);
    }
    // A string is never null, here as in an append.
    for (const catalog::Column& column : to.table.columns)
        if (column.type == data::ScalarType::String && !from.table.find_column(column.name)) {
            targets += fmt::format("c{}, ", column.id);
            sources += "'', ";
        }
    SLUICE_CHECK(impl_->insert_later());
    SLUICE_TRY(const std::uint64_t copied,
               impl_->once_counted(fmt::format(
                   R"(INSERT INTO {} ({}"$part", "$time") SELECT {}{}, {} FROM {} WHERE "$part" = {} AND rowid >= {} )"
                   "AND rowid < {}",
                   stored_table(to.table.id), targets, sources, to.part,
                   time ? fmt::format("{}", *time) : std::string(R"("$time")"), stored_table(from.table.id), from.part,
                   rows.first, rows.last)));
    impl_->appended.insert(to.part);
    return copied;
}

Result<std::map<PartId, std::uint64_t>> Transaction::delete_rows(catalog::TableId table,
                                                                 const RowSelection& selection) {
    if (impl_->failed)
        return *impl_->failed;
    SLUICE_CHECK(impl_->insert_later());
    SLUICE_CHECK(impl_->flush(kPartsSlot)); // what the selection reads
    std::string names;
    for (std::size_t i = 0; i < selection.columns; ++i)
        names += fmt::format("{}s{}", i == 0 ? "" : ", ", i);
    // Chosen once: a condition may give another answer the second time (rand), and a row may be chosen several times (a
    // join).
    SLUICE_CHECK(impl_->once(
        fmt::format("CREATE TEMP TABLE chosen AS SELECT DISTINCT s{} AS row, s{} AS part FROM ({}) AS selected({})",
                    selection.row, selection.part, selection.sql, names)));
    SLUICE_TRY(
        const auto chunks,
        impl_->keep(read_all(impl_->connection(), "SELECT part, count(*) FROM temp.chosen GROUP BY part", {},
                             data::Schema{{{"part", data::ScalarType::Long}, {"rows", data::ScalarType::Long}}})));
    std::map<PartId, std::uint64_t> out;
    for (const data::Chunk& chunk : chunks)
        for (std::size_t row = 0; row < chunk.rows(); ++row)
            out[chunk.column(0).get<std::int64_t>(row)] =
                static_cast<std::uint64_t>(chunk.column(1).get<std::int64_t>(row));
    if (!selection.count_only && !out.empty())
        SLUICE_CHECK(impl_->once(
            fmt::format("DELETE FROM {} WHERE rowid IN (SELECT row FROM temp.chosen)", stored_table(table))));
    SLUICE_CHECK(impl_->once("DROP TABLE temp.chosen"));
    return out;
}

} // namespace sluice::store
