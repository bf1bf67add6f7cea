#include "core/engine/maintenance.hpp"

#include "core/base/log.hpp"
#include "core/base/thread.hpp"
#include "core/engine/catalogue_changes.hpp"
#include "core/engine/extent_rules.hpp"
#include "core/ingest/extent_work.hpp"

#include <algorithm>
#include <set>

namespace sluice::engine {
namespace {

using catalog::Database;
using catalog::Table;
using ingest::DatabaseWriter;
using store::Part;
using store::PartState;

constexpr Ticks kDroppedTablesAreKept = 14 * kTicksPerDay;
/// Rows that are deleted in one transaction: fifty milliseconds of the writer's time for a million.
constexpr std::uint64_t kRowsPerDeletion = 1'048'576;

bool failed(const Result<>& done, const char* what, const Database& database, const Table& table) {
    if (!done)
        log::warn(what, {{"database", database.name}, {"table", table.name}, {"error", done.error().message}});
    return !done;
}

void age(const Database& database, const Table& table, DatabaseWriter& writer, Ticks now) {
    const auto period = soft_delete_period(database, table);
    if (!period)
        return;
    const Ticks limit = now - *period;
    bool streamed = false, sealed = false;
    for (const Part& part : writer.parts(table.id)) {
        streamed = streamed || (part.state == PartState::RowStore && part.rows > 0 && part.opened < limit);
        sealed = sealed || (part.state == PartState::Extent && part.created < limit);
    }
    if (streamed &&
        failed(writer.seal_row_store(table.id, "Retention"), "the row store could not be sealed", database, table))
        return;
    if (!sealed && !streamed)
        return;
    for (bool more = true; more;) {
        std::uint64_t rows = 0;
        more = false;
        const auto dropped = writer.drop_extents([&](const Part& part) {
            if (part.table != table.id || part.created >= limit)
                return false;
            if (rows > 0 && rows + part.rows > kRowsPerDeletion) {
                more = true;
                return false;
            }
            rows += part.rows;
            return true;
        });
        if (!dropped) {
            log::warn("old extents could not be dropped",
                      {{"database", database.name}, {"table", table.name}, {"error", dropped.error().message}});
            return;
        }
    }
}

void drop_old_tags(const Database& database, const Table& table, DatabaseWriter& writer, Ticks now) {
    const auto rules = tag_retention(database, table);
    if (rules.empty())
        return;
    const auto is_due = [&](const Part& part) {
        return part.table == table.id && part.state == PartState::Extent && kept_tags(part, rules, now) != part.tags;
    };
    const auto known = writer.parts(table.id);
    if (std::none_of(known.begin(), known.end(), is_due))
        return;
    failed(writer.edit_parts([&](store::Transaction&, ingest::PartBook& parts) -> Result<> {
        std::vector<store::PartId> due;
        parts.each([&](const Part& part) {
            if (is_due(part))
                due.push_back(part.id);
        });
        SLUICE_CHECK(ingest::retag_extents(parts, due, [&](const Part& part) { return kept_tags(part, rules, now); }));
        return {};
    }),
           "old tags could not be removed", database, table);
}

bool has_expired(const Table& table, DatabaseWriter& writer, Ticks now) {
    const auto policy = auto_delete(table.policies);
    if (!policy || policy->expiry > now)
        return false;
    const auto parts = writer.parts(table.id);
    return policy->if_not_empty ||
           std::all_of(parts.begin(), parts.end(), [](const Part& part) { return part.rows == 0; });
}

} // namespace

Maintenance::~Maintenance() {
    {
        Lock lock(mutex_);
        stopping_ = true;
        changed_.notify_all();
    }
    if (thread_.joinable())
        thread_.join();
}

void Maintenance::start(std::chrono::milliseconds interval) {
    thread_ = std::jthread([this, interval] { run(interval); });
}

void Maintenance::run(std::chrono::milliseconds interval) {
    name_this_thread("extents");
    for (;;) {
        {
            const auto until = Clock::Steady::now() + interval;
            Lock lock(mutex_);
            while (!stopping_)
                if (changed_.wait_until(lock, until) == std::cv_status::timeout)
                    break;
            if (stopping_)
                return;
        }
        pass();
    }
}

void Maintenance::pass() {
    for (const auto& database : databases_.catalog().all())
        if (auto* writer = databases_.writer(database->name))
            pass(database, *writer);
}

void Maintenance::pass(const catalog::Snapshot& database, DatabaseWriter& writer) {
    const Ticks now = databases_.clock().now();
    std::vector<std::string> expired;
    for (const auto& [name, table] : database->tables) {
        if (has_expired(*table, writer, now)) {
            expired.push_back(name);
            continue;
        }
        age(*database, *table, writer, now);
        drop_old_tags(*database, *table, writer, now);
        merge(*database, *table, writer);
    }
    const Ticks limit = now - kDroppedTablesAreKept;
    const bool forget = std::any_of(database->dropped.begin(), database->dropped.end(),
                                    [&](const auto& dropped) { return dropped.time < limit; });
    if (expired.empty() && !forget)
        return;
    const auto changed = writer.change_catalogue([&](const Database& before) -> Result<Database> {
        SLUICE_TRY(auto next, change::drop_tables(before, expired, true, now));
        return change::forget_dropped(next, limit);
    });
    if (!changed)
        log::warn("expired tables could not be dropped",
                  {{"database", database->name}, {"error", changed.error().message}});
}

void Maintenance::merge(const Database& database, const Table& table, DatabaseWriter& writer) {
    const auto rules = merge_rules(database, table);
    const Ticks now = databases_.clock().now();
    const auto known = writer.parts(table.id);
    for (const auto& ids : ingest::plan_merges(known, rules, now)) {
        std::vector<Part> extents = known;
        std::erase_if(extents, [&](const Part& part) { return std::count(ids.begin(), ids.end(), part.id) == 0; });
        Operation operation;
        operation.id = data::random_guid();
        operation.name = "ExtentsMerge";
        operation.database = database.name;
        operation.principal = "sluice";
        operation.started = databases_.clock().now();
        const auto merged = ingest::merge_extents(writer, extents);
        const auto done = merged ? Result<>() : Result<>(merged.error());
        operation.updated = databases_.clock().now();
        operation.state = done ? "Completed" : "Failed";
        operation.status = done ? "" : done.error().message;
        history_.add(operation);
        if (failed(done, "extents could not be merged", database, table))
            return;
    }
}

} // namespace sluice::engine
