#include "core/app/wire/value.hpp"

#include "core/data/json_text.hpp"
#include "core/data/text.hpp"

#include <charconv>
#include <cmath>

namespace sluice::app::wire {
namespace {

using data::ScalarType;

template <class Integer> void append_integer(std::string& out, Integer value) {
    char text[24];
    const auto end = std::to_chars(text, text + sizeof text, value).ptr;
    out.append(text, end);
}

/// Decimal digits of `value`, with leading zeros.
template <int Digits> void put(char*& at, std::int64_t value) {
    for (int i = Digits - 1; i >= 0; --i) {
        at[i] = static_cast<char>('0' + value % 10);
        value /= 10;
    }
    at += Digits;
}

void put_fraction(char*& at, Ticks fraction) {
    if (fraction == 0)
        return;
    *at++ = '.';
    put<7>(at, fraction);
}

bool has_bit(const data::Column& column, std::size_t row) {
    return (column.validity()[row / 64] >> (row % 64)) & 1;
}

} // namespace

void append_datetime(std::string& out, Ticks ticks) {
    const data::CivilTime time = data::to_civil(ticks);
    char text[32];
    char* at = text;
    put<4>(at, time.year);
    *at++ = '-';
    put<2>(at, time.month);
    *at++ = '-';
    put<2>(at, time.day);
    *at++ = 'T';
    put<2>(at, time.hour);
    *at++ = ':';
    put<2>(at, time.minute);
    *at++ = ':';
    put<2>(at, time.second);
    put_fraction(at, time.fraction);
    *at++ = 'Z';
    out.append(text, at);
}

void append_timespan(std::string& out, Ticks ticks) {
    char text[40];
    char* at = text;
    if (ticks < 0)
        *at++ = '-';
    // Unsigned, because the smallest timespan has no positive counterpart.
    const std::uint64_t size = ticks < 0 ? 0 - static_cast<std::uint64_t>(ticks) : static_cast<std::uint64_t>(ticks);
    const auto part = [&](Ticks unit, Ticks in) {
        return static_cast<std::int64_t>(size / static_cast<std::uint64_t>(unit) % static_cast<std::uint64_t>(in));
    };
    if (const std::uint64_t days = size / static_cast<std::uint64_t>(kTicksPerDay); days > 0) {
        at = std::to_chars(at, text + sizeof text, days).ptr;
        *at++ = '.';
    }
    put<2>(at, part(kTicksPerHour, 24));
    *at++ = ':';
    put<2>(at, part(kTicksPerMinute, 60));
    *at++ = ':';
    put<2>(at, part(kTicksPerSecond, 60));
    put_fraction(at, part(1, kTicksPerSecond));
    out.append(text, at);
}

void append_guid(std::string& out, data::Guid guid) {
    static constexpr char kDigits[] = "0123456789abcdef";
    char text[36];
    char* at = text;
    for (int i = 0; i < 32; ++i) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            *at++ = '-';
        const std::uint64_t half = i < 16 ? guid.high : guid.low;
        *at++ = kDigits[(half >> (60 - 4 * (i % 16))) & 15];
    }
    out.append(text, sizeof text);
}

void append_real(std::string& out, double value) {
    if (!std::isfinite(value)) {
        out += std::isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
        return;
    }
    out += data::format_real(value);
}

void append_cell(std::string& out, const data::Column& column, std::size_t row, bool null_text) {
    if (column.is_null(row) || (null_text && column.type() == ScalarType::String && !has_bit(column, row))) {
        out += "null";
        return;
    }
    switch (column.type()) {
    case ScalarType::Bool:
        out += column.get<std::uint8_t>(row) ? "true" : "false";
        return;
    case ScalarType::Int:
        return append_integer(out, column.get<std::int32_t>(row));
    case ScalarType::Long:
        return append_integer(out, column.get<std::int64_t>(row));
    case ScalarType::Real:
        return append_real(out, column.get<double>(row));
    case ScalarType::Decimal:
        out += '"';
        out += data::format_decimal(column.decimal(row));
        out += '"';
        return;
    case ScalarType::DateTime:
        out += '"';
        append_datetime(out, column.get<Ticks>(row));
        out += '"';
        return;
    case ScalarType::TimeSpan:
        out += '"';
        append_timespan(out, column.get<Ticks>(row));
        out += '"';
        return;
    case ScalarType::String:
        return data::append_json_string(out, column.text(row));
    case ScalarType::Guid:
        out += '"';
        append_guid(out, column.get<data::Guid>(row));
        out += '"';
        return;
    case ScalarType::Dynamic:
        if (const auto json = column.text(row); !json.empty())
            out += json;
        else
            out += "null";
        return;
    }
}

void append_rows(std::string& out, const data::Chunk& chunk, std::size_t from, std::size_t to,
                 const std::vector<bool>& null_text) {
    const std::size_t columns = chunk.columns();
    for (std::size_t row = from; row < to; ++row) {
        if (row != from)
            out += ',';
        out += '[';
        for (std::size_t i = 0; i < columns; ++i) {
            if (i != 0)
                out += ',';
            append_cell(out, chunk.column(i), row, i < null_text.size() && null_text[i]);
        }
        out += ']';
    }
}

} // namespace sluice::app::wire
