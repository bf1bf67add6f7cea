#pragma once

#include "core/data/format.hpp"
#include "core/ingest/databases.hpp"
#include "core/router/connection.hpp"
#include "core/router/path_policy.hpp"
#include "core/router/system_properties.hpp"

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace sluice::router {

/// Where events with equal routing go and how their bodies are read: the aggregation key of data-connections 1.1, resolved.
/// Belongs to the source's thread (the parser is used by one at a time).
struct Plan {
    catalog::Snapshot database;
    ingest::DatabaseWriter* writer = nullptr;
    std::shared_ptr<const catalog::Table> table;
    data::Format format = data::Format::Csv;
    std::string mapping_name;
    Compression compression = Compression::None;
    std::vector<std::string> tags;
    std::optional<Ticks> creation_time;
    bool ignore_first_record = false;
    std::string encoding; ///< as declared; empty: UTF-8
    bool embeds = false;  ///< system properties go into the bodies (data-connections 1.4)
    std::string batch_key;
    std::unique_ptr<data::Parser> parser;
    bool wants_location = false; ///< the mapping asks for SourceLocation
    /// The mapping named columns that the table lacked; they were added for this plan, whose next batch is queued for it.
    bool adds_columns = false;

    /// What the path depends on, but for the size.
    BatchFacts facts(bool cluster_switch) const;
};

/// Turns routing properties into plans and remembers them while the catalogue stays as it is. One thread at a time.
class PlanCache {
public:
    PlanCache(const ConnectionSettings& settings, ingest::Databases& databases)
        : settings_(settings), databases_(databases), requested_(requested_properties(settings)) {}

    /// Forgets plans whose database changed since. Called once per delivery, so that events of one delivery see one catalogue.
    void refresh();
    /// `file_name`: decides the format when neither the event nor the connection does (formats-and-mappings 1).
    /// Errors carry the codes of data-connections 1.3; the event becomes a dead letter.
    Result<std::shared_ptr<Plan>> find(const RoutingProperties& routing, std::string_view file_name);

    /// How far routing got, for the dead letter of an event that found no plan.
    struct Partial {
        std::string database, table, format, mapping;
    };
    Partial partial(const RoutingProperties& routing) const;
    /// The system properties to embed, in the order of their fields.
    std::span<const RequestedProperty> requested() const { return requested_; }

private:
    Result<std::shared_ptr<Plan>> resolve(const RoutingProperties& routing, std::string_view file_name);
    Result<catalog::Snapshot> resolve_database(const RoutingProperties& routing) const;
    Result<> resolve_properties(const RoutingProperties& routing, Plan& plan) const;
    Result<> resolve_parser(Plan& plan) const;
    Result<std::shared_ptr<const data::BoundMapping>> resolve_mapping(Plan& plan) const;
    Result<> add_columns(Plan& plan, const std::vector<data::ColumnSchema>& columns) const;

    const ConnectionSettings& settings_;
    ingest::Databases& databases_;
    const std::vector<RequestedProperty> requested_;
    std::map<std::string, std::shared_ptr<Plan>> plans_;
};

/// A JSON array of strings; single quotes are accepted. BadRequest_MalformedIngestionProperty otherwise (data-connections 2.2).
Result<std::vector<std::string>> parse_tags(std::string_view text);

} // namespace sluice::router
