#include "core/data/avro_reader.hpp"

#include "core/base/clock.hpp"
#include "core/data/avro_time.hpp"
#include "core/data/json_text.hpp"
#include "core/data/text.hpp"
#include "core/data/transcode.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace sluice::data {
namespace {

using Kind = AvroType::Kind;
using Logical = AvroType::Logical;

void append_quoted(std::string& out, std::string_view plain) {
    out += '"';
    out += plain;
    out += '"';
}

template <class T> void append_real(std::string& out, T value) {
    if (std::isfinite(value))
        append_json_number(out, value);
    else
        append_quoted(out, std::isnan(value) ? "NaN" : value < 0 ? "-Infinity" : "Infinity");
}

void append_bytes(std::string& out, std::string_view bytes, const AvroType& type, bool logical) {
    if (!logical)
        return append_byte_array(out, bytes);
    switch (type.logical) {
    case Logical::Decimal:
        return append_decimal(out, bytes, type.scale);
    case Logical::Uuid:
        out += '"';
        append_uuid(out, bytes);
        out += '"';
        return;
    case Logical::Duration:
        return append_duration(out, bytes);
    default: {
        std::string text;
        append_latin1(text, bytes);
        append_json_string(out, text);
    }
    }
}

void append_number(std::string& out, std::int64_t value, const AvroType& type, bool logical) {
    if (logical && is_avro_date(type.logical)) {
        if (const auto ticks = avro_datetime(value, type.logical))
            append_quoted(out, format_datetime(*ticks));
        else
            out += "null";
    } else if (logical && is_avro_time(type.logical)) {
        if (const auto ticks = avro_timespan(value, type.logical))
            append_quoted(out, format_timespan(*ticks));
        else
            out += "null";
    } else {
        fmt::format_to(std::back_inserter(out), "{}", value);
    }
}

class JsonWriter {
public:
    JsonWriter(AvroReader& reader, bool logical, std::string& out) : reader_(reader), logical_(logical), out_(out) {}

    bool value(const AvroType& type, int depth) {
        if (depth > kMaxAvroDepth)
            return reader_.fail("more than 256 values inside each other");
        switch (type.kind) {
        case Kind::Null:
            out_ += "null";
            return true;
        case Kind::Boolean: {
            bool set = false;
            if (!reader_.boolean(set))
                return false;
            out_ += set ? "true" : "false";
            return true;
        }
        case Kind::Int:
        case Kind::Long: {
            std::int64_t number = 0;
            if (!reader_.number(number))
                return false;
            append_number(out_, number, type, logical_);
            return true;
        }
        case Kind::Float:
            return real<float>();
        case Kind::Double:
            return real<double>();
        case Kind::Bytes:
        case Kind::Fixed: {
            std::string_view bytes;
            if (!(type.kind == Kind::Bytes ? reader_.bytes(bytes) : reader_.fixed(type.size, bytes)))
                return false;
            append_bytes(out_, bytes, type, logical_);
            return true;
        }
        case Kind::String: {
            std::string_view text;
            if (!reader_.bytes(text))
                return false;
            append_json_string(out_, text);
            return true;
        }
        case Kind::Enum: {
            std::size_t symbol = 0;
            if (!reader_.choice(type.symbols.size(), symbol))
                return false;
            append_json_string(out_, type.symbols[symbol]);
            return true;
        }
        case Kind::Union: {
            std::size_t branch = 0;
            return reader_.choice(type.branches.size(), branch) && value(*type.branches[branch], depth + 1);
        }
        case Kind::Record:
            return record(type, depth);
        case Kind::Array:
        case Kind::Map:
            return collection(type, depth);
        }
        return false;
    }

private:
    template <class T> bool real() {
        T number{};
        if (!reader_.floating(number))
            return false;
        append_real(out_, number);
        return true;
    }

    bool record(const AvroType& type, int depth) {
        out_ += '{';
        bool first = true;
        for (const AvroType::Field& field : type.fields) {
            if (!first)
                out_ += ',';
            first = false;
            append_json_string(out_, field.name);
            out_ += ':';
            if (!value(*field.type, depth + 1))
                return false;
        }
        out_ += '}';
        return true;
    }

    bool collection(const AvroType& type, int depth) {
        const bool map = type.kind == Kind::Map;
        out_ += map ? '{' : '[';
        bool first = true;
        const bool read = reader_.items([&] {
            if (!first)
                out_ += ',';
            first = false;
            if (map) {
                std::string_view name;
                if (!reader_.bytes(name))
                    return false;
                append_json_string(out_, name);
                out_ += ':';
            }
            return value(*type.items, depth + 1);
        });
        out_ += map ? '}' : ']';
        return read;
    }

