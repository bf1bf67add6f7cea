#include "core/data/cells.hpp"

#include "core/data/json_text.hpp"
#include "core/data/text.hpp"
#include "core/data/text_scan.hpp"

#include <charconv>
#include <cmath>

namespace sluice::data {
namespace {

/// The longest start of `text`, which is longer than `limit`, of at most so many bytes that splits no character.
std::string_view cut(std::string_view text, Bytes limit) {
    std::size_t size = limit;
    while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80)
        --size;
    return text.substr(0, size);
}

/// Power of ten of the ticks in one unit of the transform.
int tick_power(Transform transform) {
    switch (transform) {
    case Transform::DateTimeFromUnixSeconds:
        return 7;
    case Transform::DateTimeFromUnixMilliseconds:
        return 4;
    case Transform::DateTimeFromUnixMicroseconds:
        return 1;
    default:
        return -2;
    }
}

std::optional<Ticks> from_unix_time(std::string_view text, Transform transform) {
    NumberParts parts;
    if (!split_number(text, parts))
        return std::nullopt;
    const auto ticks = to_scaled_floor(parts, tick_power(transform));
    if (!ticks || *ticks < -kUnixEpochTicks || *ticks > kMaxDateTimeTicks - kUnixEpochTicks)
        return std::nullopt;
    return kUnixEpochTicks + *ticks;
}

} // namespace

Bytes Cells::limit_of(const Column& column) const {
    const auto index = static_cast<std::size_t>(&column - &chunk_->column(0));
    return index < max_values_.size() ? max_values_[index] : kMaxValue;
}

void Cells::string(Column& column, std::string_view text) {
    if (check_utf8_ && !is_valid_utf8(text)) {
        repaired_.clear();
        append_valid_utf8(repaired_, text);
        text = repaired_;
    }
    if (text.size() > smallest_limit_ && text.size() > limit_of(column)) {
        text = cut(text, limit_of(column));
        ++outcome_.truncated;
    }
    column.set(row_, chunk_->arena().cell(text));
}

void Cells::dynamic(Column& column, std::string_view compact) {
    dynamic_bytes_ += compact.size();
    if (compact.size() > smallest_limit_ && compact.size() > limit_of(column))
        return misfit();
    column.set(row_, chunk_->arena().cell(compact));
}

bool Cells::scalar_text(Column& column, std::string_view text) {
    const auto take = [&](auto parsed, auto convert) {
        if (parsed)
            column.set(row_, convert(*parsed));
        else if (!trim(text).empty())
            misfit();
        return true;
    };
    const auto same = [](auto value) { return value; };
    switch (column.type()) {
    case ScalarType::String:
        string(column, text);
        return true;
    case ScalarType::Bool:
        return take(parse_bool(text), [](bool value) { return static_cast<std::uint8_t>(value); });
    case ScalarType::Int:
        return take(parse_int(text), same);
    case ScalarType::Long:
        return take(parse_long(text), same);
    case ScalarType::Real:
        return take(parse_real(text), same);
    case ScalarType::Decimal:
        return take(parse_decimal(text), same);
    case ScalarType::DateTime:
        return take(parse_datetime(text), same);
    case ScalarType::TimeSpan:
        return take(parse_timespan(text), same);
    case ScalarType::Guid:
        return take(parse_guid(text), same);
    case ScalarType::Dynamic:
        break;
    }
    return false;
}

void Cells::text(std::size_t index, std::string_view text) {
    Column& column = chunk_->column(index);
    if (scalar_text(column, text))
        return;
    text = trim(text);
    if (text.empty())
        return;
    scratch_.clear();
    JsonReader reader(text, JsonDialect::Strict);
    if (!compactor_.value(reader, scratch_) || !reader.space() || !reader.done()) {
        scratch_.clear();
        append_json_string(scratch_, text);
    } else if (scratch_ == "null") {
        return;
    }
    dynamic(column, scratch_);
}

void Cells::json_string(std::size_t index, std::string_view text) {
    Column& column = chunk_->column(index);
    if (scalar_text(column, text))
        return;
    scratch_.clear();
    append_json_string(scratch_, text);
    dynamic(column, scratch_);
}

void Cells::number(std::size_t index, const JsonNumber& number) {
    Column& column = chunk_->column(index);
    const NumberParts& parts = number.parts;
    const auto take = [&](auto value) {
        if (value)
            column.set(row_, *value);
        else
            misfit();
    };
    if (!number.finite) {
        if (column.type() == ScalarType::Real)
            column.set(row_, number.text == "NaN" ? std::nan("") : parts.negative ? -HUGE_VAL : HUGE_VAL);
        else if (column.type() == ScalarType::String || column.type() == ScalarType::Dynamic)
            json_string(index, number.text);
        else
            misfit();
        return;
    }
    switch (column.type()) {
    case ScalarType::Bool:
        column.set(row_, static_cast<std::uint8_t>(parts.digits != 0));
        return;
    case ScalarType::Int: {
        const auto value = parts.small_integer() ? parts.small_value() : to_whole(parts);
        take(value && *value == static_cast<std::int32_t>(*value) ? std::optional(static_cast<std::int32_t>(*value))
                                                                  : std::nullopt);
        return;
    }
    case ScalarType::Long:
        if (parts.small_integer())
            column.set(row_, parts.small_value());
        else
            take(to_whole(parts));
        return;
    case ScalarType::Real:
        column.set(row_, to_real(parts));
        return;
    case ScalarType::Decimal:
        take(to_decimal(parts));
        return;
    case ScalarType::String:
        string(column, number.text);
        return;
    case ScalarType::Dynamic:
        dynamic(column, number.text);
        return;
    case ScalarType::DateTime:
    case ScalarType::TimeSpan:
    case ScalarType::Guid:
        misfit();
        return;
    }
}

void Cells::boolean(std::size_t index, bool value) {
    Column& column = chunk_->column(index);
    const std::string_view text = value ? "true" : "false";
    switch (column.type()) {
    case ScalarType::Bool:
        column.set(row_, static_cast<std::uint8_t>(value));
        return;
    case ScalarType::String:
        string(column, text);
        return;
    case ScalarType::Dynamic:
        dynamic(column, text);
        return;
    default:
        misfit();
    }
}

void Cells::json(std::size_t index, std::string_view compact) {
    Column& column = chunk_->column(index);
    if (column.type() == ScalarType::String)
        string(column, compact);
    else if (column.type() == ScalarType::Dynamic)
        dynamic(column, compact);
    else
        misfit();
}

void Cells::unix_time(std::size_t index, std::string_view text, Transform transform) {
    text = trim(text);
    if (text.empty())
        return;
    Column& column = chunk_->column(index);
    const auto ticks = from_unix_time(text, transform);
    if (!ticks)
        return misfit();
    if (column.type() == ScalarType::DateTime) {
        column.set(row_, *ticks);
        return;
    }
    // Seven digits always (formats-and-mappings 9.3), where the wire form leaves zeros out.
    std::string iso = format_datetime(*ticks);
    if (*ticks % kTicksPerSecond == 0)
        iso.insert(iso.size() - 1, ".0000000");
    if (column.type() == ScalarType::String || column.type() == ScalarType::Dynamic)
        json_string(index, iso);
    else
        misfit();
}

void Cells::line_number(std::size_t index, std::uint64_t number) {
    char digits[24];
    const auto written = std::to_chars(digits, digits + sizeof digits, number);
    text(index, {digits, static_cast<std::size_t>(written.ptr - digits)});
}

} // namespace sluice::data
