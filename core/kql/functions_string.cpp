#include "core/kql/json_text.hpp"
#include "core/kql/kept.hpp"
#include "core/kql/row_function.hpp"
#include "core/kql/utf8.hpp"

#include <algorithm>
#include <cctype>
#include <cstdint>

namespace sluice::kql {
namespace {

/// What a term is made of: letters, digits and everything outside of ASCII.
bool is_term_char(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || static_cast<unsigned char>(c) >= 0x80;
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool same(std::string_view a, std::string_view b, bool ignore_case) {
    if (!ignore_case)
        return a == b;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (lower(a[i]) != lower(b[i]))
            return false;
    return true;
}

enum class Border { Both, Before, After };

/// The text holds `term` with a border of terms where asked. An empty term is in every text.
bool has_term(std::string_view text, std::string_view term, bool ignore_case, Border border) {
    if (term.empty())
        return true;
    for (std::size_t i = 0; i + term.size() <= text.size(); ++i) {
        if (!same(text.substr(i, term.size()), term, ignore_case))
            continue;
        const std::size_t end = i + term.size();
        const bool before = i == 0 || !is_term_char(text[i - 1]) || !is_term_char(term.front());
        const bool after = end == text.size() || !is_term_char(text[end]) || !is_term_char(term.back());
        if ((border == Border::After || before) && (border == Border::Before || after))
            return true;
    }
    return false;
}

bool has_of_list(const In& in, bool all) {
    const Json& list = kept<parse_json>(in.text(1));
    if (!list.is_array())
        return has_term(in.text(0), dynamic_to_string(in.text(1)), true, Border::Both);
    for (const Json& item : list) {
        const bool found =
            has_term(in.text(0), item.is_string() ? item.get<std::string>() : dump_json(item), true, Border::Both);
        if (found != all)
            return found;
    }
    return all;
}

/// Byte offsets of the code points, and one past the end.
std::vector<std::size_t> code_points(std::string_view text) {
    std::vector<std::size_t> starts;
    for (std::size_t i = 0; i < text.size(); ++i)
        if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80)
            starts.push_back(i);
    starts.push_back(text.size());
    return starts;
}

std::string_view substring(std::string_view text, std::int64_t start, std::int64_t length) {
    const auto starts = code_points(text);
    const auto size = static_cast<std::int64_t>(starts.size()) - 1;
    if (start < 0)
        start = std::max<std::int64_t>(0, size + start);
    if (start >= size || length <= 0)
        return {};
    const std::int64_t end = length > size - start ? size : start + length;
    return text.substr(starts[static_cast<std::size_t>(start)],
                       starts[static_cast<std::size_t>(end)] - starts[static_cast<std::size_t>(start)]);
}

/// Where the wanted text begins, in code points; every further occurrence has `length` characters to be found in.
std::int64_t index_of(std::string_view text, std::string_view wanted, std::int64_t start, std::int64_t length,
                      std::int64_t occurrence) {
    const auto starts = code_points(text);
    const auto size = static_cast<std::int64_t>(starts.size()) - 1;
    if (start < 0)
        start = std::max<std::int64_t>(0, size + start);
    for (std::int64_t from = start; from <= size;) {
        const std::int64_t end = length < 0 || length > size - from ? size : from + length;
        const std::string_view within = text.substr(0, starts[static_cast<std::size_t>(end)]);
        const std::size_t found = within.find(wanted, starts[static_cast<std::size_t>(from)]);
        if (found == std::string_view::npos)
            return -1;
        const auto at = std::lower_bound(starts.begin(), starts.end(), found) - starts.begin();
        if (--occurrence <= 0)
            return at;
        from = at + 1;
    }
    return -1;
}

/// Each lookup in its turn, over what no earlier one has matched. A replacement of another type keeps the match.
std::string replaced_all(std::string_view text, const Json& lookups, const Json& rewrites) {
    struct Piece {
        std::string text;
        bool done;
    };
    std::vector<Piece> pieces{{std::string(text), false}};
    for (std::size_t i = 0; lookups.is_array() && i < lookups.size(); ++i) {
        if (!lookups[i].is_string() || lookups[i].get_ref<const std::string&>().empty())
            continue;
        const std::string& wanted = lookups[i].get_ref<const std::string&>();
        const Json with = rewrites.is_array() ? i < rewrites.size() ? rewrites[i] : Json() : rewrites;
        const std::string written = with.is_string() ? with.get<std::string>() : wanted;
        std::vector<Piece> next;
        for (Piece& piece : pieces) {
            if (piece.done) {
                next.push_back(std::move(piece));
                continue;
            }
            std::string_view rest = piece.text;
            for (std::size_t at = rest.find(wanted); at != std::string_view::npos; at = rest.find(wanted)) {
                if (at > 0)
                    next.push_back({std::string(rest.substr(0, at)), false});
                next.push_back({written, true});
                rest.remove_prefix(at + wanted.size());
            }
            if (!rest.empty())
                next.push_back({std::string(rest), false});
        }
        pieces = std::move(next);
    }
    std::string out;
    for (const Piece& piece : pieces)
        out += piece.text;
    return out;
}

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
    if (from.empty())
        return std::string(text);
    std::string out;
    for (;;) {
        const std::size_t at = text.find(from);
        if (at == std::string_view::npos)
            return out.append(text);
        out.append(text.substr(0, at)).append(to);
        text.remove_prefix(at + from.size());
    }
}

std::string reversed(std::string_view text) {
    const auto starts = code_points(text);
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = starts.size() - 1; i > 0; --i)
        out.append(text.substr(starts[i - 1], starts[i] - starts[i - 1]));
    return out;
}

