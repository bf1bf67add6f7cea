// What binary formats hand to cells: values that have a type already.
#include "core/data/cells.hpp"
#include "core/data/text.hpp"

#include <fmt/format.h>

#include <cmath>

namespace sluice::data {

void Cells::integer(std::size_t index, std::int64_t value) {
    Column& column = chunk_->column(index);
    switch (column.type()) {
    case ScalarType::Long:
        return column.set(row_, value);
    case ScalarType::Int:
        return value == static_cast<std::int32_t>(value) ? column.set(row_, static_cast<std::int32_t>(value))
                                                         : misfit();
    case ScalarType::Real:
        return column.set(row_, static_cast<double>(value));
    case ScalarType::Bool:
        return column.set(row_, static_cast<std::uint8_t>(value != 0));
    case ScalarType::DateTime:
    case ScalarType::TimeSpan:
    case ScalarType::Guid:
        return misfit();
    case ScalarType::String:
    case ScalarType::Dynamic:
        return json(index, fmt::format_int(value).c_str());
    case ScalarType::Decimal: {
        JsonNumber number{.text = {}, .parts = {}};
        const fmt::format_int text(value);
        number.text = {text.data(), text.size()};
        split_number(number.text, number.parts);
        return this->number(index, number);
    }
    }
}

template <class Real> void Cells::floating(std::size_t index, Real value) {
    Column& column = chunk_->column(index);
    if (column.type() == ScalarType::Real)
        return column.set(row_, static_cast<double>(value));
    JsonNumber number{.text = {}, .parts = {}, .finite = std::isfinite(value)};
    std::string text;
    if (number.finite)
        append_json_number(text, value);
    else
        text = std::isnan(value) ? "NaN" : value < 0 ? "-Infinity" : "Infinity";
    number.text = text;
    number.parts.negative = std::signbit(value);
    if (number.finite)
        split_number(number.text, number.parts);
    this->number(index, number);
}

void Cells::real(std::size_t index, double value) {
    floating(index, value);
}
void Cells::real(std::size_t index, float value) {
    floating(index, value);
}

void Cells::ticks(std::size_t index, ScalarType type, Ticks ticks, std::string_view text) {
    Column& column = chunk_->column(index);
    if (column.type() == type)
        column.set(row_, ticks);
    else if (column.type() == ScalarType::String || column.type() == ScalarType::Dynamic)
        json_string(index, text);
    else
        misfit();
}

void Cells::datetime(std::size_t column, Ticks value) {
    ticks(column, ScalarType::DateTime, value, format_datetime(value));
}
void Cells::timespan(std::size_t column, Ticks value) {
    ticks(column, ScalarType::TimeSpan, value, format_timespan(value));
}

} // namespace sluice::data
