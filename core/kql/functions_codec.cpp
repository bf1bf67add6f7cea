#include "core/kql/json_text.hpp"
#include "core/kql/row_function.hpp"
#include "core/kql/utf8.hpp"

#include <zlib.h>

#include <array>
#include <cstring>

namespace sluice::kql {
namespace {

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string to_base64(std::string_view bytes) {
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t group = 0;
        const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
        for (std::size_t k = 0; k < 3; ++k)
            group = group << 8 | (k < count ? static_cast<unsigned char>(bytes[i + k]) : 0U);
        for (std::size_t k = 0; k < 4; ++k)
            out += k <= count ? kDigits[group >> (18 - 6 * k) & 63] : '=';
    }
    return out;
}

/// Strict: whole groups of four, padded.
std::optional<std::string> from_base64(std::string_view text) {
    static const std::array<signed char, 256> kValues = [] {
        std::array<signed char, 256> values{};
        values.fill(-1);
        for (std::size_t i = 0; i < kDigits.size(); ++i)
            values[static_cast<unsigned char>(kDigits[i])] = static_cast<signed char>(i);
        return values;
    }();
    if (text.size() % 4 != 0)
        return std::nullopt;
    std::string out;
    out.reserve(text.size() / 4 * 3);
    for (std::size_t i = 0; i < text.size(); i += 4) {
        const bool last = i + 4 == text.size();
        const std::size_t padding = last ? text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0 : 0;
        std::uint32_t group = 0;
        for (std::size_t k = 0; k < 4; ++k) {
            const int value = k < 4 - padding ? kValues[static_cast<unsigned char>(text[i + k])] : 0;
            if (value < 0)
                return std::nullopt;
            group = group << 6 | static_cast<std::uint32_t>(value);
        }
        for (std::size_t k = 0; k < 3 - padding; ++k)
            out += static_cast<char>(group >> (16 - 8 * k) & 255);
    }
    return out;
}

/// The bytes of a guid as .NET lays them out: the first three groups backwards.
constexpr std::array<unsigned, 16> kGuidOrder = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

std::string guid_bytes(data::Guid guid) {
    std::string bytes(16, '\0');
    for (std::size_t i = 0; i < 16; ++i) {
        const unsigned from = kGuidOrder[i];
        const std::uint64_t half = from < 8 ? guid.high : guid.low;
        bytes[i] = static_cast<char>(half >> (56 - 8 * (from % 8)) & 255);
    }
    return bytes;
}

data::Guid guid_of(std::string_view bytes) {
    data::Guid guid;
    for (std::size_t i = 0; i < 16; ++i) {
        const unsigned to = kGuidOrder[i];
        std::uint64_t& half = to < 8 ? guid.high : guid.low;
        half |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (56 - 8 * (to % 8));
    }
    return guid;
}

/// Larger texts are refused: a few bytes of input can stand for gigabytes.
constexpr std::size_t kMostInflated = 64 << 20;
/// Shorter texts are stored as they are: a code table costs more than it saves.
constexpr std::size_t kStored = 64;

/// `window` as zlib counts it: 15 zlib, -15 bare, 31 gzip.
std::string deflated(std::string_view text, int window) {
    z_stream stream{};
    const int level = text.size() < kStored ? Z_NO_COMPRESSION : Z_BEST_SPEED;
    if (deflateInit2(&stream, level, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        throw std::runtime_error("the text could not be compressed");
    std::string out(deflateBound(&stream, text.size()), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const int done = deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    if (done != Z_STREAM_END)
        throw std::runtime_error("the text could not be compressed");
    return out;
}

/// A member without name and time, of an unknown system, so that equal texts give equal bytes everywhere.
std::string gzipped(std::string_view text) {
    std::string out("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
    out += deflated(text, -15);
    const auto little = [&](std::uint64_t value) {
        for (int i = 0; i < 4; ++i)
            out += static_cast<char>(value >> 8 * i & 255);
    };
    little(crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size())));
    little(text.size());
    return out;
}

std::optional<std::string> inflated(std::string_view bytes, int window) {
    z_stream stream{};
    if (inflateInit2(&stream, window) != Z_OK)
        return std::nullopt;
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    std::string out;
    int state = Z_OK;
    while (state == Z_OK && out.size() < kMostInflated) {
        const std::size_t begin = out.size();
        out.resize(begin + std::max<std::size_t>(1024, begin));
        stream.next_out = reinterpret_cast<Bytef*>(out.data() + begin);
        stream.avail_out = static_cast<uInt>(out.size() - begin);
        state = inflate(&stream, Z_NO_FLUSH);
        out.resize(out.size() - stream.avail_out);
        if (state == Z_OK && stream.avail_in == 0 && stream.avail_out > 0)
            break;
    }
    inflateEnd(&stream);
    return state == Z_STREAM_END ? std::optional(std::move(out)) : std::nullopt;
}

void decompress(const In& in, Out& out, int window) {
    const auto bytes = from_base64(in.text(0));
    const auto text = bytes ? inflated(*bytes, window) : std::nullopt;
    out.text(text && valid_utf8(*text) ? std::string_view(*text) : std::string_view());
}

void code_points_to_text(const In& in, Out& out) {
    std::string text;
    bool good = true;
    const auto add = [&](const Json& value) {
        const std::int64_t point = value.is_number() ? value.get<std::int64_t>() : -1;
        good = good && point >= 0 && point < 0x110000 && (point < 0xD800 || point > 0xDFFF);
        if (good)
            append_utf8(text, static_cast<char32_t>(point));
    };
    for (std::size_t i = 0; i < in.size(); ++i) {
        const Json value = in.null(i) ? Json() : parse_json(in.text(i));
        if (value.is_array())
            for (const Json& item : value)
                add(item);
        else
            add(value);
    }
    out.text(good ? text : std::string());
}

} // namespace

void add_codec_functions(FunctionList& list) {
    const auto add = [&](std::string name, std::string_view args, std::string_view result, RowFunction function,
                         Nulls nulls = Nulls::Skip) {
        list.push_back(row_function(std::move(name), args, result, function, nulls));
    };
    add("kql_base64_encode", "string", "string", [](const In& in, Out& out) { out.text(to_base64(in.text(0))); });
    add("kql_base64_decode", "string", "string", [](const In& in, Out& out) {
        const auto bytes = from_base64(in.text(0));
        out.text(bytes && valid_utf8(*bytes) ? std::string_view(*bytes) : std::string_view());
    });
    add("kql_base64_to_array", "string", "dynamic", [](const In& in, Out& out) {
        const auto bytes = from_base64(in.text(0));
        if (!bytes)
            return out.null();
        std::string text = "[";
        for (const char c : *bytes)
            (text.size() > 1 ? text += ',' : text) += std::to_string(static_cast<unsigned char>(c));
        out.text(text + "]");
    });
    add("kql_base64_from_array", "dynamic", "string", [](const In& in, Out& out) {
        std::string bytes;
        const Json array = parse_json(in.text(0));
        if (!array.is_array())
            return out.text("");
        for (const Json& item : array) {
            if (!item.is_number_integer() || item.get<std::int64_t>() < 0 || item.get<std::int64_t>() > 255)
                return out.text("");
            bytes += static_cast<char>(item.get<std::int64_t>());
        }
        out.text(to_base64(bytes));
    });
    add("kql_base64_to_guid", "string", "guid", [](const In& in, Out& out) {
        const auto bytes = from_base64(in.text(0));
        if (bytes && bytes->size() == 16)
            out.guid(guid_of(*bytes));
        else
            out.null();
    });
    add("kql_base64_from_guid", "guid", "string",
        [](const In& in, Out& out) { out.text(to_base64(guid_bytes(in.guid(0)))); });
    add("kql_zlib_compress", "string", "string",
        [](const In& in, Out& out) { out.text(to_base64(deflated(in.text(0), 15))); });
    add("kql_zlib_decompress", "string", "string", [](const In& in, Out& out) { decompress(in, out, 15); });
    add("kql_gzip_compress", "string", "string",
        [](const In& in, Out& out) { out.text(to_base64(gzipped(in.text(0)))); });
    add("kql_gzip_decompress", "string", "string", [](const In& in, Out& out) { decompress(in, out, 31); });
    add("kql_code_points", "string", "dynamic", [](const In& in, Out& out) {
        std::string text = "[";
        for (const char32_t point : code_points_of(in.text(0)))
            (text.size() > 1 ? text += ',' : text) += std::to_string(static_cast<std::uint32_t>(point));
        out.text(text + "]");
    });
    add("kql_from_code_points", "dynamic*", "string", code_points_to_text, Nulls::See);
}

} // namespace sluice::kql
