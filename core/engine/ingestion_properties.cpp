#include "core/engine/ingestion_properties.hpp"

#include "core/data/text.hpp"
#include "core/engine/command_lexer.hpp"
#include "core/engine/entity_error.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace sluice::engine {
namespace {

using Json = nlohmann::json;

Error malformed(std::string_view property, std::string_view why) {
    return {ErrorCode::Invalid, fmt::format("Ingestion property '{}': {}.", property, why),
            "BadRequest_MalformedIngestionProperty"};
}

/// The properties of either form as a list.
Result<Properties> listed(const Argument& with) {
    if (!with.literal)
        return with.properties;
    const Json json = Json::parse(with.text, nullptr, false);
    if (!json.is_object())
        return malformed("with", "the text behind 'with' should be a JSON object");
    Properties properties;
    for (const auto& [name, value] : json.items())
        properties.add({name, value.is_string() ? value.get<std::string>() : value.dump()});
    return properties;
}

Result<> read_common(const Properties& list, IngestionProperties& out) {
    if (const auto text = list.get("creationTime")) {
        out.creation_time = data::parse_datetime(*text);
        if (!out.creation_time)
            return malformed("creationTime", fmt::format("'{}' is no datetime", *text));
    }
    if (const auto text = list.get("tags")) {
        SLUICE_TRY(out.tags, parse_text_array("tags", *text));
    }
    if (const auto text = list.get("ingestIfNotExists")) {
        SLUICE_TRY(out.ingest_if_not_exists, parse_text_array("ingestIfNotExists", *text));
    }
    return {};
}

/// The first of the names that is given: newer and older spellings of one property.
std::optional<std::string> first_of(const Properties& list, std::initializer_list<std::string_view> names) {
    for (const auto name : names)
        if (auto value = list.get(name))
            return value;
    return std::nullopt;
}

/// Which kind of mapping an inline one says it is: by ingestionMappingType, or by the older names of the property.
Result<std::optional<data::MappingKind>> inline_mapping_kind(const Properties& list) {
    if (const auto type = list.get("ingestionMappingType")) {
        const auto kind = data::parse_mapping_kind(*type);
        if (!kind)
            return malformed("ingestionMappingType", fmt::format("'{}' is no kind of mapping", *type));
        return kind;
    }
    for (const auto& [name, kind] :
         {std::pair("csvMapping", data::MappingKind::Csv), std::pair("jsonMapping", data::MappingKind::Json),
          std::pair("avroMapping", data::MappingKind::Avro)})
        if (list.get(name))
            return std::optional(kind);
    return std::optional<data::MappingKind>();
}

/// Formats-and-mappings 9.6, what shows before the table is looked at.
Result<> check_mapping(const Properties& list, const IngestionProperties& properties) {
    if (properties.mapping && properties.mapping_reference)
        return Error{ErrorCode::Invalid, "Give ingestionMapping or ingestionMappingReference, not both.",
                     "BadRequest_DuplicateMapping"};
    if (properties.mapping_reference && properties.mapping_reference->empty())
        return Error{ErrorCode::Invalid,
                     "The name of the ingestion mapping is empty; name one or leave the property out.",
                     "BadRequest_EmptyMappingReference"};
    SLUICE_TRY(const auto kind, inline_mapping_kind(list));
    const auto needed = data::mapping_kind(properties.format.value_or(data::Format::Csv));
    if (kind && properties.format && !data::compatible(*kind, needed))
        return Error{ErrorCode::Invalid,
                     fmt::format("The mapping is of kind {}, format {} needs one of kind {}.", data::to_string(*kind),
                                 data::to_string(*properties.format), data::to_string(needed)),
                     "BadRequest_InvalidMappingReference"};
    return {};
}

} // namespace

