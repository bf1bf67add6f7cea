#include "core/kql/row_function.hpp"
#include "core/kql/utf8.hpp"

#include <limits>

/// Punycode as in RFC 3492.
namespace sluice::kql {
namespace {

constexpr std::uint32_t kBase = 36, kMin = 1, kMax = 26, kSkew = 38, kDamp = 700, kFirstBias = 72, kFirst = 128;
constexpr std::string_view kPrefix = "xn--";

std::uint32_t adapted(std::uint32_t delta, std::uint32_t points, bool first) {
    delta = first ? delta / kDamp : delta / 2;
    delta += delta / points;
    std::uint32_t k = 0;
    for (; delta > (kBase - kMin) * kMax / 2; k += kBase)
        delta /= kBase - kMin;
    return k + (kBase - kMin + 1) * delta / (delta + kSkew);
}

std::uint32_t threshold(std::uint32_t k, std::uint32_t bias) {
    return k <= bias ? kMin : k >= bias + kMax ? kMax : k - bias;
}

char digit(std::uint32_t value) {
    return static_cast<char>(value < 26 ? 'a' + value : '0' + value - 26);
}

/// A name of more code points is refused: the work grows with their square.
constexpr std::size_t kLongest = 4096;

std::optional<std::string> encode(const std::u32string& points) {
    if (points.size() > kLongest)
        return std::nullopt;
    std::string out;
    for (const char32_t point : points)
        if (point < kFirst)
            out += static_cast<char>(point);
    const std::size_t plain = out.size();
    std::size_t handled = plain;
    if (plain > 0)
        out += '-';
    std::uint32_t n = kFirst, bias = kFirstBias;
    std::uint64_t delta = 0;
    while (handled < points.size()) {
        std::uint32_t next = 0x110000;
        for (const char32_t point : points)
            if (point >= n && point < next)
                next = static_cast<std::uint32_t>(point);
        delta += std::uint64_t{next - n} * (handled + 1);
        n = next;
        for (const char32_t point : points) {
            if (point < n)
                ++delta;
            if (delta > std::numeric_limits<std::uint32_t>::max())
                return std::nullopt;
            if (point != n)
                continue;
            auto q = static_cast<std::uint32_t>(delta);
            for (std::uint32_t k = kBase;; k += kBase) {
                const std::uint32_t t = threshold(k, bias);
                if (q < t)
                    break;
                out += digit(t + (q - t) % (kBase - t));
                q = (q - t) / (kBase - t);
            }
            out += digit(q);
            bias =
                adapted(static_cast<std::uint32_t>(delta), static_cast<std::uint32_t>(handled + 1), handled == plain);
            delta = 0;
            ++handled;
        }
        ++delta;
        ++n;
    }
    return out;
}

std::optional<std::u32string> decode(std::string_view text) {
    if (text.size() > kLongest)
        return std::nullopt;
    std::u32string points;
    const std::size_t hyphen = text.rfind('-');
    if (hyphen != std::string_view::npos) {
        for (const char c : text.substr(0, hyphen)) {
            if (static_cast<unsigned char>(c) >= kFirst)
                return std::nullopt;
            points += static_cast<char32_t>(c);
        }
        text.remove_prefix(hyphen + 1);
    }
    std::uint64_t n = kFirst, i = 0;
    std::uint32_t bias = kFirstBias;
    while (!text.empty()) {
        const std::uint64_t before = i;
        std::uint64_t weight = 1;
        for (std::uint32_t k = kBase;; k += kBase) {
            if (text.empty())
                return std::nullopt;
            const char c = text.front();
            text.remove_prefix(1);
            const int value = c >= '0' && c <= '9'   ? c - '0' + 26
                              : c >= 'a' && c <= 'z' ? c - 'a'
                              : c >= 'A' && c <= 'Z' ? c - 'A'
                                                     : -1;
            if (value < 0)
                return std::nullopt;
            i += static_cast<std::uint64_t>(value) * weight;
            const std::uint32_t t = threshold(k, bias);
            if (i > 0xFFFFFFFF || weight > 0xFFFFFFFF)
                return std::nullopt;
            if (static_cast<std::uint32_t>(value) < t)
                break;
            weight *= kBase - t;
        }
        const std::uint64_t count = points.size() + 1;
        bias = adapted(static_cast<std::uint32_t>(i - before), static_cast<std::uint32_t>(count), before == 0);
        n += i / count;
        i %= count;
        if (n > 0x10FFFF)
            return std::nullopt;
        points.insert(points.begin() + static_cast<std::ptrdiff_t>(i), static_cast<char32_t>(n));
        ++i;
    }
    return points;
}

std::string text_of(const std::u32string& points) {
    std::string out;
    for (const char32_t point : points)
        append_utf8(out, point);
    return out;
}

bool is_dot(char32_t point) {
    return point == '.' || point == 0x3002 || point == 0xFF0E || point == 0xFF61;
}

/// Each label of a domain by itself; labels in ASCII stay as they are.
std::string encode_domain(std::string_view text) {
    std::string out;
    std::u32string label;
    bool good = true;
    const auto finish = [&] {
        bool plain = true;
        for (const char32_t point : label)
            plain = plain && point < kFirst;
        const auto encoded = plain ? std::optional(text_of(label)) : encode(label);
        good = good && encoded;
        if (encoded)
            out += (plain ? "" : std::string(kPrefix)) + *encoded;
        label.clear();
    };
    for (const char32_t point : code_points_of(text)) {
        if (!is_dot(point)) {
            label += point;
            continue;
        }
        finish();
        out += '.';
    }
    finish();
    return good ? out : std::string();
}

std::string decode_domain(std::string_view text) {
    std::string out;
    for (;;) {
        const std::size_t dot = text.find('.');
        const std::string_view label = text.substr(0, dot);
        if (label.starts_with(kPrefix)) {
            const auto points = decode(label.substr(kPrefix.size()));
            if (!points)
                return {};
            out += text_of(*points);
        } else {
            out += label;
        }
        if (dot == std::string_view::npos)
            return out;
        out += '.';
        text.remove_prefix(dot + 1);
    }
}

} // namespace

void add_punycode_functions(FunctionList& list) {
    const auto add = [&](std::string name, RowFunction function) {
        list.push_back(row_function(std::move(name), "string", "string", function));
    };
    add("kql_punycode_encode",
        [](const In& in, Out& out) { out.text(encode(code_points_of(in.text(0))).value_or(std::string())); });
    add("kql_punycode_decode", [](const In& in, Out& out) {
        const auto points = decode(in.text(0));
        out.text(points ? text_of(*points) : std::string());
    });
    add("kql_punycode_encode_domain", [](const In& in, Out& out) { out.text(encode_domain(in.text(0))); });
    add("kql_punycode_decode_domain", [](const In& in, Out& out) { out.text(decode_domain(in.text(0))); });
}

} // namespace sluice::kql
