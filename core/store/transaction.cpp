#include "core/base/failpoint.hpp"
#include "core/base/log.hpp"
#include "core/data/json_text.hpp"
#include "core/store/records.hpp"
#include "core/store/transaction_impl.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace sluice::store {
namespace {

/// Fills the cells of one new row from left to right.
class RowWriter {
public:
    explicit RowWriter(data::Rows& rows) : rows_(rows), chunk_(rows.next_row()), row_(chunk_.rows()) {}
    ~RowWriter() { rows_.finish_row(); }
    RowWriter(const RowWriter&) = delete;
    RowWriter& operator=(const RowWriter&) = delete;

    RowWriter& text(std::string_view value) {
        // Names and details come from events: one bad byte in a header must not make the whole commit fail.
        std::string valid;
        data::append_valid_utf8(valid, value);
        chunk_.column(next_++).set(row_, chunk_.arena().cell(valid));
        return *this;
    }
    /// Any bytes, for columns of type BLOB.
    RowWriter& bytes(std::string_view value) {
        chunk_.column(next_++).set(row_, chunk_.arena().cell(value));
        return *this;
    }
    RowWriter& number(std::uint64_t value) { return number(static_cast<std::int64_t>(value)); }
    RowWriter& number(std::int64_t value) {
        chunk_.column(next_++).set(row_, value);
        return *this;
    }
    RowWriter& small(std::int32_t value) {
        chunk_.column(next_++).set(row_, value);
        return *this;
    }
    RowWriter& flag(bool value) {
        chunk_.column(next_++).set(row_, static_cast<std::uint8_t>(value));
        return *this;
    }
    RowWriter& guid(data::Guid value) {
        chunk_.column(next_++).set(row_, value);
        return *this;
    }

private:
    data::Rows& rows_;
    data::Chunk& chunk_;
    std::size_t row_;
    std::size_t next_ = 0;
};

/// Equal but for what a batch adds.
bool same_but_counters(const Part& a, const Part& b) {
    return a.table == b.table && a.state == b.state && a.extent == b.extent && a.batch_key == b.batch_key &&
           a.opened == b.opened && a.sealed == b.sealed && a.created == b.created && a.tags == b.tags &&
           a.seal_reason == b.seal_reason;
}

} // namespace

Transaction::Impl::~Impl() {
    if (open) {
        // Nothing to do about an error: the connection's next BEGIN would meet it again and report it.
        if (const auto rolled_back = run(connection(), "ROLLBACK"); !rolled_back)
            log::error("rollback failed",
                       {{"database", store.options.database}, {"error", rolled_back.error().message}});
        if (tables)
            store.set_slots(store.tables);
    }
    end_turn();
}

void Transaction::Impl::end_turn() {
    if (std::exchange(holds_turn, false))
        store.give_turn_back();
}

Result<std::uint64_t> Transaction::Impl::execute(const std::string& sql, const std::vector<Parameter>& parameters) {
    if (failed)
        return *failed;
    auto statement = keep(store.statements.get(connection(), sql));
    if (!statement)
        return std::move(statement).error();
    return keep((*statement)->execute(parameters));
}

Result<> Transaction::Impl::once(const std::string& sql) {
    if (failed)
        return *failed;
    return keep(run(connection(), sql));
}

Result<std::uint64_t> Transaction::Impl::once_counted(const std::string& sql) {
    if (failed)
        return *failed;
    auto statement = keep(Statement::prepare(connection(), sql));
    if (!statement)
        return std::move(statement).error();
    return keep(statement->execute());
}

data::Rows& Transaction::Impl::rows_of(SystemSlot slot) {
    const auto found = pending.find(slot);
    if (found != pending.end())
        return found->second;
    return pending.emplace(slot, data::Rows(std::make_shared<const data::Schema>(system_table(slot).schema)))
        .first->second;
}

Result<> Transaction::Impl::flush(SystemSlot slot) {
    const auto found = pending.find(slot);
    if (found == pending.end())
        return {};
    const data::Rows rows = std::move(found->second);
    pending.erase(found);
    store.feed.find_slot(slot)->load(rows, 0, 0);
    SLUICE_CHECK(execute(insert_rows(system_table(slot))));
    return {};
}

