#include "core/kql/json_text.hpp"
#include "core/kql/row_function.hpp"

#include <algorithm>

/// buildschema(): the types that dynamic values have, one row's first, then those of many rows together.
namespace sluice::kql {
namespace {

constexpr std::string_view kElement = "`indexer`";

/// Alternatives: names of scalar types, and at most one object.
using Types = std::vector<Json>;

void add_type(Types& types, const Json& type);

Json type_of(const Types& types) {
    if (types.empty())
        return "null";
    if (types.size() == 1)
        return types.front();
    Json list = Json::array();
    for (const Json& type : types)
        list.push_back(type);
    return list;
}

void merge_object(Json& into, const Json& other) {
    for (const auto& [key, type] : other.items()) {
        if (!into.contains(key)) {
            into[key] = type;
            continue;
        }
        Types types;
        add_type(types, into[key]);
        add_type(types, type);
        into[key] = type_of(types);
    }
}

/// "null" says nothing about a type and gives way to everything else.
void add_type(Types& types, const Json& type) {
    if (type.is_array()) {
        for (const Json& one : type)
            add_type(types, one);
        return;
    }
    if (type == "null")
        return;
    for (Json& known : types) {
        if (known.is_object() && type.is_object())
            return merge_object(known, type);
        if (known == type)
            return;
    }
    types.push_back(type);
}

Json schema_of(const Json& value) {
    if (value.is_object()) {
        Json schema = Json::object();
        for (const auto& [key, member] : value.items())
            schema[key] = schema_of(member);
        return schema;
    }
    if (value.is_array()) {
        Types types;
        for (const Json& item : value)
            add_type(types, schema_of(item));
        return Json::object({{std::string(kElement), type_of(types)}});
    }
    if (value.is_string())
        return "string";
    if (value.is_boolean())
        return "bool";
    if (value.is_number_integer())
        return "long";
    return value.is_number() ? "double" : "null";
}

} // namespace

void add_schema_functions(FunctionList& list) {
    list.push_back(row_function("kql_schema_of", "dynamic", "string", [](const In& in, Out& out) {
        const Json value = parse_json(in.text(0));
        out.text(value.is_discarded() ? "\"string\"" : dump_json(schema_of(value)));
    }));
    list.push_back(row_function("kql_merge_schemas", "string", "dynamic", [](const In& in, Out& out) {
        Types types;
        add_type(types, parse_json(in.text(0)));
        out.text(dump_json(type_of(types)));
    }));
}

} // namespace sluice::kql
