#include "core/host/instance.hpp"

#include "core/base/failpoint.hpp"
#include "core/base/log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <limits>

namespace sluice::host {
namespace {

constexpr std::size_t kMostLanes = 100'000;
constexpr std::size_t kLongestLaneName = 1024;
constexpr std::size_t kMostProperties = 10'000; // of one message
constexpr std::size_t kMostAcksKept = 4096;
constexpr std::size_t kLongestText = 4096; // of the plugin's words in logs and status

std::string_view text_of(const char* text) {
    return text ? std::string_view(text).substr(0, kLongestText) : std::string_view();
}
std::string_view text_of(sluice_str text) {
    return text.data ? std::string_view(text.data, text.size) : std::string_view();
}
std::string_view text_of(sluice_bytes bytes) {
    return bytes.data ? std::string_view(reinterpret_cast<const char*>(bytes.data), bytes.size) : std::string_view();
}
sluice_bytes bytes_of(const std::string& text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Ranges that touch become one, so that acks which a plugin does not take stay few.
void merge_neighbours(std::vector<router::Ack>& acks) {
    std::size_t kept = 0;
    for (std::size_t i = 1; i < acks.size(); ++i) {
        auto& last = acks[kept];
        if (last.lane == acks[i].lane && last.parked == acks[i].parked && acks[i].first > last.last)
            last.last = acks[i].last;
        else
            acks[++kept] = acks[i];
    }
    if (!acks.empty())
        acks.resize(kept + 1);
}

} // namespace

Instance::Instance(const SourceSetup& setup, std::unique_ptr<router::Intake> intake, StatusBoard& board,
                   CallWatch& watch, const Clock& clock, const std::atomic<bool>& abandoned)
    : setup_(setup), plugin_(setup.library->plugin()), intake_(std::move(intake)), board_(board), watch_(watch),
      clock_(clock), abandoned_(abandoned),
      crumb_(fmt::format("connection {}, plugin {} {}", setup.connection, setup.library->descriptor().id,
                         setup.library->descriptor().version)),
      metrics_(setup.connection),
      rejected_(metrics::counter("sluice_source_rejected_batches_total", "Batches of a plugin that broke the contract.",
                                 {{"connection", setup.connection}})) {
    host_.abi = {.size = sizeof(sluice_host),
                 .abi_minor = SLUICE_ABI_MINOR,
                 .instance = setup.connection.c_str(),
                 .state_dir = setup.state_dir.c_str(),
                 .fail = on_fail,
                 .open_lane = on_open_lane,
                 .close_lane = on_close_lane,
                 .log = on_log,
                 .health = on_health,
                 .metric = on_metric,
                 .record = on_record,
                 .extension = on_extension};
    host_.owner = this;
}

Instance::~Instance() {
    if (!abandoned_)
        retire();
}

template <class Call> sluice_status Instance::guarded(const char* name, std::chrono::nanoseconds limit, Call call) {
    why_.clear();
    set_breadcrumb(crumb_.c_str(), name);
    watch_.begin(name, limit, clock_.steady());
    sluice_status status = SLUICE_E_INTERNAL;
    try {
        status = call();
    } catch (...) { // a foreign exception must not take the bridge down
        why_ = fmt::format("an exception left {}; plugins answer with a status instead", name);
    }
    watch_.end();
    set_breadcrumb(nullptr, nullptr);
    return status;
}

Outcome Instance::outcome_of(sluice_status status, const char* call) {
    if (status == SLUICE_OK || (status == SLUICE_END && std::string_view(call) == "poll"))
        return {.status = status};
    if (status > 0)
        why_ = fmt::format("it answered {} with the unknown status {}", call, status);
    const bool known = status <= SLUICE_E_CONFIG && status >= SLUICE_E_INTERNAL;
    return {.status = known ? status : SLUICE_E_INTERNAL,
            .why = why_.empty() ? fmt::format("{} failed with status {} and no explanation", call, status) : why_};
}

Outcome Instance::create() {
    const auto& descriptor = setup_.library->descriptor();
    if (!setup_.library->try_enter())
        return {.status = SLUICE_E_CONFIG,
                .why = fmt::format("the plugin {} can run once in a process, and another connection uses it",
                                   descriptor.id)};
    entered_ = true;
    std::error_code failed;
    std::filesystem::create_directories(setup_.state_dir, failed);
    if (failed)
        return {.status = SLUICE_E_UNAVAILABLE,
                .why = fmt::format("its folder {} cannot be made: {}", setup_.state_dir, failed.message())};
    const auto status = guarded("create", setup_.limits.create,
                                [&] { return plugin_.create(&host_.abi, setup_.options->data(), &self_); });
    created_ = status == SLUICE_OK;
    return outcome_of(status, "create");
}

Outcome Instance::start() {
    const auto status = guarded("start", setup_.limits.start, [&] { return plugin_.start(self_); });
    started_ = status == SLUICE_OK;
    return outcome_of(status, "start");
}

Outcome Instance::pause(bool paused) {
    if (!plugin_.pause)
        return {};
    return outcome_of(guarded("pause", setup_.limits.ack, [&] { return plugin_.pause(self_, paused ? 1 : 0); }),
                      "pause");
}

Outcome Instance::poll(router::Credit credit, std::chrono::milliseconds timeout) {
    sluice_batch batch{};
    const auto status = guarded("poll", timeout + setup_.limits.poll, [&] {
        return plugin_.poll(self_, credit.messages, credit.bytes, static_cast<std::uint32_t>(timeout.count()), &batch);
    });
    if (abandoned_) {
        if (batch.release)
            batch.release(&batch); // nobody watches any more
        return {.status = SLUICE_E_INTERNAL};
    }
    auto outcome = outcome_of(status, "poll");
    if (!outcome.good()) {
        release(batch);
        return outcome;
    }
    if (batch.count > 0 || batch.release) {
        auto delivered = deliver(batch, credit);
        if (!delivered.good())
            return delivered;
        outcome.messages = delivered.messages;
    }
    return outcome;
}

void Instance::release(sluice_batch& batch) {
    if (batch.release)
        guarded("release", setup_.limits.ack, [&] {
            batch.release(&batch);
            return SLUICE_OK;
        });
    batch = {};
}

const sluice_message& Instance::message_at(const sluice_batch& batch, std::size_t index) const {
    return *reinterpret_cast<const sluice_message*>(reinterpret_cast<const char*>(batch.messages) +
                                                    index * batch.stride);
}

std::string Instance::flaw_of(const sluice_batch& batch, router::Credit credit) {
    if (batch.count > 0 && (!batch.messages || !batch.release))
        return fmt::format("a batch of {} messages without messages or release", batch.count);
    if (batch.count > credit.messages)
        return fmt::format("{} messages where {} were asked for", batch.count, credit.messages);
    if (batch.count > 0 && (batch.stride < sizeof(sluice_message) || batch.stride % alignof(sluice_message) != 0))
        return fmt::format("a stride of {} bytes, at least {} are needed", batch.stride, sizeof(sluice_message));
    std::uint64_t bytes_before = 0;
    auto lane = lanes_.end();
    for (std::size_t i = 0; i < batch.count; ++i) {
        const auto& message = message_at(batch, i);
        // Whoever reads from a broker learns the size of a message by taking it, so the last one may go over.
        if (bytes_before > credit.bytes)
            return fmt::format("more than the {} bytes that were asked for", credit.bytes);
        bytes_before += message.payload.size;
        if (lane == lanes_.end() || lane->first != message.lane)
            lane = lanes_.find(message.lane);
        if (lane == lanes_.end())
            return fmt::format("a message for lane {}, which is not open", message.lane);
        if (lane->second.any && message.sequence <= lane->second.last)
            return fmt::format("sequence {} after {} in lane '{}'; sequences rise within a lane", message.sequence,
                               lane->second.last, lane->second.name);
        lane->second.last = message.sequence;
        lane->second.any = true;
        if (message.header_count + message.system_count > kMostProperties ||
            (message.header_count > 0 && !message.headers) || (message.system_count > 0 && !message.system))
            return fmt::format("{} headers and {} system properties at one message", message.header_count,
                               message.system_count);
    }
    return {};
}

void Instance::translate(const sluice_batch& batch) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < batch.count; ++i)
        count += message_at(batch, i).header_count + message_at(batch, i).system_count;
    messages_.resize(batch.count);
    properties_.resize(count); // first, because messages point into it
    auto* next = properties_.data();
    const auto copy = [&next](const sluice_property* from, std::size_t size) {
        const auto* begin = next;
        for (std::size_t i = 0; i < size; ++i, ++next)
            *next = {.name = text_of(from[i].name),
                     .value = text_of(from[i].value),
                     .is_null = from[i].value.data == nullptr};
        return begin;
    };
    for (std::size_t i = 0; i < batch.count; ++i) {
        const auto& from = message_at(batch, i);
        auto& to = messages_[i];
        to.lane = from.lane;
        to.sequence = from.sequence;
        to.timestamp = from.timestamp_ns == std::numeric_limits<std::int64_t>::min()
                           ? std::nullopt
                           : std::optional(ticks_from_unix_ns(from.timestamp_ns));
        to.payload = text_of(from.payload);
        to.payload_is_null = from.payload.data == nullptr;
        to.key = text_of(from.key);
        to.position = text_of(from.position);
        to.padded = (from.flags & SLUICE_PADDED) != 0 && !to.payload_is_null;
        to.headers = copy(from.headers, from.header_count);
        to.header_count = from.header_count;
        to.system = copy(from.system, from.system_count);
        to.system_count = from.system_count;
    }
}

