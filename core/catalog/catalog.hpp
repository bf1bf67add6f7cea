#pragma once

#include "core/base/mutex.hpp"
#include "core/base/result.hpp"
#include "core/catalog/policy.hpp"
#include "core/catalog/update_policy.hpp"
#include "core/data/mapping.hpp"
#include "core/data/schema.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What exists: databases, tables, columns, mappings, functions, policies. Immutable snapshots; a change makes a new
/// one.
namespace sluice::catalog {

using TableId = std::uint32_t;
using ColumnId = std::uint32_t;

struct Column {
    std::string name;
    data::ScalarType type;
    ColumnId id; ///< names the stored column; kept by a rename, new after a change of type
    std::string docstring = {};
    std::string encoding = {}; ///< JSON of its encoding policy; see Database::max_value_sizes
};

struct StoredMapping {
    data::Mapping mapping;
    Ticks last_updated = 0;
};
/// Mappings by (kind, name).
using Mappings = std::map<std::pair<data::MappingKind, std::string>, StoredMapping>;

/// Policies of one level. Those that the engine acts on have a type; the others keep their JSON text by keyword
/// ("retention").
struct Policies {
    std::optional<StreamingPolicy> streaming;
    std::optional<BatchingPolicy> batching;
    std::vector<UpdatePolicy> update = {}; ///< of tables only; empty: none
    std::map<std::string, std::string, std::less<>> other;
};

/// A role that a command gave to somebody (commands 3.5).
struct Principal {
    std::string role; ///< as in commands: "admins", "ingestors"
    std::string fqn;  ///< "aadapp=<id>;<tenant>"
    std::string notes = {};
    data::Guid id; ///< of the assignment
};

struct Table {
    TableId id = 0;
    std::string name;
    data::Guid guid;
    std::vector<Column> columns;
    std::string folder = {}, docstring = {};
    Mappings mappings;
    Policies policies;
    std::vector<Principal> principals = {};
    /// Grows with each change of columns or mappings: rows prepared for an older one are fitted by column id when they
    /// are committed.
    std::uint64_t version = 1;

    /// Names and types of `columns`; shared so that parsers and rows can hold it.
    std::shared_ptr<const data::Schema> schema() const;
    const Column* find_column(std::string_view name) const;
    /// Whether rows that come now get an ingestion time: unless the policy says no (engine 5.7).
    bool keeps_ingestion_time() const;
    /// Soft-delete period zero: rows only pass through to the targets of update policies (engine 3.8).
    bool keeps_no_rows() const;
};

struct Function {
    std::string name, parameters, body;
    std::string folder = {}, docstring = {};
    std::vector<Principal> principals = {};
};

/// A dropped table whose rows are still kept, so that `.undo drop table` can bring it back.
struct DroppedTable {
    std::shared_ptr<const Table> table;
    std::uint64_t version = 0; ///< of the database before the drop
    Ticks time = 0;
};

/// One database at one moment. Immutable once published.
struct Database {
    std::string name;
    data::Guid guid;
    std::map<std::string, std::shared_ptr<const Table>, std::less<>> tables; ///< by name, case-sensitive
    std::map<std::string, Function, std::less<>> functions;
    Mappings mappings;
    Policies policies;
    std::vector<Principal> principals = {};
    std::string pretty_name = {};
    std::vector<DroppedTable> dropped = {}; ///< oldest first
    TableId next_table = 1;
    ColumnId next_column = 1;
    std::uint64_t version = 1; ///< major part of `v<major>.<minor>`

    std::shared_ptr<const Table> find_table(std::string_view name) const;
    /// Table scope first, then database scope (data-connections 1.3 step 4); null when there is none of that kind.
    const data::Mapping* find_mapping(const Table& table, data::MappingKind kind, std::string_view name) const;
    /// Table beats database, in both directions (engine 1.3). Nothing: no policy on either level.
    std::optional<StreamingPolicy> effective_streaming(const Table& table) const;
    BatchingPolicy effective_batching(const Table& table) const;
    /// Of one value, by column: the MaxValueSize of the encoding policy of the column, else of the table, else of the
    /// database, at most 32 MiB (formats-and-mappings 8). Empty when nobody says anything.
    std::vector<Bytes> max_value_sizes(const Table& table) const;
    /// Streamed rows reach the table: it is streamed itself, or it is the target of an enabled update policy whose source is
    /// streaming-fed (engine 2.2). The cluster's switch plays no part in it.
    bool is_streaming_fed(const Table& table) const;
};
using Snapshot = std::shared_ptr<const Database>;

/// Refuses names that break engine 6.6: BadRequest_EntityNameIsNotValid.
Result<> check_entity_name(std::string_view name);

/// One stored document of the catalogue: `kind` is "database", "table", "function"; `text` is JSON.
struct Document {
    std::string kind, name, text;
};
/// The whole database as documents and back; what the store keeps in `sluice.catalogue`.
std::vector<Document> to_documents(const Database& database);
Result<Database> from_documents(std::string name, const std::vector<Document>& documents);

/// The databases of this process: readers take snapshots, the writer of a database publishes new ones. Thread-safe.
class Catalog {
public:
    /// Case-sensitive first, then case-insensitive; null when there is none.
    Snapshot find(std::string_view database) const;
    /// Exact name only, as routing properties demand (data-connections 1.3 step 5).
    Snapshot find_exact(std::string_view database) const;
    /// In alphabetical order.
    std::vector<Snapshot> all() const;
    /// Makes `database` what readers see from now on. Called by the database's writer after its commit.
    void publish(Snapshot database);
    void remove(std::string_view database);

private:
    mutable Mutex mutex_;
    std::map<std::string, Snapshot, std::less<>> databases_ SLUICE_GUARDED_BY(mutex_);
};

} // namespace sluice::catalog
