#include "core/store/feed.hpp"

#include "core/store/cells.hpp"

#include <duckdb.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>

namespace sluice::store {
namespace {

/// The next span of one scan. Of its own, because a query may read the rows of a slot twice (a self-join).
using Scan = std::atomic<std::size_t>;

/// What a thread has yet to read of its span.
struct Place {
    std::size_t next = 0;
    std::size_t end = 0;
};

} // namespace

FeedSlot::FeedSlot(data::Schema schema, bool with_part, std::vector<std::size_t> blobs)
    : schema_(std::move(schema)), with_part_(with_part), blobs_(std::move(blobs)) {}

bool FeedSlot::takes(const data::Schema& schema) const {
    return std::equal(schema.columns.begin(), schema.columns.end(), schema_.columns.begin(), schema_.columns.end(),
                      [](const data::ColumnSchema& a, const data::ColumnSchema& b) { return a.type == b.type; });
}

void FeedSlot::load(const std::vector<const data::Rows*>& rows, PartId part, Ticks time) {
    chunks_.clear();
    for (const data::Rows* some : rows)
        for (const data::Chunk& chunk : some->chunks())
            chunks_.push_back(&chunk);
    // With several threads, each inserts into a collection of its own. One of at least a row group is taken over as it
    // is, a smaller one would be copied: so the rows that are left over belong to the last span.
    spans_.clear();
    std::size_t in_span = 0;
    for (std::size_t i = 0; i < chunks_.size(); ++i) {
        in_span += chunks_[i]->rows();
        if (in_span >= kRowGroupRows) {
            spans_.push_back(i + 1);
            in_span = 0;
        }
    }
    if (spans_.empty())
        spans_.push_back(chunks_.size());
    spans_.back() = chunks_.size();
    part_ = part;
    time_ = time;
}

struct Feed::Callbacks {
    static void bind(duckdb_bind_info info);
    static void init(duckdb_init_info info);
    static void init_thread(duckdb_init_info info);
    static void fill(duckdb_function_info info, duckdb_data_chunk output);
};

Result<> Feed::install(duckdb_connection connection) {
    const TableFunctionHandle function(duckdb_create_table_function());
    duckdb_table_function_set_name(function.get(), "sluice_feed");
    const TypeHandle number(duckdb_create_logical_type(DUCKDB_TYPE_BIGINT));
    duckdb_table_function_add_parameter(function.get(), number.get());
    duckdb_table_function_set_extra_info(function.get(), this, nullptr);
    duckdb_table_function_set_bind(function.get(), Callbacks::bind);
    duckdb_table_function_set_init(function.get(), Callbacks::init);
    duckdb_table_function_set_local_init(function.get(), Callbacks::init_thread);
    duckdb_table_function_set_function(function.get(), Callbacks::fill);
    if (duckdb_register_table_function(connection, function.get()) != DuckDBSuccess)
        return Error{ErrorCode::Internal, "the function that feeds rows into DuckDB could not be registered"};
    return {};
}

FeedSlot& Feed::set_slot(std::int64_t number, std::unique_ptr<FeedSlot> slot) {
    auto& place = slots_[number];
    place = std::move(slot);
    return *place;
}

FeedSlot* Feed::find_slot(std::int64_t number) {
    const auto found = slots_.find(number);
    return found == slots_.end() ? nullptr : found->second.get();
}

void Feed::Callbacks::bind(duckdb_bind_info info) {
    auto& feed = *static_cast<Feed*>(duckdb_bind_get_extra_info(info));
    const ValueHandle parameter(duckdb_bind_get_parameter(info, 0));
    FeedSlot* slot = feed.find_slot(duckdb_get_int64(parameter.get()));
    if (!slot) {
        duckdb_bind_set_error(info, "no rows are fed there");
        return;
    }
    const TypeHandle number(duckdb_create_logical_type(DUCKDB_TYPE_BIGINT));
    const TypeHandle blob(duckdb_create_logical_type(DUCKDB_TYPE_BLOB));
    for (std::size_t i = 0; i < slot->schema_.size(); ++i) {
        const bool is_blob = std::find(slot->blobs_.begin(), slot->blobs_.end(), i) != slot->blobs_.end();
        const TypeHandle type = logical_type(slot->schema_[i].type);
        duckdb_bind_add_result_column(info, fmt::format("x{}", i).c_str(), is_blob ? blob.get() : type.get());
    }
    if (slot->with_part_) {
        duckdb_bind_add_result_column(info, "part", number.get());
        duckdb_bind_add_result_column(info, "time", number.get());
    }
    duckdb_bind_set_bind_data(info, slot, nullptr);
}

void Feed::Callbacks::init(duckdb_init_info info) {
    const auto& slot = *static_cast<FeedSlot*>(duckdb_init_get_bind_data(info));
    duckdb_init_set_init_data(info, new Scan(0), [](void* scan) { delete static_cast<Scan*>(scan); });
    duckdb_init_set_max_threads(info, slot.spans());
}

void Feed::Callbacks::init_thread(duckdb_init_info info) {
    duckdb_init_set_init_data(info, new Place, [](void* place) { delete static_cast<Place*>(place); });
}

void Feed::Callbacks::fill(duckdb_function_info info, duckdb_data_chunk output) {
    auto& slot = *static_cast<FeedSlot*>(duckdb_function_get_bind_data(info));
    auto& place = *static_cast<Place*>(duckdb_function_get_local_init_data(info));
    if (place.next == place.end) {
        const std::size_t span = static_cast<Scan*>(duckdb_function_get_init_data(info))->fetch_add(1);
        if (span < slot.spans()) {
            place.next = span == 0 ? 0 : slot.spans_[span - 1];
            place.end = slot.spans_[span];
        }
    }
    if (place.next == place.end) {
        duckdb_data_chunk_set_size(output, 0);
        return;
    }
    const data::Chunk& chunk = *slot.chunks_[place.next++];
    const std::size_t rows = chunk.rows();
    for (std::size_t i = 0; i < chunk.columns(); ++i)
        write_vector(chunk.column(i), rows, duckdb_data_chunk_get_vector(output, i));
    if (slot.with_part_) {
        const auto fill_with = [&](std::size_t column, std::int64_t value) {
            auto* cells =
                static_cast<std::int64_t*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(output, column)));
            std::fill_n(cells, rows, value);
        };
        fill_with(chunk.columns(), slot.part_);
        fill_with(chunk.columns() + 1, slot.time_);
    }
    duckdb_data_chunk_set_size(output, rows);
}

} // namespace sluice::store
