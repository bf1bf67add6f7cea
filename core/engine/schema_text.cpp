#include "core/engine/schema_text.hpp"

#include "core/data/text.hpp"
#include "core/engine/command_lexer.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>

namespace sluice::engine {
namespace {

using Json = nlohmann::ordered_json;

bool plain(std::string_view name) {
    return !name.empty() && !std::isdigit(static_cast<unsigned char>(name[0])) &&
           std::all_of(name.begin(), name.end(),
                       [](unsigned char c) { return c < 0x80 && (std::isalnum(c) || c == '_'); });
}

Json column_json(const catalog::Column& column) {
    Json json{{"Name", column.name}, {"Type", data::net_name(column.type)}, {"CslType", data::to_string(column.type)}};
    if (!column.docstring.empty())
        json["DocString"] = column.docstring;
    return json;
}

Json columns_json(const catalog::Table& table) {
    Json columns = Json::array();
    for (const auto& column : table.columns)
        columns.push_back(column_json(column));
    return columns;
}

std::string dump(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// The parts of "(a:long, b:string='x', T:(x:int))" between the commas of the outer bracket.
std::vector<std::string> split_parameters(std::string_view parameters) {
    std::vector<std::string> parts;
    std::string_view inside = parameters.substr(1, parameters.size() - 2);
    std::size_t begin = 0;
    for (Token token = next_token(inside, 0); token.kind != Token::Kind::End; token = next_token(inside, token.end)) {
        if (token.is('(') || token.is('[') || token.is('{')) {
            const std::size_t close = end_of_bracket(inside, token.begin);
            token.end = close == std::string_view::npos ? inside.size() : close;
        } else if (token.is(',')) {
            parts.push_back(trimmed(inside.substr(begin, token.begin - begin)));
            begin = token.end;
        }
    }
    if (const auto last = trimmed(inside.substr(begin)); !last.empty())
        parts.push_back(last);
    return parts;
}

Json typed(std::string_view name, std::string_view type_name) {
    const auto type = data::parse_scalar_type(type_name);
    return {{"Name", name},
            {"Type", type ? data::net_name(*type) : "System.Object"},
            {"CslType", type ? data::to_string(*type) : type_name}};
}

Json parameter_json(const std::string& text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string::npos)
        return {{"Name", text}};
    const std::string name = trimmed(std::string_view(text).substr(0, colon));
    std::string type = trimmed(std::string_view(text).substr(colon + 1));
    if (!type.empty() && type.front() == '(') {
        Json columns = Json::array();
        for (const auto& column : split_parameters(type)) {
            const std::size_t middle = column.find(':');
            if (middle != std::string::npos)
                columns.push_back(typed(trimmed(std::string_view(column).substr(0, middle)),
                                        trimmed(std::string_view(column).substr(middle + 1))));
        }
        return {{"Name", name}, {"Columns", std::move(columns)}};
    }
    const std::size_t equals = type.find('=');
    std::string value;
    if (equals != std::string::npos) {
        value = trimmed(std::string_view(type).substr(equals + 1));
        type = trimmed(std::string_view(type).substr(0, equals));
    }
    Json json = typed(name, type);
    if (equals != std::string::npos)
        json["CslDefaultValue"] = value;
    return json;
}

Json function_json(const catalog::Function& function) {
    Json parameters = Json::array();
    if (function.parameters.size() >= 2)
        for (const auto& parameter : split_parameters(function.parameters))
            parameters.push_back(parameter_json(parameter));
    return {{"Name", function.name},         {"InputParameters", std::move(parameters)}, {"Body", function.body},
            {"Folder", function.folder},     {"DocString", function.docstring},          {"FunctionKind", "Unknown"},
            {"OutputColumns", Json::array()}};
}

Json database_json(const catalog::Database& database) {
    Json tables = Json::object();
    for (const auto& [name, table] : database.tables)
        tables[name] = {{"Name", name},
                        {"DefaultColumn", nullptr},
                        {"Folder", table->folder},
                        {"DocString", table->docstring},
                        {"OrderedColumns", columns_json(*table)}};
    Json functions = Json::object();
    for (const auto& [name, function] : database.functions)
        functions[name] = function_json(function);
    return {{"Name", database.name},
            {"Tables", std::move(tables)},
            {"ExternalTables", Json::object()},
            {"MaterializedViews", Json::object()},
            {"EntityGroups", Json::object()},
            {"Graphs", Json::object()},
            {"MajorVersion", database.version},
            {"MinorVersion", 0},
            {"Functions", std::move(functions)},
            {"DatabaseAccessMode", "ReadWrite"},
            {"PrettyName", ""}};
}

} // namespace

std::string csl_schema(const catalog::Table& table) {
    std::string out;
    for (const auto& column : table.columns)
        out += fmt::format("{}{}:{}", out.empty() ? "" : ",", quoted_name(column.name), data::to_string(column.type));
    return out;
}

std::string json_schema(const catalog::Table& table) {
    return dump({{"Name", table.name}, {"OrderedColumns", columns_json(table)}});
}

std::string json_schema(const std::vector<catalog::Snapshot>& databases) {
    Json all = Json::object();
    for (const auto& database : databases)
        all[database->name] = database_json(*database);
    return dump({{"Plugins", Json::array()}, {"Databases", std::move(all)}});
}

std::string version_of(const catalog::Database& database) {
    return fmt::format("v{}.0", database.version);
}

bool later_than(const catalog::Database& database, std::string_view given) {
    if (!given.empty() && (given.front() == 'v' || given.front() == 'V'))
        given.remove_prefix(1);
    const auto major = data::parse_long(given.substr(0, given.find('.')));
    // What cannot be read is no version that the client knows, so it gets the schema.
    return !major || database.version > static_cast<std::uint64_t>(std::max<std::int64_t>(*major, 0));
}

std::string quoted_name(std::string_view name) {
    return plain(name) ? std::string(name) : "[" + quoted_text(name) + "]";
}

std::string quoted_text(std::string_view text) {
    std::string out = "'";
    for (const char c : text) {
        switch (c) {
        case '\n':
            out += "\\n";
            break;
        case '\r':
            out += "\\r";
            break;
        case '\t':
            out += "\\t";
            break;
        case '\\':
        case '\'':
            out += '\\';
            [[fallthrough]];
        default:
            out += c;
        }
    }
    return out + '\'';
}

std::string entity_name(const catalog::Database& database) {
    return fmt::format("[{}]", database.name);
}

std::string entity_name(const catalog::Database& database, const catalog::Table& table) {
    return fmt::format("[{}].[{}]", database.name, table.name);
}

std::string tidy_parameters(std::string_view parameters) {
    std::string out;
    Token before;
    for (Token token = next_token(parameters, 0); token.kind != Token::Kind::End;
         token = next_token(parameters, token.end)) {
        const bool words = before.kind == Token::Kind::Word && token.kind == Token::Kind::Word;
        if (words || before.is(','))
            out += ' ';
        out += parameters.substr(token.begin, token.end - token.begin);
        before = token;
    }
    return out;
}

namespace {

void add_policies(std::vector<std::string>& out, const std::string& entity, const catalog::Policies& policies) {
    const auto add = [&](std::string_view keyword, const std::string& value) {
        out.push_back(fmt::format(".alter {} policy {} {}", entity, keyword, value));
    };
    if (policies.streaming)
        add("streamingingestion", quoted_text(to_json(*policies.streaming)));
    if (policies.batching)
        add("ingestionbatching", quoted_text(to_json(*policies.batching)));
    for (const auto& [keyword, text] : policies.other) {
        const bool raw = text.front() == '(' || text == "true" || text == "false";
        add(keyword, raw ? text : quoted_text(text));
    }
}

void add_mappings(std::vector<std::string>& out, const std::string& entity, const catalog::Mappings& mappings) {
    for (const auto& [key, stored] : mappings)
        out.push_back(fmt::format(".create-or-alter {} ingestion {} mapping {} {}", entity,
                                  to_lower(data::to_string(key.first)), quoted_text(key.second),
                                  quoted_text(data::to_json(stored.mapping))));
}

void add_table(std::vector<std::string>& out, const catalog::Table& table, const ScriptParts& parts) {
    std::string columns, docstrings;
    for (const auto& column : table.columns) {
        const std::string name = fmt::format("[{}]", quoted_text(column.name));
        columns += fmt::format("{}{}:{}", columns.empty() ? "" : ", ", name, data::to_string(column.type));
        if (!column.docstring.empty())
            docstrings += fmt::format("{}{}:{}", docstrings.empty() ? "" : ", ", name, quoted_text(column.docstring));
    }
    const std::string target = fmt::format("table [{}]", quoted_text(table.name));
    std::string texts;
    if (!table.folder.empty() || !table.docstring.empty())
        texts = fmt::format(" with (folder={}, docstring={})", quoted_text(table.folder), quoted_text(table.docstring));
    out.push_back(fmt::format(".create-merge {} ({}){}", target, columns, texts));
    if (!docstrings.empty())
        out.push_back(fmt::format(".alter-merge {} column-docstrings ({})", target, docstrings));
    if (parts.mappings)
        add_mappings(out, target, table.mappings);
    for (const auto& column : table.columns)
        if (parts.encodings && !column.encoding.empty())
            out.push_back(fmt::format(".alter column [{}].[{}] policy encoding {}", quoted_text(table.name),
                                      quoted_text(column.name), quoted_text(column.encoding)));
}

} // namespace

std::vector<std::string> schema_script(const catalog::Database& database, const ScriptParts& parts) {
    std::vector<std::string> out;
    for (const auto& [name, table] : database.tables)
        add_table(out, *table, parts);
    const std::string self = fmt::format("database [{}]", quoted_text(database.name));
    if (parts.mappings)
        add_mappings(out, self, database.mappings);
    for (const auto& [name, function] : database.functions)
        out.push_back(
            fmt::format(".create-or-alter function with (folder={}, docstring={}, skipvalidation=true) {}{} {}",
                        quoted_text(function.folder), quoted_text(function.docstring), quoted_name(name),
                        function.parameters, function.body));
    // Policies last: an update policy names tables and functions.
    add_policies(out, "database", database.policies);
    for (const auto& [name, table] : database.tables)
        add_policies(out, fmt::format("table [{}]", quoted_text(name)), table->policies);
    return out;
}

} // namespace sluice::engine
