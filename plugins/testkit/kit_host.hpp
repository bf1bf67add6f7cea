#pragma once

#include "core/host/library.hpp"
#include "core/host/options.hpp"
#include "core/host/watchdog.hpp"
#include "plugins/testkit/ledger.hpp"
#include "plugins/testkit/sandbox.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace sluice::testkit {

/// "SLUICE_E_DENIED", or the number.
std::string status_name(sluice_status status);

/// The kit's own host of one instance: every call of the contract step by step, with the checks of everything that can
/// be checked at that place. What breaks the contract is thrown as Failed by the call in which it was noticed.
/// Calls on one thread; the callbacks that the contract marks [any] come from every thread.
class KitHost {
public:
    /// `values` has one for each option. Without a ledger nothing is found and nothing kept.
    KitHost(const host::Library& library, const sluice_value* values, Ledger* ledger, std::string state_dir,
            Slate& slate);
    ~KitHost();
    KitHost(const KitHost&) = delete;
    KitHost& operator=(const KitHost&) = delete;

    sluice_status create();
    sluice_status check();
    sluice_status start();

    struct Polled {
        sluice_status status = SLUICE_OK;
        std::size_t count = 0;
    };
    /// What came is noted in seen(), and released unless hold_batches.
    Polled poll(std::uint32_t messages = 1000, std::uint64_t bytes = std::uint64_t{16} << 20,
                std::chrono::milliseconds timeout = std::chrono::milliseconds(50));
    sluice_status pause(bool paused);
    /// Makes the first `count` of what is not committed yet durable and tells the plugin.
    void commit(std::size_t count);
    void commit() { commit(uncommitted_.size()); }
    sluice_status stop();
    void destroy();
    /// The end of an instance that started: stop and destroy.
    void end();

    /// Releases what is held, by index; also from another thread. Throws when its bytes changed meanwhile.
    void release_held(std::size_t index);
    std::size_t held() const { return held_.size(); }

    const std::vector<Seen>& seen() const { return seen_; }
    std::size_t uncommitted() const { return uncommitted_.size(); }
    /// Why the last call failed, in the plugin's words.
    std::string last_failure() const;
    /// Everything that the plugin said: failures, logs, health, names of metrics.
    std::string everything_said() const;
    bool created() const { return self_ != nullptr || created_; }
    bool started() const { return started_; }
    void* self() const { return self_; }

    bool hold_batches = false;

    /// Throws Failed with the first thing that was noticed. The calls do so themselves.
    void throw_violation();

private:
    struct OpenLane {
        std::string name;
        std::uint64_t last = 0;
        bool any = false;
        std::string position;
    };
    struct Held {
        sluice_batch batch{};
        std::uint64_t hash = 0;
        bool released = false;
    };
    struct Handle { // what the plugin sees; first member, so that its address leads back
        sluice_host abi;
        KitHost* owner;
    };

    sluice_status call(const char* name, std::chrono::milliseconds limit, const std::function<sluice_status()>& body);
    void release(Held& held);
    void take(const sluice_batch& batch, std::uint32_t messages, std::uint64_t bytes);
    void take(const sluice_message& message);
    void violation(std::string what);
    bool on_source_thread(const char* callback);
    void say(const char* text);

    static KitHost& of(const sluice_host* host);
    sluice_status open_lane(std::string_view name, std::uint32_t* lane, sluice_checkpoint* after);
    sluice_status close_lane(std::uint32_t lane, sluice_checkpoint* last);
    void fill(const std::string& lane, sluice_checkpoint& out);
    void install_callbacks();

    const host::Library& library_;
    const sluice_plugin& plugin_;
    const sluice_value* values_;
    Ledger* ledger_;
    const std::string state_dir_;
    Slate& slate_;
    const host::CallLimits limits_;
    const std::thread::id thread_ = std::this_thread::get_id();
    Handle handle_{};
    void* self_ = nullptr;
    bool created_ = false, started_ = false;
    std::map<std::uint32_t, OpenLane> lanes_;
    std::uint32_t next_lane_ = 1;
    std::deque<std::string> positions_; ///< what checkpoints point to
    std::vector<Seen> seen_;
    std::vector<std::pair<std::uint32_t, Seen>> uncommitted_;
    std::deque<Held> held_;

    mutable std::mutex mutex_; // [any] callbacks
    std::vector<std::string> violations_;
    std::string failure_, said_;
    std::uint32_t metrics_ = 0;
    bool destroyed_ = false;
};

} // namespace sluice::testkit
