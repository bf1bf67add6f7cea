#pragma once

#include "core/base/metrics.hpp"
#include "core/host/library.hpp"
#include "core/host/options.hpp"
#include "core/host/plugin_metrics.hpp"
#include "core/host/source_status.hpp"
#include "core/host/watchdog.hpp"
#include "core/router/intake.hpp"
#include "plugins/sdk/include/sluice/source_extensions.h"

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::host {

/// What it takes to run a connection's source.
struct SourceSetup {
    std::string connection;
    std::shared_ptr<Library> library;
    std::shared_ptr<const OptionValues> options;
    std::string state_dir; ///< made when missing
    /// Where the messages of one instance go. Called on the source's thread, for every instance anew; the intake fences
    /// older ones.
    std::function<Result<std::unique_ptr<router::Intake>>()> open_intake;
    std::uint64_t seed = 1; ///< of the jitter in back-offs
    CallLimits limits = {};
};

/// What came of a call of the plugin.
struct Outcome {
    sluice_status status = SLUICE_OK;
    std::string why = {}; ///< the plugin's explanation, or the host's
    std::size_t messages = 0;
    bool host_failed = false; ///< the intake refused, not the plugin; `permanent` says whether retrying can help
    bool permanent = false;

    bool good() const { return status == SLUICE_OK || status == SLUICE_END; }
};

/// One instance of a plugin from create to destroy, the host's side of its callbacks, and the way of its messages to
/// the intake. Belongs to the source's thread; only the callbacks that the ABI marks [any] come from elsewhere. After a
/// thread was given up, `abandoned` is set and nothing here may be destroyed: the plugin may still come back.
class Instance {
public:
    Instance(const SourceSetup& setup, std::unique_ptr<router::Intake> intake, StatusBoard& board, CallWatch& watch,
             const Clock& clock, const std::atomic<bool>& abandoned);
    ~Instance();
    Instance(const Instance&) = delete;
    Instance& operator=(const Instance&) = delete;

    Outcome create();
    Outcome start();
    /// Polls once, checks what came, delivers it and releases it.
    Outcome poll(router::Credit credit, std::chrono::milliseconds timeout);
    Outcome pause(bool paused);
    /// Tells the plugin what is durable; keeps it for the next time when the plugin could not take it.
    Outcome hand_acks();
    /// Gives the plugin its last acks, stops and destroys it.
    void retire();

    /// Lets the intake hand over what it gathered; its refusal ends the instance as one of deliver() does.
    Outcome flush(bool now);
    router::Intake& intake() { return *intake_; }

private:
    struct Lane {
        std::string name;
        std::string position; ///< the resume position that the plugin may read until it closes the lane
        std::uint64_t last = 0;
        bool any = false; ///< `last` holds the sequence of a message
    };
    struct Host { // what the plugin sees; first member, so that its address leads back here
        sluice_host abi;
        Instance* owner;
    };

    template <class Call> sluice_status guarded(const char* name, std::chrono::nanoseconds limit, Call call);
    Outcome outcome_of(sluice_status status, const char* call);
    void release(sluice_batch& batch);
    /// What is wrong with a batch, or an empty text.
    std::string flaw_of(const sluice_batch& batch, router::Credit credit);
    void translate(const sluice_batch& batch);
    Outcome deliver(sluice_batch& batch, router::Credit credit);
    static Outcome refused_by_host(const Error& error);
    const sluice_message& message_at(const sluice_batch& batch, std::size_t index) const;

    static Instance& of(const sluice_host* host);
    static sluice_status on_fail(const sluice_host* host, sluice_status status, const char* why);
    static sluice_status on_open_lane(const sluice_host* host, sluice_str name, std::uint32_t* lane,
                                      sluice_checkpoint* after);
    static sluice_status on_close_lane(const sluice_host* host, std::uint32_t lane, std::uint32_t drain_ms,
                                       sluice_checkpoint* last);
    static void on_log(const sluice_host* host, std::int32_t level, const char* text);
    static void on_health(const sluice_host* host, std::int32_t state, const char* detail);
    static std::uint32_t on_metric(const sluice_host* host, const char* name, std::int32_t kind);
    static void on_record(const sluice_host* host, std::uint32_t metric, double value);
    static const void* on_extension(const sluice_host* host, const char* id);
    static sluice_status on_lost(const sluice_host* host, std::uint32_t lane, std::uint64_t first, std::uint64_t last,
                                 const char* why);

    sluice_status open_lane(std::string_view name, std::uint32_t& lane, sluice_checkpoint* after);
    sluice_status close_lane(std::uint32_t lane, std::uint32_t drain_ms, sluice_checkpoint* last);
    sluice_status explain(const Error& error);

    const SourceSetup& setup_;
    const sluice_plugin& plugin_;
    std::unique_ptr<router::Intake> intake_;
    StatusBoard& board_;
    CallWatch& watch_;
    const Clock& clock_;
    const std::atomic<bool>& abandoned_;
    Host host_{};
    const std::string crumb_;
    void* self_ = nullptr;
    bool entered_ = false, created_ = false, started_ = false;
    std::string why_;
    std::map<std::uint32_t, Lane> lanes_;
    std::string closed_position_;
    std::vector<router::Message> messages_;
    std::vector<router::Message::Property> properties_;
    std::vector<router::Ack> acks_; ///< not yet taken by the plugin
    std::vector<router::Ack> fresh_acks_;
    std::vector<sluice_ack> plugin_acks_;
    PluginMetrics metrics_;
    metrics::Counter& rejected_;
};

} // namespace sluice::host
