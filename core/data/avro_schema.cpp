#include "core/data/avro_schema.hpp"

#include "core/data/source_parser.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>
#include <map>
#include <optional>
#include <set>

namespace sluice::data {
namespace {

using Json = nlohmann::json;
using Kind = AvroType::Kind;
using Logical = AvroType::Logical;

constexpr int kMaxDepth = 256; // formats-and-mappings 5
constexpr std::uint32_t kMaxFixed = 64U << 20;

Error invalid(std::string what) {
    return data_error("the description of types in the file is not valid Avro: " + std::move(what), "BadRequest_InvalidBlob");
}

std::optional<Kind> primitive(std::string_view name) {
    constexpr std::array<std::string_view, 8> kNames{"null",  "boolean", "int",   "long",
                                                     "float", "double",  "bytes", "string"};
    for (std::size_t i = 0; i < kNames.size(); ++i)
        if (kNames[i] == name)
            return static_cast<Kind>(i);
    return std::nullopt;
}

std::string text_of(const Json& json, const char* member) {
    const auto at = json.find(member);
    return at != json.end() && at->is_string() ? at->get<std::string>() : std::string();
}

/// A logical type that does not fit its form is ignored, as the Avro specification has it.
Logical logical_of(const Json& json, const AvroType& type) {
    const std::string name = text_of(json, "logicalType");
    const auto is = [&](std::string_view logical, Kind kind) { return name == logical && type.kind == kind; };
    if (name == "decimal" && (type.kind == Kind::Bytes || type.kind == Kind::Fixed))
        return Logical::Decimal;
    if (is("uuid", Kind::String) || (is("uuid", Kind::Fixed) && type.size == 16))
        return Logical::Uuid;
    if (is("date", Kind::Int))
        return Logical::Date;
    if (is("time-millis", Kind::Int))
        return Logical::TimeMillis;
    if (is("time-micros", Kind::Long))
        return Logical::TimeMicros;
    if (is("timestamp-millis", Kind::Long) || is("local-timestamp-millis", Kind::Long))
        return Logical::TimestampMillis;
    if (is("timestamp-micros", Kind::Long) || is("local-timestamp-micros", Kind::Long))
        return Logical::TimestampMicros;
    if (is("timestamp-nanos", Kind::Long) || is("local-timestamp-nanos", Kind::Long))
        return Logical::TimestampNanos;
    if (is("duration", Kind::Fixed) && type.size == 12)
        return Logical::Duration;
    return Logical::None;
}

} // namespace

class AvroSchemaReader {
public:
    explicit AvroSchemaReader(AvroSchema& schema) : schema_(schema) {}

    Result<const AvroType*> read(const Json& json, const std::string& space, int depth) {
        if (depth > kMaxDepth)
            return invalid("more than 256 types inside each other");
        if (json.is_string())
            return by_name(json.get<std::string>(), space);
        if (json.is_array())
            return branches(json, space, depth);
        if (!json.is_object())
            return invalid("a type must be a name, an object or a list");
        const auto type = json.find("type");
        if (type == json.end())
            return invalid("an object without 'type'");
        if (!type->is_string())
            return read(*type, space, depth + 1);
        const std::string name = type->get<std::string>();
        if (name == "record" || name == "error")
            return record(json, space, depth);
        if (name == "enum" || name == "fixed")
            return named_leaf(json, name == "enum", space);
        if (name == "array" || name == "map")
            return collection(json, name == "array", space, depth);
        if (const auto kind = primitive(name)) {
            AvroType& made = add(*kind);
            return annotate(made, json);
        }
        return by_name(name, space);
    }

private:
    AvroType& add(Kind kind) {
        schema_.types_.push_back(std::make_unique<AvroType>());
        schema_.types_.back()->kind = kind;
        return *schema_.types_.back();
    }

    Result<const AvroType*> annotate(AvroType& type, const Json& json) {
        type.logical = logical_of(json, type);
        if (type.logical == Logical::Decimal) {
            const auto scale = json.find("scale");
            type.scale = scale != json.end() && scale->is_number_integer() ? scale->get<int>() : 0;
            if (type.scale < 0 || type.scale > 1000)
                return invalid("the scale of a decimal must be between 0 and 1000");
        }
        return &type;
    }

