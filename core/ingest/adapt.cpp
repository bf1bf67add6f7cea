#include "core/ingest/adapt.hpp"

#include <algorithm>

namespace sluice::ingest {
namespace {

bool same_columns(const catalog::Table& from, const catalog::Table& to) {
    return std::equal(
        from.columns.begin(), from.columns.end(), to.columns.begin(), to.columns.end(),
        [](const catalog::Column& a, const catalog::Column& b) { return a.id == b.id && a.type == b.type; });
}

} // namespace

data::Rows adapt_rows(data::Rows rows, const catalog::Table& from, const catalog::Table& to) {
    if (same_columns(from, to))
        return rows;
    data::Rows adapted(to.schema());
    for (data::Chunk& chunk : rows.chunks())
        adapted.add_chunk(std::move(chunk).select(*to.schema(), [&](std::size_t target) -> std::optional<std::size_t> {
            for (std::size_t i = 0; i < from.columns.size(); ++i)
                if (from.columns[i].id == to.columns[target].id && from.columns[i].type == to.columns[target].type)
                    return i;
            return std::nullopt;
        }));
    return adapted;
}

} // namespace sluice::ingest