Outcome Instance::deliver(sluice_batch& batch, router::Credit credit) {
    if (auto flaw = flaw_of(batch, credit); !flaw.empty()) {
        rejected_.add();
        release(batch);
        return {.status = SLUICE_E_INTERNAL, .why = "its batch was refused: " + flaw};
    }
    Outcome outcome{.messages = batch.count};
    if (batch.count > 0) {
        translate(batch);
        if (auto taken = intake_->deliver(messages_); !taken) {
            outcome = refused_by_host(taken.error());
        }
    }
    release(batch);
    return outcome;
}

Outcome Instance::refused_by_host(const Error& error) {
    return {.status = SLUICE_E_INTERNAL, .why = error.message, .host_failed = true, .permanent = error.permanent()};
}

Outcome Instance::flush(bool now) {
    if (auto handed_over = intake_->flush(now); !handed_over)
        return refused_by_host(handed_over.error());
    return {};
}

Outcome Instance::hand_acks() {
    fresh_acks_.clear();
    intake_->take_acks(fresh_acks_);
    acks_.insert(acks_.end(), fresh_acks_.begin(), fresh_acks_.end());
    if (acks_.empty())
        return {};
    if (!plugin_.ack) {
        acks_.clear();
        return {};
    }
    plugin_acks_.clear();
    for (const auto& ack : acks_)
        if (lanes_.contains(ack.lane)) // a lane that was closed is no longer the plugin's
            plugin_acks_.push_back(
                {.lane = ack.lane,
                 .outcome = static_cast<std::uint32_t>(ack.parked ? SLUICE_PARKED : SLUICE_COMMITTED),
                 .first = ack.first,
                 .last = ack.last});
    const auto status = plugin_acks_.empty() ? SLUICE_OK : guarded("ack", setup_.limits.ack, [&] {
        return plugin_.ack(self_, plugin_acks_.data(), plugin_acks_.size());
    });
    if (!plugin_acks_.empty())
        failpoint("S11"); // the plugin commits broker offsets, or trims its spool (S12), from here on
    auto outcome = outcome_of(status, "ack");
    if (outcome.status != SLUICE_E_UNAVAILABLE) {
        acks_.clear();
        return outcome;
    }
    if (acks_.size() > kMostAcksKept)
        merge_neighbours(acks_);
    if (acks_.size() > kMostAcksKept)
        outcome.status = SLUICE_E_INTERNAL; // a new instance resumes at the checkpoint and needs none of them
    return outcome;
}

