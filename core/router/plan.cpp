#include "core/router/plan.hpp"

#include "core/base/log.hpp"
#include "core/data/encoding.hpp"
#include "core/data/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>

namespace sluice::router {
namespace {

constexpr std::size_t kMaxPlans = 4096;
constexpr std::size_t kMaxNameLength = 1024;

std::string lower(std::string_view text) {
    std::string lowered(text);
    std::transform(lowered.begin(), lowered.end(), lowered.begin(), [](unsigned char c) { return std::tolower(c); });
    return lowered;
}

/// A routing property whose value is empty counts as absent (data-connections 1.3).
std::string pick(const std::optional<std::string>& own, const std::string& fallback) {
    return own && !own->empty() ? *own : fallback;
}

Error malformed(std::string message) {
    return Error{ErrorCode::Invalid, std::move(message), "BadRequest_MalformedIngestionProperty"};
}

void append_key(std::string& key, const std::optional<std::string>& value) {
    key.append(value.value_or("")).push_back('\x1f');
}

bool needs_plain_body(data::Format format) {
    return data::is_container(format) || format == data::Format::W3cLogFile;
}

} // namespace

Result<std::vector<std::string>> parse_tags(std::string_view text) {
    auto parsed = nlohmann::json::parse(text, nullptr, false);
    if (parsed.is_discarded()) {
        std::string quoted(text);
        std::replace(quoted.begin(), quoted.end(), '\'', '"');
        parsed = nlohmann::json::parse(quoted, nullptr, false);
    }
    if (!parsed.is_array() || !std::all_of(parsed.begin(), parsed.end(), [](const auto& tag) { return tag.is_string(); }))
        return malformed(fmt::format("Tags must be a JSON array of strings such as [\"drop-by:day1\"], not '{}'.", text.substr(0, 100)));
    return parsed.get<std::vector<std::string>>();
}

BatchFacts Plan::facts(bool cluster_switch) const {
    const auto policy = database->effective_streaming(*table);
    return {.cluster_switch = cluster_switch,
            .policy_enabled = policy && policy->is_enabled,
            .format = format,
            .has_tags = !tags.empty(),
            .has_creation_time = creation_time.has_value(),
            .ignores_first_record = ignore_first_record,
            .adds_columns = adds_columns};
}

void PlanCache::refresh() {
    std::erase_if(plans_, [this](const auto& entry) {
        return databases_.catalog().find_exact(entry.second->database->name) != entry.second->database;
    });
    if (plans_.size() > kMaxPlans)
        plans_.clear();
}

Result<std::shared_ptr<Plan>> PlanCache::find(const RoutingProperties& routing, std::string_view file_name) {
    std::string key;
    for (const auto* value : {&routing.database, &routing.table, &routing.format, &routing.mapping, &routing.compression,
                              &routing.encoding, &routing.tags, &routing.ignore_first_record, &routing.creation_time})
        append_key(key, *value);
    // Only the extension matters, else every file of a folder would have a plan of its own.
    if (const auto format = data::format_of_file_name(file_name))
        key.append(data::to_string(*format));
    if (auto found = plans_.find(key); found != plans_.end())
        return found->second;
    SLUICE_TRY(auto plan, resolve(routing, file_name));
    plans_.emplace(std::move(key), plan);
    return plan;
}

Result<catalog::Snapshot> PlanCache::resolve_database(const RoutingProperties& routing) const {
    const std::string name = pick(routing.database, settings_.database);
    if (!settings_.multi_database && name != settings_.database)
        return Error{ErrorCode::Invalid,
                     fmt::format("The event names database '{}', but connection '{}' delivers to '{}' only; set databaseRouting = "
                                 "\"Multi\" to allow it.",
                                 name, settings_.name, settings_.database),
                     "BadRequest_NonMultiDatabaseDataConnection"};
    auto database = databases_.catalog().find_exact(name);
    if (!database)
        return Error{ErrorCode::NotFound, fmt::format("Entity ID '{}' of kind 'Database' was not found.", name), "BadRequest_DatabaseNotExist"};
    return database;
}

Result<> PlanCache::resolve_properties(const RoutingProperties& routing, Plan& plan) const {
    const std::string compression = lower(pick(routing.compression, settings_.compression == Compression::GZip ? "gzip" : "none"));
    if (compression == "gzip")
        plan.compression = Compression::GZip;
    else if (compression != "none")
        return malformed(fmt::format("Compression must be None or gzip, not '{}'.", compression));
    if (plan.compression == Compression::GZip && needs_plain_body(plan.format))
        return Error{ErrorCode::Invalid, fmt::format("Format '{}' inside gzip is not supported.", data::to_string(plan.format)),
                     "BadRequest_NotSupported"};

    if (!data::is_container(plan.format)) {
        plan.encoding = routing.encoding.value_or("");
        SLUICE_TRY(const std::string_view encoding, data::find_encoding(plan.encoding));
        if (plan.compression == Compression::GZip && encoding != data::kUtf8)
            return Error{ErrorCode::Invalid, fmt::format("Encoding '{}' inside gzip is not supported.", plan.encoding),
                         "BadRequest_NotSupported"};
    }
    if (plan.compression == Compression::GZip && !requested_.empty())
        return Error{ErrorCode::Invalid,
                     fmt::format("Connection '{}' asks for eventSystemProperties, which cannot be put into a compressed body.", settings_.name),
                     "BadRequest_NotSupported"};
    plan.embeds = !requested_.empty() && takes_embedded(plan.format);

    if (routing.tags && !routing.tags->empty()) {
        SLUICE_TRY(plan.tags, parse_tags(*routing.tags));
    }
    plan.ignore_first_record = settings_.ignore_first_record;
    if (routing.ignore_first_record && !routing.ignore_first_record->empty()) {
        const auto flag = data::parse_bool(*routing.ignore_first_record);
        if (!flag)
            return malformed(fmt::format("ignoreFirstRecord must be true or false, not '{}'.", *routing.ignore_first_record));
        plan.ignore_first_record = *flag;
    }
    if (routing.creation_time && !routing.creation_time->empty()) {
        plan.creation_time = data::parse_datetime(*routing.creation_time);
        if (!plan.creation_time)
            return malformed(fmt::format("creationTime must be ISO 8601, not '{}'.", *routing.creation_time));
    }
    return {};
}

Result<> PlanCache::resolve_parser(Plan& plan) const {
    data::ParserOptions options;
    if (!plan.mapping_name.empty()) {
        SLUICE_TRY(options.mapping, resolve_mapping(plan));
    }
    options.format = plan.format;
    options.schema = plan.table->schema();
    options.max_values = plan.database->max_value_sizes(*plan.table);
    options.ignore_first_record = plan.ignore_first_record;
    options.strict = settings_.strict;
    options.encoding = plan.encoding;
    if (settings_.kind == ConnectionKind::EventGrid)
        options.max_content = data::kMaxFile;
    SLUICE_TRY(plan.parser, data::make_parser(std::move(options)));
    return {};
}

Result<std::shared_ptr<const data::BoundMapping>> PlanCache::resolve_mapping(Plan& plan) const {
    const data::Mapping* found = plan.database->find_mapping(*plan.table, data::mapping_kind(plan.format), plan.mapping_name);
    if (!found)
        return Error{ErrorCode::NotFound, fmt::format("Entity ID '{}' of kind 'MappingPersistent' was not found.", plan.mapping_name),
                     "BadRequest_MappingReferenceWasNotFound"};
    const data::Mapping mapping = *found; // outlives a change of the catalogue
    for (const data::MappingElement& element : mapping.elements)
        plan.wants_location |= element.transform == data::Transform::SourceLocation;
    if (const auto missing = data::columns_to_add(mapping, *plan.table->schema()); !missing.empty()) {
        data::Schema larger = *plan.table->schema();
        larger.columns.insert(larger.columns.end(), missing.begin(), missing.end());
        SLUICE_CHECK(data::bind_mapping(mapping, larger)); // nothing is added for a mapping that does not fit anyway
        SLUICE_CHECK(add_columns(plan, missing));
    }
    return data::bind_mapping(mapping, *plan.table->schema());
}

Result<> PlanCache::add_columns(Plan& plan, const std::vector<data::ColumnSchema>& columns) const {
    const std::string name = plan.table->name; // the table goes with the snapshot that is replaced here
    SLUICE_TRY(plan.database, plan.writer->change_catalogue([&](const catalog::Database& before) -> Result<catalog::Database> {
        catalog::Database after = before;
        const auto found = before.find_table(name);
        if (!found)
            return Error{ErrorCode::NotFound, fmt::format("Entity ID '{}' of kind 'Table' was not found.", name), "BadRequest_TableNotExist"};
        auto table = std::make_shared<catalog::Table>(*found);
        for (const data::ColumnSchema& column : columns) {
            SLUICE_CHECK(catalog::check_entity_name(column.name));
            if (!table->find_column(column.name)) // somebody else may have been quicker
                table->columns.push_back({column.name, column.type, after.next_column++});
        }
        ++table->version;
        ++after.version;
        after.tables[name] = std::move(table);
        return after;
    }));
    plan.table = plan.database->find_table(name);
    plan.adds_columns = true;
    log::info("columns added for a mapping", {{"connection", settings_.name}, {"table", name}, {"mapping", plan.mapping_name}});
    return {};
}

Result<std::shared_ptr<Plan>> PlanCache::resolve(const RoutingProperties& routing, std::string_view file_name) {
    auto plan = std::make_shared<Plan>();
    SLUICE_TRY(plan->database, resolve_database(routing));
    plan->writer = databases_.writer(plan->database->name);
    const std::string table = pick(routing.table, settings_.table_name);
    if (table.empty())
        return Error{ErrorCode::Invalid,
                     fmt::format("Neither connection '{}' (tableName) nor the event names a table.", settings_.name),
                     "BadRequest_InvalidOrEmptyTableName"};
    if (table.size() > kMaxNameLength)
        return Error{ErrorCode::Invalid, "A table name has at most 1024 characters.", "BadRequest_EntityNameIsNotValid"};
    plan->table = plan->database->find_table(table);
    if (!plan->table || !plan->writer)
        return Error{ErrorCode::NotFound, fmt::format("Entity ID '{}' of kind 'Table' was not found.", table), "BadRequest_TableNotExist"};

    const std::string format = pick(routing.format, settings_.data_format);
    if (format.empty()) {
        plan->format = data::format_of_file_name(file_name).value_or(data::Format::Csv);
    } else if (const auto parsed = data::parse_format(format);
               parsed && !(*parsed == data::Format::Raw && settings_.kind != ConnectionKind::EventGrid)) {
        plan->format = *parsed;
    } else {
        return Error{ErrorCode::Invalid, fmt::format("Format '{}' is not supported.", format), "BadRequest_FormatNotSupported"};
    }
    plan->mapping_name = pick(routing.mapping, settings_.mapping_rule_name);
    SLUICE_CHECK(resolve_properties(routing, *plan));
    SLUICE_CHECK(resolve_parser(*plan));

    plan->batch_key = fmt::format("{}|{}|{}|{}|{}|{}", settings_.name, data::to_string(plan->format), plan->mapping_name,
                                  nlohmann::json(plan->tags).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
                                  plan->creation_time ? std::to_string(*plan->creation_time) : "now", plan->ignore_first_record);
    return plan;
}

PlanCache::Partial PlanCache::partial(const RoutingProperties& routing) const {
    return {pick(routing.database, settings_.database), pick(routing.table, settings_.table_name),
            lower(pick(routing.format, settings_.data_format)), pick(routing.mapping, settings_.mapping_rule_name)};
}

} // namespace sluice::router
