#include "core/data/mapping.hpp"

#include "core/base/log.hpp"
#include "core/data/bound_mapping.hpp"
#include "core/data/format.hpp"
#include "core/data/json_text.hpp"
#include "core/data/path.hpp"
#include "core/data/text_scan.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>
#include <limits>

namespace sluice::data {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kInvalid = "BadRequest_InvalidMapping";
constexpr std::string_view kInconsistent = "BadRequest_InconsistentMapping";

// In the order of MappingKind.
constexpr std::array<std::string_view, 7> kKinds{"Csv", "Json", "Avro", "ApacheAvro", "Parquet", "Orc", "W3CLogFile"};

// In the order of Transform.
constexpr std::array<std::string_view, 10> kTransforms{
    "None",
    "PropertyBagArrayToDictionary",
    "SourceLocation",
    "SourceLineNumber",
    "DropMappedFields",
    "BytesAsBase64",
    "DateTimeFromUnixSeconds",
    "DateTimeFromUnixMilliseconds",
    "DateTimeFromUnixMicroseconds",
    "DateTimeFromUnixNanoseconds",
};

std::string lower_case(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        c = lower(c);
    return out;
}

std::string_view to_string(Transform transform) {
    return kTransforms[static_cast<std::size_t>(transform)];
}

std::optional<Transform> parse_transform(std::string_view name) {
    for (std::size_t i = 0; i < kTransforms.size(); ++i)
        if (equals_ignoring_case(name, lower_case(kTransforms[i])))
            return static_cast<Transform>(i);
    return std::nullopt;
}

bool is_constant(Transform transform) {
    return transform == Transform::SourceLocation || transform == Transform::SourceLineNumber;
}

/// Formats-and-mappings 9.3, column "Kinds".
bool allowed(Transform transform, MappingKind kind) {
    if (transform == Transform::None || is_constant(transform))
        return true;
    if (kind == MappingKind::W3cLogFile)
        return false;
    if (is_unix_time(transform))
        return true;
    if (transform == Transform::BytesAsBase64)
        return kind == MappingKind::Avro || kind == MappingKind::ApacheAvro;
    return kind != MappingKind::Csv;
}

bool takes_path(MappingKind kind) {
    return kind != MappingKind::Csv && kind != MappingKind::W3cLogFile;
}
bool takes_field(MappingKind kind) {
    return kind != MappingKind::Csv && kind != MappingKind::Json;
}

/// Published samples end lists with a comma and carry \' over from the quoting of the command around them; neither is
/// JSON.
std::string without_leftovers(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    bool inside = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (inside && c == '\\' && i + 1 < text.size()) {
            if (text[i + 1] != '\'')
                out += c;
            out += text[++i];
            continue;
        }
        if (c == '"')
            inside = !inside;
        if (!inside && c == ',') {
            std::size_t next = i + 1;
            while (next < text.size() && is_blank(text[next]))
                ++next;
            if (next < text.size() && (text[next] == ']' || text[next] == '}'))
                continue;
        }
        out += c;
    }
    return out;
}

/// One element on its way from JSON to MappingElement; says which element an error is about.
class ElementReader {
public:
    ElementReader(MappingKind kind, std::size_t number) : kind_(kind), number_(number) {}

    Result<MappingElement> read(const Json& json) {
        if (!json.is_object())
            return error("is no object");
        SLUICE_CHECK(read_members(json, false));
        if (element_.column.empty())
            return error("has no \"Column\"");
        SLUICE_CHECK(check());
        return std::move(element_);
    }

private:
    Error error(std::string_view what) const {
        const std::string column = element_.column.empty() ? "" : fmt::format(" (column '{}')", element_.column);
        return Error{ErrorCode::Invalid, fmt::format("mapping element {}{} {}", number_, column, what),
                     std::string(kInvalid)};
    }

    /// A text, or a number or truth value as its text; null and objects are no text.
    static std::optional<std::string> text_of(const Json& value) {
        if (value.is_string())
            return value.get<std::string>();
        if (value.is_number() || value.is_boolean())
            return value.dump();
        return std::nullopt;
    }

    Result<> read_members(const Json& json, bool properties) {
        // The name first, so that errors about the other members can say it.
        for (const auto& [key, value] : json.items()) {
            const std::string name = lower_case(key);
            if (!properties && value.is_string() && (name == "column" || name == "name" || name == "columnname"))
                element_.column = value.get<std::string>();
        }
        for (const auto& [key, value] : json.items()) {
            if (value.is_null())
                continue;
            const std::string name = lower_case(key);
            if (!properties && name == "properties") {
                if (!value.is_object())
                    return error("has \"Properties\" that are no object");
                SLUICE_CHECK(read_members(value, true));
                continue;
            }
            const auto text = text_of(value);
            if (!text)
                return error(fmt::format("has a \"{}\" that is no text", key));
            SLUICE_CHECK(take(key, name, *text, properties));
        }
        return {};
    }

