#pragma once

#include "core/base/clock.hpp"
#include "core/base/mutex.hpp"
#include "core/data/type.hpp"
#include "core/engine/command_result.hpp"
#include "core/store/store.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::engine {

/// A query or command, as `.show queries` and `.show commands` show it (commands 3.4).
struct Run {
    data::Guid activity = {};
    bool is_query = false;
    std::string type = {}; ///< "Query", or the CommandType
    std::string client_request_id = {}, text = {}, database = {}, user = {}, principal = {}, application = {};
    Ticks started = 0, updated = 0;
    std::string state = "InProgress"; ///< then Completed, Failed, Canceled
    std::string failure = {};
    std::uint64_t rows = 0; ///< delivered so far
};

/// One row of `.show operations`.
struct Operation {
    data::Guid id;
    std::string name; ///< "TableSetOrAppend"
    Ticks started = 0, updated = 0;
    std::string state = "InProgress"; ///< engine 7.4
    std::string status;               ///< what went wrong
    bool should_retry = false;
    std::string database, principal, user;
};

/// One change of a catalogue, as `.show journal` shows it.
struct JournalEntry {
    std::string event; ///< "CREATE-TABLE"
    Ticks time = 0;
    std::string database, entity, updated_entity, version, original_version, original_state, updated_state;
    std::string command, principal, user, client_request_id;
    data::Guid activity;
};

/// What happened lately: queries, commands, operations, changes of the catalogue. Bounded; the oldest entries go first,
/// and all of them with the process. Thread-safe.
class History {
public:
    /// Notes that a query or command began; its number names it from now on.
    std::uint64_t begin(Run run, std::shared_ptr<store::QueryCancel> cancel);
    void end(std::uint64_t number, Ticks now, std::string state, std::string failure, std::uint64_t rows);
    std::vector<Run> runs() const;
    /// Asks the running queries and commands with this client request id to end; false when there are none that the
    /// principal may end. An empty principal may end all.
    bool cancel(std::string_view client_request_id, std::string_view principal);

    void add(const Operation& operation);
    void operation_begins(const Operation& operation, std::shared_ptr<store::QueryCancel> cancel);
    /// `result` is kept for `.show operation <id> details`, the latest ones only.
    void operation_ends(const Operation& operation, std::shared_ptr<const CommandResult> result);
    /// All rows of the log, oldest first.
    std::vector<Operation> operations() const;
    /// The latest row of one operation.
    std::optional<Operation> operation(data::Guid id) const;
    std::shared_ptr<const CommandResult> details(data::Guid id) const;
    /// Asks a running operation to end; false when it is not running.
    bool cancel_operation(data::Guid id);
    /// Asks all running operations to end.
    void cancel_operations();

    void add(JournalEntry entry);
    std::vector<JournalEntry> journal() const;

private:
    struct Known {
        Run run;
        std::weak_ptr<store::QueryCancel> cancel;
    };
    static constexpr std::size_t kRuns = 4000;
    static constexpr std::size_t kOperations = 4000;
    static constexpr std::size_t kDetails = 200;
    static constexpr std::size_t kJournal = 2000;
    /// Longer texts are cut: an inline ingestion may bring megabytes.
    static constexpr std::size_t kText = 4096;

    mutable Mutex mutex_;
    std::map<std::uint64_t, Known> runs_ SLUICE_GUARDED_BY(mutex_);
    std::uint64_t next_ SLUICE_GUARDED_BY(mutex_) = 1;
    std::deque<Operation> operations_ SLUICE_GUARDED_BY(mutex_);
    std::map<std::string, std::weak_ptr<store::QueryCancel>> running_ SLUICE_GUARDED_BY(mutex_); ///< by id
    std::deque<std::pair<data::Guid, std::shared_ptr<const CommandResult>>> details_ SLUICE_GUARDED_BY(mutex_);
    std::deque<JournalEntry> journal_ SLUICE_GUARDED_BY(mutex_);
};

/// What a change of the catalogue did, one entry per entity: only the members that follow from the two states are set.
std::vector<JournalEntry> journal_of(const catalog::Database& before, const catalog::Database& after);

} // namespace sluice::engine