Result<> Transaction::Impl::write_journal() {
    for (const auto& [key, body] : journal)
        RowWriter(rows_of(kJournalSlot)).number(entry).text(key.first).text(key.second).text(body);
    journal.clear();
    return flush(kJournalSlot);
}

const catalog::Table* Transaction::Impl::find_table(catalog::TableId id) const {
    const auto& known = tables ? *tables : store.tables;
    const auto found = known.find(id);
    return found == known.end() ? nullptr : &found->second;
}

std::optional<Part> Transaction::Impl::stored_part(PartId id) const {
    if (const auto changed = parts.find(id); changed != parts.end())
        return changed->second;
    if (const auto found = store.open_parts.find(id); found != store.open_parts.end())
        return found->second;
    return std::nullopt;
}

std::map<PartId, Part> Transaction::Impl::hidden_parts(catalog::TableId table) const {
    std::map<PartId, Part> hidden;
    const auto add = [&](const Part& part) {
        if (part.table == table && (part.state == PartState::Staged || part.state == PartState::Piece))
            hidden.insert_or_assign(part.id, part);
    };
    for (const auto& [id, part] : store.open_parts)
        if (!parts.contains(id))
            add(part);
    for (const auto& [id, part] : parts)
        if (part)
            add(*part);
    return hidden;
}

void Transaction::Impl::queue_part(const Part& part) {
    RowWriter(rows_of(kPartsSlot))
        .number(part.id)
        .number(std::uint64_t{part.table})
        .small(stored_state(part.state))
        .guid(part.extent)
        .text(part.batch_key)
        .number(part.opened)
        .number(part.sealed)
        .number(part.created)
        .number(part.rows)
        .number(part.original_size)
        .number(std::uint64_t{part.items})
        .text(encode_tags(part.tags))
        .text(part.seal_reason)
        .text(encode_events(part.events))
        .number(entry);
}

Result<> Transaction::Impl::replace_part(const Part& part) {
    SLUICE_CHECK(flush(kPartsSlot));
    const auto number = [](auto value) { return Parameter(static_cast<std::int64_t>(value)); };
    SLUICE_TRY(
        const std::uint64_t changed,
        execute(
            R"(UPDATE db.sluice.parts SET "table" = ?, state = ?, extent = ?, batch_key = ?, opened = ?, sealed = ?, )"
            R"(created = ?, rows = ?, original_size = ?, items = ?, tags = ?, seal_reason = ?, events = ?, saved = ? )"
            R"(WHERE id = ?)",
            {number(part.table), number(stored_state(part.state)), part.extent, part.batch_key, number(part.opened),
             number(part.sealed), number(part.created), number(part.rows), number(part.original_size),
             number(part.items), encode_tags(part.tags), part.seal_reason, encode_events(part.events), number(entry),
             number(part.id)}));
    if (changed == 0)
        queue_part(part);
    return {};
}

Result<> Transaction::Impl::check_appended() {
    for (const PartId id : appended) {
        if (stored_part(id))
            continue;
        SLUICE_TRY(const auto rows, read_all(connection(), "SELECT count(*) FROM db.sluice.parts WHERE id = ?",
                                             {Parameter(id)}, data::Schema{{{"count", data::ScalarType::Long}}}));
        // Rows of an unknown part would be visible for ever and belong to nothing.
        if (rows.at(0).column(0).get<std::int64_t>(0) == 0)
            return Error{ErrorCode::Internal, fmt::format("part {} was given rows and never saved", id)};
    }
    return {};
}

Result<> Transaction::Impl::forget_parts(catalog::TableId table, const std::string& condition) {
    SLUICE_CHECK(flush(kPartsSlot));
    SLUICE_CHECK(once(fmt::format(R"(DELETE FROM db.sluice.parts WHERE "table" = {}{})", table, condition)));
    return {};
}

