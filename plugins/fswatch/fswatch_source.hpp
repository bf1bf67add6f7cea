#pragma once

#include "plugins/fswatch/folder.hpp"
#include "plugins/fswatch/options.hpp"

#include <sluice/source.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <set>
#include <stop_token>
#include <string>
#include <thread>

namespace sluice::fswatch {

/// A watched folder as a source (data-connections.md 4.9): one lane, `ledger`, with one Event Grid notification for
/// each settled file. A thread of its own follows the folder, also while the host takes nothing, so that the kernel's
/// queue does not overflow; what it found waits in the ledger, and a bounded number of notifications in between.
/// Everything the two threads share is the queue and atomics.
class FswatchSource final : public Source, private Report {
public:
    static constexpr auto& options = kOptions;

    FswatchSource(const sluice_host* host, const sluice_value* by_option);
    ~FswatchSource() override;

    void check() override;
    void start() override;
    bool poll(Credit credit, Batch& out) override;
    void ack(const sluice_ack& ack) override;
    void stop() override;

private:
    struct Notice {
        std::uint64_t sequence = 0;
        std::int64_t seen_ns = 0;
        std::string payload, path, etag, size, metadata_error;
        Metadata metadata;
    };

    // The thread that follows the folder.
    void run(const std::stop_token& stop);
    void follow(const std::stop_token& stop);
    void hand_over(Folder& folder, SteadyTime now);
    void emit(const std::string& payload);
    void wait(const std::stop_token& stop, int folder_fd, SteadyTime until);
    void show(std::int32_t state, const std::string& detail);
    void count(Count what) override;
    void warn(const std::string& text) override;

    void wake();
    void add(const Notice& notice, Batch& out) const;

    FolderRules rules_;
    std::string emit_file_;
    std::string ledger_file_;
    Descriptor wake_;

    // The host's thread.
    Lane lane_;
    std::set<std::uint64_t> outstanding_; ///< handed over, not yet dealt with: bounded by what the host has in flight
    std::uint64_t last_delivered_ = 0;

    PushQueue<Notice> queue_;
    std::atomic<std::uint64_t> acknowledged_{0};

    // The folder's thread.
    std::uint64_t handed_over_ = 0;
    std::uint64_t noted_acknowledged_ = 0;
    SteadyTime noted_at_{};
    std::int32_t shown_state_ = -1;
    std::string shown_detail_;
    bool emit_failed_ = false;
    std::array<std::uint32_t, 7> counters_{};
    std::uint32_t known_files_ = 0, settling_files_ = 0;

    std::jthread thread_;
};

} // namespace sluice::fswatch
