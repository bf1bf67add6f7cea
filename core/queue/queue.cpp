#include "core/queue/queue.hpp"

#include "core/base/digest.hpp"
#include "core/base/failpoint.hpp"
#include "core/base/log.hpp"
#include "core/base/metrics.hpp"
#include "core/base/random.hpp"
#include "core/base/thread.hpp"
#include "core/data/text.hpp"
#include "core/engine/access.hpp"
#include "core/engine/direct_load.hpp"
#include "core/engine/file_load.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <future>

namespace sluice::queue {
namespace fs = std::filesystem;
namespace {

using std::chrono::seconds;

constexpr std::size_t kMaxBlobs = 20; // engine 4.6
constexpr auto kUpkeepInterval = seconds(30);
constexpr Ticks kKeepStates = 14 * kTicksPerDay;
constexpr auto kFirstRetry = seconds(10); // engine 4.4
constexpr auto kLongestRetry = std::chrono::minutes(30);
/// Rows of a blob up to here wait in memory for their commit; more are written ahead in pieces.
constexpr Bytes kInMemory = 4_MiB;
constexpr std::size_t kKeyBytes = 32;
constexpr std::string_view kIngestBy = "ingest-by:";

Result<std::string> load_key(const fs::path& file) {
    std::string key(kKeyBytes, '\0');
    if (std::ifstream in(file, std::ios::binary); in.read(key.data(), kKeyBytes))
        return key;
    key = secret_bytes(kKeyBytes);
    std::ofstream out(file, std::ios::binary | std::ios::trunc);
    fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
    out.write(key.data(), kKeyBytes).flush();
    if (!out)
        return Error{ErrorCode::Io, fmt::format("cannot write '{}'", file.string())};
    return key;
}

Error not_found(const char* kind, const std::string& name, const char* reason) {
    return {ErrorCode::NotFound, fmt::format("Entity ID '{}' of kind '{}' was not found.", name, kind), reason};
}

Result<engine::IngestionProperties> properties_of(const Item& item) {
    engine::Argument with;
    for (const auto& [name, value] : item.properties)
        // What these ask for is settled elsewhere, or has no meaning here.
        if (name != "enableTracking" && name != "skipBatching" && name != "deleteAfterDownload" &&
            name != "policy_ingestiontime" && name != "extend_schema" && name != "ApplicationForTracing" &&
            name != "ClientVersionForTracing")
            with.properties.add({name == "mappingReference" ? "ingestionMappingReference" : name, value});
    return engine::read_ingest_properties(with);
}

/// Why a blob has a batch of its own; empty: it shares one (engine 4.2).
std::string_view alone_because(const engine::IngestionProperties& properties) {
    if (!properties.ingest_if_not_exists.empty())
        return "SingleBlob_IngestIfNotExists";
    const bool tagged = std::any_of(properties.tags.begin(), properties.tags.end(),
                                    [](const std::string& tag) { return tag.starts_with(kIngestBy); });
    return tagged ? "SingleBlob_IngestByTag" : "";
}

std::string batch_key(const Item& item) {
    std::string key = fmt::format("{}\x1e{}", ingest::kQueueConnection, item.principal);
    for (const auto& [name, value] : item.properties)
        key += fmt::format("\x1e{}={}", name, value);
    return key;
}

store::IngestionFailure failure_of(const Item& item, Ticks now) {
    store::IngestionFailure failure;
    failure.operation_id = item.operation;
    failure.database = item.database;
    failure.table = item.table;
    failure.failed_on = now;
    failure.source_path = item.url.substr(0, item.url.find('?')); // what follows is a secret
    failure.details = item.details;
    failure.failure_kind = "Permanent";
    failure.operation_kind = "DataIngestPull";
    failure.error_code = item.error_code;
    failure.principal = item.principal;
    failure.should_retry = !item.permanent;
    return failure;
}

/// The rows of one blob: in memory while they are few, else written ahead.
class Gathered {
public:
    Gathered(ingest::DatabaseWriter& writer, std::shared_ptr<const catalog::Table> table)
        : writer_(writer), table_(std::move(table)), rows_(table_->schema()) {}

