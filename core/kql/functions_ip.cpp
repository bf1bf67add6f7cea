#include "core/kql/json_text.hpp"
#include "core/kql/kept.hpp"
#include "core/kql/row_function.hpp"

#include <fmt/format.h>

#include <array>
#include <cctype>

namespace sluice::kql {
namespace {

__extension__ typedef unsigned __int128 Bits;

/// An address with the number of its leading bits that count.
struct V4 {
    std::uint32_t bits = 0;
    int prefix = 32;
};
struct V6 {
    Bits bits = 0;
    int prefix = 128;
};

std::uint32_t mask4(int prefix) {
    return prefix <= 0 ? 0 : ~std::uint32_t{0} << (32 - prefix);
}

Bits mask6(int prefix) {
    return prefix <= 0 ? Bits{0} : ~Bits{0} << (128 - prefix);
}

/// A decimal number of at most three digits that is not above `most`.
std::optional<int> small_number(std::string_view text, int most) {
    if (text.empty() || text.size() > 3)
        return std::nullopt;
    int value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9')
            return std::nullopt;
        value = value * 10 + (c - '0');
    }
    return value <= most ? std::optional(value) : std::nullopt;
}

std::optional<std::uint32_t> dotted(std::string_view text) {
    std::uint32_t bits = 0;
    for (int i = 0; i < 4; ++i) {
        const std::size_t dot = i < 3 ? text.find('.') : text.size();
        if (dot == std::string_view::npos)
            return std::nullopt;
        const auto part = small_number(text.substr(0, dot), 255);
        if (!part)
            return std::nullopt;
        bits = bits << 8 | static_cast<std::uint32_t>(*part);
        text.remove_prefix(i < 3 ? dot + 1 : dot);
    }
    return bits;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())))
        text.remove_prefix(1);
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())))
        text.remove_suffix(1);
    return text;
}

/// "10.1.2.3" or "10.1.2.3/8". The address keeps the bits that the prefix hides.
std::optional<V4> parse4(std::string_view text) {
    text = trimmed(text);
    V4 address;
    if (const std::size_t slash = text.find('/'); slash != std::string_view::npos) {
        const auto prefix = small_number(text.substr(slash + 1), 32);
        if (!prefix)
            return std::nullopt;
        address.prefix = *prefix;
        text = text.substr(0, slash);
    }
    const auto bits = dotted(text);
    if (!bits)
        return std::nullopt;
    address.bits = *bits;
    return address;
}

/// Groups of hexadecimal digits; the last may be a dotted address. False when the text is none.
bool groups(std::string_view text, std::vector<std::uint16_t>& out) {
    while (!text.empty()) {
        const std::size_t colon = std::min(text.find(':'), text.size());
        const std::string_view group = text.substr(0, colon);
        if (group.find('.') != std::string_view::npos) {
            const auto bits = dotted(group);
            if (!bits || colon != text.size())
                return false;
            out.push_back(static_cast<std::uint16_t>(*bits >> 16));
            out.push_back(static_cast<std::uint16_t>(*bits));
            return true;
        }
        if (group.empty() || group.size() > 4)
            return false;
        unsigned value = 0;
        for (const char c : group) {
            if (!std::isxdigit(static_cast<unsigned char>(c)))
                return false;
            const int digit = c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
            value = value << 4 | static_cast<unsigned>(digit);
        }
        out.push_back(static_cast<std::uint16_t>(value));
        if (colon == text.size())
            return true;
        text.remove_prefix(colon + 1);
        if (text.empty())
            return false;
    }
    return true;
}