    Result<> take(std::string_view key, std::string_view name, const std::string& text, bool properties) {
        if (!properties && (name == "column" || name == "name" || name == "columnname")) {
            element_.column = text;
        } else if (!properties && (name == "datatype" || name == "columntype")) {
            if (text.empty())
                return {};
            element_.datatype = parse_scalar_type(text);
            if (!element_.datatype)
                element_.datatype = parse_scalar_type(lower_case(text));
            if (!element_.datatype)
                return error(fmt::format("names the type '{}', which does not exist", text));
        } else if (name == "path") {
            if (const std::string_view path = trim(text); !path.empty())
                element_.path = std::string(path);
        } else if (name == "field") {
            if (!text.empty())
                element_.field = text;
        } else if (name == "ordinal") {
            Scanner in(trim(text));
            std::int64_t ordinal = 0;
            if (!in.digits(1, 10, ordinal) || !in.done() || ordinal > std::numeric_limits<std::int32_t>::max())
                return error(fmt::format("has the ordinal '{}'; it must be a whole number from 0 on", text));
            element_.ordinal = static_cast<std::uint32_t>(ordinal);
        } else if (name == "constvalue") {
            element_.const_value = text;
        } else if (name == "transform") {
            if (text.empty())
                return {};
            const auto transform = parse_transform(text);
            if (!transform)
                return error(fmt::format("has the transform '{}', which is not supported", text));
            element_.transform = *transform;
        } else if (name != "csvdatatype") {
            log::warn("mapping element has a member that is not known; it is ignored",
                      {{"column", element_.column}, {"member", key}});
        }
        return {};
    }

    Result<> check() const {
        const std::string_view kind = to_string_of(kind_);
        if (element_.path && !takes_path(kind_))
            return error(fmt::format("has a \"Path\", which a mapping of kind {} does not take", kind));
        if (element_.field && !takes_field(kind_))
            return error(fmt::format("has a \"Field\", which a mapping of kind {} does not take", kind));
        if (element_.ordinal && kind_ != MappingKind::Csv)
            return error(fmt::format("has an \"Ordinal\", which a mapping of kind {} does not take", kind));
        if (element_.path && element_.field)
            return error("has both \"Path\" and \"Field\"");
        if (!allowed(element_.transform, kind_))
            return error(fmt::format("has the transform {}, which a mapping of kind {} does not take",
                                     to_string(element_.transform), kind));
        const int sources = element_.path.has_value() + element_.field.has_value() + element_.ordinal.has_value() +
                            element_.const_value.has_value();
        const std::string choices = kind_ == MappingKind::Csv    ? "\"Ordinal\" or \"ConstValue\""
                                    : kind_ == MappingKind::Json ? "\"Path\" or \"ConstValue\""
                                    : takes_path(kind_)          ? "\"Path\", \"Field\" or \"ConstValue\""
                                                                 : "\"Field\" or \"ConstValue\"";
        if (is_constant(element_.transform)) {
            if (sources != 0)
                return error(fmt::format("has the transform {} together with {}; the transform is a source of its own",
                                         to_string(element_.transform), choices));
            return {};
        }
        if (sources != 1)
            return error(fmt::format("has {}; give exactly one of {}",
                                     sources == 0 ? "no source of its value" : "more than one source", choices));
        if (element_.path && element_.path->front() == '$') {
            if (const auto path = parse_path(*element_.path); !path)
                return error(fmt::format("has the path '{}': {}", *element_.path, path.error().message));
        }
        return {};
    }

    static std::string_view to_string_of(MappingKind kind) { return data::to_string(kind); }

    MappingKind kind_;
    std::size_t number_;
    MappingElement element_;
};

Error invalid(std::string message) {
    return Error{ErrorCode::Invalid, std::move(message), std::string(kInvalid)};
}

Error inconsistent(const Mapping& mapping, const MappingElement& element, std::string_view what) {
    return Error{ErrorCode::Invalid, fmt::format("mapping '{}': column '{}' {}", mapping.name, element.column, what),
                 std::string(kInconsistent)};
}

Result<BoundElement> bind_element(const MappingElement& element, std::size_t column) {
    BoundElement bound{.column = column, .transform = element.transform};
    using Source = BoundElement::Source;
    if (element.transform == Transform::SourceLocation) {
        bound.source = Source::Location;
    } else if (element.transform == Transform::SourceLineNumber) {
        bound.source = Source::LineNumber;
    } else if (element.ordinal) {
        bound.source = Source::Ordinal;
        bound.ordinal = *element.ordinal;
    } else if (element.field) {
        bound.source = Source::Path;
        bound.path.steps.push_back({.name = *element.field});
    } else if (element.path && !element.path->empty() && element.path->front() == '$') {
        bound.source = Source::Path;
        SLUICE_TRY(bound.path, parse_path(*element.path));
    } else {
        // A path that does not begin with '$' is a constant (formats-and-mappings 9.1).
        bound.constant = element.path ? *element.path : element.const_value.value_or("");
    }
    return bound;
}