    Result<> add(data::Rows more) {
        if (load_)
            return load_->add(std::move(more));
        for (data::Chunk& chunk : more.chunks())
            rows_.add_chunk(std::move(chunk));
        if (rows_.memory() < kInMemory)
            return {};
        load_.emplace(writer_, table_);
        return load_->add(std::exchange(rows_, data::Rows(table_->schema())));
    }
    Result<> put_into(ingest::TableBatch& batch) {
        if (load_) {
            SLUICE_TRY(auto part, load_->prepare());
            if (part)
                batch.pieces.push_back(std::move(*part));
        }
        batch.rows = std::move(rows_);
        return {};
    }
    void committed() {
        if (load_)
            load_->adopted();
    }

private:
    ingest::DatabaseWriter& writer_;
    const std::shared_ptr<const catalog::Table> table_;
    data::Rows rows_;
    std::optional<engine::DirectLoad> load_;
};

} // namespace

class Queue::Turn {
public:
    explicit Turn(Queue& queue) : queue_(queue) {
        Lock lock(queue_.mutex_);
        while (queue_.conditional_)
            queue_.changed_.wait(lock);
        queue_.conditional_ = true;
    }
    ~Turn() {
        Lock lock(queue_.mutex_);
        queue_.conditional_ = false;
        queue_.changed_.notify_all();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

private:
    Queue& queue_;
};

Result<std::unique_ptr<Queue>> Queue::open(ingest::Databases& databases, Options options) {
    SLUICE_TRY(auto blobs, BlobStore::open({.folder = options.folder, .max_bytes = options.max_bytes}));
    SLUICE_TRY(auto key, load_key(options.folder / kKeyFile));
    std::unique_ptr<Queue> queue(new Queue(databases, std::move(options), std::move(blobs), std::move(key)));
    for (unsigned i = 0; i < queue->options_.threads; ++i)
        queue->threads_.emplace_back([queue = queue.get(), i] {
            name_this_thread(fmt::format("queue/{}", i));
            queue->run();
        });
    return queue;
}

Queue::Queue(ingest::Databases& databases, Options options, std::unique_ptr<BlobStore> blobs, std::string key)
    : databases_(databases), options_(std::move(options)), blobs_(std::move(blobs)), key_(std::move(key)),
      next_upkeep_(databases.clock().steady()) {
    std::vector<Item> waiting = find("state = 'Pending'");
    Lock lock(mutex_);
    ready_.assign(std::make_move_iterator(waiting.begin()), std::make_move_iterator(waiting.end()));
}

Queue::~Queue() {
    {
        Lock lock(mutex_);
        stopping_ = true;
        changed_.notify_all();
    }
    threads_.clear();
}

std::vector<Item> Queue::find(std::string_view condition, const std::vector<store::Parameter>& parameters) const {
    std::vector<Item> all;
    for (const std::string& name : databases_.names()) {
        ingest::DatabaseWriter* writer = databases_.writer(name);
        if (!writer)
            continue;
        auto found = find_items(writer->store(), name, condition, parameters);
        if (found)
            all.insert(all.end(), std::make_move_iterator(found->begin()), std::make_move_iterator(found->end()));
        else
            log::error("announcements cannot be read", {{"database", name}, {"error", found.error().message}});
    }
    return all;
}

Result<std::string> Queue::announce(const Announcement& announcement) {
    if (announcement.blobs.empty() || announcement.blobs.size() > kMaxBlobs)
        return Error{
            ErrorCode::Invalid,
            fmt::format("A request announces 1 to {} blobs, this one {}.", kMaxBlobs, announcement.blobs.size()),
            "General_BadRequest"};
    const auto all = databases_.catalog().all();
    const bool by_default = announcement.database.empty() || announcement.database == "NetDefaultDB";
    catalog::Snapshot database = databases_.catalog().find(announcement.database);
    if (!database && by_default && !all.empty())
        database = all.front();
    const std::string home = database ? database->name : all.empty() ? std::string() : all.front()->name;
    ingest::DatabaseWriter* writer = databases_.writer(home);
    if (!writer)
        return Error{ErrorCode::Unavailable, "There is no database here yet.", "ServerBusy"};

    const data::Guid operation = data::random_guid();
    const Ticks now = databases_.clock().now();
    std::vector<Item> items;
    for (const Blob& blob : announcement.blobs) {
        Item item{.id = data::random_guid(), .operation = operation, .home = home};
        item.database = database ? database->name : announcement.database;
        item.table = announcement.table;
        item.principal = announcement.principal;
        item.source_id = blob.source_id;
        item.url = blob.url;
        item.raw_size = blob.raw_size;
        item.properties = announcement.properties;
        item.flush = announcement.flush;
        item.retain = announcement.retain;
        item.reports_failures = announcement.reports_failures;
        item.reports_successes = announcement.reports_successes;
        item.announced = now;
        if (!database) { // nobody could find it anywhere else later
            const Error error = not_found("Database", announcement.database, "BadRequest_DatabaseNotExist");
            item.state = "Failed";
            item.ended = now;
            item.error_code = error.reason;
            item.details = error.message;
        }
        items.push_back(std::move(item));
    }
    auto noted = writer->transact([&](store::Transaction& transaction) -> Result<> {
        for (const Item& item : items) {
            SLUICE_CHECK(transaction.save_queue_item(to_stored(item)));
            if (item.state == "Failed")
                SLUICE_CHECK(transaction.add_failure(failure_of(item, now)));
        }
        return {};
    });
    SLUICE_CHECK(std::move(noted));
    failpoint("Q3");
    metrics::counter("sluice_queued_blobs_total", "Blobs announced by clients.", {{"database", home}})
        .add(items.size());
    Lock lock(mutex_);
    for (Item& item : items)
        if (item.state == "Pending")
            ready_.push_back(std::move(item));
    changed_.notify_all();
    return data::format_guid(operation);
}

Result<std::optional<engine::QueuedIngestion::Operation>> Queue::operation(std::string_view id) const {
    const auto guid = data::parse_guid(id);
    if (!guid)
        return std::optional<Operation>();
    Operation operation;
    for (const Item& item : find("operation_id = ?", {*guid})) {
        operation.database = item.database;
        operation.table = item.table;
        BlobState state{item.source_id, item.url.substr(0, item.url.find('?')), item.state, item.announced};
        state.updated = item.ended != 0 ? item.ended : item.announced;
        state.error_code = item.error_code;
        state.details = item.details;
        if (item.state == "Failed")
            state.failure_status = item.error_code == "General_RetryAttemptsExceeded" ? "Exhausted" : "Permanent";
        operation.blobs.push_back(std::move(state));
    }
    return operation.blobs.empty() ? std::optional<Operation>() : std::optional(std::move(operation));
}

void Queue::run() {
    while (const auto item = next())
        process(*item);
}

std::optional<Item> Queue::next() {
    for (;;) {
        bool upkeep_due = false;
        {
            Lock lock(mutex_);
            const auto now = databases_.clock().steady();
            while (!later_.empty() && later_.begin()->first <= now) {
                ready_.push_back(std::move(later_.begin()->second));
                later_.erase(later_.begin());
            }
            if (stopping_)
                return std::nullopt;
            upkeep_due = next_upkeep_ <= now;
            if (upkeep_due) {
                next_upkeep_ = now + kUpkeepInterval;
            } else if (!ready_.empty()) {
                Item item = std::move(ready_.front());
                ready_.pop_front();
                return item;
            } else {
                const auto first = later_.empty() ? next_upkeep_ : std::min(next_upkeep_, later_.begin()->first);
                changed_.wait_until(lock, first);
                continue;
            }
        }
        upkeep();
    }
}

void Queue::process(Item item) {
    const auto staged = stage(item);
    if (staged || staged.error().code == ErrorCode::Cancelled)
        return;
    const Error& error = staged.error();
    const Ticks now = databases_.clock().now();
    if (!error.permanent() && now - item.announced < options_.retry_for.count() * kTicksPerMillisecond) {
        auto delay =
            std::min<std::chrono::milliseconds>(kFirstRetry * (1 << std::min(item.attempts, 8U)), kLongestRetry);
        delay += delay / 5 * static_cast<int>(random_bits() % 3) - delay / 5;
        ++item.attempts;
        item.next_try = now + delay.count() * kTicksPerMillisecond;
        log::warn("a queued blob could not be staged, will be tried again",
                  {{"database", item.home}, {"table", item.table}, {"error", error.message}});
        static_cast<void>(save(item)); // only counts the attempts
        Lock lock(mutex_);
        later_.emplace(databases_.clock().steady() + delay, std::move(item));
        return;
    }
    const std::string table = item.table, home = item.home;
    if (const auto noted = fail(std::move(item), error); !noted)
        log::error("the end of a queued blob could not be noted, it is tried again after the next start",
                   {{"database", home}, {"table", table}, {"error", noted.error().message}});
}

Result<> Queue::stage(const Item& item) {
    const catalog::Snapshot database = databases_.catalog().find_exact(item.home);
    ingest::DatabaseWriter* writer = databases_.writer(item.home);
    if (!database || !writer)
        return not_found("Database", item.database, "BadRequest_DatabaseNotExist");
    const auto table = database->find_table(item.table);
    if (!table)
        return not_found("Table", item.table, "BadRequest_TableNotExist");
    if (!engine::Access(databases_.catalog(), options_.holds)
             .allows(item.principal, engine::Role::TableIngestor, {database.get(), table.get()}))
        return Error{
            ErrorCode::Denied,
            fmt::format("Forbidden: principal '{}' may not ingest into table '{}'.", item.principal, table->name),
            "Forbidden"};
    SLUICE_TRY(const auto properties, properties_of(item));
    const auto blob = own_blob(item.url);
    if (!blob)
        return Error{ErrorCode::Unsupported,
                     "Only blobs that were uploaded to this server can be ingested; '.get ingestion resources' tells "
                     "where to.",
                     "BadRequest_InvalidBlobUri"};
    if (!blobs_->find(*blob))
        return Error{ErrorCode::NotFound, fmt::format("There is no blob '{}'.", *blob), "Download_SourceNotFound"};

    const std::string_view alone = alone_because(properties);
    std::optional<Turn> turn;
    if (!alone.empty())
        turn.emplace(*this);
    const auto parts = writer->parts(table->id);
    const bool is_there = std::any_of(parts.begin(), parts.end(), [&](const store::Part& part) {
        return std::any_of(properties.ingest_if_not_exists.begin(), properties.ingest_if_not_exists.end(),
                           [&](const std::string& value) {
                               return std::count(part.tags.begin(), part.tags.end(), std::string(kIngestBy) + value) >
                                      0;
                           });
    });
    if (is_there) {
        Item done = item;
        done.state = "Succeeded";
        done.ended = databases_.clock().now();
        return save(done);
    }

    Gathered gathered(*writer, table);
    const std::string location = item.url.substr(0, item.url.find('?'));
    SLUICE_TRY(const auto loaded,
               engine::load_file({blobs_->file_of(*blob), *blob, location, true}, {database, table}, properties,
                                 [&](data::Rows rows) { return gathered.add(std::move(rows)); }));
    failpoint("Q4");
    ingest::TableBatch batch{.table = table, .path = ingest::Path::Queued, .rows = data::Rows(table->schema())};
    SLUICE_CHECK(gathered.put_into(batch));
    batch.raw_size = loaded.raw_size;
    batch.events = 1;
    batch.batch_key = batch_key(item);
    batch.tags = properties.tags;
    batch.creation_time = properties.creation_time;
    batch.principal = item.principal;
    batch.flush = item.flush;
    if (!alone.empty()) {
        batch.batch_key += '\x1e' + data::format_guid(item.id);
        batch.flush = true;
        batch.flush_reason = alone;
    }
    ingest::Delivery delivery;
    delivery.connection = ingest::kQueueConnection;
    delivery.received = 1;
    delivery.memory = batch.rows.memory();
    delivery.tables.push_back(std::move(batch));
    delivery.also = [item](store::Transaction& transaction, const ingest::Delivery& stored) -> Result<> {
        Item noted = item;
        const auto& into = stored.tables.front().report.extents;
        noted.state = "Staged";
        if (!into.empty()) {
            noted.part = into.back();
        } else {
            noted.state = "Failed"; // the table went while the blob was read
            noted.error_code = "BadRequest_TableNotExist";
            noted.details = fmt::format("Entity ID '{}' of kind 'Table' was not found.", noted.table);
        }
        return transaction.save_queue_item(to_stored(noted));
    };
    auto committed = std::make_shared<std::promise<Result<>>>();
    auto answer = committed->get_future();
    delivery.done = [committed](const Result<>& result) { committed->set_value(result); };
    writer->submit(std::move(delivery));
    SLUICE_CHECK(answer.get());
    gathered.committed();
    failpoint("Q5");
    return {};
}

Result<> Queue::fail(Item item, const Error& error) {
    const Ticks now = databases_.clock().now();
    item.state = "Failed";
    item.ended = now;
    item.permanent = error.permanent();
    item.error_code = !error.permanent()     ? "General_RetryAttemptsExceeded"
                      : error.reason.empty() ? "General_BadRequest"
                                             : error.reason;
    item.details = error.message;
    ingest::DatabaseWriter* writer = databases_.writer(item.home);
    if (!writer)
        return error; // its database is gone, and the item with it
    log::warn("a queued blob was refused",
              {{"database", item.database}, {"table", item.table}, {"error", error.message}});
    return writer->transact([&](store::Transaction& transaction) -> Result<> {
        SLUICE_CHECK(transaction.save_queue_item(to_stored(item)));
        return transaction.add_failure(failure_of(item, now));
    });
}

Result<> Queue::save(const Item& item) {
    ingest::DatabaseWriter* writer = databases_.writer(item.home);
    if (!writer)
        return not_found("Database", item.home, "BadRequest_DatabaseNotExist");
    return writer->transact(
        [&](store::Transaction& transaction) { return transaction.save_queue_item(to_stored(item)); });
}

/// Blobs whose rows are sealed go; states that nobody will ask for any more go; uploads that nobody announced go.
void Queue::upkeep() {
    for (const Item& item : find("state = 'Succeeded' AND doc->>'Cleaned' IS NULL"))
        clean(item);
    const Ticks oldest = databases_.clock().now() - kKeepStates;
    for (const Item& item : find(fmt::format("CAST(doc->>'Ended' AS BIGINT) < {}", oldest)))
        if (ingest::DatabaseWriter* writer = databases_.writer(item.home))
            static_cast<void>(writer->transact(
                [&](store::Transaction& transaction) { return transaction.drop_queue_item(item.id); }));
    std::set<fs::path> wanted;
    for (const Item& item : find("state IN ('Pending', 'Staged')"))
        if (const auto blob = own_blob(item.url))
            wanted.insert(blobs_->file_of(*blob));
    blobs_->sweep(options_.blob_ttl, [&](const fs::path& file) { return wanted.contains(file); });
    Lock lock(mutex_);
    std::erase_if(hidden_, [now = databases_.clock().steady()](const auto& entry) {
        return entry.second.until < now - std::chrono::hours(1);
    });
}

void Queue::clean(const Item& item) {
    if (const auto blob = own_blob(item.url); blob && !item.retain)
        static_cast<void>(blobs_->remove(*blob)); // gone already after a crash between the two
    Item cleaned = item;
    cleaned.cleaned = true;
    static_cast<void>(save(cleaned)); // else the next round does it
}

} // namespace sluice::queue