Transaction::Transaction(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Transaction::Transaction(Transaction&&) noexcept = default;
Transaction::~Transaction() = default;

Result<Transaction> Store::begin() {
    SLUICE_CHECK(impl_->check_room(0));
    SLUICE_CHECK(impl_->take_turn_for_transaction());
    auto transaction = std::make_unique<Transaction::Impl>(*impl_); // gives the turn back when it goes
    transaction->entry = impl_->next_entry;
    transaction->highest_part = impl_->highest_part;
    SLUICE_CHECK(transaction->execute("BEGIN TRANSACTION"));
    transaction->open = true;
    return Transaction(std::move(transaction));
}

Result<> Transaction::Impl::check_version(const catalog::Table& table, const data::Rows& rows) const {
    const FeedSlot* slot = store.feed.find_slot(table.id);
    const catalog::Table* stored = find_table(table.id);
    if (!slot || !stored || stored->version != table.version || !slot->takes(rows.schema()))
        return Error{ErrorCode::Internal,
                     fmt::format("rows of table '{}' were made for another version of it", table.name),
                     "General_TransientSchemaMismatch"};
    return {};
}

Result<> Transaction::Impl::insert(catalog::TableId table, PartId part, Ticks time,
                                   const std::vector<const data::Rows*>& rows) {
    const catalog::Table* stored = find_table(table);
    FeedSlot& slot = *store.feed.find_slot(table);
    slot.load(rows, part, time);
    std::optional<QueryHelp::Ticket> help;
    if (slot.spans() > 1)
        help.emplace(*store.help);
    SLUICE_TRY(const std::uint64_t added, execute(insert_rows(*stored)));
    std::size_t given = 0;
    for (const data::Rows* some : rows)
        given += some->size();
    if (added != given)
        return keep(Result<>(Error{ErrorCode::Internal, fmt::format("{} rows were given to table '{}', {} went in",
                                                                    given, stored->name, added)}));
    return {};
}

Result<> Transaction::Impl::insert_later() {
    if (later.empty())
        return {};
    for (const auto& [where, rows] : std::exchange(later, {}))
        SLUICE_CHECK(insert(std::get<0>(where), std::get<1>(where), std::get<2>(where), rows));
    failpoint("S7");
    return {};
}

Result<> Transaction::append(const catalog::Table& table, PartId part, Ticks time, const data::Rows& rows) {
    if (rows.empty())
        return {};
    if (impl_->failed)
        return *impl_->failed;
    SLUICE_CHECK(impl_->check_version(table, rows));
    SLUICE_CHECK(impl_->insert(table.id, part, time, {&rows}));
    impl_->appended.insert(part);
    return {};
}

Result<> Transaction::append_later(const catalog::Table& table, PartId part, Ticks time, const data::Rows& rows) {
    if (rows.empty())
        return {};
    if (impl_->failed)
        return *impl_->failed;
    SLUICE_CHECK(impl_->check_version(table, rows));
    impl_->later[{table.id, part, time}].push_back(&rows);
    impl_->appended.insert(part);
    return {};
}

Result<> Transaction::save_part(const Part& part) {
    if (impl_->failed)
        return *impl_->failed;
    const auto before = impl_->stored_part(part.id);
    const std::pair key(journal::kPart, std::to_string(part.id));
    if (before && same_but_counters(*before, part)) {
        impl_->journal.insert_or_assign(key, encode_counters(part));
    } else {
        impl_->journal.erase(key);
        if (!before && part.id > impl_->highest_part)
            impl_->queue_part(part);
        else
            SLUICE_CHECK(impl_->replace_part(part));
    }
    impl_->highest_part = std::max(impl_->highest_part, part.id);
    impl_->parts.insert_or_assign(part.id, part);
    return {};
}

Result<> Transaction::drop_part(const Part& part) {
    SLUICE_CHECK(impl_->insert_later());
    SLUICE_CHECK(impl_->flush(kPartsSlot));
    if (impl_->find_table(part.table))
        SLUICE_CHECK(
            impl_->execute(fmt::format(R"(DELETE FROM {} WHERE "$part" = ?)", stored_table(part.table)), {part.id}));
    SLUICE_CHECK(impl_->execute("DELETE FROM db.sluice.parts WHERE id = ?", {part.id}));
    impl_->journal.erase({journal::kPart, std::to_string(part.id)});
    impl_->parts.insert_or_assign(part.id, std::nullopt);
    impl_->appended.erase(part.id);
    return {};
}

Result<> Transaction::clear_table(catalog::TableId id, bool keep_staged) {
    if (impl_->failed)
        return *impl_->failed;
    const catalog::Table* table = impl_->find_table(id);
    if (!table)
        return Error{ErrorCode::Internal, fmt::format("there is no stored table {} to clear", id)};
    SLUICE_CHECK(impl_->insert_later());
    std::map<PartId, Part> kept;
    if (keep_staged)
        for (const auto& [part, facts] : impl_->hidden_parts(id))
            if (facts.state == PartState::Staged)
                kept.emplace(part, facts);
    std::string others;
    for (const auto& [part, facts] : kept)
        others += fmt::format("{}{}", others.empty() ? "" : ", ", part);
    if (kept.empty()) {
        // A new table instead of a deletion: a deletion is logged row by row and takes a second for ten million of
        // them.
        SLUICE_CHECK(impl_->once("DROP TABLE " + stored_table(id)));
        SLUICE_CHECK(impl_->once(create_table(*table)));
        SLUICE_CHECK(impl_->forget_parts(id, ""));
    } else {
        SLUICE_CHECK(impl_->once(fmt::format(R"(DELETE FROM {} WHERE "$part" NOT IN ({}))", stored_table(id), others)));
        SLUICE_CHECK(impl_->forget_parts(id, fmt::format(" AND id NOT IN ({})", others)));
    }
    const auto forget = [&](PartId part) {
        impl_->parts.insert_or_assign(part, std::nullopt);
        impl_->journal.erase({journal::kPart, std::to_string(part)});
        impl_->appended.erase(part);
    };
    for (const auto& [part, facts] : impl_->store.open_parts)
        if (facts.table == id && !kept.contains(part) && !impl_->parts.contains(part))
            forget(part);
    for (const auto& [part, facts] : impl_->parts)
        if (facts && facts->table == id && !kept.contains(part))
            forget(part);
    return {};
}

Result<> Transaction::save_lane(const LanePosition& lane) {
    impl_->journal.insert_or_assign({journal::kLane, lane_key(lane.connection, lane.lane)}, encode(lane));
    return {};
}

Result<> Transaction::save_totals(std::string_view connection, const ConnectionTotals& totals) {
    impl_->journal.insert_or_assign({journal::kTotals, std::string(connection)}, encode(totals));
    return {};
}

Result<> Transaction::save_setting(std::string_view key, std::string_view value) {
    impl_->journal.insert_or_assign({journal::kSetting, std::string(key)}, std::string(value));
    return {};
}

Result<> Transaction::add_dead_letter(const DeadLetter& letter) {
    RowWriter(impl_->rows_of(kDeadLetterSlot))
        .guid(letter.id)
        .number(letter.time)
        .number(letter.first_seen)
        .text(letter.connection)
        .text(letter.kind)
        .text(letter.source)
        .text(letter.lane)
        .number(letter.sequence)
        .text(letter.position_json)
        .text(letter.database)
        .text(letter.table)
        .text(letter.format)
        .text(letter.mapping)
        .text(letter.error_code)
        .text(letter.failure_kind)
        .text(letter.details)
        .number(std::uint64_t{letter.attempts})
        .text(letter.properties_json)
        .text(letter.system_properties_json)
        .bytes(letter.body)
        .flag(letter.truncated);
    return {};
}

Result<> Transaction::drop_dead_letter(data::Guid id) {
    SLUICE_CHECK(impl_->flush(kDeadLetterSlot));
    SLUICE_CHECK(impl_->execute("DELETE FROM db.sluice.dead_letters WHERE id = ?", {id}));
    return {};
}

Result<> Transaction::add_gap(const Gap& gap) {
    RowWriter(impl_->rows_of(kGapSlot))
        .text(gap.connection)
        .text(gap.lane)
        .number(gap.first)
        .number(gap.last)
        .text(gap.reason)
        .number(gap.time);
    return {};
}

Result<> Transaction::save_file(const FileRecord& file) {
    RowWriter(impl_->rows_of(kFileSlot))
        .number(impl_->entry++)
        .number(file_key(file.connection, file.url, file.etag))
        .text(file.connection)
        .text(file.url)
        .text(file.etag)
        .text(file.outcome)
        .text(file.pending_action)
        .number(file.time);
    return {};
}

Result<> Transaction::save_queue_item(const QueueItem& item) {
    SLUICE_CHECK(drop_queue_item(item.id));
    SLUICE_CHECK(impl_->execute("INSERT INTO db.sluice.queue_items VALUES (?, ?, ?, ?)",
                                {item.id, item.announcement, item.operation, item.state}));
    return {};
}

Result<> Transaction::drop_queue_item(data::Guid id) {
    SLUICE_CHECK(impl_->execute("DELETE FROM db.sluice.queue_items WHERE id = ?", {id}));
    return {};
}

Result<> Transaction::settle_queue_items(PartId part, std::string_view state, std::string_view outcome) {
    SLUICE_CHECK(
        impl_->execute("UPDATE db.sluice.queue_items SET state = ?, "
                       "announcement = CAST(json_merge_patch(CAST(announcement AS JSON), CAST(? AS JSON)) AS VARCHAR) "
                       "WHERE state = ? AND CAST(CAST(announcement AS JSON)->>'Part' AS BIGINT) = ?",
                       {std::string(state), std::string(outcome), std::string("Staged"), part}));
    return {};
}

Result<> Transaction::add_failure(const IngestionFailure& failure) {
    RowWriter(impl_->rows_of(kFailureSlot))
        .guid(failure.operation_id)
        .text(failure.database)
        .text(failure.table)
        .number(failure.failed_on)
        .text(failure.source_path)
        .text(failure.details)
        .text(failure.failure_kind)
        .text(failure.operation_kind)
        .text(failure.error_code)
        .text(failure.principal)
        .flag(failure.originates_from_update_policy)
        .flag(failure.should_retry)
        .text(failure.ingestion_properties);
    return {};
}

Result<> Transaction::commit() {
    if (impl_->failed)
        return *impl_->failed;
    SLUICE_CHECK(impl_->insert_later());
    SLUICE_CHECK(impl_->write_journal());
    for (const SystemTable& table : system_tables())
        SLUICE_CHECK(impl_->flush(static_cast<SystemSlot>(table.slot)));
    SLUICE_CHECK(impl_->keep(impl_->check_appended()));
    impl_->open = false; // whatever COMMIT answers, the transaction is over
    if (auto committed = impl_->execute("COMMIT"); !committed) {
        if (impl_->tables)
            impl_->store.set_slots(impl_->store.tables);
        // A store that answers afterwards stored nothing and can go on; one that does not cannot be trusted.
        const auto alive = run(impl_->connection(), "SELECT version FROM db.sluice.format");
        Error error = std::move(committed).error();
        // After a failed sync the system may have dropped what was to be written, so that the next sync, which
        // succeeds, means nothing.
        const bool trusted = alive && error.message.find("fsync failed") == std::string::npos;
        error.code = trusted ? (error.code == ErrorCode::Internal ? ErrorCode::Io : error.code) : ErrorCode::Internal;
        if (!trusted)
            error.reason = std::string(kStoreBroken);
        impl_->end_turn();
        return error;
    }
    impl_->store.mark->note();
    impl_->adopt();
    impl_->failed = Error{ErrorCode::Internal, "the transaction was committed already"};
    impl_->end_turn();
    return {};
}

/// The store's picture of itself after the commit.
void Transaction::Impl::adopt() {
    store.next_entry = entry + 1;
    store.highest_part = highest_part;
    for (auto& [id, part] : parts) {
        if (part && part->state != PartState::Extent)
            store.open_parts.insert_or_assign(id, std::move(*part));
        else
            store.open_parts.erase(id);
    }
    if (tables) {
        store.tables = std::move(*tables);
    }
}

} // namespace sluice::store
