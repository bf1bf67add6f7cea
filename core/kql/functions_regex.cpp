#include "core/kql/json_text.hpp"
#include "core/kql/kept.hpp"
#include "core/kql/row_function.hpp"

#include <fmt/format.h>
#include <re2/re2.h>

#include <memory>
#include <stdexcept>

namespace sluice::kql {
namespace {

/// The latest few patterns of this thread, compiled; nearly always the pattern is a constant.
const re2::RE2& compiled(std::string_view pattern) {
    constexpr std::size_t kKept = 8;
    thread_local std::vector<std::pair<std::string, std::unique_ptr<re2::RE2>>> cache;
    for (const auto& [text, regex] : cache)
        if (text == pattern)
            return *regex;
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(8 << 20);
    auto regex = std::make_unique<re2::RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
    if (!regex->ok())
        throw std::runtime_error(
            fmt::format("the regular expression '{}' cannot be used: {}", pattern, regex->error()));
    if (cache.size() == kKept)
        cache.erase(cache.begin());
    cache.emplace_back(pattern, std::move(regex));
    return *cache.back().second;
}

re2::StringPiece piece(std::string_view text) {
    return {text.data(), text.size()};
}

/// Groups of the first match from `from` on; empty: none.
std::vector<re2::StringPiece> match(const re2::RE2& regex, std::string_view text, std::size_t from = 0,
                                    re2::RE2::Anchor anchor = re2::RE2::UNANCHORED) {
    std::vector<re2::StringPiece> groups(static_cast<std::size_t>(regex.NumberOfCapturingGroups()) + 1);
    if (!regex.Match(piece(text), from, text.size(), anchor, groups.data(), static_cast<int>(groups.size())))
        groups.clear();
    return groups;
}

std::string text_of(const re2::StringPiece& group) {
    return group.data() ? std::string(group.data(), group.size()) : std::string();
}

void extract_all(std::string_view pattern, std::string_view text, const Json* wanted, Out& out) {
    const re2::RE2& regex = compiled(pattern);
    const int groups = regex.NumberOfCapturingGroups();
    std::vector<std::size_t> numbers;
    if (wanted && wanted->is_array()) {
        for (const Json& number : *wanted) {
            if (number.is_number_integer())
                numbers.push_back(static_cast<std::size_t>(std::max<std::int64_t>(0, number.get<std::int64_t>())));
            else if (number.is_string() && regex.NamedCapturingGroups().contains(number.get<std::string>()))
                numbers.push_back(static_cast<std::size_t>(regex.NamedCapturingGroups().at(number.get<std::string>())));
        }
    } else {
        for (int i = groups == 0 ? 0 : 1; i <= groups; ++i)
            numbers.push_back(static_cast<std::size_t>(i));
    }
    Json result = Json::array();
    for (std::size_t at = 0; at <= text.size();) {
        const auto found = match(regex, text, at);
        if (found.empty())
            break;
        if (numbers.size() == 1) {
            result.push_back(numbers[0] < found.size() ? text_of(found[numbers[0]]) : std::string());
        } else {
            Json row = Json::array();
            for (const std::size_t number : numbers)
                row.push_back(number < found.size() ? text_of(found[number]) : std::string());
            result.push_back(std::move(row));
        }
        const auto end = static_cast<std::size_t>(found[0].data() - text.data()) + found[0].size();
        at = found[0].empty() ? end + 1 : end;
    }
    if (result.empty())
        out.null();
    else
        out.text(dump_json(result));
}

std::string_view trimmed(std::string_view pattern, std::string_view text, bool start, bool end) {
    if (start) {
        const auto found = match(compiled(pattern), text, 0, re2::RE2::ANCHOR_START);
        if (!found.empty())
            text.remove_prefix(found[0].size());
    }
    if (end) {
        const auto found = match(compiled(fmt::format("(?:{})$", pattern)), text);
        if (!found.empty())
            text.remove_suffix(found[0].size());
    }
    return text;
}

/// Byte offset of the code point with that number, or of the end.
std::size_t offset_of(std::string_view text, std::int64_t point) {
    std::size_t at = 0;
    for (; at < text.size(); ++at)
        if ((static_cast<unsigned char>(text[at]) & 0xC0) != 0x80 && point-- == 0)
            return at;
    return at;
}

/// Matches do not overlap; the result counts code points.
std::int64_t index_of(std::string_view text, const re2::RE2& regex, std::int64_t start, std::int64_t length,
                      std::int64_t occurrence) {
    std::size_t at = offset_of(text, start);
    const std::string_view within = length < 0 ? text : text.substr(0, at + offset_of(text.substr(at), length));
    while (at <= within.size()) {
        const auto found = match(regex, within, at);
        if (found.empty())
            return -1;
        const auto begin = static_cast<std::size_t>(found[0].data() - within.data());
        if (--occurrence <= 0) {
            std::int64_t points = 0;
            for (const char c : within.substr(0, begin))
                points += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
            return points;
        }
        at = begin + std::max<std::size_t>(1, found[0].size());
    }
    return -1;
}

} // namespace

void add_regex_functions(FunctionList& list) {
    const auto add = [&](std::string name, std::string_view args, std::string_view result, RowFunction function) {
        list.push_back(row_function(std::move(name), args, result, function));
    };
    add("kql_matches", "string string", "bool",
        [](const In& in, Out& out) { out.boolean(re2::RE2::PartialMatch(piece(in.text(0)), compiled(in.text(1)))); });
    add("kql_extract", "string long string", "string", [](const In& in, Out& out) {
        const auto found = match(compiled(in.text(0)), in.text(2));
        const auto group = static_cast<std::size_t>(std::max<std::int64_t>(0, in.integer(1)));
        out.text(group < found.size() ? text_of(found[group]) : std::string());
    });
    add("kql_extract_all", "string string", "dynamic",
        [](const In& in, Out& out) { extract_all(in.text(0), in.text(1), nullptr, out); });
    add("kql_extract_all_groups", "string dynamic string", "dynamic", [](const In& in, Out& out) {
        const Json& wanted = kept<parse_json>(in.text(1));
        extract_all(in.text(0), in.text(2), &wanted, out);
    });
    add("kql_replace_regex", "string string string", "string", [](const In& in, Out& out) {
        std::string text(in.text(0));
        re2::RE2::GlobalReplace(&text, compiled(in.text(1)), piece(in.text(2)));
        out.text(text);
    });
    add("kql_trim", "string string", "string",
        [](const In& in, Out& out) { out.text(trimmed(in.text(0), in.text(1), true, true)); });
    add("kql_trim_start", "string string", "string",
        [](const In& in, Out& out) { out.text(trimmed(in.text(0), in.text(1), true, false)); });
    add("kql_trim_end", "string string", "string",
        [](const In& in, Out& out) { out.text(trimmed(in.text(0), in.text(1), false, true)); });
    add("kql_countof_regex", "string string", "long", [](const In& in, Out& out) {
        const re2::RE2& regex = compiled(in.text(1));
        const std::string_view text = in.text(0);
        std::int64_t count = 0;
        for (std::size_t at = 0; at <= text.size(); ++count) {
            const auto found = match(regex, text, at);
            if (found.empty())
                break;
            const auto end = static_cast<std::size_t>(found[0].data() - text.data()) + found[0].size();
            at = found[0].empty() ? end + 1 : end;
        }
        out.integer(count);
    });
    add("kql_indexof_regex", "string string long long long", "long", [](const In& in, Out& out) {
        if (in.integer(2) < 0 || in.integer(3) < -1 || in.integer(4) < 0)
            return out.null();
        out.integer(index_of(in.text(0), compiled(in.text(1)), in.integer(2), in.integer(3), in.integer(4)));
    });
    // Groups of the pattern of a parse operator, as an array; null when the text does not fit.
    add("kql_parse", "string string", "dynamic", [](const In& in, Out& out) {
        const auto found = match(compiled(in.text(1)), in.text(0));
        if (found.empty())
            return out.null();
        std::string text = "[";
        for (std::size_t i = 1; i < found.size(); ++i) {
            if (i > 1)
                text += ',';
            text += found[i].data() ? json_string({found[i].data(), found[i].size()}) : "null";
        }
        out.text(text + "]");
    });
}

} // namespace sluice::kql
