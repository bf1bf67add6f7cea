#include "core/catalog/catalog.hpp"
#include "core/data/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

/// The catalogue as JSON documents. Names of members are part of the file format: old files are read by new builds.
namespace sluice::catalog {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json) {
    // Texts come from requests that were UTF-8; what is not is replaced, because the store cannot hold it either.
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json write(const Mappings& mappings) {
    Json list = Json::array();
    for (const auto& [key, stored] : mappings)
        list.push_back({{"kind", data::to_string(key.first)},
                        {"name", key.second},
                        {"lastUpdated", stored.last_updated},
                        {"elements", data::to_json(stored.mapping)}});
    return list;
}

Json write(const Policies& policies) {
    Json json = Json::object();
    if (policies.streaming)
        json["streaming"] = to_json(*policies.streaming);
    if (policies.batching)
        json["batching"] = to_json(*policies.batching);
    if (!policies.update.empty())
        json["update"] = to_json(policies.update);
    if (!policies.other.empty())
        json["other"] = policies.other;
    return json;
}

Json write(const std::vector<Principal>& principals) {
    Json list = Json::array();
    for (const Principal& principal : principals)
        list.push_back({{"role", principal.role},
                        {"fqn", principal.fqn},
                        {"notes", principal.notes},
                        {"id", data::format_guid(principal.id)}});
    return list;
}

Json write(const Database& database) {
    return {{"guid", data::format_guid(database.guid)}, {"version", database.version},
            {"nextTable", database.next_table},         {"nextColumn", database.next_column},
            {"mappings", write(database.mappings)},     {"policies", write(database.policies)},
            {"principals", write(database.principals)}, {"prettyName", database.pretty_name}};
}

Json write(const Table& table) {
    Json columns = Json::array();
    for (const Column& column : table.columns)
        columns.push_back({{"id", column.id},
                           {"name", column.name},
                           {"type", data::to_string(column.type)},
                           {"docstring", column.docstring},
                           {"encoding", column.encoding}});
    return {{"id", table.id},
            {"guid", data::format_guid(table.guid)},
            {"version", table.version},
            {"columns", std::move(columns)},
            {"folder", table.folder},
            {"docstring", table.docstring},
            {"mappings", write(table.mappings)},
            {"policies", write(table.policies)},
            {"principals", write(table.principals)}};
}

Json write(const DroppedTable& dropped) {
    Json json = write(*dropped.table);
    json["name"] = dropped.table->name;
    json["droppedVersion"] = dropped.version;
    json["droppedTime"] = dropped.time;
    return json;
}

Json write(const Function& function) {
    return {{"parameters", function.parameters},
            {"body", function.body},
            {"folder", function.folder},
            {"docstring", function.docstring},
            {"principals", write(function.principals)}};
}

/// What a document breaks: caught in from_documents, which knows the document.
struct Broken {
    std::string why;
};

template <class T> T unwrap(Result<T> result) {
    if (!result)
        throw Broken{result.error().message};
    return *std::move(result);
}

data::Guid read_guid(const Json& json) {
    const auto guid = data::parse_guid(json.get_ref<const std::string&>());
    if (!guid)
        throw Broken{fmt::format("'{}' is no guid", json.get_ref<const std::string&>())};
    return *guid;
}

Mappings read_mappings(const Json& list) {
    Mappings mappings;
    for (const Json& json : list) {
        const auto kind = data::parse_mapping_kind(json.at("kind").get_ref<const std::string&>());
        if (!kind)
            throw Broken{fmt::format("'{}' is no kind of mapping", json.at("kind").get_ref<const std::string&>())};
        const auto& name = json.at("name").get_ref<const std::string&>();
        StoredMapping stored{
            .mapping = unwrap(data::parse_mapping(name, *kind, json.at("elements").get_ref<const std::string&>())),
            .last_updated = json.at("lastUpdated").get<Ticks>()};
        mappings.insert_or_assign({*kind, name}, std::move(stored));
    }
    return mappings;
}

Policies read_policies(const Json& json) {
    Policies policies;
    if (const auto found = json.find("streaming"); found != json.end())
        policies.streaming = unwrap(parse_streaming_policy(found->get_ref<const std::string&>(), std::nullopt));
    if (const auto found = json.find("batching"); found != json.end())
        policies.batching = unwrap(parse_batching_policy(found->get_ref<const std::string&>(), std::nullopt));
    if (const auto found = json.find("update"); found != json.end())
        policies.update = unwrap(parse_update_policy(found->get_ref<const std::string&>()));
    if (const auto found = json.find("other"); found != json.end())
        for (const auto& [keyword, text] : found->items())
            policies.other.emplace(keyword, text.get<std::string>());
    return policies;
}

/// Absent in files of older builds.
std::vector<Principal> read_principals(const Json& json) {
    std::vector<Principal> principals;
    if (const auto found = json.find("principals"); found != json.end())
        for (const Json& entry : *found)
            principals.push_back({.role = entry.at("role").get<std::string>(),
                                  .fqn = entry.at("fqn").get<std::string>(),
                                  .notes = entry.at("notes").get<std::string>(),
                                  .id = read_guid(entry.at("id"))});
    return principals;
}

void read_database(const Json& json, Database& database) {
    database.guid = read_guid(json.at("guid"));
    database.version = json.at("version").get<std::uint64_t>();
    database.next_table = json.at("nextTable").get<TableId>();
    database.next_column = json.at("nextColumn").get<ColumnId>();
    database.mappings = read_mappings(json.at("mappings"));
    database.policies = read_policies(json.at("policies"));
    database.principals = read_principals(json);
    database.pretty_name = json.value("prettyName", "");
}

std::shared_ptr<const Table> read_table(const std::string& name, const Json& json) {
    auto table = std::make_shared<Table>();
    table->name = name;
    table->id = json.at("id").get<TableId>();
    table->guid = read_guid(json.at("guid"));
    table->version = json.at("version").get<std::uint64_t>();
    for (const Json& column : json.at("columns")) {
        const auto& type_name = column.at("type").get_ref<const std::string&>();
        const auto type = data::parse_scalar_type(type_name);
        if (!type)
            throw Broken{fmt::format("'{}' is no type", type_name)};
        table->columns.push_back({.name = column.at("name").get<std::string>(),
                                  .type = *type,
                                  .id = column.at("id").get<ColumnId>(),
                                  .docstring = column.at("docstring").get<std::string>(),
                                  .encoding = column.value("encoding", "")});
    }
    table->folder = json.at("folder").get<std::string>();
    table->docstring = json.at("docstring").get<std::string>();
    table->mappings = read_mappings(json.at("mappings"));
    table->policies = read_policies(json.at("policies"));
    table->principals = read_principals(json);
    return table;
}

Function read_function(const std::string& name, const Json& json) {
    return {.name = name,
            .parameters = json.at("parameters").get<std::string>(),
            .body = json.at("body").get<std::string>(),
            .folder = json.at("folder").get<std::string>(),
            .docstring = json.at("docstring").get<std::string>(),
            .principals = read_principals(json)};
}

void read_document(const Document& document, Database& database) {
    const Json json = Json::parse(document.text);
    if (document.kind == "database")
        read_database(json, database);
    else if (document.kind == "table")
        database.tables.insert_or_assign(document.name, read_table(document.name, json));
    else if (document.kind == "function")
        database.functions.insert_or_assign(document.name, read_function(document.name, json));
    else if (document.kind == "dropped")
        database.dropped.push_back({.table = read_table(json.at("name").get<std::string>(), json),
                                    .version = json.at("droppedVersion").get<std::uint64_t>(),
                                    .time = json.at("droppedTime").get<Ticks>()});
    else
        throw Broken{"this build does not know the kind; it was written by a newer one"};
}

} // namespace

