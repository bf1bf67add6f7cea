#pragma once

#include "core/base/bytes.hpp"
#include "core/base/clock.hpp"
#include "core/data/schema.hpp"

#include <array>
#include <cassert>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::data {

/// Rows in one chunk: DuckDB's vector size, so that a chunk becomes a data chunk without being cut.
constexpr std::size_t kChunkRows = 2048;

/// A text of a column: 12 bytes inside, longer ones by reference. Laid out like DuckDB's string type, so that a column of
/// texts is handed to the store by copying cells. All zeros is the empty text. Does not own what it refers to.
class StringCell {
public:
    static constexpr std::size_t kInline = 12;

    StringCell() = default;
    /// `text` must outlive the cell when it is longer than kInline. At most 4 GiB - 1.
    explicit StringCell(std::string_view text) : size_(static_cast<std::uint32_t>(text.size())) {
        if (text.empty())
            return;
        if (text.size() <= kInline) {
            std::memcpy(bytes_, text.data(), text.size());
        } else {
            const char* data = text.data();
            std::memcpy(bytes_, data, 4);
            std::memcpy(bytes_ + 4, &data, sizeof data);
        }
    }
    std::size_t size() const { return size_; }
    std::string_view view() const {
        if (size_ <= kInline)
            return {bytes_, size_};
        const char* data = nullptr;
        std::memcpy(&data, bytes_ + 4, sizeof data);
        return {data, size_};
    }

private:
    std::uint32_t size_ = 0;
    char bytes_[12] = {};
};
static_assert(sizeof(StringCell) == 16);

/// Memory for texts that lives as long as the chunk it belongs to. One thread at a time.
class Arena {
public:
    /// Uninitialised memory, never null; freed with the arena.
    char* allocate(std::size_t size) {
        if (size > left_)
            grow(size);
        char* memory = next_;
        next_ += size;
        left_ -= size;
        return memory;
    }
    /// Gives back the unused tail of the latest allocation.
    void shrink(char* memory, std::size_t allocated, std::size_t used) {
        if (memory + allocated == next_) {
            next_ -= allocated - used;
            left_ += allocated - used;
        }
    }
    std::string_view copy(std::string_view text) {
        char* memory = allocate(text.size());
        std::memcpy(memory, text.data(), text.size());
        return {memory, text.size()};
    }
    /// A cell that holds `text`; long texts are copied here.
    StringCell cell(std::string_view text) { return StringCell(text.size() <= StringCell::kInline ? text : copy(text)); }
    Bytes bytes() const { return bytes_; }

private:
    static constexpr std::size_t kFirstBlock = 4096;
    static constexpr std::size_t kLargestBlock = 256 * 1024;

    void grow(std::size_t size);

    std::vector<std::unique_ptr<char[]>> blocks_;
    char* next_ = nullptr;
    std::size_t left_ = 0;
    Bytes bytes_ = 0;
};

/// Cells of one type and which of them are set. A new column is all null (texts: all "").
class Column {
public:
    explicit Column(ScalarType type, std::size_t capacity = kChunkRows);

    /// Room for `capacity` cells; what is there is kept, the new ones are null.
    void grow(std::size_t from, std::size_t capacity);

    ScalarType type() const { return type_; }
    /// Of the cells of a Decimal column: digits behind the point. Another than Decimal::kScale only in results of
    /// queries.
    int scale() const { return scale_; }
    void set_scale(int scale) { scale_ = static_cast<std::uint8_t>(scale); }
    ScaledDecimal decimal(std::size_t row) const { return {get<Decimal>(row).units, scale_}; }
    bool is_null(std::size_t row) const { return type_ != ScalarType::String && !((valid_[row / 64] >> (row % 64)) & 1); }
    void set_null(std::size_t row);
    void set_valid(std::size_t row) { valid_[row / 64] |= std::uint64_t{1} << (row % 64); }

    /// Cells as an array of T; T must be the cell of the type (see ScalarType).
    template <class T>
    T* cells() {
        assert(sizeof(T) == cell_size(type_));
        return reinterpret_cast<T*>(data_.get());
    }
    template <class T>
    const T* cells() const {
        assert(sizeof(T) == cell_size(type_));
        return reinterpret_cast<const T*>(data_.get());
    }
    template <class T>
    void set(std::size_t row, T value) {
        cells<T>()[row] = value;
        set_valid(row);
    }
    template <class T>
    T get(std::size_t row) const {
        return cells<T>()[row];
    }
    /// The cell of a column of the same type; texts are referred to.
    void copy(std::size_t row, const Column& from, std::size_t from_row);
    std::string_view text(std::size_t row) const { return cells<StringCell>()[row].view(); }