/// An IPv6 address; an IPv4 address counts as ::ffff:a.b.c.d, and so does ::a.b.c.d.
std::optional<V6> parse6(std::string_view text) {
    text = trimmed(text);
    constexpr Bits kMapped = Bits{0xFFFF} << 32;
    if (text.find(':') == std::string_view::npos) {
        const auto v4 = parse4(text);
        if (!v4)
            return std::nullopt;
        return V6{kMapped | v4->bits, v4->prefix + 96};
    }
    V6 address;
    std::optional<int> prefix;
    if (const std::size_t slash = text.find('/'); slash != std::string_view::npos) {
        prefix = small_number(text.substr(slash + 1), 128);
        if (!prefix)
            return std::nullopt;
        text = text.substr(0, slash);
    }
    std::vector<std::uint16_t> head, tail;
    const std::size_t gap = text.find("::");
    if (!groups(text.substr(0, gap), head))
        return std::nullopt;
    if (gap != std::string_view::npos) {
        if (!groups(text.substr(gap + 2), tail) || head.size() + tail.size() > 7)
            return std::nullopt;
    } else if (head.size() != 8) {
        return std::nullopt;
    }
    for (const std::uint16_t group : head)
        address.bits = address.bits << 16 | group;
    if (!head.empty() && head.size() < 8)
        address.bits <<= 16 * (8 - head.size());
    Bits low = 0;
    for (const std::uint16_t group : tail)
        low = low << 16 | group;
    address.bits |= low;
    const bool dots = text.find('.') != std::string_view::npos;
    if (dots && address.bits >> 32 == 0)
        address.bits |= kMapped;
    if (prefix) {
        if (dots && *prefix > 32 && *prefix < 96)
            return std::nullopt;
        address.prefix = dots && *prefix <= 32 ? *prefix + 96 : *prefix;
    }
    return address;
}

std::string format4(std::uint32_t bits) {
    return fmt::format("{}.{}.{}.{}", bits >> 24, bits >> 16 & 255, bits >> 8 & 255, bits & 255);
}

std::string format6(Bits bits) {
    std::string text;
    for (int i = 7; i >= 0; --i)
        text += fmt::format("{}{:04x}", i < 7 ? ":" : "", static_cast<unsigned>(bits >> 16 * i & 0xFFFF));
    return text;
}

std::optional<int> prefix_argument(const In& in, std::size_t i, int most) {
    if (in.size() <= i)
        return most;
    if (in.null(i) || in.integer(i) < 0 || in.integer(i) > most)
        return std::nullopt;
    return static_cast<int>(in.integer(i));
}

/// -1, 0 or 1 by the bits that both addresses and the argument let count; nothing when one is no address.
std::optional<int> compare4(const In& in) {
    const auto a = parse4(in.text(0)), b = parse4(in.text(1));
    const auto prefix = prefix_argument(in, 2, 32);
    if (!a || !b || !prefix)
        return std::nullopt;
    const std::uint32_t mask = mask4(std::min({a->prefix, b->prefix, *prefix}));
    const std::uint32_t x = a->bits & mask, y = b->bits & mask;
    return x < y ? -1 : x > y ? 1 : 0;
}

std::optional<int> compare6(const In& in) {
    const auto a = parse6(in.text(0)), b = parse6(in.text(1));
    const auto prefix = prefix_argument(in, 2, 128);
    if (!a || !b || !prefix)
        return std::nullopt;
    const Bits mask = mask6(std::min({a->prefix, b->prefix, *prefix}));
    const Bits x = a->bits & mask, y = b->bits & mask;
    return x < y ? -1 : x > y ? 1 : 0;
}

std::optional<bool> in_range4(std::string_view ip, std::string_view range) {
    const auto a = parse4(ip), b = parse4(range);
    if (!a || !b)
        return std::nullopt;
    return a->prefix >= b->prefix && ((a->bits ^ b->bits) & mask4(b->prefix)) == 0;
}

std::optional<bool> in_range6(std::string_view ip, std::string_view range) {
    const auto a = parse6(ip), b = parse6(range);
    if (!a || !b)
        return std::nullopt;
    return a->prefix >= b->prefix && ((a->bits ^ b->bits) & mask6(b->prefix)) == 0;
}

using RangeTest = std::optional<bool> (*)(std::string_view ip, std::string_view range);

/// True as soon as one range holds the address; null when none does and one of the texts is no address.
template <RangeTest test> void in_any_range(const In& in, Out& out) {
    bool known = true;
    for (std::size_t i = 1; i < in.size(); ++i) {
        const auto found = test(in.text(0), in.text(i));
        if (found && *found)
            return out.boolean(true);
        known = known && found;
    }
    known ? out.boolean(false) : out.null();
}

