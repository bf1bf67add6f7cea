// csv, tsv, scsv, sohsv, psv, tsve, txt, raw: blocks of any size give the same rows, and a table of texts gets what a
// plain reading of formats-and-mappings 3 gives.
#include "core/data/json_text.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/parse.hpp"

#include <optional>
#include <vector>

namespace sluice::fuzz {
namespace {

using data::Format;
using data::ScalarType;

constexpr Format kFormats[] = {Format::Csv, Format::Tsv,  Format::Scsv, Format::Sohsv,
                               Format::Psv, Format::Tsve, Format::Txt,  Format::Raw};
constexpr char kDelimiters[] = {',', '\t', ';', '\x01', '|', '\t', '\n', '\n'};

using Texts = std::vector<std::string>;

/// The rules of the page read byte by byte, without a thought for speed. Fields of the next record from `at` on;
/// nothing: a quote is broken.
std::optional<Texts> plain_record(std::string_view text, std::size_t& at, char delimiter, bool quotes, bool escapes) {
    Texts fields(1);
    const auto line_end = [&](std::size_t i) { return text.substr(i, 1) == "\n" || text.substr(i, 2) == "\r\n"; };
    bool first = true;
    while (at < text.size()) {
        if (quotes && first && text[at] == '"') {
            for (++at;; ++at) {
                if (at == text.size())
                    return std::nullopt;
                if (text[at] == '"' && text.substr(at, 2) != "\"\"")
                    break;
                fields.back() += text[at];
                at += text[at] == '"';
            }
            ++at;
            if (at < text.size() && text[at] != delimiter && !line_end(at))
                return std::nullopt;
            first = false;
            continue;
        }
        if (line_end(at)) {
            at += text[at] == '\r' ? 2 : 1;
            return fields;
        }
        if (text[at] == delimiter) {
            fields.emplace_back();
            first = true;
            ++at;
            continue;
        }
        if (escapes && text[at] == '\\' && at + 1 < text.size()) {
            const char letter = text[++at];
            fields.back() += letter == 't' ? '\t' : letter == 'n' ? '\n' : letter == 'r' ? '\r' : letter;
        } else {
            fields.back() += text[at];
        }
        first = false;
        ++at;
    }
    return fields;
}

std::string plain_outcome(std::string_view text, Format format, char delimiter, const data::ParserOptions& options) {
    const data::ValidationPolicy policy = options.validation.value_or(data::ValidationPolicy{});
    const bool columns = format != Format::Txt && format != Format::Raw;
    const bool fail = policy.implications == data::ValidationPolicy::Implications::Fail;
    const std::size_t width = options.schema->size();
    std::size_t first_count = 0, rows = 0, adjusted = 0;
    bool skip = options.ignore_first_record && format != Format::Raw;
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        std::optional<Texts> fields;
        if (format == Format::Raw) {
            fields = Texts{std::string(text)};
            at = text.size();
        } else if (format == Format::Txt) {
            const std::size_t end = std::min(text.find('\n', at), text.size());
            std::string line(text.substr(at, end - at));
            if (!line.empty() && line.back() == '\r')
                line.pop_back();
            at = end + 1;
            if (line.empty())
                continue;
            fields = Texts{std::move(line)};
        } else {
            if (text[at] == '\n' || text.substr(at, 2) == "\r\n") {
                at += text[at] == '\r' ? 2 : 1;
                continue;
            }
            fields = plain_record(text, at, delimiter, format != Format::Tsve, format == Format::Tsve);
        }
        if (!fields)
            return "Stream_ClosingQuoteMissing";
        if (std::exchange(skip, false))
            continue;
        if (first_count == 0)
            first_count = fields->size();
        if (columns && fields->size() != first_count) {
            if (policy.options == data::ValidationPolicy::Options::ConstantColumns && fail)
                return "Stream_WrongNumberOfFields";
            adjusted += policy.options != data::ValidationPolicy::Options::DoNotValidate && !fail;
        }
        fields->resize(width);
        out += out.empty() ? "(" : " (";
        for (std::size_t i = 0; i < width; ++i)
            out += (i == 0 ? "" : ",") + (*fields)[i];
        out += ')';
        ++rows;
    }
    if (rows == 0)
        return "BadRequest_NoRecordsOrWrongFormat";
    return out + " malformed 0 nulled 0 truncated 0 adjusted " + std::to_string(adjusted);
}

const auto kTyped = std::make_shared<const data::Schema>(data::Schema{{{"s", ScalarType::String},
                                                                       {"i", ScalarType::Int},
                                                                       {"y", ScalarType::Dynamic},
                                                                       {"t", ScalarType::DateTime},
                                                                       {"r", ScalarType::Real},
                                                                       {"d", ScalarType::Decimal},
                                                                       {"n", ScalarType::TimeSpan},
                                                                       {"g", ScalarType::Guid},
                                                                       {"l", ScalarType::Long},
                                                                       {"b", ScalarType::Bool}}});
const auto kTexts = std::make_shared<const data::Schema>(
    data::Schema{{{"a", ScalarType::String}, {"b", ScalarType::String}, {"c", ScalarType::String}}});

std::shared_ptr<const data::BoundMapping> typed_mapping(bool only_first) {
    const auto mapping = data::parse_mapping(
        "M", data::MappingKind::Csv,
        only_first ? R"([{"Column":"s","Ordinal":0},{"Column":"l","Transform":"SourceLineNumber"}])"
                   : R"([{"Column":"s","Ordinal":1},{"Column":"y","Ordinal":1},{"Column":"i","ConstValue":"7"},
                                             {"Column":"t","Ordinal":0,"Transform":"DateTimeFromUnixMilliseconds"},
                                             {"Column":"l","Transform":"SourceLineNumber"}])");
    return *data::bind_mapping(*mapping, *kTyped);
}

} // namespace

void fuzz_one(std::string_view input) {
    Choices choices(input);
    const std::size_t format = choices.next(std::size(kFormats));
    const std::size_t table = choices.next(3);
    const std::size_t policy = choices.next(6);
    const bool lines_of_one = kFormats[format] == Format::Txt || kFormats[format] == Format::Raw;
    data::ParserOptions options{.format = kFormats[format], .schema = table == 0 ? kTexts : kTyped};
    if (table == 2)
        options.mapping = typed_mapping(lines_of_one);
    const std::size_t switches = choices.next(4);
    options.ignore_first_record = switches % 2 == 1;
    options.strict = switches >= 2;
    if (policy > 0)
        options.validation =
            data::ValidationPolicy{static_cast<data::ValidationPolicy::Options>((policy - 1) / 2),
                                   static_cast<data::ValidationPolicy::Implications>((policy - 1) % 2)};
    const std::size_t block = 1 + choices.next(64);
    const std::string_view text = choices.rest();

    const auto parser = parser_of(options);
    const std::string whole = outcome_of(*parser, options.schema, text, 0);
    require_equal(outcome_of(*parser, options.schema, text, block), whole, "rows do not depend on blocks");
    // Bytes that begin like a byte order mark or are no UTF-8 are changed before the format sees them.
    const bool as_it_is = !text.empty() && text.front() != '\xEF' && text.front() != '\0' && data::is_valid_utf8(text);
    if (table == 0 && as_it_is)
        require_equal(whole, plain_outcome(text, options.format, kDelimiters[format], options),
                      "rows are those of the rules");
}

} // namespace sluice::fuzz