/// Formats-and-mappings 9.3: members that other elements map leave the object.
void collect_dropped(std::vector<BoundElement>& elements) {
    for (BoundElement& rest : elements) {
        if (rest.transform != Transform::DropMappedFields)
            continue;
        for (const BoundElement& other : elements) {
            if (other.source != BoundElement::Source::Path || !rest.path.encloses(other.path))
                continue;
            const auto below = other.path.steps.begin() + static_cast<std::ptrdiff_t>(rest.path.steps.size());
            Path relative{{below, other.path.steps.end()}};
            if (relative.members_only())
                rest.dropped.push_back(std::move(relative));
        }
    }
}

void append_member(std::string& out, std::string_view name, std::string_view value) {
    if (out.back() != '{')
        out += ',';
    append_json_string(out, name);
    out += ':';
    append_json_string(out, value);
}

} // namespace

std::optional<MappingKind> parse_mapping_kind(std::string_view name) {
    const auto format = parse_format(name);
    if (!format)
        return std::nullopt;
    const MappingKind kind = mapping_kind(*format);
    // One kind for both in commands (engine 6.7).
    return kind == MappingKind::ApacheAvro ? MappingKind::Avro : kind;
}

std::string_view to_string(MappingKind kind) {
    return kKinds[static_cast<std::size_t>(kind)];
}

bool compatible(MappingKind a, MappingKind b) {
    const auto avro = [](MappingKind kind) { return kind == MappingKind::Avro || kind == MappingKind::ApacheAvro; };
    return a == b || (avro(a) && avro(b));
}

Result<Mapping> parse_mapping(std::string name, MappingKind kind, std::string_view json) {
    Json document;
    try {
        document = Json::parse(without_leftovers(json));
    } catch (const Json::exception& exception) {
        return invalid(fmt::format("mapping '{}' is no valid JSON: {}", name, exception.what()));
    }
    if (!document.is_array() || document.empty())
        return invalid(fmt::format("mapping '{}' must be a JSON array with at least one element", name));
    Mapping mapping{.name = std::move(name), .kind = kind, .elements = {}};
    for (const Json& item : document) {
        auto element = ElementReader(kind, mapping.elements.size() + 1).read(item);
        if (!element) {
            Error error = std::move(element).error();
            error.message = fmt::format("mapping '{}': {}", mapping.name, error.message);
            return error;
        }
        for (const MappingElement& earlier : mapping.elements)
            if (earlier.column == element->column)
                return invalid(
                    fmt::format("mapping '{}': Two or more mapping elements point to the same column. Column: '{}'.",
                                mapping.name, element->column));
        mapping.elements.push_back(std::move(*element));
    }
    return mapping;
}

std::string to_json(const Mapping& mapping) {
    std::string out = "[";
    for (const MappingElement& element : mapping.elements) {
        if (out.size() > 1)
            out += ',';
        out += '{';
        append_member(out, "Column", element.column);
        if (element.datatype)
            append_member(out, "DataType", to_string(*element.datatype));
        out += ",\"Properties\":{";
        if (element.path)
            append_member(out, "Path", *element.path);
        if (element.field)
            append_member(out, "Field", *element.field);
        if (element.ordinal)
            append_member(out, "Ordinal", std::to_string(*element.ordinal));
        if (element.const_value)
            append_member(out, "ConstValue", *element.const_value);
        if (element.transform != Transform::None)
            append_member(out, "Transform", to_string(element.transform));
        out += "}}";
    }
    out += ']';
    return out;
}

std::vector<ColumnSchema> columns_to_add(const Mapping& mapping, const Schema& schema) {
    std::vector<ColumnSchema> columns;
    for (const MappingElement& element : mapping.elements)
        if (element.datatype && !schema.find(element.column))
            columns.push_back({element.column, *element.datatype});
    return columns;
}

Result<std::shared_ptr<const BoundMapping>> bind_mapping(const Mapping& mapping, const Schema& schema) {
    std::vector<BoundElement> elements;
    elements.reserve(mapping.elements.size());
    for (const MappingElement& element : mapping.elements) {
        const auto column = schema.find(element.column);
        if (!column)
            return inconsistent(mapping, element, "is not in the table; add the column or correct the mapping");
        const ScalarType type = schema[*column].type;
        if (element.datatype && *element.datatype != type)
            return inconsistent(mapping, element,
                                fmt::format("is of type {} in the mapping and of type {} in the table",
                                            to_string(*element.datatype), to_string(type)));
        SLUICE_TRY(BoundElement bound, bind_element(element, *column));
        elements.push_back(std::move(bound));
    }
    collect_dropped(elements);
    return std::make_shared<const BoundMapping>(mapping.name, mapping.kind, std::move(elements));
}

} // namespace sluice::data
