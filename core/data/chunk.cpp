#include "core/data/chunk.hpp"

#include <algorithm>

namespace sluice::data {

void Arena::grow(std::size_t size) {
    // Blocks double up to a limit, so that a chunk of one short row stays small.
    const std::size_t doubled = blocks_.empty() ? kFirstBlock : std::min<std::size_t>(bytes_ * 2, kLargestBlock);
    const std::size_t block = std::max(size, doubled);
    blocks_.push_back(std::unique_ptr<char[]>(new char[block]));
    next_ = blocks_.back().get();
    left_ = block;
    bytes_ += block;
}

Column::Column(ScalarType type, std::size_t capacity)
    : type_(type), data_(new std::byte[capacity * cell_size(type)]()) {}

void Column::grow(std::size_t from, std::size_t capacity) {
    const std::size_t cell = cell_size(type_);
    std::unique_ptr<std::byte[]> larger(new std::byte[capacity * cell]());
    std::memcpy(larger.get(), data_.get(), from * cell);
    data_ = std::move(larger);
}

void Column::set_null(std::size_t row) {
    valid_[row / 64] &= ~(std::uint64_t{1} << (row % 64));
    if (type_ == ScalarType::String || type_ == ScalarType::Dynamic)
        cells<StringCell>()[row] = StringCell();
}

void Column::copy(std::size_t row, const Column& from, std::size_t from_row) {
    const std::size_t cell = cell_size(type_);
    std::memcpy(data_.get() + row * cell, from.data_.get() + from_row * cell, cell);
    if (from.is_null(from_row))
        set_null(row);
    else
        set_valid(row);
}

Chunk::Chunk(const Schema& schema, std::size_t capacity) : capacity_(capacity) {
    columns_.reserve(schema.size());
    for (const ColumnSchema& column : schema.columns) {
        columns_.emplace_back(column.type, capacity);
        row_bytes_ += cell_size(column.type);
    }
}

void Chunk::grow() {
    const std::size_t larger = std::min(capacity_ * 2, kChunkRows);
    for (Column& column : columns_)
        column.grow(capacity_, larger);
    capacity_ = larger;
}

void Chunk::truncate(std::size_t rows) {
    for (Column& column : columns_)
        for (std::size_t row = rows; row < std::min(rows_ + 1, capacity_); ++row)
            column.set_null(row);
    rows_ = rows;
}

Chunk Chunk::select(const Schema& schema, const std::function<std::optional<std::size_t>(std::size_t)>& source) && {
    Chunk selected(schema, capacity_);
    selected.rows_ = rows_;
    for (std::size_t i = 0; i < schema.size(); ++i)
        if (const auto from = source(i))
            selected.columns_[i] = std::move(columns_[*from]);
    selected.arena_ = std::move(arena_);
    return selected;
}

Bytes Chunk::memory() const {
    return capacity_ * row_bytes_ + columns_.size() * sizeof(Column) + arena_.bytes();
}

void Rows::rewind(Mark mark) {
    while (chunks_.size() > mark.chunks)
        chunks_.pop_back();
    if (!chunks_.empty())
        chunks_.back().truncate(mark.rows_in_last);
    size_ = mark.size;
}

Bytes Rows::memory() const {
    Bytes sum = 0;
    for (const Chunk& chunk : chunks_)
        sum += chunk.memory();
    return sum;
}

namespace {

Bytes digits(std::uint64_t value) {
    Bytes count = 1;
    while (value >= 10) {
        value /= 10;
        ++count;
    }
    return count;
}

Bytes signed_length(std::int64_t value) {
    return value < 0 ? 1 + digits(0 - static_cast<std::uint64_t>(value)) : digits(static_cast<std::uint64_t>(value));
}

Bytes cell_length(const Column& column, std::size_t row) {
    switch (column.type()) {
    case ScalarType::Bool:
        return column.get<std::uint8_t>(row) ? 4 : 5;
    case ScalarType::Int:
        return signed_length(column.get<std::int32_t>(row));
    case ScalarType::Long:
        return signed_length(column.get<std::int64_t>(row));
    case ScalarType::Real:
        return 8; // a shortest round-trip text is 1 to 24 characters; rendering it only to count would cost more than
                  // parsing
    case ScalarType::Decimal:
        return 22;
    case ScalarType::DateTime:
        return 28;
    case ScalarType::TimeSpan:
        return 16;
    case ScalarType::Guid:
        return 36;
    case ScalarType::String:
    case ScalarType::Dynamic:
        return column.cells<StringCell>()[row].size();
    }
    return 0;
}

} // namespace

Bytes estimated_raw_size(const Chunk& chunk) {
    Bytes sum = chunk.rows() * chunk.columns();
    for (std::size_t i = 0; i < chunk.columns(); ++i) {
        const Column& column = chunk.column(i);
        for (std::size_t row = 0; row < chunk.rows(); ++row)
            if (!column.is_null(row))
                sum += cell_length(column, row);
    }
    return sum;
}

} // namespace sluice::data
