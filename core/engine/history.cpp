#include "core/engine/history.hpp"

#include "core/data/text.hpp"
#include "core/engine/schema_text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::engine {
namespace {

template <class List, class Item> void push_bounded(List& list, Item item, std::size_t limit) {
    list.push_back(std::move(item));
    while (list.size() > limit)
        list.pop_front();
}

} // namespace

std::uint64_t History::begin(Run run, std::shared_ptr<store::QueryCancel> cancel) {
    if (run.text.size() > kText) {
        // A cut inside a character would be no UTF-8.
        std::size_t end = kText;
        while (end > 0 && (static_cast<unsigned char>(run.text[end]) & 0xC0U) == 0x80U)
            --end;
        run.text = run.text.substr(0, end) + "…";
    }
    Lock lock(mutex_);
    while (runs_.size() >= kRuns)
        runs_.erase(runs_.begin());
    const std::uint64_t number = next_++;
    runs_.emplace(number, Known{std::move(run), std::move(cancel)});
    return number;
}

void History::end(std::uint64_t number, Ticks now, std::string state, std::string failure, std::uint64_t rows) {
    Lock lock(mutex_);
    const auto found = runs_.find(number);
    if (found == runs_.end())
        return;
    Run& run = found->second.run;
    run.updated = now;
    run.state = std::move(state);
    run.failure = std::move(failure);
    run.rows = rows;
}

std::vector<Run> History::runs() const {
    std::vector<Run> out;
    Lock lock(mutex_);
    out.reserve(runs_.size());
    for (const auto& [number, known] : runs_)
        out.push_back(known.run);
    return out;
}

bool History::cancel(std::string_view client_request_id, std::string_view principal) {
    std::vector<std::shared_ptr<store::QueryCancel>> found;
    {
        Lock lock(mutex_);
        for (const auto& [number, known] : runs_)
            if (known.run.state == "InProgress" && known.run.client_request_id == client_request_id &&
                (principal.empty() || principal == known.run.principal))
                if (auto cancel = known.cancel.lock())
                    found.push_back(std::move(cancel));
    }
    for (const auto& cancel : found)
        cancel->cancel();
    return !found.empty();
}

void History::add(const Operation& operation) {
    Lock lock(mutex_);
    push_bounded(operations_, operation, kOperations);
}

void History::operation_begins(const Operation& operation, std::shared_ptr<store::QueryCancel> cancel) {
    Lock lock(mutex_);
    push_bounded(operations_, operation, kOperations);
    running_[data::format_guid(operation.id)] = std::move(cancel);
}

void History::operation_ends(const Operation& operation, std::shared_ptr<const CommandResult> result) {
    Lock lock(mutex_);
    push_bounded(operations_, operation, kOperations);
    running_.erase(data::format_guid(operation.id));
    if (result)
        push_bounded(details_, std::pair(operation.id, std::move(result)), kDetails);
}

std::vector<Operation> History::operations() const {
    Lock lock(mutex_);
    return {operations_.begin(), operations_.end()};
}

std::optional<Operation> History::operation(data::Guid id) const {
    Lock lock(mutex_);
    const auto found =
        std::find_if(operations_.rbegin(), operations_.rend(), [&](const auto& o) { return o.id == id; });
    return found == operations_.rend() ? std::nullopt : std::optional(*found);
}

std::shared_ptr<const CommandResult> History::details(data::Guid id) const {
    Lock lock(mutex_);
    for (const auto& [known, result] : details_)
        if (known == id)
            return result;
    return nullptr;
}

bool History::cancel_operation(data::Guid id) {
    std::shared_ptr<store::QueryCancel> cancel;
    {
        Lock lock(mutex_);
        const auto found = running_.find(data::format_guid(id));
        if (found != running_.end())
            cancel = found->second.lock();
    }
    if (cancel)
        cancel->cancel();
    return cancel != nullptr;
}

void History::cancel_operations() {
    std::vector<std::shared_ptr<store::QueryCancel>> found;
    {
        Lock lock(mutex_);
        for (const auto& [id, cancel] : running_)
            if (auto held = cancel.lock())
                found.push_back(std::move(held));
    }
    for (const auto& cancel : found)
        cancel->cancel();
}

void History::add(JournalEntry entry) {
    if (entry.command.size() > kText)
        entry.command.resize(kText);
    Lock lock(mutex_);
    push_bounded(journal_, std::move(entry), kJournal);
}

std::vector<JournalEntry> History::journal() const {
    Lock lock(mutex_);
    return {journal_.begin(), journal_.end()};
}

namespace {

struct Differ {
    const catalog::Database& before;
    const catalog::Database& after;
    std::vector<JournalEntry> out = {};

    void add(std::string event, std::string entity, std::string updated, std::string old_state, std::string new_state) {
        JournalEntry entry;
        entry.event = std::move(event);
        entry.database = after.name;
        entry.entity = std::move(entity);
        entry.updated_entity = std::move(updated);
        entry.version = version_of(after);
        entry.original_version = version_of(before);
        entry.original_state = std::move(old_state);
        entry.updated_state = std::move(new_state);
        out.push_back(std::move(entry));
    }

    void tables() {
        std::map<catalog::TableId, const catalog::Table*> left;
        for (const auto& [name, table] : before.tables)
            left.emplace(table->id, table.get());
        for (const auto& [name, table] : after.tables) {
            const auto old = left.find(table->id);
            if (old == left.end()) {
                add("CREATE-TABLE", name, name, "", json_schema(*table));
                continue;
            }
            if (old->second->name != name)
                add("RENAME-TABLE", old->second->name, name, json_schema(*old->second), json_schema(*table));
            else if (old->second != table.get())
                add("ALTER-TABLE", name, name, json_schema(*old->second), json_schema(*table));
            left.erase(old);
        }
        for (const auto& [id, table] : left)
            add("DROP-TABLE", table->name, "", json_schema(*table), "");
    }

    void functions() {
        for (const auto& [name, function] : after.functions) {
            const auto old = before.functions.find(name);
            if (old == before.functions.end())
                add("CREATE-FUNCTION", name, name, "", function.body);
            else if (old->second.body != function.body || old->second.parameters != function.parameters ||
                     old->second.folder != function.folder || old->second.docstring != function.docstring)
                add("ALTER-FUNCTION", name, name, old->second.body, function.body);
        }
        for (const auto& [name, function] : before.functions)
            if (after.functions.count(name) == 0)
                add("DROP-FUNCTION", name, "", function.body, "");
    }
};

} // namespace

std::vector<JournalEntry> journal_of(const catalog::Database& before, const catalog::Database& after) {
    Differ differ{before, after};
    differ.tables();
    differ.functions();
    // Policies, mappings and texts of the database itself: there is nothing else that a version can stand for.
    if (differ.out.empty() && before.version != after.version)
        differ.add("ALTER-DATABASE", after.name, after.name, "", "");
    return std::move(differ.out);
}

} // namespace sluice::engine