bool Table::keeps_no_rows() const {
    const auto retention = policies.other.find("retention");
    if (retention == policies.other.end())
        return false;
    const Json json = Json::parse(retention->second, nullptr, false);
    const auto period = json.is_object() ? json.find("SoftDeletePeriod") : json.end();
    return json.is_object() && period != json.end() && period->is_string() &&
           data::parse_timespan(period->get_ref<const std::string&>()) == Ticks{0};
}

std::vector<Document> to_documents(const Database& database) {
    std::vector<Document> documents;
    documents.reserve(1 + database.tables.size() + database.functions.size());
    documents.push_back({"database", database.name, dump(write(database))});
    for (const auto& [name, table] : database.tables)
        documents.push_back({"table", name, dump(write(*table))});
    for (const auto& [name, function] : database.functions)
        documents.push_back({"function", name, dump(write(function))});
    // By number: several dropped tables may have had the same name.
    for (const DroppedTable& dropped : database.dropped)
        documents.push_back({"dropped", std::to_string(dropped.table->id), dump(write(dropped))});
    return documents;
}

Result<Database> from_documents(std::string name, const std::vector<Document>& documents) {
    Database database;
    database.name = std::move(name);
    for (const Document& document : documents) {
        std::string why;
        try {
            read_document(document, database);
            continue;
        } catch (const Broken& broken) {
            why = broken.why;
        } catch (const nlohmann::json::exception& error) {
            why = error.what();
        }
        return Error{ErrorCode::Internal,
                     fmt::format("catalogue of database '{}': the stored {} '{}' cannot be read: {}", database.name,
                                 document.kind, document.name, why)};
    }
    std::sort(database.dropped.begin(), database.dropped.end(),
              [](const DroppedTable& a, const DroppedTable& b) { return a.version < b.version; });
    return database;
}

} // namespace sluice::catalog