template <RangeTest test> void in_any_list(const In& in, Out& out) {
    const Json& list = kept<parse_json>(in.text(1));
    if (!list.is_array())
        return out.null();
    bool known = true;
    for (const Json& item : list) {
        const auto found =
            item.is_string() ? test(in.text(0), item.get_ref<const std::string&>()) : std::optional<bool>();
        if (found && *found)
            return out.boolean(true);
        known = known && found;
    }
    known ? out.boolean(false) : out.null();
}

bool is_private(const V4& ip) {
    static constexpr std::array<V4, 3> kRanges = {{{0x0A000000, 8}, {0xAC100000, 12}, {0xC0A80000, 16}}};
    for (const V4& range : kRanges)
        if (ip.prefix >= range.prefix && ((ip.bits ^ range.bits) & mask4(range.prefix)) == 0)
            return true;
    return false;
}

void format_address(std::optional<V4> ip, const In& in, Out& out, bool with_mask) {
    const auto prefix = prefix_argument(in, 1, 32);
    if (!ip || !prefix)
        return out.text("");
    const int bits = std::min(ip->prefix, *prefix);
    const std::string text = format4(ip->bits & mask4(bits));
    out.text(with_mask ? fmt::format("{}/{}", text, bits) : text);
}

std::optional<V4> from_number(std::int64_t value) {
    if (value < 0 || value > 0xFFFFFFFFLL)
        return std::nullopt;
    return V4{static_cast<std::uint32_t>(value), 32};
}

/// The fewest blocks that cover the range.
void cidr_list(const In& in, Out& out) {
    const auto first = parse4(in.text(0)), last = parse4(in.text(1));
    if (!first || !last || first->bits > last->bits)
        return out.null();
    std::string list = "[";
    for (std::uint64_t at = first->bits; at <= last->bits;) {
        int prefix = 32;
        while (prefix > 0) {
            const std::uint64_t size = std::uint64_t{1} << (32 - prefix + 1);
            if (at % size != 0 || at + size - 1 > last->bits)
                break;
            --prefix;
        }
        list += fmt::format("{}\"{}/{}\"", list.size() > 1 ? "," : "", format4(static_cast<std::uint32_t>(at)), prefix);
        at += std::uint64_t{1} << (32 - prefix);
    }
    out.text(list + "]");
}

bool is_word(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0;
}

/// The text holds an address, bordered by what is no letter or digit, that begins with `wanted`.
bool has_address(std::string_view text, std::string_view wanted) {
    const bool whole = !wanted.ends_with('.');
    std::string_view check = wanted;
    int dots = 0;
    for (; !check.empty(); ++dots) {
        const std::size_t dot = std::min(check.find('.'), check.size());
        if (!small_number(check.substr(0, dot), 255))
            return false;
        check.remove_prefix(std::min(dot + 1, check.size()));
    }
    if (wanted.empty() || dots > 4 || (whole ? dots != 4 : dots > 3))
        return false;
    for (std::size_t at = text.find(wanted); at != std::string_view::npos; at = text.find(wanted, at + 1)) {
        if (at > 0 && (is_word(text[at - 1]) || (text[at - 1] == '.' && at > 1 && is_word(text[at - 2]))))
            continue;
        std::size_t end = at;
        while (end < text.size() && (std::isdigit(static_cast<unsigned char>(text[end])) || text[end] == '.'))
            ++end;
        if (end < text.size() && is_word(text[end]))
            continue;
        std::string_view found = text.substr(at, end - at);
        while (found.ends_with('.'))
            found.remove_suffix(1);
        if (dotted(found) && (!whole || found == wanted))
            return true;
    }
    return false;
}

template <bool prefix> bool has_one(std::string_view text, std::string_view wanted) {
    return has_address(text, wanted) && (prefix || !wanted.ends_with('.'));
}

template <bool prefix> void has_any(const In& in, Out& out) {
    bool found = false;
    for (std::size_t i = 1; i < in.size() && !found; ++i)
        found = has_one<prefix>(in.text(0), in.text(i));
    out.boolean(found);
}

template <bool prefix> void has_any_of(const In& in, Out& out) {
    bool found = false;
    const Json& list = kept<parse_json>(in.text(1));
    for (const Json& item : list)
        found = found || (item.is_string() && has_one<prefix>(in.text(0), item.get_ref<const std::string&>()));
    out.boolean(found);
}

