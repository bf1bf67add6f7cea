#pragma once

#include "core/base/mutex.hpp"
#include "core/engine/local_engine.hpp"
#include "core/engine/queued_ingestion.hpp"
#include "core/ingest/databases.hpp"
#include "core/queue/blob_store.hpp"
#include "core/queue/item.hpp"

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace sluice::queue {

/// Queued ingestion over HTTP (engine 8.5): takes blobs and announcements, durably, and stages their rows with the
/// batches of the queued path. The row of an announcement moves with its data: to "Staged" in the transaction that
/// stages the rows, to "Succeeded" in the one that seals their batch; so each blob is ingested exactly once whatever
/// crashes. Thread-safe; owns the threads `queue/<n>`.
class Queue final : public engine::QueuedIngestion, public Storage {
public:
    struct Options {
        std::filesystem::path folder; ///< `blobs/` of the data folder
        std::string public_url = {};  ///< base of addresses; empty: from the client's Host
        std::string base_path = {};
        bool secure = false; ///< clients reach us over TLS
        std::chrono::milliseconds retry_for = std::chrono::hours(48);
        std::chrono::milliseconds blob_ttl = std::chrono::hours(168);
        Bytes max_bytes = 4_GiB;
        unsigned threads = 2;
        /// As engine::EngineOptions::holds.
        std::function<bool(std::string_view principal, engine::Role role)> holds = {};
    };
    /// Takes up what was announced before a restart. `databases` must outlive it.
    static Result<std::unique_ptr<Queue>> open(ingest::Databases& databases, Options options);
    /// Ends when the blobs under way are staged; the others stay announced.
    ~Queue() override;

    std::vector<Resource> resources(std::string_view host) const override;
    std::string identity_token(std::string_view principal) const override;
    Result<std::string> announce(const Announcement& announcement) override;
    Result<std::optional<Operation>> operation(std::string_view id) const override;

    bool permits(std::string_view resource, const Parameter& parameter) const override;
    std::shared_ptr<Upload> put_blob(std::string_view blob) override { return blobs_->put(blob); }
    std::shared_ptr<Upload> put_block(std::string_view blob, std::string_view block) override {
        return blobs_->put_block(blob, block);
    }
    Result<BlobInfo> put_block_list(std::string_view blob, const std::vector<std::string>& blocks) override {
        return blobs_->put_block_list(blob, blocks);
    }
    Result<BlobInfo> find_blob(std::string_view blob) const override { return blobs_->find(blob); }
    Result<std::string> read_blob(std::string_view blob, Bytes offset, Bytes size) const override {
        return blobs_->read(blob, offset, size);
    }
    Result<> delete_blob(std::string_view blob) override { return blobs_->remove(blob); }
    Result<Message> put_message(std::string_view queue, std::string_view text) override;
    Result<std::vector<Message>> take_messages(std::string_view queue, const Take& take) override;
    Result<> delete_message(std::string_view queue, std::string_view id, std::string_view pop_receipt) override;

private:
    Queue(ingest::Databases& databases, Options options, std::unique_ptr<BlobStore> blobs, std::string key);

    std::string signature(std::string_view resource, std::string_view expires) const;
    std::string signed_address(std::string_view host, std::string_view resource) const;
    /// Whom an identity token names; nothing when it is none of ours or too old.
    std::optional<std::string> principal_of(std::string_view token) const;
    /// The blob's name when the address is one of ours.
    std::optional<std::string> own_blob(std::string_view url) const;

    /// Blobs with a condition on what is there already go one after the other.
    class Turn;

    void run();
    std::optional<Item> next();
    void process(Item item);
    Result<> stage(const Item& item);
    Result<> fail(Item item, const Error& error);
    Result<> save(const Item& item);
    void upkeep();
    void clean(const Item& item);
    std::vector<Item> find(std::string_view condition, const std::vector<store::Parameter>& parameters = {}) const;

    ingest::Databases& databases_;
    const Options options_;
    const std::unique_ptr<BlobStore> blobs_;
    const std::string key_;

    mutable Mutex mutex_;
    Condition changed_;
    std::deque<Item> ready_ SLUICE_GUARDED_BY(mutex_);
    std::multimap<Clock::Steady::time_point, Item> later_ SLUICE_GUARDED_BY(mutex_);
    bool stopping_ SLUICE_GUARDED_BY(mutex_) = false;
    Clock::Steady::time_point next_upkeep_ SLUICE_GUARDED_BY(mutex_);
    struct Hidden {
        std::string pop_receipt;
        Clock::Steady::time_point until;
        unsigned count = 0;
    };
    std::map<std::string, Hidden> hidden_ SLUICE_GUARDED_BY(mutex_); ///< messages that somebody took
    bool conditional_ SLUICE_GUARDED_BY(mutex_) = false;             ///< one is under way
    std::vector<std::jthread> threads_;
};

} // namespace sluice::queue
