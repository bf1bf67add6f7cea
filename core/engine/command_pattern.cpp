#include "core/engine/command_lexer.hpp"
#include "core/engine/command_parser.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

namespace sluice::engine {

const std::string* Properties::find(std::string_view name) const {
    for (const auto& property : list_)
        if (same_word(property.name, name))
            return &property.value;
    return nullptr;
}

std::optional<std::string> Properties::get(std::string_view name) const {
    const std::string* value = find(name);
    return value ? std::optional(*value) : std::nullopt;
}

Result<bool> Properties::flag(std::string_view name) const {
    const std::string* value = find(name);
    if (!value || same_word(*value, "false"))
        return false;
    if (same_word(*value, "true"))
        return true;
    return Error{ErrorCode::Invalid, fmt::format("Property '{}' is '{}'; it takes true or false.", name, *value),
                 "General_BadRequest"};
}

Result<> Properties::only(std::initializer_list<std::string_view> names) const {
    for (const auto& property : list_) {
        if (std::any_of(names.begin(), names.end(),
                        [&](std::string_view name) { return same_word(name, property.name); }))
            continue;
        if (names.size() == 0)
            return Error{ErrorCode::Invalid,
                         fmt::format("Property '{}' is unknown: this command has no properties.", property.name),
                         "General_BadRequest"};
        return Error{ErrorCode::Invalid,
                     fmt::format("Property '{}' is unknown here; this command knows: {}.", property.name,
                                 fmt::join(names, ", ")),
                     "General_BadRequest"};
    }
    return {};
}

const Argument& Arguments::get(std::string_view name) const {
    static const Argument none;
    const auto found = values_.find(name);
    return found == values_.end() ? none : found->second;
}

Pattern::Pattern(std::string_view text) {
    std::vector<std::size_t> open;
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t end = std::min(text.find(' ', at), text.size());
        const std::string_view word = text.substr(at, end - at);
        at = end + 1;
        Element element;
        if (word.empty()) {
            continue;
        } else if (word == "[") {
            element.kind = Element::Kind::Open;
            open.push_back(elements_.size());
        } else if (word == "]") {
            assert(!open.empty());
            elements_[open.back()].close = elements_.size();
            open.pop_back();
        } else if (word.front() == '<') {
            const std::size_t colon = word.find(':');
            element.kind = Element::Kind::Argument;
            element.name = word.substr(1, colon - 1);
            element.type = word.substr(colon + 1, word.size() - colon - 2);
        } else {
            element.kind = Element::Kind::Keywords;
            for (std::size_t from = 0; from <= word.size();) {
                const std::size_t bar = std::min(word.find('|', from), word.size());
                element.words.emplace_back(word.substr(from, bar - from));
                from = bar + 1;
            }
        }
        elements_.push_back(std::move(element));
    }
    assert(open.empty());
}

std::string Pattern::display() const {
    std::string out = ".";
    for (const auto& element : elements_) {
        std::string part;
        switch (element.kind) {
        case Element::Kind::Keywords:
            part = fmt::format("{}", fmt::join(element.words, "|"));
            break;
        case Element::Kind::Open:
            part = "[";
            break;
        case Element::Kind::Close:
            part = "]";
            break;
        case Element::Kind::Argument:
            if (element.type == "input")
                part = "<| ...";
            else if (element.type == "columns" || element.type == "names" || element.type == "properties" ||
                     element.type == "parameters")
                part = "(...)";
            else if (element.type == "anything")
                part = "...";
            else
                part = "<" + element.name + ">";
            break;
        }
        const bool glue = out == "." || out.back() == '[' || part == "]";
        out += (glue ? "" : " ") + part;
    }
    return out;
}

} // namespace sluice::engine