void add_v4(FunctionList& list) {
    const auto add = [&](std::string name, std::string_view args, std::string_view result, RowFunction function) {
        list.push_back(row_function(std::move(name), args, result, function));
    };
    add("kql_parse_ipv4", "string", "long", [](const In& in, Out& out) {
        const auto ip = parse4(in.text(0));
        ip ? out.integer(ip->bits & mask4(ip->prefix)) : out.null();
    });
    add("kql_parse_ipv4_mask", "string long", "long", [](const In& in, Out& out) {
        const auto ip = parse4(in.text(0));
        const auto prefix = prefix_argument(in, 1, 32);
        if (!ip || !prefix)
            return out.null();
        out.integer(ip->bits & mask4(std::min(ip->prefix, *prefix)));
    });
    add("kql_ipv4_compare", "string string long", "long", [](const In& in, Out& out) {
        const auto order = compare4(in);
        order ? out.integer(*order) : out.null();
    });
    add("kql_ipv4_is_in_range", "string string", "bool", [](const In& in, Out& out) {
        const auto found = in_range4(in.text(0), in.text(1));
        found ? out.boolean(*found) : out.null();
    });
    add("kql_ipv4_in_any_range", "string string*", "bool", in_any_range<in_range4>);
    add("kql_ipv4_in_any_list", "string dynamic", "bool", in_any_list<in_range4>);
    add("kql_ipv4_netmask_suffix", "string", "long", [](const In& in, Out& out) {
        const auto ip = parse4(in.text(0));
        ip ? out.integer(ip->prefix) : out.null();
    });
    add("kql_ipv4_is_private", "string", "bool", [](const In& in, Out& out) {
        const auto ip = parse4(in.text(0));
        ip ? out.boolean(is_private(*ip)) : out.null();
    });
    add("kql_format_ipv4_text", "string long", "string",
        [](const In& in, Out& out) { format_address(parse4(in.text(0)), in, out, false); });
    add("kql_format_ipv4_number", "long long", "string",
        [](const In& in, Out& out) { format_address(from_number(in.integer(0)), in, out, false); });
    add("kql_format_ipv4_mask_text", "string long", "string",
        [](const In& in, Out& out) { format_address(parse4(in.text(0)), in, out, true); });
    add("kql_format_ipv4_mask_number", "long long", "string",
        [](const In& in, Out& out) { format_address(from_number(in.integer(0)), in, out, true); });
    add("kql_ipv4_cidr_list", "string string", "dynamic", cidr_list);
    add("kql_has_any_ipv4", "string string*", "bool", has_any<false>);
    add("kql_has_any_ipv4_of", "string dynamic", "bool", has_any_of<false>);
    add("kql_has_any_ipv4_prefix", "string string*", "bool", has_any<true>);
    add("kql_has_any_ipv4_prefix_of", "string dynamic", "bool", has_any_of<true>);
}

} // namespace

void add_ip_functions(FunctionList& list) {
    add_v4(list);
    const auto add = [&](std::string name, std::string_view args, std::string_view result, RowFunction function) {
        list.push_back(row_function(std::move(name), args, result, function));
    };
    add("kql_parse_ipv6", "string long", "string", [](const In& in, Out& out) {
        const auto ip = parse6(in.text(0));
        const auto prefix = prefix_argument(in, 1, 128);
        out.text(ip && prefix ? format6(ip->bits & mask6(std::min(ip->prefix, *prefix))) : std::string());
    });
    add("kql_ipv6_compare", "string string long", "long", [](const In& in, Out& out) {
        const auto order = compare6(in);
        order ? out.integer(*order) : out.null();
    });
    add("kql_ipv6_is_in_range", "string string", "bool", [](const In& in, Out& out) {
        const auto found = in_range6(in.text(0), in.text(1));
        found ? out.boolean(*found) : out.null();
    });
    add("kql_ipv6_in_any_range", "string string*", "bool", in_any_range<in_range6>);
    add("kql_ipv6_in_any_list", "string dynamic", "bool", in_any_list<in_range6>);
}

} // namespace sluice::kql
