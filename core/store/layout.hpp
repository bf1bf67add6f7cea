#pragma once

#include "core/catalog/catalog.hpp"
#include "core/store/store.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

/// The SQL of the file's layout: system tables, stored tables, views. Names of ours are numbers; names of users are
/// quoted. Internal to core/store.
namespace sluice::store {

/// Grows when an older build could not read the file.
constexpr int kFormatVersion = 2;

/// Statements that lay out a new file.
std::vector<std::string> system_layout();
/// Queries whose rows, of all of them and in this order, are the statements that turn a file of an earlier version into
/// one of ours.
std::vector<std::string> upgrade_queries();

/// "db.sluice.t7"
std::string stored_table(catalog::TableId table);
std::string create_table(const catalog::Table& table);
/// `INSERT INTO ... SELECT * FROM sluice_feed(slot)` for the columns of the table, "$part" and "$time".
std::string insert_rows(const catalog::Table& table);
/// Statements that turn the stored table of `before` into that of `after`.
std::vector<std::string> alter_table(const catalog::Table& before, const catalog::Table& after);

/// A view of schema main: its name there and the statement that creates it.
struct View {
    std::string name, create;
};
/// The names of the views by table. DuckDB ignores the case of names, KQL does not: of names that differ only in case
/// the later table's view gets "#<id>" added, which no name of an entity can hold.
std::map<catalog::TableId, std::string> view_names(const catalog::Database& database);
View plain_view(const catalog::Table& table, std::string name);

/// Slots of sluice_feed for the system tables; tables of users use their id.
enum SystemSlot : std::int64_t {
    kJournalSlot = -1,
    kPartsSlot = -2,
    kDeadLetterSlot = -3,
    kGapSlot = -4,
    kFileSlot = -5,
    kFailureSlot = -6
};

/// A system table that takes rows through the feed.
struct SystemTable {
    std::int64_t slot;
    std::string name;
    data::Schema schema;
    std::vector<std::size_t> blobs;
};
const std::vector<SystemTable>& system_tables();
const SystemTable& system_table(SystemSlot slot);
std::string insert_rows(const SystemTable& table);

/// State of parts in `sluice.parts.state`.
int stored_state(PartState state);

} // namespace sluice::store
