#include "plugins/testkit/kit_host.hpp"

#include "plugins/sdk/include/sluice/source_extensions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <utility>

namespace sluice::testkit {
namespace {

constexpr std::size_t kLongestLaneName = 1024;
constexpr std::size_t kMostSaid = std::size_t{4} << 20;

std::string_view text_of(sluice_str text) {
    return text.data ? std::string_view(text.data, text.size) : std::string_view();
}
std::string_view text_of(sluice_bytes bytes) {
    return bytes.data ? std::string_view(reinterpret_cast<const char*>(bytes.data), bytes.size) : std::string_view();
}

/// FNV-1a, with the length, so that two texts in a row are not one.
void mix(std::uint64_t& hash, std::string_view text) {
    constexpr std::uint64_t kPrime = 1099511628211ULL;
    for (const char c : text)
        hash = (hash ^ static_cast<unsigned char>(c)) * kPrime;
    hash = (hash ^ text.size()) * kPrime;
}

std::uint64_t hash_of(const sluice_message& message) {
    std::uint64_t hash = 14695981039346656037ULL;
    mix(hash, text_of(message.payload));
    mix(hash, text_of(message.key));
    for (std::size_t i = 0; i < message.header_count; ++i) {
        mix(hash, text_of(message.headers[i].name));
        mix(hash, text_of(message.headers[i].value));
    }
    return hash;
}

const sluice_message& message_at(const sluice_batch& batch, std::size_t index) {
    return *reinterpret_cast<const sluice_message*>(reinterpret_cast<const char*>(batch.messages) +
                                                    index * batch.stride);
}

/// Of everything that a batch points to: whoever writes into it while the host has it is found out.
std::uint64_t hash_of(const sluice_batch& batch) {
    std::uint64_t hash = 0;
    for (std::size_t i = 0; i < batch.count; ++i) {
        const auto& message = message_at(batch, i);
        hash ^= hash_of(message) + 0x9e3779b97f4a7c15ULL + (hash << 6) + (hash >> 2);
        mix(hash, text_of(message.position));
        for (std::size_t k = 0; k < message.system_count; ++k) {
            mix(hash, text_of(message.system[k].name));
            mix(hash, text_of(message.system[k].value));
        }
    }
    return hash;
}

} // namespace

std::string status_name(sluice_status status) {
    switch (status) {
    case SLUICE_OK:
        return "SLUICE_OK";
    case SLUICE_END:
        return "SLUICE_END";
    case SLUICE_E_CONFIG:
        return "SLUICE_E_CONFIG";
    case SLUICE_E_DENIED:
        return "SLUICE_E_DENIED";
    case SLUICE_E_UNAVAILABLE:
        return "SLUICE_E_UNAVAILABLE";
    case SLUICE_E_POSITION_LOST:
        return "SLUICE_E_POSITION_LOST";
    case SLUICE_E_INTERNAL:
        return "SLUICE_E_INTERNAL";
    default:
        return std::to_string(status);
    }
}

KitHost::KitHost(const host::Library& library, const sluice_value* values, Ledger* ledger, std::string state_dir,
                 Slate& slate)
    : library_(library), plugin_(library.plugin()), values_(values), ledger_(ledger), state_dir_(std::move(state_dir)),
      slate_(slate) {
    std::filesystem::create_directories(state_dir_);
    install_callbacks();
}

KitHost::~KitHost() {
    try {
        if (created_ && started_)
            stop();
        destroy();
    } catch (const Failed&) {
        // Only reached while another violation is on its way out, or after a case looked at everything it is about.
    }
}

void KitHost::install_callbacks() {
    handle_.owner = this;
    auto& abi = handle_.abi;
    abi.size = sizeof(sluice_host);
    abi.abi_minor = SLUICE_ABI_MINOR;
    abi.instance = "kit";
    abi.state_dir = state_dir_.c_str();
    abi.fail = [](const sluice_host* host, sluice_status status, const char* why) {
        of(host).say(why);
        const std::lock_guard lock(of(host).mutex_);
        of(host).failure_ = why ? why : "";
        return status;
    };
    abi.open_lane = [](const sluice_host* host, sluice_str name, std::uint32_t* lane, sluice_checkpoint* after) {
        return of(host).open_lane(text_of(name), lane, after);
    };
    abi.close_lane = [](const sluice_host* host, std::uint32_t lane, std::uint32_t, sluice_checkpoint* last) {
        return of(host).close_lane(lane, last);
    };
    abi.log = [](const sluice_host* host, std::int32_t, const char* text) { of(host).say(text); };
    abi.health = [](const sluice_host* host, std::int32_t, const char* detail) { of(host).say(detail); };
    abi.metric = [](const sluice_host* host, const char* name, std::int32_t) {
        of(host).say(name);
        const std::lock_guard lock(of(host).mutex_);
        return ++of(host).metrics_;
    };
    abi.record = [](const sluice_host* host, std::uint32_t, double) { of(host).say(nullptr); };
    abi.extension = [](const sluice_host*, const char* id) -> const void* {
        static const sluice_gap_v1 gap{sizeof gap, 0,
                                       [](const sluice_host*, std::uint32_t, std::uint64_t, std::uint64_t,
                                          const char*) -> sluice_status { return SLUICE_OK; }};
        return id && std::string_view(id) == SLUICE_GAP_V1 ? &gap : nullptr;
    };
}

KitHost& KitHost::of(const sluice_host* host) {
    return *reinterpret_cast<const Handle*>(host)->owner;
}

void KitHost::violation(std::string what) {
    const std::lock_guard lock(mutex_);
    violations_.push_back(std::move(what));
}

void KitHost::throw_violation() {
    const std::lock_guard lock(mutex_);
    if (!violations_.empty())
        throw Failed{violations_.front()};
}

void KitHost::say(const char* text) {
    const std::lock_guard lock(mutex_);
    if (destroyed_)
        violations_.emplace_back("it called the host after destroy had returned; join your threads in destroy");
    if (text && said_.size() < kMostSaid)
        said_.append(text).append("\n");
}

bool KitHost::on_source_thread(const char* callback) {
    if (std::this_thread::get_id() == thread_)
        return true;
    violation(
        fmt::format("it called {} on a thread of its own; only the thread that drives the instance may", callback));
    return false;
}

sluice_status KitHost::call(const char* name, std::chrono::milliseconds limit,
                            const std::function<sluice_status()>& body) {
    slate_.enter(name);
    const auto begun = std::chrono::steady_clock::now();
    sluice_status status = SLUICE_E_INTERNAL;
    try {
        status = body();
    } catch (...) {
        violation(fmt::format("an exception left {}; plugins answer with a status", name));
    }
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun);
    slate_.leave();
    if (took > limit)
        violation(fmt::format("{} took {} ms, it may take {}", name, took.count(), limit.count()));
    const bool may_end = std::string_view(name) == "poll";
    if (status < SLUICE_E_INTERNAL || status > (may_end ? SLUICE_END : SLUICE_OK))
        violation(fmt::format("{} answered with the unknown status {}", name, status));
    return status;
}

