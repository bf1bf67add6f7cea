// w3clogfile: blocks of any size give the same rows, and a table of texts gets what a plain reading of
// formats-and-mappings 7 gives.
#include "core/data/json_text.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/parse.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace sluice::fuzz {
namespace {

using data::Format;
using data::ScalarType;

const auto kTexts = std::make_shared<const data::Schema>(
    data::Schema{{{"a", ScalarType::String}, {"b", ScalarType::String}, {"cs(X)", ScalarType::String}}});
const auto kTyped = one_of_each_type();
constexpr std::string_view kMapping =
    R"x([{"Column":"a","Field":"cs(X)"},{"Column":"b","Field":"a"},{"Column":"c","Field":"a"},{"Column":"d","ConstValue":"2026-01-02"},
        {"Column":"i","Transform":"SourceLineNumber"}])x";

using Texts = std::vector<std::string>;

bool blank(char c) {
    return c == ' ' || c == '\t';
}

/// The values of a line; nothing: a quote is broken.
std::optional<Texts> plain_values(std::string_view line) {
    Texts values;
    std::size_t at = 0;
    for (;;) {
        while (at < line.size() && blank(line[at]))
            ++at;
        if (at == line.size())
            return values;
        values.emplace_back();
        if (line[at] != '"') {
            while (at < line.size() && !blank(line[at]))
                values.back() += line[at++];
            continue;
        }
        for (++at;; ++at) {
            if (at == line.size())
                return std::nullopt;
            if (line[at] == '"' && line.substr(at, 2) != "\"\"")
                break;
            values.back() += line[at];
            at += line[at] == '"';
        }
        if (++at < line.size() && !blank(line[at]))
            return std::nullopt;
    }
}

bool names_fields(std::string_view line) {
    constexpr std::string_view kName = "#fields:";
    return line.size() >= kName.size() && std::equal(kName.begin(), kName.end(), line.begin(), [](char a, char b) {
               return a == (b >= 'A' && b <= 'Z' ? b + 32 : b);
           });
}

std::string plain_outcome(std::string_view text) {
    std::string out;
    std::optional<Texts> names;
    std::size_t malformed = 0;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        std::string_view line = text.substr(at, end - at);
        at = end + 1;
        while (!line.empty() && (blank(line.front()) || line.front() == '\r'))
            line.remove_prefix(1);
        while (!line.empty() && (blank(line.back()) || line.back() == '\r'))
            line.remove_suffix(1);
        if (line.empty())
            continue;
        if (line.front() == '#') {
            if (names_fields(line))
                names = plain_values(line.substr(8)).value_or(Texts());
            continue;
        }
        if (!names)
            return "BadRequest_InvalidBlob";
        const auto values = plain_values(line);
        if (!values || values->size() != names->size()) {
            ++malformed;
            continue;
        }
        out += out.empty() ? "(" : " (";
        for (std::size_t i = 0; i < kTexts->size(); ++i) {
            std::string value;
            for (std::size_t k = 0; k < names->size(); ++k)
                if ((*names)[k] == (*kTexts)[i].name && (*values)[k] != "-")
                    value = (*values)[k];
            out += (i == 0 ? "" : ",") + value;
        }
        out += ')';
    }
    if (out.empty())
        return "BadRequest_NoRecordsOrWrongFormat";
    return out + " malformed " + std::to_string(malformed) + " nulled 0 truncated 0 adjusted 0";
}

} // namespace

void fuzz_one(std::string_view input) {
    Choices choices(input);
    const std::size_t table = choices.next(3);
    data::ParserOptions options{.format = Format::W3cLogFile, .schema = table == 0 ? kTexts : kTyped};
    if (table == 2)
        options.mapping =
            *data::bind_mapping(*data::parse_mapping("M", data::MappingKind::W3cLogFile, kMapping), *kTyped);
    options.strict = choices.next(2) == 1;
    const std::size_t block = 1 + choices.next(64);
    const std::string_view text = choices.rest();

    const auto parser = parser_of(options);
    const std::string whole = outcome_of(*parser, options.schema, text, 0);
    require_equal(outcome_of(*parser, options.schema, text, block), whole, "rows do not depend on blocks");
    // Bytes that begin like a byte order mark or are no UTF-8 are changed before the format sees them.
    const bool as_it_is = !text.empty() && text.front() != '\xEF' && text.front() != '\0' && data::is_valid_utf8(text);
    if (table == 0 && !options.strict && as_it_is)
        require_equal(whole, plain_outcome(text), "rows are those of the rules");
}

} // namespace sluice::fuzz
