#include "core/kql/json_text.hpp"
#include "core/kql/row_function.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

/// Functions that see all rows of a group at once, as one JSON array: what neither SQL's windows nor its aggregates can
/// say.
namespace sluice::kql {
namespace {

/// row_window_session: of [[value, restart, most from the first, most from the one before], ...] where the session of
/// each row began.
void row_sessions(const In& in, Out& out) {
    std::string result = "[";
    std::optional<std::int64_t> begin, before;
    for (const Json& row : parse_json(in.text(0))) {
        if (result.size() > 1)
            result += ',';
        if (!row[0].is_number_integer()) {
            begin = before = std::nullopt;
            result += "null";
            continue;
        }
        const auto value = row[0].get<std::int64_t>();
        const auto reaches = [&](std::int64_t from, const Json& distance) {
            return distance.is_number_integer() && value - from >= distance.get<std::int64_t>();
        };
        if (!begin || row[1] == 1 || reaches(*begin, row[2]) || reaches(*before, row[3]))
            begin = value;
        before = value;
        result += std::to_string(*begin);
    }
    out.text(result + "]");
}

/// A text taken apart: terms, and what stands before each of them; the last is what stands behind the last term.
struct Terms {
    std::vector<std::string> terms, between;
};

Terms split(std::string_view text, std::string_view separators) {
    const auto separates = [&](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return separators.empty() ? byte < 0x80 && !std::isalnum(byte) : separators.find(c) != std::string_view::npos;
    };
    Terms result;
    result.between.emplace_back();
    for (std::size_t i = 0; i < text.size();) {
        const bool between = separates(text[i]);
        const std::size_t begin = i;
        while (i < text.size() && separates(text[i]) == between)
            ++i;
        if (between) {
            result.between.back() = text.substr(begin, i - begin);
        } else {
            result.terms.emplace_back(text.substr(begin, i - begin));
            result.between.emplace_back();
        }
    }
    return result;
}

/// The text with a '*' for each run of terms that are not frequent. Separators that the caller named vanish beside it.
std::string pattern_of(const Terms& terms, const std::set<std::string>& frequent, bool named_separators) {
    std::string pattern;
    bool gap = false, any = false;
    for (std::size_t i = 0; i < terms.terms.size(); ++i) {
        const bool keeps = frequent.contains(terms.terms[i]);
        any = any || keeps;
        if (!gap || keeps)
            pattern += (gap || !keeps) && named_separators ? "" : terms.between[i];
        if (keeps)
            pattern += terms.terms[i];
        else if (!gap)
            pattern += '*';
        gap = !keeps;
    }
    if (!gap || !named_separators)
        pattern += terms.between.back();
    return any ? pattern : "";
}

/// `reduce`: of [[text, count], ...] the patterns as [[pattern, count, representative], ...], or the pattern of each
/// text as [[text, pattern], ...]. A term is frequent, and a pattern stands for itself, when enough rows have it;
/// everything else belongs to "others".
void reduce(const In& in, Out& out) {
    const double threshold = in.null(1) ? 0.1 : in.real(1);
    const std::string_view separators = in.text(2);
    std::vector<std::pair<std::string, std::int64_t>> texts;
    std::vector<Terms> terms;
    std::map<std::string, std::int64_t> counts;
    std::int64_t rows = 0;
    for (const Json& pair : parse_json(in.text(0))) {
        texts.emplace_back(pair[0].get<std::string>(), pair[1].get<std::int64_t>());
        rows += texts.back().second;
        terms.push_back(split(texts.back().first, separators));
        for (const std::string& term : std::set<std::string>(terms.back().terms.begin(), terms.back().terms.end()))
            counts[term] += texts.back().second;
    }
    const auto enough = [&](std::int64_t count) {
        return count > 1 && static_cast<double>(count) >= threshold * static_cast<double>(rows);
    };
    std::set<std::string> frequent;
    for (const auto& [term, count] : counts)
        if (enough(count))
            frequent.insert(term);
    struct Group {
        std::string pattern, representative;
        std::int64_t count = 0;
    };
    std::vector<Group> groups;
    std::map<std::string, std::size_t> index;
    std::vector<std::string> patterns;
    for (std::size_t i = 0; i < texts.size(); ++i) {
        patterns.push_back(pattern_of(terms[i], frequent, !separators.empty()));
        const auto [at, added] = index.emplace(patterns.back(), groups.size());
        if (added)
            groups.push_back({patterns.back(), texts[i].first});
        groups[at->second].count += texts[i].second;
    }
    const auto stands = [&](const Group& group) { return !group.pattern.empty() && enough(group.count); };
    Json result = Json::array();
    if (in.boolean(3)) {
        for (std::size_t i = 0; i < texts.size(); ++i)
            result.push_back({texts[i].first, stands(groups[index[patterns[i]]]) ? patterns[i] : "others"});
        out.text(dump_json(result));
        return;
    }
    std::int64_t others = 0;
    std::stable_sort(groups.begin(), groups.end(), [](const Group& a, const Group& b) { return a.count > b.count; });
    for (const Group& group : groups) {
        if (stands(group))
            result.push_back({group.pattern, group.count, group.representative});
        else
            others += group.count;
    }
    if (others > 0)
        result.push_back({"others", others, ""});
    out.text(dump_json(result));
}

} // namespace

void add_rows_functions(FunctionList& list) {
    list.push_back(row_function("kql_row_sessions", "dynamic", "dynamic", row_sessions));
    list.push_back(row_function("kql_reduce", "dynamic real string bool", "dynamic", reduce, Nulls::See));
}

} // namespace sluice::kql