    Result<const AvroType*> by_name(const std::string& name, const std::string& space) {
        if (const auto kind = primitive(name))
            return &add(*kind);
        for (const std::string& full :
             {name.find('.') == std::string::npos && !space.empty() ? space + "." + name : name, name})
            if (const auto at = names_.find(full); at != names_.end())
                return at->second;
        return invalid(fmt::format("type '{}' is not defined before it is used", name));
    }

    /// The namespace inside of a named type, which is known by its full name from here on.
    Result<std::string> announce(const Json& json, const std::string& space, const AvroType& type) {
        std::string name = text_of(json, "name");
        if (name.empty())
            return invalid("a record, enum or fixed without 'name'");
        std::string inside = json.contains("namespace") ? text_of(json, "namespace") : space;
        if (const std::size_t dot = name.rfind('.'); dot != std::string::npos)
            inside = name.substr(0, dot);
        else if (!inside.empty())
            name = inside + "." + name;
        if (!names_.emplace(name, &type).second)
            return invalid(fmt::format("type '{}' is defined twice", name));
        return inside;
    }

    Result<const AvroType*> record(const Json& json, const std::string& space, int depth) {
        AvroType& type = add(Kind::Record);
        SLUICE_TRY(const std::string inside, announce(json, space, type));
        const auto fields = json.find("fields");
        if (fields == json.end() || !fields->is_array())
            return invalid(fmt::format("record '{}' has no list of fields", text_of(json, "name")));
        std::set<std::string, std::less<>> names;
        for (const Json& field : *fields) {
            std::string name = field.is_object() ? text_of(field, "name") : std::string();
            if (name.empty() || !field.contains("type"))
                return invalid(fmt::format("a field of record '{}' has no name or no type", text_of(json, "name")));
            if (!names.insert(name).second)
                return invalid(fmt::format("record '{}' has two fields '{}'", text_of(json, "name"), name));
            SLUICE_TRY(const AvroType* field_type, read(field["type"], inside, depth + 1));
            type.fields.push_back({std::move(name), field_type});
        }
        return &type;
    }

    Result<const AvroType*> named_leaf(const Json& json, bool is_enum, const std::string& space) {
        AvroType& type = add(is_enum ? Kind::Enum : Kind::Fixed);
        SLUICE_TRY(const std::string inside, announce(json, space, type));
        if (is_enum) {
            const auto symbols = json.find("symbols");
            if (symbols == json.end() || !symbols->is_array())
                return invalid(fmt::format("enum '{}' has no list of symbols", text_of(json, "name")));
            for (const Json& symbol : *symbols) {
                if (!symbol.is_string())
                    return invalid(fmt::format("a symbol of enum '{}' is no text", text_of(json, "name")));
                type.symbols.push_back(symbol.get<std::string>());
            }
            return &type;
        }
        const auto size = json.find("size");
        if (size == json.end() || !size->is_number_unsigned() || size->get<std::uint64_t>() > kMaxFixed)
            return invalid(fmt::format("fixed '{}' has no size up to 64 MB", text_of(json, "name")));
        type.size = size->get<std::uint32_t>();
        return annotate(type, json);
    }

    Result<const AvroType*> collection(const Json& json, bool is_array, const std::string& space, int depth) {
        const char* const member = is_array ? "items" : "values";
        if (!json.contains(member))
            return invalid(fmt::format("a{} without '{}'", is_array ? "n array" : " map", member));
        AvroType& type = add(is_array ? Kind::Array : Kind::Map);
        SLUICE_TRY(type.items, read(json[member], space, depth + 1));
        return &type;
    }

    Result<const AvroType*> branches(const Json& json, const std::string& space, int depth) {
        AvroType& type = add(Kind::Union);
        if (json.empty())
            return invalid("a union without branches");
        for (const Json& branch : json) {
            SLUICE_TRY(const AvroType* made, read(branch, space, depth + 1));
            if (made->kind == Kind::Union)
                return invalid("a union directly inside a union");
            type.branches.push_back(made);
        }
        return &type;
    }

    AvroSchema& schema_;
    std::map<std::string, const AvroType*> names_;
};

Result<AvroSchema> AvroSchema::parse(std::string_view json) {
    const auto document = Json::parse(json, nullptr, false);
    if (document.is_discarded())
        return invalid("it is no JSON");
    AvroSchema schema;
    SLUICE_TRY(schema.root_, AvroSchemaReader(schema).read(document, "", 0));
    return schema;
}

} // namespace sluice::data