Result<std::vector<std::string>> parse_text_array(std::string_view property, std::string_view text) {
    Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded()) {
        std::string doubled(text);
        std::replace(doubled.begin(), doubled.end(), '\'', '"');
        json = Json::parse(doubled, nullptr, false);
    }
    std::vector<std::string> out;
    if (json.is_array())
        for (const auto& item : json)
            if (item.is_string())
                out.push_back(item.get<std::string>());
    if (!json.is_array() || out.size() != json.size())
        return malformed(property, R"(should be a JSON array of texts, such as '["drop-by:d1"]')");
    return out;
}

Result<IngestionProperties> read_ingest_properties(const Argument& with) {
    SLUICE_TRY(const Properties list, listed(with));
    SLUICE_CHECK(
        list.only({"format", "ingestionMapping", "ingestionMappingReference", "csvMapping", "csvMappingReference",
                   "jsonMapping", "jsonMappingReference", "avroMapping", "avroMappingReference", "creationTime", "tags",
                   "ingestIfNotExists", "ignoreFirstRecord", "validationPolicy", "TreatGzAsUncompressed", "zipPattern",
                   "ingestionMappingType", "persistDetails"}));
    IngestionProperties out;
    SLUICE_CHECK(read_common(list, out));
    if (const auto name = list.get("format")) {
        out.format = data::parse_format(*name);
        if (!out.format)
            return Error{ErrorCode::Invalid, fmt::format("'{}' is no format.", *name), "BadRequest_FormatNotSupported"};
    }
    out.mapping = first_of(list, {"ingestionMapping", "csvMapping", "jsonMapping", "avroMapping"});
    out.mapping_reference = first_of(
        list, {"ingestionMappingReference", "csvMappingReference", "jsonMappingReference", "avroMappingReference"});
    SLUICE_CHECK(check_mapping(list, out));
    SLUICE_TRY(out.ignore_first_record, list.flag("ignoreFirstRecord"));
    SLUICE_TRY(out.gz_as_uncompressed, list.flag("TreatGzAsUncompressed"));
    if (const auto text = list.get("zipPattern")) {
        SLUICE_TRY(out.zip_pattern, data::ZipPattern::parse(*text));
    }
    if (const auto text = list.get("validationPolicy")) {
        SLUICE_TRY(out.validation, data::parse_validation_policy(*text));
    }
    return out;
}

Result<IngestionProperties> read_query_properties(const Argument& with) {
    SLUICE_TRY(const Properties list, listed(with));
    SLUICE_CHECK(list.only({"creationTime", "tags", "ingestIfNotExists", "extend_schema", "recreate_schema", "folder",
                            "docstring", "policy_ingestiontime", "distributed", "persistDetails"}));
    IngestionProperties out;
    SLUICE_CHECK(read_common(list, out));
    SLUICE_TRY(out.extend_schema, list.flag("extend_schema"));
    SLUICE_TRY(out.recreate_schema, list.flag("recreate_schema"));
    if (list.find("policy_ingestiontime")) {
        SLUICE_TRY(out.ingestion_time, list.flag("policy_ingestiontime"));
    }
    out.folder = list.get("folder");
    out.docstring = list.get("docstring");
    return out;
}

Result<std::string> bracketed_records(std::string_view text) {
    std::string out;
    std::size_t at = skip_blank(text, 0);
    while (at < text.size()) {
        if (text[at] != '[')
            return bad_request("Behind a record '[...]' stands another one or nothing; records that hold '[' or line "
                               "breaks go behind '<|'.");
        bool quoted = false;
        std::size_t end = at + 1;
        while (end < text.size() && (quoted || text[end] != ']')) {
            if (text[end] == '"')
                quoted = !quoted;
            ++end;
        }
        if (end >= text.size())
            return bad_request("A record '[...]' is not closed.");
        out += text.substr(at + 1, end - at - 1);
        out += '\n';
        at = skip_blank(text, end + 1);
    }
    return out;
}

std::string_view inline_data(std::string_view input) {
    std::size_t at = 0;
    while (at < input.size() && (input[at] == ' ' || input[at] == '\t' || input[at] == '\r'))
        ++at;
    return input.substr(at < input.size() && input[at] == '\n' ? at + 1 : at);
}

} // namespace sluice::engine
