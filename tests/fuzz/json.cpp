// json, multijson, singlejson: blocks of any size give the same rows, and what is JSON is agreed on with another
// reader.
#include "core/data/json_reader.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/parse.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace sluice::fuzz {
namespace {

using data::Format;

constexpr Format kFormats[] = {Format::Json, Format::MultiJson, Format::SingleJson};

const auto kTable = one_of_each_type();

constexpr std::string_view kMappings[] = {
    "",
    R"([{"Column":"a","Path":"$.c.k[1]"},{"Column":"c","Path":"$"},{"Column":"i","Transform":"SourceLineNumber"}])",
    R"([{"Column":"c","Path":"$.c","Transform":"DropMappedFields"},{"Column":"a","Path":"$.c.k"},{"Column":"e","Path":"$.c.l.e"},
        {"Column":"d","Path":"$.d","Transform":"DateTimeFromUnixMilliseconds"},{"Column":"b","Path":"$.c.l['b']"}])",
    R"([{"Column":"c","Path":"$.c","Transform":"PropertyBagArrayToDictionary"},{"Column":"a","Path":"$.c"},{"Column":"b","Path":"$[0].b"},
        {"Column":"f","ConstValue":"1.5"}])",
};
constexpr std::string_view kEmbedded[] = {"", R"("a":"service","b":7)"};

/// Notes why the other reader stopped.
struct Acceptor : nlohmann::json_sax<nlohmann::json> {
    bool too_large = false;
    bool null() override { return true; }
    bool boolean(bool) override { return true; }
    bool number_integer(number_integer_t) override { return true; }
    bool number_unsigned(number_unsigned_t) override { return true; }
    bool number_float(number_float_t, const string_t&) override { return true; }
    bool string(string_t&) override { return true; }
    bool binary(binary_t&) override { return true; }
    bool start_object(std::size_t) override { return true; }
    bool key(string_t&) override { return true; }
    bool end_object() override { return true; }
    bool start_array(std::size_t) override { return true; }
    bool end_array() override { return true; }
    bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& exception) override {
        too_large = exception.id == 406; // a number beyond the range of its type, which is none of its syntax
        return false;
    }
};

void compare_with_another_reader(std::string_view text) {
    // Lone surrogates and bytes that are no UTF-8 are errors there and replaced here (formats-and-mappings 2.2, 4.2); a
    // NUL byte ends a text there, and a mark is removed.
    const auto brackets = std::count_if(text.begin(), text.end(), [](char c) { return c == '[' || c == '{'; });
    const bool comparable = data::is_valid_utf8(text) && text.find("\\ud") == text.npos &&
                            text.find("\\uD") == text.npos && text.find('\0') == text.npos &&
                            !text.starts_with("\xEF\xBB\xBF") && brackets < data::kMaxJsonDepth;
    if (!comparable)
        return;
    Acceptor acceptor;
    const bool accepted = nlohmann::json::sax_parse(text, &acceptor);
    const auto compact = data::minify_json(text, data::JsonDialect::Strict);
    if (acceptor.too_large)
        return;
    require(compact.has_value() == accepted, "what is JSON is agreed on", accepted ? "accepted" : "refused", text);
    if (accepted)
        require(nlohmann::json::parse(*compact) == nlohmann::json::parse(text), "compact text means the same", *compact,
                text);
}

} // namespace

void fuzz_one(std::string_view input) {
    Choices choices(input);
    data::ParserOptions options{.format = kFormats[choices.next(std::size(kFormats))], .schema = kTable};
    if (const std::string_view mapping = kMappings[choices.next(std::size(kMappings))]; !mapping.empty())
        options.mapping = *data::bind_mapping(*data::parse_mapping("M", data::MappingKind::Json, mapping), *kTable);
    const std::size_t switches = choices.next(4);
    options.strict = switches >= 2;
    const data::SourceFacts facts{.embedded = kEmbedded[switches % 2]};
    const std::size_t block = 1 + choices.next(64);
    const std::string_view text = choices.rest();

    const auto parser = parser_of(options);
    const std::string whole = outcome_of(*parser, options.schema, text, 0, facts);
    require_equal(outcome_of(*parser, options.schema, text, block, facts), whole, "rows do not depend on blocks");
    compare_with_another_reader(text);
}

} // namespace sluice::fuzz