void Instance::retire() {
    if (created_) {
        if (started_) {
            if (const auto outcome = hand_acks(); !outcome.good())
                log::warn("source did not take its last acknowledgements",
                          {{"connection", setup_.connection}, {"error", outcome.why}});
            if (plugin_.stop && !abandoned_) {
                const auto outcome =
                    outcome_of(guarded("stop", setup_.limits.stop, [&] { return plugin_.stop(self_); }), "stop");
                if (!outcome.good())
                    log::warn("source did not stop cleanly",
                              {{"connection", setup_.connection}, {"error", outcome.why}});
            }
        }
        if (abandoned_)
            return;
        guarded("destroy", setup_.limits.stop, [&] {
            plugin_.destroy(self_);
            return SLUICE_OK;
        });
    }
    if (abandoned_)
        return;
    created_ = started_ = false;
    if (std::exchange(entered_, false))
        setup_.library->leave();
}

// --- what the plugin calls ---

Instance& Instance::of(const sluice_host* host) {
    return *reinterpret_cast<const Host*>(host)->owner;
}

sluice_status Instance::explain(const Error& error) {
    why_ = error.message;
    return error.permanent() ? SLUICE_E_INTERNAL : SLUICE_E_UNAVAILABLE;
}

sluice_status Instance::on_fail(const sluice_host* host, sluice_status status, const char* why) {
    of(host).why_ = text_of(why);
    return status;
}