sluice_status KitHost::create() {
    const auto status = call("create", limits_.create, [&] { return plugin_.create(&handle_.abi, values_, &self_); });
    created_ = status == SLUICE_OK;
    throw_violation();
    return status;
}

sluice_status KitHost::check() {
    if (!plugin_.check)
        return SLUICE_OK;
    const auto status = call("check", limits_.start, [&] { return plugin_.check(self_); });
    throw_violation();
    return status;
}

sluice_status KitHost::start() {
    const auto status = call("start", limits_.start, [&] { return plugin_.start(self_); });
    started_ = status == SLUICE_OK;
    throw_violation();
    return status;
}

KitHost::Polled KitHost::poll(std::uint32_t messages, std::uint64_t bytes, std::chrono::milliseconds timeout) {
    auto original = std::make_unique<sluice_batch>();
    std::memset(original.get(), 0, sizeof *original);
    const auto status = call("poll", timeout + limits_.poll, [&] {
        return plugin_.poll(self_, messages, bytes, static_cast<std::uint32_t>(timeout.count()), original.get());
    });
    // The host may move the struct bitwise, so the plugin must not count on its place.
    Held moved{.batch = *original};
    std::memset(original.get(), 0xA5, sizeof *original);
    Polled polled{.status = status};
    if (status < 0 && moved.batch.release)
        violation(fmt::format("poll answered {} and a batch; what fails hands nothing over", status_name(status)));
    if (status >= 0) {
        polled.count = moved.batch.count;
        take(moved.batch, messages, bytes);
    }
    if (moved.batch.release) {
        throw_violation();
        moved.hash = hash_of(moved.batch);
        held_.push_back(moved);
        if (!hold_batches) {
            release(held_.back());
            held_.pop_back();
        }
    }
    throw_violation();
    return polled;
}

