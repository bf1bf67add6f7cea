#include "core/data/bound_mapping.hpp"
#include "core/data/encoding.hpp"
#include "core/data/parsers.hpp"

#include <fmt/format.h>

#include <array>
#include <atomic>

namespace sluice::data {
namespace {

Result<> check_mapping(const ParserOptions& options) {
    if (!options.mapping)
        return {};
    const BoundMapping& mapping = *options.mapping;
    if (!compatible(mapping.kind(), mapping_kind(options.format)))
        return Error{ErrorCode::Invalid,
                     fmt::format("mapping '{}' is of kind {}, format {} needs one of kind {}", mapping.name(),
                                 to_string(mapping.kind()), to_string(options.format),
                                 to_string(mapping_kind(options.format))),
                     "BadRequest_InvalidMappingReference"};
    if (options.format != Format::Txt && options.format != Format::Raw)
        return {};
    for (const BoundElement& element : mapping.elements())
        if (element.source == BoundElement::Source::Ordinal && element.ordinal > 0)
            return Error{
                ErrorCode::Invalid,
                fmt::format("mapping '{}': column '{}' takes ordinal {}, but records in format {} have ordinal 0 only",
                            mapping.name(), (*options.schema)[element.column].name, element.ordinal,
                            to_string(options.format)),
                "BadRequest_InconsistentMapping"};
    return {};
}

/// Parsers open the decoder themselves and rely on it.
Result<> check_decoder(std::string_view encoding) {
    if (encoding != kUtf8)
        SLUICE_CHECK(CharsetDecoder::open(encoding));
    return {};
}

std::atomic<ParserFactory>& registered(Format format) {
    static std::array<std::atomic<ParserFactory>, static_cast<std::size_t>(Format::AzMonStream) + 1> factories{};
    return factories[static_cast<std::size_t>(format)];
}

Error not_read(Format format) {
    std::string why = "is known but not read by this build; convert the data to csv, json or multijson";
    if (format == Format::Orc)
        why = "is not read, because Debian has no ORC library; convert the data to avro, csv or json";
    else if (format == Format::AzMonStream)
        why = "is not read, because its encoding is not published; export the data as json";
    return Error{ErrorCode::Unsupported, fmt::format("format {} {}", to_string(format), why),
                 "BadRequest_FormatNotSupported"};
}

} // namespace

void register_parser(Format format, ParserFactory factory) {
    registered(format) = factory;
}

Result<std::unique_ptr<Parser>> make_parser(ParserOptions options) {
    SLUICE_CHECK(check_mapping(options));
    if (!is_container(options.format)) {
        SLUICE_TRY(const std::string_view encoding, find_encoding(options.encoding));
        SLUICE_CHECK(check_decoder(encoding));
        options.encoding = encoding;
    }
    switch (options.format) {
    case Format::Csv:
    case Format::Tsv:
    case Format::Scsv:
    case Format::Sohsv:
    case Format::Psv:
    case Format::Tsve:
        return make_delimited_parser(std::move(options));
    case Format::Txt:
    case Format::Raw:
        return make_text_parser(std::move(options));
    case Format::Json:
    case Format::MultiJson:
    case Format::SingleJson:
        return make_json_parser(std::move(options));
    case Format::Avro:
    case Format::ApacheAvro:
        return make_avro_parser(std::move(options));
    case Format::W3cLogFile:
        return make_w3c_log_parser(std::move(options));
    case Format::Parquet:
    case Format::Orc:
    case Format::AzMonStream:
        break;
    }
    if (const ParserFactory factory = registered(options.format))
        return factory(std::move(options));
    return not_read(options.format);
}

} // namespace sluice::data
