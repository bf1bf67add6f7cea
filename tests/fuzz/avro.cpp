// avro, apacheavro: blocks of any size give the same rows, and columns get what the record's own JSON form gives them.
#include "tests/core/data/avro_bytes.hpp"
#include "tests/core/data/shown.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/parse.hpp"

namespace sluice::fuzz {
namespace {

using data::Format;
using data::ScalarType;

constexpr Format kFormats[] = {Format::Avro, Format::ApacheAvro};
constexpr std::string_view kCodecs[] = {"", "null", "deflate", "snappy", "zstandard", "bzip2", "xz"};

const auto kTable = one_of_each_type();
const auto kWhole = std::make_shared<const data::Schema>(data::Schema{{{"r", ScalarType::Dynamic}}});

constexpr std::string_view kMappings[] = {
    "",
    R"([{"Column":"a","Path":"$.c.k[1]"},{"Column":"c","Path":"$"},{"Column":"i","Transform":"SourceLineNumber"}])",
    R"([{"Column":"c","Path":"$.c","Transform":"DropMappedFields"},{"Column":"a","Path":"$.c.k"},{"Column":"e","Path":"$.c.l.e"},
        {"Column":"d","Path":"$.d","Transform":"DateTimeFromUnixMilliseconds"},{"Column":"b","Path":"$.c.l['b']"}])",
    R"([{"Column":"c","Path":"$.c","Transform":"PropertyBagArrayToDictionary"},{"Column":"a","Path":"$.c"},{"Column":"b","Path":"$[0].b"},
        {"Column":"f","ConstValue":"1.5"},{"Column":"g","Path":"$.g","Transform":"BytesAsBase64"}])",
};

std::shared_ptr<const data::BoundMapping> bound(std::string_view mapping, const data::Schema& table) {
    return *data::bind_mapping(*data::parse_mapping("M", data::MappingKind::Avro, mapping), table);
}

/// Rows of a source that may fail; none then.
data::Rows rows_of(const data::ParserOptions& options, std::string_view bytes) {
    data::Rows rows(options.schema);
    const auto parser = parser_of(options);
    const auto empty = rows.mark();
    parser->begin();
    if (!parser->feed(bytes, false, rows) || !parser->finish(rows))
        rows.rewind(empty);
    return rows;
}

/// A datum stands for its JSON form (formats-and-mappings 5): records as JSON lines give the same rows.
void compare_with_json(Format format, std::string_view container) {
    // A float has fewer digits as a text than as the real number of a column.
    if (container.find("float") != container.npos)
        return;
    const data::Rows whole = rows_of(
        {.format = format, .schema = kWhole, .mapping = bound(R"([{"Column":"r","Path":"$"}])", *kWhole)}, container);
    std::string lines;
    for (const data::Chunk& chunk : whole.chunks()) {
        for (std::size_t row = 0; row < chunk.rows(); ++row) {
            if (chunk.column(0).is_null(row) || !chunk.column(0).text(row).starts_with('{'))
                return;
            lines.append(chunk.column(0).text(row)) += '\n';
        }
    }
    if (lines.empty())
        return;
    const data::Rows rows = rows_of({.format = format, .schema = kTable}, container);
    const data::Rows others = rows_of({.format = Format::Json, .schema = kTable}, lines);
    require_equal(data::test::shown(rows), data::test::shown(others), "columns get what the JSON form gives them");
}

} // namespace

/// Either a container as it is, or a schema up to the end of the line and behind it the content of two equal blocks.
void fuzz_one(std::string_view input) {
    Choices choices(input);
    data::ParserOptions options{.format = kFormats[choices.next(std::size(kFormats))], .schema = kTable};
    if (const std::string_view mapping = kMappings[choices.next(std::size(kMappings))]; !mapping.empty())
        options.mapping = bound(mapping, *kTable);
    options.strict = choices.next(2) == 1;
    options.max_content = 1_MiB;
    const std::size_t block = 1 + choices.next(64);
    const std::size_t codec = choices.next(std::size(kCodecs) + 1);
    const auto records = static_cast<std::int64_t>(1 + choices.next(8));
    std::string container(choices.rest());
    if (codec < std::size(kCodecs)) {
        const std::size_t line = std::min(container.find('\n'), container.size());
        const std::string content = container.substr(std::min(line + 1, container.size()));
        container = data::test::avro_header(container.substr(0, line), kCodecs[codec]);
        for (int i = 0; i < 2; ++i)
            container += data::test::avro_block(records, content);
    }

    const auto parser = parser_of(options);
    const std::string whole = outcome_of(*parser, options.schema, container, 0);
    require_equal(outcome_of(*parser, options.schema, container, block), whole, "rows do not depend on blocks");
    compare_with_json(options.format, container);
}

} // namespace sluice::fuzz