    AvroReader& reader_;
    const bool logical_;
    std::string& out_;
};

} // namespace

bool AvroReader::skip(const AvroType& type, int depth) {
    if (depth > kMaxAvroDepth)
        return fail("more than 256 values inside each other");
    std::int64_t number_value = 0;
    std::string_view bytes_value;
    std::size_t index = 0;
    bool flag = false;
    switch (type.kind) {
    case Kind::Null:
        return true;
    case Kind::Boolean:
        return boolean(flag);
    case Kind::Int:
    case Kind::Long:
        return number(number_value);
    case Kind::Float:
        return fixed(sizeof(float), bytes_value);
    case Kind::Double:
        return fixed(sizeof(double), bytes_value);
    case Kind::Bytes:
    case Kind::String:
        return bytes(bytes_value);
    case Kind::Fixed:
        return fixed(type.size, bytes_value);
    case Kind::Enum:
        return choice(type.symbols.size(), index);
    case Kind::Union:
        return choice(type.branches.size(), index) && skip(*type.branches[index], depth + 1);
    case Kind::Record:
        return std::all_of(type.fields.begin(), type.fields.end(),
                           [&](const AvroType::Field& field) { return skip(*field.type, depth + 1); });
    case Kind::Array:
    case Kind::Map:
        return items([&] { return (type.kind == Kind::Array || bytes(bytes_value)) && skip(*type.items, depth + 1); });
    }
    return false;
}

bool append_json(AvroReader& reader, const AvroType& type, bool logical, std::string& out, int depth) {
    return JsonWriter(reader, logical, out).value(type, depth);
}

void append_decimal(std::string& out, std::string_view bytes, int scale) {
    constexpr std::size_t kMost = 64; // 154 digits, where a decimal column holds 38
    if (bytes.size() > kMost) {
        out += "null";
        return;
    }
    std::string magnitude(bytes);
    const bool negative = !bytes.empty() && (static_cast<unsigned char>(bytes[0]) & 0x80) != 0;
    if (negative) { // two's complement: all bits turned, plus one
        int carry = 1;
        for (std::size_t i = magnitude.size(); i-- > 0;) {
            const int sum = (static_cast<unsigned char>(~magnitude[i])) + carry;
            magnitude[i] = static_cast<char>(sum);
            carry = sum >> 8;
        }
    }
    std::string digits; // lowest first
    while (!magnitude.empty()) {
        unsigned rest = 0;
        for (char& byte : magnitude) {
            const unsigned value = rest << 8 | static_cast<unsigned char>(byte);
            byte = static_cast<char>(value / 10);
            rest = value % 10;
        }
        digits += static_cast<char>('0' + rest);
        magnitude.erase(0, std::min(magnitude.find_first_not_of('\0'), magnitude.size()));
    }
    const auto behind = static_cast<std::size_t>(scale);
    if (digits.size() <= behind)
        digits.append(behind + 1 - digits.size(), '0');
    if (negative)
        out += '-';
    out.append(digits.rbegin(), digits.rend() - static_cast<std::ptrdiff_t>(behind));
    if (behind != 0) {
        out += '.';
        out.append(digits.rend() - static_cast<std::ptrdiff_t>(behind), digits.rend());
    }
}

void append_uuid(std::string& out, std::string_view bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            out += '-';
        fmt::format_to(std::back_inserter(out), "{:02x}", static_cast<unsigned char>(bytes[i]));
    }
}

void append_duration(std::string& out, std::string_view bytes) {
    std::uint32_t parts[3]; // low byte first
    std::memcpy(parts, bytes.data(), sizeof parts);
    fmt::format_to(std::back_inserter(out), R"({{"months":{},"days":{},"milliseconds":{}}})", parts[0], parts[1],
                   parts[2]);
}

void append_latin1(std::string& out, std::string_view bytes) {
    for (const char byte : bytes)
        append_utf8(out, static_cast<unsigned char>(byte));
}

void append_byte_array(std::string& out, std::string_view bytes) {
    out += '[';
    for (std::size_t i = 0; i < bytes.size(); ++i)
        fmt::format_to(std::back_inserter(out), "{}{}", i == 0 ? "" : ",", static_cast<unsigned char>(bytes[i]));
    out += ']';
}

} // namespace sluice::data