std::string translated(std::string_view from, std::string_view to, std::string_view text) {
    const auto f = code_points(from), t = code_points(to), s = code_points(text);
    std::string out;
    for (std::size_t i = 0; i + 1 < s.size(); ++i) {
        const std::string_view c = text.substr(s[i], s[i + 1] - s[i]);
        std::size_t k = 0;
        while (k + 1 < f.size() && from.substr(f[k], f[k + 1] - f[k]) != c)
            ++k;
        if (k + 1 >= f.size()) {
            out.append(c);
        } else if (t.size() > 1) {
            // A list of replacements that is too short goes on with its last one.
            const std::size_t r = std::min(k, t.size() - 2);
            out.append(to.substr(t[r], t[r + 1] - t[r]));
        }
    }
    return out;
}

std::string regex_quoted(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (std::string_view("\\.+*?()|[]{}^$#-&~ ").find(c) != std::string_view::npos && c != ' ')
            out += '\\';
        out += c;
    }
    return out;
}

std::string repeated(std::string_view text, std::int64_t times, std::string_view delimiter) {
    constexpr std::int64_t kMost = 1024;
    times = std::min(times, kMost);
    std::string out;
    for (std::int64_t i = 0; i < times; ++i) {
        if (i > 0)
            out.append(delimiter);
        out.append(text);
    }
    return out;
}

} // namespace

void add_string_functions(FunctionList& list) {
    const auto add = [&](std::string name, std::string_view args, std::string_view result, RowFunction function) {
        list.push_back(row_function(std::move(name), args, result, function));
    };
    add("kql_has", "string string", "bool",
        [](const In& in, Out& out) { out.boolean(has_term(in.text(0), in.text(1), true, Border::Both)); });
    add("kql_has_cs", "string string", "bool",
        [](const In& in, Out& out) { out.boolean(has_term(in.text(0), in.text(1), false, Border::Both)); });
    add("kql_hasprefix", "string string", "bool",
        [](const In& in, Out& out) { out.boolean(has_term(in.text(0), in.text(1), true, Border::Before)); });
    add("kql_hasprefix_cs", "string string", "bool",
        [](const In& in, Out& out) { out.boolean(has_term(in.text(0), in.text(1), false, Border::Before)); });
    add("kql_hassuffix", "string string", "bool",
        [](const In& in, Out& out) { out.boolean(has_term(in.text(0), in.text(1), true, Border::After)); });
    add("kql_hassuffix_cs", "string string", "bool",
        [](const In& in, Out& out) { out.boolean(has_term(in.text(0), in.text(1), false, Border::After)); });
    add("kql_has_any", "string dynamic", "bool", [](const In& in, Out& out) { out.boolean(has_of_list(in, false)); });
    add("kql_has_all", "string dynamic", "bool", [](const In& in, Out& out) { out.boolean(has_of_list(in, true)); });
    add("kql_has_any_index", "string dynamic", "long", [](const In& in, Out& out) {
        const Json& values = kept<parse_json>(in.text(1));
        std::int64_t index = -1;
        for (std::size_t i = 0; values.is_array() && i < values.size() && index < 0; ++i)
            if (has_term(in.text(0), values[i].is_string() ? values[i].get<std::string>() : dump_json(values[i]), true,
                         Border::Both))
                index = static_cast<std::int64_t>(i);
        out.integer(index);
    });
    add("kql_substring", "string long long", "string",
        [](const In& in, Out& out) { out.text(substring(in.text(0), in.integer(1), in.integer(2))); });
    add("kql_indexof", "string string long long long", "long", [](const In& in, Out& out) {
        if (in.integer(3) < -1 || in.integer(4) < 0)
            return out.null();
        out.integer(index_of(in.text(0), in.text(1), in.integer(2), in.integer(3), in.integer(4)));
    });
    add("kql_replace_string", "string string string", "string",
        [](const In& in, Out& out) { out.text(replaced(in.text(0), in.text(1), in.text(2))); });
    add("kql_replace_strings", "string dynamic dynamic", "string", [](const In& in, Out& out) {
        out.text(replaced_all(in.text(0), parse_json(in.text(1)), parse_json(in.text(2))));
    });
    add("kql_reverse", "string", "string", [](const In& in, Out& out) { out.text(reversed(in.text(0))); });
    add("kql_translate", "string string string", "string",
        [](const In& in, Out& out) { out.text(translated(in.text(0), in.text(1), in.text(2))); });
    add("kql_regex_quote", "string", "string", [](const In& in, Out& out) { out.text(regex_quoted(in.text(0))); });
    add("kql_isutf8", "string", "bool", [](const In& in, Out& out) { out.boolean(valid_utf8(in.text(0))); });
    add("kql_isascii", "string", "bool", [](const In& in, Out& out) {
        bool ascii = true;
        for (const char c : in.text(0))
            ascii = ascii && static_cast<unsigned char>(c) < 0x80;
        out.boolean(ascii);
    });
    add("kql_strrep", "string long string", "string",
        [](const In& in, Out& out) { out.text(repeated(in.text(0), in.integer(1), in.text(2))); });
    add("kql_strcmp", "string string", "long", [](const In& in, Out& out) {
        const int order = in.text(0).compare(in.text(1));
        out.integer(order < 0 ? -1 : order > 0 ? 1 : 0);
    });
    add("kql_countof", "string string", "long", [](const In& in, Out& out) {
        std::int64_t count = 0;
        const std::string_view text = in.text(0), wanted = in.text(1);
        // Plain matches may overlap.
        for (std::size_t at = text.find(wanted); !wanted.empty() && at != std::string_view::npos;
             at = text.find(wanted, at + 1))
            ++count;
        out.integer(count);
    });
}

} // namespace sluice::kql
