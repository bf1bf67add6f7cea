#include "core/kql/json_text.hpp"
#include "core/kql/row_function.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

/// Patterns of attributes: which values of which columns go together in many rows. Behind the plugins basket,
/// autocluster and diffpatterns.
namespace sluice::kql {
namespace {

/// Distinct rows as numbers of values, with the weight that each has in set A and in set B.
struct Rows {
    std::vector<std::vector<std::uint32_t>> values;
    std::vector<double> a, b;
    std::vector<std::vector<Json>> dictionary; ///< by column
    double total_a = 0, total_b = 0;
    std::size_t columns = 0;
};

/// [[value, ..., weight in A, weight in B], ...]
Rows read(std::string_view text) {
    Rows rows;
    std::vector<std::map<std::string, std::uint32_t>> numbers;
    for (const Json& row : parse_json(text)) {
        rows.columns = row.size() - 2;
        numbers.resize(rows.columns);
        rows.dictionary.resize(rows.columns);
        std::vector<std::uint32_t> values;
        for (std::size_t i = 0; i < rows.columns; ++i) {
            const auto [at, added] =
                numbers[i].emplace(dump_json(row[i]), static_cast<std::uint32_t>(rows.dictionary[i].size()));
            if (added)
                rows.dictionary[i].push_back(row[i]);
            values.push_back(at->second);
        }
        rows.values.push_back(std::move(values));
        rows.a.push_back(row[rows.columns].get<double>());
        rows.b.push_back(row[rows.columns + 1].get<double>());
        rows.total_a += rows.a.back();
        rows.total_b += rows.b.back();
    }
    return rows;
}

constexpr std::uint32_t kAny = 0xFFFFFFFF;

struct Pattern {
    std::vector<std::uint32_t> values; ///< kAny where the column is free
    std::vector<std::size_t> rows;
    double a = 0, b = 0;
    std::size_t fixed() const {
        return values.size() - static_cast<std::size_t>(std::count(values.begin(), values.end(), kAny));
    }
};

/// Fixes every column that has one value in all rows of the pattern: the pattern says all that its rows share.
void close(const Rows& rows, Pattern& pattern) {
    for (std::size_t c = 0; c < rows.columns; ++c) {
        const std::uint32_t value = rows.values[pattern.rows.front()][c];
        if (std::all_of(pattern.rows.begin(), pattern.rows.end(),
                        [&](std::size_t row) { return rows.values[row][c] == value; }))
            pattern.values[c] = value;
    }
}

/// All patterns that enough rows have in A or in B, depth first over the columns. Patterns without a fixed column are
/// none.
std::vector<Pattern> frequent(const Rows& rows, double threshold, std::size_t dimensions) {
    constexpr std::size_t kMostPatterns = 20'000;
    std::vector<Pattern> found;
    std::set<std::vector<std::uint32_t>> seen;
    const auto enough = [&](const Pattern& p) {
        return (rows.total_a > 0 && p.a >= threshold * rows.total_a) ||
               (rows.total_b > 0 && p.b >= threshold * rows.total_b);
    };
    const auto extend = [&](const auto& self, const Pattern& from, std::size_t first, std::size_t chosen) -> void {
        for (std::size_t c = first; c < rows.columns && chosen < dimensions; ++c) {
            if (from.values[c] != kAny)
                continue;
            std::map<std::uint32_t, Pattern> parts;
            for (const std::size_t row : from.rows) {
                Pattern& part = parts[rows.values[row][c]];
                part.rows.push_back(row);
                part.a += rows.a[row];
                part.b += rows.b[row];
            }
            for (auto& [value, part] : parts) {
                if (!enough(part) || found.size() >= kMostPatterns)
                    continue;
                part.values = from.values;
                part.values[c] = value;
                const Pattern open = part;
                close(rows, part);
                if (seen.insert(part.values).second)
                    found.push_back(part);
                self(self, open, c + 1, chosen + 1);
            }
        }
    };
    Pattern all;
    all.values.assign(rows.columns, kAny);
    for (std::size_t i = 0; i < rows.values.size(); ++i)
        all.rows.push_back(i);
    extend(extend, all, 0, 0);
    return found;
}

/// Patterns whose rows are mostly those of a better one before them say nothing new.
std::vector<Pattern> without_repeats(std::vector<Pattern> patterns, const Rows& rows, std::size_t most) {
    std::vector<Pattern> kept;
    std::vector<bool> covered(rows.values.size(), false);
    for (Pattern& pattern : patterns) {
        double fresh = 0, whole = 0;
        for (const std::size_t row : pattern.rows) {
            whole += rows.a[row] + rows.b[row];
            fresh += covered[row] ? 0 : rows.a[row] + rows.b[row];
        }
        if (fresh < whole / 2 || kept.size() >= most)
            continue;
        for (const std::size_t row : pattern.rows)
            covered[row] = true;
        kept.push_back(std::move(pattern));
    }
    return kept;
}

Json shown(const Rows& rows, const Pattern& pattern, std::size_t id, bool both) {
    Json row = Json::array({id});
    if (both) {
        const double share_a = rows.total_a > 0 ? 100 * pattern.a / rows.total_a : 0;
        const double share_b = rows.total_b > 0 ? 100 * pattern.b / rows.total_b : 0;
        row.insert(row.end(), {std::llround(pattern.a), std::llround(pattern.b), std::round(share_a * 100) / 100,
                               std::round(share_b * 100) / 100, std::round(std::abs(share_a - share_b) * 100) / 100});
    } else {
        row.push_back(std::llround(pattern.a));
        row.push_back(rows.total_a > 0 ? 100 * pattern.a / rows.total_a : 0.0);
    }
    for (std::size_t c = 0; c < rows.columns; ++c)
        row.push_back(Json::array(
            {pattern.values[c] != kAny, pattern.values[c] == kAny ? Json() : rows.dictionary[c][pattern.values[c]]}));
    return row;
}

/// (rows, kind, number, number): basket's threshold and most dimensions, autocluster's weight of the size and number of
/// patterns, diffpatterns' threshold and most dimensions. [[id, counts ..., [is fixed, value] ...], ...]
void patterns(const In& in, Out& out) {
    const Rows rows = read(in.text(0));
    const std::string_view kind = in.text(1);
    const double number = in.real(2);
    const auto most = static_cast<std::size_t>(std::max(1.0, in.real(3)));
    Json result = Json::array();
    std::vector<Pattern> found;
    const auto share = [](double total, double part) { return total > 0 ? part / total : 0.0; };
    if (kind == "basket") {
        found = frequent(rows, std::clamp(number, 0.0, 1.0), most);
        std::stable_sort(found.begin(), found.end(), [](const Pattern& x, const Pattern& y) { return x.a > y.a; });
    } else if (kind == "autocluster") {
        constexpr double kLeastShare = 0.05;
        constexpr std::size_t kDimensions = 5;
        const double weight = std::clamp(number, 0.0, 1.0);
        found = frequent(rows, kLeastShare, kDimensions);
        const auto score = [&](const Pattern& p) {
            return std::pow(share(rows.total_a, p.a), weight) *
                   std::pow(static_cast<double>(p.fixed()) / static_cast<double>(rows.columns), 1 - weight);
        };
        std::stable_sort(found.begin(), found.end(),
                         [&](const Pattern& x, const Pattern& y) { return score(x) > score(y); });
        found = without_repeats(std::move(found), rows, most);
    } else {
        found = frequent(rows, std::clamp(number, 0.0, 1.0), most);
        const auto difference = [&](const Pattern& p) {
            return std::abs(share(rows.total_a, p.a) - share(rows.total_b, p.b));
        };
        std::erase_if(found, [&](const Pattern& p) { return difference(p) < number; });
        std::stable_sort(found.begin(), found.end(),
                         [&](const Pattern& x, const Pattern& y) { return difference(x) > difference(y); });
        found = without_repeats(std::move(found), rows, rows.values.size());
    }
    for (std::size_t i = 0; i < found.size(); ++i)
        result.push_back(shown(rows, found[i], i, kind == "diffpatterns"));
    out.text(dump_json(result));
}

} // namespace

void add_pattern_functions(FunctionList& list) {
    list.push_back(row_function("kql_patterns", "dynamic string real real", "dynamic", patterns));
}

} // namespace sluice::kql