void KitHost::take(const sluice_batch& batch, std::uint32_t messages, std::uint64_t bytes) {
    if (batch.count > 0 && (!batch.messages || !batch.release))
        return violation(fmt::format("a batch of {} messages without messages or release", batch.count));
    if (batch.count > messages)
        return violation(fmt::format("{} messages where the credit was {}", batch.count, messages));
    if (batch.count > 0 && (batch.stride < sizeof(sluice_message) || batch.stride % alignof(sluice_message) != 0))
        return violation(fmt::format("a stride of {}; set it to sizeof(sluice_message)", batch.stride));
    std::uint64_t before = 0;
    for (std::size_t i = 0; i < batch.count; ++i) {
        const auto& message = message_at(batch, i);
        // Whoever reads from a broker learns a message's size by taking it, so the last one may go over.
        if (before > bytes)
            return violation(fmt::format("more than the {} bytes that the credit was", bytes));
        before += message.payload.size;
        take(message);
    }
}

void KitHost::take(const sluice_message& message) {
    const auto found = lanes_.find(message.lane);
    if (found == lanes_.end())
        return violation(fmt::format("a message for lane {}, which is not open", message.lane));
    auto& lane = found->second;
    if (lane.any && message.sequence <= lane.last)
        return violation(fmt::format("sequence {} after {} in lane '{}'; sequences rise within a lane",
                                     message.sequence, lane.last, lane.name));
    if ((message.payload.size > 0 && !message.payload.data) || (message.header_count > 0 && !message.headers) ||
        (message.system_count > 0 && !message.system))
        return violation(fmt::format("sequence {} of lane '{}' has a size without data", message.sequence, lane.name));
    lane.last = message.sequence;
    lane.any = true;
    Seen seen{.lane = lane.name,
              .sequence = message.sequence,
              .hash = hash_of(message),
              .position = std::string(text_of(message.position))};
    uncommitted_.emplace_back(message.lane, seen);
    seen_.push_back(std::move(seen));
}

void KitHost::release(Held& held) {
    if (std::exchange(held.released, true))
        return;
    if (hash_of(held.batch) != held.hash)
        violation("the bytes of a batch changed while the host had it");
    call("release", limits_.ack, [&] {
        held.batch.release(&held.batch);
        return SLUICE_OK;
    });
}

void KitHost::release_held(std::size_t index) {
    release(held_.at(index));
    throw_violation();
}

sluice_status KitHost::pause(bool paused) {
    if (!plugin_.pause)
        return SLUICE_OK;
    const auto status = call("pause", limits_.ack, [&] { return plugin_.pause(self_, paused ? 1 : 0); });
    throw_violation();
    return status;
}

