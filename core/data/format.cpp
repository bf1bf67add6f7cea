#include "core/data/format.hpp"

#include "core/data/text_scan.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>
#include <span>

namespace sluice::data {
namespace {

struct FormatFacts {
    std::string_view name;
    std::string_view extension; ///< with its point; empty: never inferred from a name
    MappingKind kind;
};

// In the order of Format.
constexpr std::array<FormatFacts, 17> kFacts{{
    {"csv", ".csv", MappingKind::Csv},
    {"tsv", ".tsv", MappingKind::Csv},
    {"scsv", ".scsv", MappingKind::Csv},
    {"sohsv", ".sohsv", MappingKind::Csv},
    {"psv", ".psv", MappingKind::Csv},
    {"tsve", "", MappingKind::Csv},
    {"txt", ".txt", MappingKind::Csv},
    {"raw", ".raw", MappingKind::Csv},
    {"json", ".json", MappingKind::Json},
    {"multijson", ".multijson", MappingKind::Json},
    {"singlejson", "", MappingKind::Json},
    {"avro", ".avro", MappingKind::Avro},
    {"apacheavro", "", MappingKind::ApacheAvro},
    {"parquet", ".parquet", MappingKind::Parquet},
    {"orc", ".orc", MappingKind::Orc},
    {"w3clogfile", ".log", MappingKind::W3cLogFile},
    {"azmonstream", "", MappingKind::Json},
}};

const FormatFacts& facts(Format format) {
    return kFacts[static_cast<std::size_t>(format)];
}

bool ends_with(std::string_view name, std::string_view lower_case_end) {
    return name.size() >= lower_case_end.size() &&
           equals_ignoring_case(name.substr(name.size() - lower_case_end.size()), lower_case_end);
}

Error malformed_policy(std::string_view what) {
    return Error{ErrorCode::Invalid, fmt::format("validationPolicy: {}", what),
                 "BadRequest_MalformedIngestionProperty"};
}

/// The position of `value` among `names`, which are in lower case; it may be given as a number too.
Result<std::size_t> choice(const nlohmann::json& value, std::span<const std::string_view> names) {
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    for (std::size_t i = 0; i < names.size(); ++i)
        if (text == std::to_string(i) || equals_ignoring_case(text, names[i]))
            return i;
    return malformed_policy(fmt::format("'{}' is no known value", text));
}

} // namespace

Result<ValidationPolicy> parse_validation_policy(std::string_view json) {
    static constexpr std::array<std::string_view, 3> kOptions{"donotvalidate", "validatecsvinputconstantcolumns",
                                                              "validatecsvinputcolumnlevelonly"};
    static constexpr std::array<std::string_view, 2> kImplications{"fail", "besteffort"};
    const auto document = nlohmann::json::parse(json, nullptr, false);
    if (!document.is_object())
        return malformed_policy("a JSON object is expected");
    ValidationPolicy policy;
    for (const auto& [key, value] : document.items()) {
        if (equals_ignoring_case(key, "validationoptions")) {
            SLUICE_TRY(const std::size_t option, choice(value, kOptions));
            policy.options = static_cast<ValidationPolicy::Options>(option);
        } else if (equals_ignoring_case(key, "validationimplications")) {
            SLUICE_TRY(const std::size_t implication, choice(value, kImplications));
            policy.implications = static_cast<ValidationPolicy::Implications>(implication);
        } else {
            return malformed_policy(fmt::format("'{}' is no member of it", key));
        }
    }
    return policy;
}

std::optional<Format> parse_format(std::string_view name) {
    for (std::size_t i = 0; i < kFacts.size(); ++i)
        if (equals_ignoring_case(name, kFacts[i].name))
            return static_cast<Format>(i);
    return std::nullopt;
}

std::string_view to_string(Format format) {
    return facts(format).name;
}
MappingKind mapping_kind(Format format) {
    return facts(format).kind;
}

bool is_container(Format format) {
    return format == Format::Avro || format == Format::ApacheAvro || format == Format::Parquet || format == Format::Orc;
}

std::optional<Format> format_of_file_name(std::string_view name) {
    for (const std::string_view compression : {".gz", ".zip"}) {
        if (ends_with(name, compression)) {
            name.remove_suffix(compression.size());
            break;
        }
    }
    for (std::size_t i = 0; i < kFacts.size(); ++i)
        if (!kFacts[i].extension.empty() && ends_with(name, kFacts[i].extension))
            return static_cast<Format>(i);
    return std::nullopt;
}

bool name_says_gzip(std::string_view name) {
    return ends_with(name, ".gz");
}

bool name_says_zip(std::string_view name) {
    return ends_with(name, ".zip");
}

} // namespace sluice::data
