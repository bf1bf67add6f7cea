#include "core/config/raw.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <numeric>
#include <tuple>

namespace sluice::config {

std::string to_string(const Place& place) {
    return fmt::format("{}:{}:{}", place.file, place.line, place.column);
}

std::string to_string(Problems problems) {
    std::stable_sort(problems.begin(), problems.end(), [](const Problem& a, const Problem& b) {
        return std::tie(a.at.line, a.at.column) < std::tie(b.at.line, b.at.column);
    });
    std::string text;
    for (const auto& problem : problems)
        text += fmt::format("{}{}: {}", text.empty() ? "" : "\n", to_string(problem.at), problem.message);
    return text;
}

const Raw* Raw::find(std::string_view name) const {
    const auto found = std::find_if(items.begin(), items.end(), [&](const Raw& item) { return item.key == name; });
    return kind == Kind::Table && found != items.end() ? &*found : nullptr;
}

bool same_value(const Raw& a, const Raw& b) {
    if (a.kind != b.kind || a.boolean != b.boolean || a.integer != b.integer || a.real != b.real || a.text != b.text ||
        a.items.size() != b.items.size())
        return false;
    if (a.kind != Raw::Kind::Table)
        return std::equal(a.items.begin(), a.items.end(), b.items.begin(), same_value);
    return std::all_of(a.items.begin(), a.items.end(), [&](const Raw& item) {
        const auto* other = b.find(item.key);
        return other && same_value(item, *other);
    });
}

std::string shown(const Raw& value) {
    if (value.hidden)
        return "(hidden)";
    switch (value.kind) {
    case Raw::Kind::Boolean:
        return value.boolean ? "true" : "false";
    case Raw::Kind::Integer:
        return std::to_string(value.integer);
    case Raw::Kind::Real:
        return fmt::format("{}", value.real);
    case Raw::Kind::Text:
        return fmt::format("\"{}\"", value.text);
    case Raw::Kind::List:
        return "a list";
    case Raw::Kind::Table:
        return "a table";
    }
    return {};
}

namespace {

std::string folded(std::string_view name) {
    std::string text;
    for (const char c : name)
        if (c != '_' && c != '-')
            text += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

/// Insertions, deletions and replacements that turn one into the other.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), 0);
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row.back();
}

} // namespace

std::string nearest(std::string_view name, const std::vector<std::string>& known) {
    constexpr std::size_t kLongest = 64; // names longer than any of ours are not worth the quadratic comparison
    if (name.size() > kLongest)
        return {};
    const auto wanted = folded(name);
    std::string best;
    std::size_t least = std::max<std::size_t>(1, wanted.size() / 3) + 1;
    for (const auto& candidate : known) {
        const auto d = distance(wanted, folded(candidate));
        if (d < least) {
            least = d;
            best = candidate;
        }
    }
    return best;
}

} // namespace sluice::config
