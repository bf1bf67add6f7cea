#include "core/config/reader.hpp"

#include "core/config/units.hpp"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <filesystem>

namespace sluice::config {
namespace {

std::string listed(const std::vector<std::string>& choices) {
    std::string text;
    for (std::size_t i = 0; i < choices.size(); ++i)
        text += fmt::format("{}\"{}\"", i == 0 ? "" : (i + 1 == choices.size() ? " or " : ", "), choices[i]);
    return text;
}

std::string resolved(const std::string& path, const std::string& folder) {
    return (std::filesystem::path(folder) / path).lexically_normal().string();
}

} // namespace

std::string Reader::prefix() const {
    return names_.subject.empty() ? "" : names_.subject + ": ";
}

std::string Reader::named(std::string_view key) const {
    return names_.path.empty() ? std::string(key) : fmt::format("{}.{}", names_.path, key);
}

const Raw* Reader::find(std::string_view key) {
    known_.emplace_back(key);
    return table_.find(key);
}

void Reader::problem(const Place& at, std::string message) {
    problems_.push_back({at, prefix() + std::move(message)});
}

void Reader::wrong(std::string_view key, const Raw& value, std::string_view way_out, bool secret) {
    problem(value.at, fmt::format("{} is {}; {}", named(key), secret ? "(hidden)" : shown(value), way_out));
}

const Raw* Reader::of_kind(std::string_view key, Raw::Kind kind, std::string_view expected) {
    const auto* value = find(key);
    if (value && value->kind != kind) {
        wrong(key, *value, fmt::format("it must be {}", expected));
        return nullptr;
    }
    return value;
}

void Reader::boolean(std::string_view key, bool& out) {
    if (const auto* value = of_kind(key, Raw::Kind::Boolean, "true or false, without quotes"))
        out = value->boolean;
}

void Reader::text(std::string_view key, std::string& out) {
    if (const auto* value = of_kind(key, Raw::Kind::Text, "a text in quotes"))
        out = value->text;
}

void Reader::path(std::string_view key, std::string& out, const std::string& folder) {
    const auto* value = of_kind(key, Raw::Kind::Text, "a path in quotes");
    if (!value)
        return;
    if (value->text.empty())
        wrong(key, *value, "it must name a file or folder; leave the key out to go without");
    else
        out = resolved(value->text, folder);
}

void Reader::texts(std::string_view key, std::vector<std::string>& out) {
    const auto* value = of_kind(key, Raw::Kind::List, "a list of texts, such as [\"a\", \"b\"]");
    if (!value)
        return;
    std::vector<std::string> found;
    for (const auto& item : value->items) {
        if (item.kind != Raw::Kind::Text) {
            problem(item.at, fmt::format("{} holds {}; every item must be a text in quotes", named(key), shown(item)));
            return;
        }
        found.push_back(item.text);
    }
    out = std::move(found);
}

void Reader::paths(std::string_view key, std::vector<std::string>& out, const std::string& folder) {
    std::vector<std::string> found;
    texts(key, found);
    if (!table_.find(key))
        return;
    for (auto& path : found)
        path = resolved(path, folder);
    out = std::move(found);
}

void Reader::duration(std::string_view key, std::chrono::milliseconds& out, DurationRange range) {
    const auto* value = find(key);
    if (!value)
        return;
    if (value->kind == Raw::Kind::Integer || value->kind == Raw::Kind::Real)
        return wrong(key, *value, fmt::format("durations need a unit, such as \"{}s\"", shown(*value)));
    if (value->kind != Raw::Kind::Text)
        return wrong(key, *value, "it must be a duration, such as \"5s\"");
    const auto parsed = parse_duration(value->text);
    if (!parsed)
        return wrong(key, *value,
                     value->hidden ? "it must be a duration with a unit, such as \"5s\"" : parsed.error().message);
    const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(*parsed);
    if (whole != *parsed)
        return wrong(key, *value, "the finest step here is \"1ms\"");
    if (whole < range.least)
        return wrong(key, *value, fmt::format("it must be at least \"{}\"", format_duration(range.least)));
    if (whole > range.most)
        return wrong(key, *value, fmt::format("it must be at most \"{}\"", format_duration(range.most)));
    out = whole;
}

void Reader::size(std::string_view key, Bytes& out, SizeRange range) {
    const auto* value = find(key);
    if (!value)
        return;
    Bytes bytes = 0;
    if (value->kind == Raw::Kind::Text) {
        const auto parsed = parse_size(value->text);
        if (!parsed)
            return wrong(key, *value, parsed.error().message);
        bytes = *parsed;
    } else if (value->kind == Raw::Kind::Integer && value->integer >= 0) {
        bytes = static_cast<Bytes>(value->integer);
    } else {
        return wrong(key, *value, "it must be a size, such as \"64MiB\", or a number of bytes");
    }
    if (bytes < range.least)
        return wrong(key, *value, fmt::format("it must be at least \"{}\"", format_size(range.least)));
    if (bytes > range.most)
        return wrong(key, *value, fmt::format("it must be at most \"{}\"", format_size(range.most)));
    out = bytes;
}

void Reader::choice(std::string_view key, std::string& out, const std::vector<std::string>& choices) {
    const auto* value = of_kind(key, Raw::Kind::Text, listed(choices));
    if (!value)
        return;
    const auto found = std::find_if(choices.begin(), choices.end(), [&](const std::string& choice) {
        return strcasecmp(choice.c_str(), value->text.c_str()) == 0;
    });
    if (found == choices.end())
        return wrong(key, *value, "it must be " + listed(choices));
    out = *found;
}

void Reader::exact_choice(std::string_view key, std::string& out, const std::vector<std::string>& choices) {
    const auto* value = of_kind(key, Raw::Kind::Text, listed(choices));
    if (!value)
        return;
    if (std::find(choices.begin(), choices.end(), value->text) == choices.end())
        return wrong(key, *value, "it must be " + listed(choices));
    out = value->text;
}

std::optional<std::int64_t> Reader::whole_number(std::string_view key, std::int64_t least, std::int64_t most) {
    const auto* value = of_kind(key, Raw::Kind::Integer, "a whole number, without quotes");
    if (!value)
        return std::nullopt;
    if (value->integer < least || value->integer > most) {
        wrong(key, *value, fmt::format("it must lie between {} and {}", least, most));
        return std::nullopt;
    }
    return value->integer;
}

const Raw* Reader::nested(std::string_view key) {
    return of_kind(key, Raw::Kind::Table, fmt::format("a table, such as [{}]", named(key)));
}

std::vector<const Raw*> Reader::tables(std::string_view key) {
    const auto form = fmt::format("written as [[{}]], once for each", named(key));
    const auto* list = of_kind(key, Raw::Kind::List, form);
    std::vector<const Raw*> found;
    if (!list)
        return found;
    for (const auto& item : list->items) {
        if (item.kind == Raw::Kind::Table)
            found.push_back(&item);
        else
            problem(item.at, fmt::format("{} holds {}; it must be {}", named(key), shown(item), form));
    }
    return found;
}

bool Reader::require(std::string_view key) {
    if (find(key))
        return true;
    problem(table_.at, fmt::format("{} is missing; it is required", named(key)));
    return false;
}

void Reader::reject(std::string_view key, std::string_view why) {
    if (const auto* value = find(key))
        problem(value->key_at, fmt::format("{} {}", named(key), why));
}

void Reader::finish() {
    for (const auto& item : table_.items) {
        if (std::find(known_.begin(), known_.end(), item.key) != known_.end())
            continue;
        const auto meant = nearest(item.key, known_);
        problem(item.key_at, fmt::format("unknown key {}; {}", named(item.key),
                                         meant.empty() ? "remove it, or see config/sluice.toml for the keys there are"
                                                       : fmt::format("did you mean {}?", named(meant))));
    }
}

} // namespace sluice::config