sluice_status Instance::on_open_lane(const sluice_host* host, sluice_str name, std::uint32_t* lane,
                                     sluice_checkpoint* after) {
    if (!lane || !after)
        return on_fail(host, SLUICE_E_INTERNAL, "open_lane needs a place for the lane and its checkpoint");
    return of(host).open_lane(text_of(name), *lane, after);
}

sluice_status Instance::open_lane(std::string_view name, std::uint32_t& lane, sluice_checkpoint* after) {
    if (abandoned_)
        return explain({ErrorCode::Conflict, "this instance was given up"});
    if (name.empty() || name.size() > kLongestLaneName)
        return explain({ErrorCode::Invalid,
                        fmt::format("a lane's name has 1 to {} bytes, not {}", kLongestLaneName, name.size())});
    if (lanes_.size() >= kMostLanes)
        return explain(
            {ErrorCode::Invalid, fmt::format("{} lanes are open, which is the most there can be", kMostLanes)});
    if (std::any_of(lanes_.begin(), lanes_.end(), [&](const auto& known) { return known.second.name == name; }))
        return explain({ErrorCode::Invalid, fmt::format("the lane '{}' is open already", name)});
    auto point = intake_->open_lane(name);
    if (!point)
        return explain(point.error());
    auto& opened = lanes_[point->lane];
    opened = {.name = std::string(name), .position = std::move(point->position)};
    lane = point->lane;
    *after = {.sequence = point->sequence,
              .position = bytes_of(opened.position),
              .found = point->found ? 1U : 0U,
              .reserved = 0};
    return SLUICE_OK;
}

sluice_status Instance::on_close_lane(const sluice_host* host, std::uint32_t lane, std::uint32_t drain_ms,
                                      sluice_checkpoint* last) {
    return of(host).close_lane(lane, drain_ms, last);
}

sluice_status Instance::close_lane(std::uint32_t lane, std::uint32_t drain_ms, sluice_checkpoint* last) {
    if (abandoned_)
        return explain({ErrorCode::Conflict, "this instance was given up"});
    if (!lanes_.contains(lane))
        return explain({ErrorCode::Invalid, fmt::format("the lane {} is not open", lane)});
    auto point = intake_->close_lane(lane, std::chrono::milliseconds(drain_ms));
    lanes_.erase(lane);
    if (!point)
        return explain(point.error());
    closed_position_ = std::move(point->position);
    if (last)
        *last = {.sequence = point->sequence,
                 .position = bytes_of(closed_position_),
                 .found = point->found ? 1U : 0U,
                 .reserved = 0};
    return SLUICE_OK;
}

void Instance::on_log(const sluice_host* host, std::int32_t level, const char* text) {
    const auto& setup = of(host).setup_;
    constexpr log::Level kLevels[] = {log::Level::Trace, log::Level::Debug, log::Level::Info, log::Level::Warn,
                                      log::Level::Error};
    // The text is the phrase: equal lines of one connection are limited, different ones are not lost among them.
    log::write(
        kLevels[std::clamp(level, static_cast<std::int32_t>(SLUICE_TRACE), static_cast<std::int32_t>(SLUICE_ERROR))],
        text_of(text), {{"connection", setup.connection}, {"plugin", setup.library->descriptor().id}});
}

void Instance::on_health(const sluice_host* host, std::int32_t state, const char* detail) {
    auto& self = of(host);
    if (!self.abandoned_)
        self.board_.set_health(state == SLUICE_CONNECTING, state == SLUICE_DEGRADED, std::string(text_of(detail)));
}

std::uint32_t Instance::on_metric(const sluice_host* host, const char* name, std::int32_t kind) {
    return of(host).metrics_.add(text_of(name), kind);
}

void Instance::on_record(const sluice_host* host, std::uint32_t metric, double value) {
    of(host).metrics_.record(metric, value);
}

const void* Instance::on_extension(const sluice_host*, const char* id) {
    static const sluice_gap_v1 gap{.size = sizeof(sluice_gap_v1), .reserved = 0, .lost = on_lost};
    return text_of(id) == SLUICE_GAP_V1 ? &gap : nullptr;
}

sluice_status Instance::on_lost(const sluice_host* host, std::uint32_t lane, std::uint64_t first, std::uint64_t last,
                                const char* why) {
    auto& self = of(host);
    if (self.abandoned_)
        return self.explain({ErrorCode::Conflict, "this instance was given up"});
    if (!self.lanes_.contains(lane) || first > last)
        return self.explain(
            {ErrorCode::Invalid, fmt::format("the gap {}..{} of lane {} makes no sense", first, last, lane)});
    self.intake_->lost(lane, first, last, text_of(why));
    return SLUICE_OK;
}

} // namespace sluice::host