void KitHost::commit(std::size_t count) {
    if (count == 0)
        return;
    std::vector<Seen> rows;
    std::map<std::uint32_t, sluice_ack> acks;
    for (std::size_t i = 0; i < count; ++i) {
        const auto& [lane, seen] = uncommitted_[i];
        rows.push_back(seen);
        if (!lanes_.contains(lane)) // closed meanwhile: no longer the plugin's
            continue;
        auto& ack = acks.try_emplace(lane, sluice_ack{lane, SLUICE_COMMITTED, seen.sequence, 0}).first->second;
        ack.last = seen.sequence;
    }
    uncommitted_.erase(uncommitted_.begin(), uncommitted_.begin() + static_cast<std::ptrdiff_t>(count));
    if (ledger_)
        ledger_->append(rows);
    std::vector<sluice_ack> flat;
    for (const auto& [lane, ack] : acks)
        flat.push_back(ack);
    if (plugin_.ack && !flat.empty())
        call("ack", limits_.ack, [&] { return plugin_.ack(self_, flat.data(), flat.size()); });
    throw_violation();
}

sluice_status KitHost::stop() {
    started_ = false;
    if (!plugin_.stop)
        return SLUICE_OK;
    const auto status = call("stop", limits_.stop, [&] { return plugin_.stop(self_); });
    throw_violation();
    return status;
}

void KitHost::destroy() {
    if (!std::exchange(created_, false))
        return;
    for (auto& held : held_) // the last release comes before destroy
        release(held);
    call("destroy", limits_.stop, [&] {
        plugin_.destroy(self_);
        return SLUICE_OK;
    });
    self_ = nullptr;
    const std::lock_guard lock(mutex_);
    destroyed_ = true;
}

void KitHost::end() {
    if (started_)
        stop();
    destroy();
    throw_violation();
}

std::string KitHost::last_failure() const {
    const std::lock_guard lock(mutex_);
    return failure_;
}

std::string KitHost::everything_said() const {
    const std::lock_guard lock(mutex_);
    return said_;
}

sluice_status KitHost::open_lane(std::string_view name, std::uint32_t* lane, sluice_checkpoint* after) {
    if (!on_source_thread("open_lane") || !lane || !after)
        return SLUICE_E_INTERNAL;
    const bool known =
        std::any_of(lanes_.begin(), lanes_.end(), [&](const auto& open) { return open.second.name == name; });
    if (name.empty() || name.size() > kLongestLaneName || known) {
        violation(known ? fmt::format("it opened the lane '{}' twice", name)
                        : fmt::format("it opened a lane with a name of {} bytes", name.size()));
        return SLUICE_E_INTERNAL;
    }
    *lane = next_lane_++;
    auto& opened = lanes_[*lane];
    opened.name = name;
    fill(opened.name, *after);
    opened.any = after->found != 0;
    opened.last = after->sequence;
    return SLUICE_OK;
}

sluice_status KitHost::close_lane(std::uint32_t lane, sluice_checkpoint* last) {
    if (!on_source_thread("close_lane"))
        return SLUICE_E_INTERNAL;
    const auto found = lanes_.find(lane);
    if (found == lanes_.end()) {
        violation(fmt::format("it closed the lane {}, which is not open", lane));
        return SLUICE_E_INTERNAL;
    }
    // What was not committed is dropped, as the contract allows the host.
    std::erase_if(uncommitted_, [&](const auto& entry) { return entry.first == lane; });
    if (last)
        fill(found->second.name, *last);
    lanes_.erase(found);
    return SLUICE_OK;
}

void KitHost::fill(const std::string& lane, sluice_checkpoint& out) {
    out = {};
    const auto last = ledger_ ? ledger_->last_of(lane) : std::nullopt;
    if (!last)
        return;
    const auto& position = positions_.emplace_back(last->position);
    out = {.sequence = last->sequence,
           .position = {reinterpret_cast<const std::uint8_t*>(position.data()), position.size()},
           .found = 1,
           .reserved = 0};
}

} // namespace sluice::testkit
