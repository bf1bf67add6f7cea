#pragma once

#include "core/data/chunk.hpp"
#include "core/data/format.hpp"
#include "core/data/json_reader.hpp"
#include "core/data/mapping.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::data {

/// Writes values into the cells of one row, coerced to the types of their columns (formats-and-mappings 4.3, 8
/// and 9.3). What does not fit leaves its cell null and is counted. Internal to core/data; one thread at a time.
class Cells {
public:
    /// `max_values` as in ParserOptions.
    Cells(ParseOutcome& outcome, const std::vector<Bytes>& max_values)
        : outcome_(outcome), max_values_(max_values),
          smallest_limit_(max_values.empty()
                              ? kMaxValue
                              : std::min(kMaxValue, *std::min_element(max_values.begin(), max_values.end()))) {}

    /// The row that the next calls fill; its cells are null.
    void begin_row(Chunk& chunk) {
        chunk_ = &chunk;
        row_ = chunk.rows();
        dynamic_bytes_ = 0;
    }
    Chunk& chunk() { return *chunk_; }
    std::size_t row() const { return row_; }
    void clear(std::size_t column) { chunk_->column(column).set_null(row_); }

    /// Texts may hold bytes that are no UTF-8; such bytes are then replaced. Otherwise the caller vouches for them.
    void check_utf8(bool check) { check_utf8_ = check; }

    /// A delimited field or a constant: dynamic columns take JSON text as the value that it describes.
    void text(std::size_t column, std::string_view text);
    /// A JSON string: dynamic columns take it as a string, whatever it holds.
    void json_string(std::size_t column, std::string_view text);
    void number(std::size_t column, const JsonNumber& number);
    void boolean(std::size_t column, bool value);
    /// Numbers of binary formats: as number() takes their text.
    void integer(std::size_t column, std::int64_t value);
    void real(std::size_t column, double value);
    void real(std::size_t column, float value);
    /// A point in time or a span of a binary format; texts get what the wire shows.
    void datetime(std::size_t column, Ticks ticks);
    void timespan(std::size_t column, Ticks ticks);
    /// An array or object as compact JSON.
    void json(std::size_t column, std::string_view compact);
    /// A number as text that the transform turns into a point in time.
    void unix_time(std::size_t column, std::string_view text, Transform transform);
    void line_number(std::size_t column, std::uint64_t number);
    /// Counts a value that has no form in its column.
    void misfit() { ++outcome_.nulled; }

    /// Size of the dynamic values of the row so far, those beyond the limit of one value included.
    Bytes dynamic_bytes() const { return dynamic_bytes_; }

private:
    /// What all texts have in common; false for dynamic columns.
    bool scalar_text(Column& column, std::string_view text);
    void string(Column& column, std::string_view text);
    template <class Real> void floating(std::size_t column, Real value);
    void ticks(std::size_t column, ScalarType type, Ticks ticks, std::string_view text);
    void dynamic(Column& column, std::string_view compact);
    /// Of one value of the column.
    Bytes limit_of(const Column& column) const;

    ParseOutcome& outcome_;
    const std::vector<Bytes> max_values_;
    const Bytes smallest_limit_; ///< of all columns: what is shorter needs no second look
    Chunk* chunk_ = nullptr;
    std::size_t row_ = 0;
    Bytes dynamic_bytes_ = 0;
    bool check_utf8_ = false;
    JsonCompactor compactor_;
    std::string scratch_;
    std::string repaired_;
};

} // namespace sluice::data