    /// One bit a row, 1 = set; kChunkRows / 64 words.
    const std::uint64_t* validity() const { return valid_.data(); }
    std::uint64_t* validity() { return valid_.data(); }

private:
    ScalarType type_;
    std::uint8_t scale_ = Decimal::kScale;
    std::unique_ptr<std::byte[]> data_;
    std::array<std::uint64_t, kChunkRows / 64> valid_{};
};

/// Up to kChunkRows rows in columns, with the memory their texts need. One thread at a time; movable.
class Chunk {
public:
    /// Room for `capacity` rows at first, at most kChunkRows.
    explicit Chunk(const Schema& schema, std::size_t capacity = kChunkRows);

    std::size_t capacity() const { return capacity_; }
    /// Makes room for at least one more row; not for full chunks. Cells may move.
    void grow();

    std::size_t rows() const { return rows_; }
    void set_rows(std::size_t rows) { rows_ = rows; }
    bool full() const { return rows_ == kChunkRows; }
    std::size_t columns() const { return columns_.size(); }
    Column& column(std::size_t i) { return columns_[i]; }
    const Column& column(std::size_t i) const { return columns_[i]; }
    Arena& arena() { return arena_; }
    /// Forgets the rows from `rows` on: their cells are null again.
    void truncate(std::size_t rows);
    /// Memory held, for bounds; not what is charged to a request.
    Bytes memory() const;
    /// The same rows with other columns: `source(i)` says which column becomes column i of `schema`; nothing: a null one.
    /// No column may be used twice.
    Chunk select(const Schema& schema, const std::function<std::optional<std::size_t>(std::size_t)>& source) &&;

private:
    std::vector<Column> columns_;
    Arena arena_;
    std::size_t rows_ = 0;
    std::size_t capacity_;
    Bytes row_bytes_ = 0;
};

/// A growing list of rows of one schema: what a parser fills and a commit takes. One thread at a time; movable.
///
///     Chunk& chunk = rows.next_row();           // the row is chunk.rows(); all its cells are null
///     chunk.column(0).set<std::int64_t>(chunk.rows(), 7);
///     rows.finish_row();
class Rows {
public:
    explicit Rows(std::shared_ptr<const Schema> schema) : schema_(std::move(schema)) {}

    const Schema& schema() const { return *schema_; }
    const std::shared_ptr<const Schema>& shared_schema() const { return schema_; }
    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    const std::vector<Chunk>& chunks() const { return chunks_; }
    std::vector<Chunk>& chunks() { return chunks_; }

    /// The chunk whose row number rows() is to be filled next. Valid until the next call of next_row.
    Chunk& next_row() {
        // The first chunk starts small: two hundred tables with a row each must not cost two hundred full chunks.
        if (chunks_.empty())
            chunks_.emplace_back(*schema_, kFirstCapacity);
        else if (chunks_.back().full())
            chunks_.emplace_back(*schema_);
        else if (chunks_.back().rows() == chunks_.back().capacity())
            chunks_.back().grow();
        return chunks_.back();
    }
    void finish_row() {
        chunks_.back().set_rows(chunks_.back().rows() + 1);
        ++size_;
    }

    /// A chunk filled elsewhere; its columns are those of schema().
    void add_chunk(Chunk chunk) {
        // Only the last chunk may have no rows: to readers it is the end.
        if (chunk.rows() == 0)
            return;
        if (!chunks_.empty() && chunks_.back().rows() == 0)
            chunks_.pop_back();
        size_ += chunk.rows();
        chunks_.push_back(std::move(chunk));
    }

    /// A place to come back to when a source fails half-way: its rows go, its neighbours' stay.
    struct Mark {
        std::size_t chunks, rows_in_last, size;
    };
    Mark mark() const { return {chunks_.size(), chunks_.empty() ? 0 : chunks_.back().rows(), size_}; }
    void rewind(Mark mark);

    Bytes memory() const;

private:
    static constexpr std::size_t kFirstCapacity = 32;

    std::shared_ptr<const Schema> schema_;
    std::vector<Chunk> chunks_;
    std::size_t size_ = 0;
};

/// Length of the row rendered as CSV: the unit of OriginalSize and of the streaming limit (spec engine 1.4.1 rule 4).
Bytes estimated_raw_size(const Chunk& chunk);

} // namespace sluice::data
