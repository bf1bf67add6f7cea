// The path dialect (formats-and-mappings 9.2): a line with the path, then a document. A path that is accepted can be
// written with quoted names only, and leads to what walking the document step by step leads to.
#include "core/data/path.hpp"

#include "core/data/bound_mapping.hpp"
#include "core/data/json_reader.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/parse.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace sluice::fuzz {
namespace {

using nlohmann::json;

std::string quoted(const data::Path& path) {
    std::string out = "$";
    for (const data::PathStep& step : path.steps) {
        if (step.is_index) {
            out += '[' + std::to_string(step.index) + ']';
            continue;
        }
        out += "['";
        for (const char c : step.name) {
            if (c == '\'' || c == '\\')
                out += '\\';
            out += c;
        }
        out += "']";
    }
    return out;
}

json walk(const json* value, const data::Path& path) {
    for (const data::PathStep& step : path.steps) {
        const bool there = step.is_index ? value->is_array() && step.index < value->size()
                                         : value->is_object() && value->contains(step.name);
        if (!there)
            return nullptr;
        value = step.is_index ? &(*value)[step.index] : &(*value)[step.name];
    }
    return *value;
}

void compare_with_a_walk(const data::Path& path, std::string_view text) {
    const json document = json::parse(text, nullptr, false);
    // A NUL byte ends a text there, and a mark is removed.
    const auto brackets = std::count_if(text.begin(), text.end(), [](char c) { return c == '[' || c == '{'; });
    const bool comparable = document.is_object() && text.find('\0') == text.npos && !text.starts_with("\xEF\xBB\xBF") &&
                            brackets < data::kMaxJsonDepth;
    if (!comparable)
        return;
    const auto schema = std::make_shared<const data::Schema>(data::Schema{{{"y", data::ScalarType::Dynamic}}});
    std::vector<data::BoundElement> elements{{.column = 0, .source = data::BoundElement::Source::Path, .path = path}};
    const auto mapping = std::make_shared<const data::BoundMapping>("M", data::MappingKind::Json, std::move(elements));
    const auto parser = parser_of({.format = data::Format::SingleJson, .schema = schema, .mapping = mapping});
    data::Rows rows(schema);
    parser->begin();
    require(parser->feed(text, false, rows) && parser->finish(rows) && rows.size() == 1, "a JSON object is a record",
            text);
    const data::Column& column = rows.chunks()[0].column(0);
    const json found = column.is_null(0) ? json() : json::parse(column.text(0));
    const json expected = walk(&document, path);
    require(found == expected, "the path leads to the same value",
            found.dump(-1, ' ', false, json::error_handler_t::replace),
            expected.dump(-1, ' ', false, json::error_handler_t::replace));
}

} // namespace

void fuzz_one(std::string_view input) {
    const std::size_t line = std::min(input.find('\n'), input.size());
    const std::string_view text = input.substr(0, line);
    const auto path = data::parse_path(text);
    if (!path) {
        require(!path.error().message.empty(), "a refused path has a reason", text);
        return;
    }
    const std::string normal = quoted(*path);
    const auto again = data::parse_path(normal);
    require(again && *again == *path, "quoted names mean the same path", normal, text);
    if (line < input.size())
        compare_with_a_walk(*path, input.substr(line + 1));
}

} // namespace sluice::fuzz
