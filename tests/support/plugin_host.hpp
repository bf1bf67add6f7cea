#pragma once

#include <sluice/source_extensions.h>
#include <sluice/source_plugin.h>

#include <dlfcn.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace sluice::testing {

using namespace std::chrono_literals;

/// A message as the host saw it, copied out of its batch.
struct Event {
    std::string lane;
    std::uint64_t sequence = 0;
    std::int64_t timestamp_ns = 0;
    std::uint32_t flags = 0;
    std::optional<std::string> payload, key; ///< nothing: no data, as a tombstone has
    std::string position;
    std::vector<std::pair<std::string, std::optional<std::string>>> headers, system;

    /// The last property of that name; nothing if there is none or it has no value.
    std::optional<std::string> header(std::string_view name) const { return find(headers, name); }
    std::optional<std::string> property(std::string_view name) const { return find(system, name); }

private:
    static std::optional<std::string> find(const decltype(headers)& in, std::string_view name) {
        for (auto it = in.rbegin(); it != in.rend(); ++it)
            if (it->first == name)
                return it->second;
        return std::nullopt;
    }
};

/// What survives a source instance: the checkpoint and the epoch of each lane, and the gaps that were reported.
struct Checkpoints {
    struct Entry {
        bool found = false;
        std::uint64_t sequence = 0;
        std::string position;
        std::uint64_t epoch = 0;
    };
    struct Gap {
        std::string lane;
        std::uint64_t first, last;
        std::string why;
    };
    std::map<std::string, Entry, std::less<>> lanes;
    std::vector<Gap> gaps;
};

/// Option values as a configuration file has them: "10s", "16MiB", "true", a list, a table.
using OptionValue = std::variant<std::string, std::vector<std::string>, std::map<std::string, std::string>>;
using OptionValues = std::map<std::string, OptionValue, std::less<>>;

/// A loaded plugin library. Never unloaded, as in the real host.
class PluginLibrary {
public:
    explicit PluginLibrary(const std::string& file) {
        void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (!library)
            throw std::runtime_error(dlerror());
        auto entry = reinterpret_cast<decltype(&sluice_source_plugin_v1)>(dlsym(library, "sluice_source_plugin_v1"));
        if (!entry)
            throw std::runtime_error(file + " has no entry sluice_source_plugin_v1");
        plugin_ = entry();
    }
    const sluice_plugin& plugin() const { return *plugin_; }
    const sluice_option& option(std::size_t i) const {
        return *reinterpret_cast<const sluice_option*>(reinterpret_cast<const char*>(plugin_->options) +
                                                       i * plugin_->option_stride);
    }

private:
    const sluice_plugin* plugin_;
};

/// One source instance under the control of a test: every call of the contract, step by step, on the test's thread.
/// Destroying it without stop() is the crash case: what was not committed is forgotten.
class PluginHost {
public:
    struct Polled {
        sluice_status status = SLUICE_OK;
        std::size_t count = 0;
    };
    struct LogLine {
        std::int32_t level;
        std::string text;
    };

    PluginHost(const PluginLibrary& library, Checkpoints& store, OptionValues values,
               std::filesystem::path state_dir = std::filesystem::temp_directory_path())
        : library_(library), plugin_(library.plugin()), store_(store), values_(std::move(values)),
          state_dir_(state_dir.string()) {
        handle_.owner = this;
        sluice_host& abi = handle_.host;
        abi.size = sizeof(sluice_host);
        abi.abi_minor = SLUICE_ABI_MINOR;
        abi.instance = "test";
        abi.state_dir = state_dir_.c_str();
        abi.fail = [](const sluice_host* h, sluice_status status, const char* why) {
            const std::lock_guard lock(of(h).mutex_);
            of(h).failures.emplace_back(why);
            return status;
        };
        abi.open_lane = [](const sluice_host* h, sluice_str name, std::uint32_t* lane, sluice_checkpoint* after) {
            return of(h).open_lane({name.data, name.size}, *lane, *after);
        };
        abi.close_lane = [](const sluice_host* h, std::uint32_t lane, std::uint32_t drain, sluice_checkpoint* last) {
            return of(h).close_lane(lane, drain, *last);
        };
        abi.log = [](const sluice_host* h, std::int32_t level, const char* text) {
            const std::lock_guard lock(of(h).mutex_);
            of(h).logs.push_back({level, text});
        };
        abi.health = [](const sluice_host* h, std::int32_t state, const char* detail) {
            const std::lock_guard lock(of(h).mutex_);
            of(h).health_state = state, of(h).health_detail = detail ? detail : "";
        };
        abi.metric = [](const sluice_host* h, const char* name, std::int32_t) {
            const std::lock_guard lock(of(h).mutex_);
            of(h).metric_names_.emplace_back(name);
            return static_cast<std::uint32_t>(of(h).metric_names_.size() - 1);
        };
        abi.record = [](const sluice_host* h, std::uint32_t metric, double value) {
            const std::lock_guard lock(of(h).mutex_);
            of(h).metrics[of(h).metric_names_.at(metric)] += value;
        };
        abi.extension = [](const sluice_host*, const char* id) -> const void* {
            static const sluice_gap_v1 gap{sizeof gap, 0,
                                           [](const sluice_host* h, std::uint32_t lane, std::uint64_t first,
                                              std::uint64_t last, const char* why) -> sluice_status {
                                               of(h).store_.gaps.push_back(
                                                   {of(h).lanes_.at(lane).name, first, last, why});
                                               return SLUICE_OK;
                                           }};
            return std::string_view(id) == SLUICE_GAP_V1 ? &gap : nullptr;
        };
    }
    PluginHost(const PluginHost&) = delete;
    PluginHost& operator=(const PluginHost&) = delete;
    ~PluginHost() {
        release_held();
        if (self_)
            plugin_.destroy(self_);
    }

    sluice_status create() {
        fill_values();
        return plugin_.create(&handle_.host, table_.data(), &self_);
    }
    sluice_status check() { return plugin_.check ? plugin_.check(self_) : SLUICE_OK; }
    sluice_status start() { return plugin_.start(self_); }
    /// create and start; throws with what the plugin said when one of them fails.
    void open() {
        if (create() != SLUICE_OK || start() != SLUICE_OK)
            throw std::runtime_error(failures.empty() ? "the plugin failed without a reason" : failures.back());
    }
    /// Polls once; messages are copied into `events` and the batch is released (or held, see hold_batches).
    Polled poll(std::uint32_t messages = 1000, std::uint64_t bytes = 16 << 20, std::chrono::milliseconds wait = 100ms) {
        sluice_batch batch{};
        const sluice_status status =
            plugin_.poll(self_, messages, bytes, static_cast<std::uint32_t>(wait.count()), &batch);
        Polled polled{status, 0};
        if (status >= 0 && batch.release) {
            polled.count = batch.count;
            for (std::size_t i = 0; i < batch.count; ++i)
                take(*reinterpret_cast<const sluice_message*>(reinterpret_cast<const char*>(batch.messages) +
                                                              i * batch.stride));
            if (hold_batches)
                held_.push_back(batch);
            else
                batch.release(&batch);
        }
        return polled;
    }
    /// Makes everything delivered so far durable and acknowledges it.
    void commit() {
        for (auto& [id, lane] : lanes_) {
            if (!lane.open || lane.first_pending == 0)
                continue;
            commit_lane(lane);
            const sluice_ack ack{id, SLUICE_COMMITTED, lane.first_pending - 1, lane.last};
            lane.first_pending = 0;
            if (plugin_.ack)
                plugin_.ack(self_, &ack, 1);
        }
    }
    /// Polls and commits until `done` or the patience ends. Answers whether it is done.
    bool run_until(const std::function<bool()>& done, std::chrono::milliseconds patience = 20s) {
        const auto end = std::chrono::steady_clock::now() + patience;
        while (!done()) {
            if (std::chrono::steady_clock::now() > end)
                return false;
            last_status = poll().status;
            commit();
            if (last_status == SLUICE_END)
                return done();
        }
        return true;
    }
    /// Polls and commits until that many messages have been collected in all.
    bool collect(std::size_t count, std::chrono::milliseconds patience = 20s) {
        return run_until([&] { return events.size() >= count; }, patience);
    }
    void pause(bool paused) {
        if (plugin_.pause)
            plugin_.pause(self_, paused ? 1 : 0);
    }
    sluice_status stop() { return plugin_.stop ? plugin_.stop(self_) : SLUICE_OK; }
    void release_held() {
        for (sluice_batch& batch : held_)
            batch.release(&batch);
        held_.clear();
    }

    /// A message of the first batch that is held.
    const sluice_message* held_message(std::size_t i) const { return held_.at(0).messages + i; }

    std::size_t open_lanes() const {
        std::size_t n = 0;
        for (const auto& [id, lane] : lanes_)
            n += lane.open ? 1 : 0;
        return n;
    }
    std::optional<std::uint32_t> lane_id(std::string_view name) const {
        for (const auto& [id, lane] : lanes_)
            if (lane.open && lane.name == name)
                return id;
        return std::nullopt;
    }
    bool logged(std::string_view part) const {
        const std::lock_guard lock(mutex_);
        return std::any_of(logs.begin(), logs.end(),
                           [&](const LogLine& l) { return l.text.find(part) != std::string::npos; });
    }
    std::string health() const {
        const std::lock_guard lock(mutex_);
        return health_detail;
    }
    void* self() const { return self_; }
    const sluice_host* host() const { return &handle_.host; }

    std::vector<Event> events;         ///< everything delivered, in order
    std::vector<LogLine> logs;         ///< read it when the plugin's threads are gone, else ask logged()
    std::vector<std::string> failures; ///< what the plugin gave to fail()
    std::int32_t health_state = -1;    ///< -1: nothing reported
    std::string health_detail;
    std::map<std::string, double> metrics;
    sluice_status last_status = SLUICE_OK;
    bool keep_events = true;     ///< false: only count and check the order, for throughput
    bool hold_batches = false;   ///< keep batches until release_held(), as a slow store does
    bool commit_on_close = true; ///< whether close_lane makes delivered messages durable or drops them
    std::uint64_t late_rows =
        0; ///< messages for a lane that is closed or falls in sequence: always a bug of the plugin

private:
    struct OpenLane {
        std::string name;
        bool open = true;
        std::uint64_t epoch = 0;
        bool any = false;
        std::uint64_t last = 0; ///< last sequence delivered
        std::string last_position;
        std::uint64_t first_pending = 0; ///< first sequence not committed, plus one; 0: none
    };

    /// What a plugin gets is the address of the first member, so the way back needs no table.
    struct Handle {
        sluice_host host;
        PluginHost* owner;
    };
    static PluginHost& of(const sluice_host* host) { return *reinterpret_cast<const Handle*>(host)->owner; }

    sluice_status open_lane(std::string_view name, std::uint32_t& lane, sluice_checkpoint& after) {
        lane = static_cast<std::uint32_t>(lanes_.size() + 1);
        Checkpoints::Entry& entry = store_.lanes[std::string(name)];
        ++entry.epoch;
        OpenLane& opened = lanes_[lane];
        opened.name = name;
        opened.epoch = entry.epoch;
        opened.any = entry.found;
        opened.last = entry.sequence;
        fill(entry, after);
        return SLUICE_OK;
    }
    sluice_status close_lane(std::uint32_t id, std::uint32_t drain_ms, sluice_checkpoint& last) {
        OpenLane& lane = lanes_.at(id);
        if (commit_on_close && drain_ms > 0 && lane.first_pending != 0)
            commit_lane(lane);
        lane.open = false;
        lane.first_pending = 0;
        fill(store_.lanes[lane.name], last);
        return SLUICE_OK;
    }
    void commit_lane(const OpenLane& lane) {
        Checkpoints::Entry& entry = store_.lanes[lane.name];
        if (entry.epoch == lane.epoch)
            entry = {true, lane.last, lane.last_position, entry.epoch};
    }
    void fill(const Checkpoints::Entry& entry, sluice_checkpoint& out) {
        checkpoint_texts_.push_back(std::make_unique<std::string>(entry.position));
        const std::string& text = *checkpoint_texts_.back();
        out = {entry.sequence, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, entry.found, 0};
    }
    void take(const sluice_message& m) {
        const auto found = lanes_.find(m.lane);
        if (found == lanes_.end() || !found->second.open || (found->second.any && m.sequence <= found->second.last)) {
            ++late_rows;
            return;
        }
        OpenLane& lane = found->second;
        lane.any = true;
        lane.last = m.sequence;
        lane.last_position.assign(reinterpret_cast<const char*>(m.position.data), m.position.size);
        if (lane.first_pending == 0)
            lane.first_pending = m.sequence + 1;
        if (!keep_events)
            return;
        Event e;
        e.lane = lane.name;
        e.sequence = m.sequence;
        e.timestamp_ns = m.timestamp_ns;
        e.flags = m.flags;
        e.payload = text(m.payload);
        e.key = text(m.key);
        e.position = lane.last_position;
        for (std::size_t i = 0; i < m.header_count; ++i)
            e.headers.emplace_back(std::string(m.headers[i].name.data, m.headers[i].name.size),
                                   text(m.headers[i].value));
        for (std::size_t i = 0; i < m.system_count; ++i)
            e.system.emplace_back(std::string(m.system[i].name.data, m.system[i].name.size), text(m.system[i].value));
        events.push_back(std::move(e));
    }
    static std::optional<std::string> text(sluice_bytes bytes) {
        if (!bytes.data)
            return std::nullopt;
        return std::string(reinterpret_cast<const char*>(bytes.data), bytes.size);
    }

    // --- option values: the part of the real host that a test needs ---

    void fill_values() {
        table_.assign(plugin_.option_count, {});
        for (std::size_t i = 0; i < plugin_.option_count; ++i) {
            const sluice_option& option = library_.option(i);
            const auto given = values_.find(option.name);
            if (given != values_.end())
                fill(option, given->second, table_[i]);
            else if (option.fallback)
                fill(option, std::string(option.fallback), table_[i]);
            else if (option.flags & SLUICE_REQUIRED)
                throw std::runtime_error(std::string("option '") + option.name + "' is required");
        }
        for (const auto& [name, value] : values_)
            if (!has_option(name))
                throw std::runtime_error("no option '" + name + "'");
    }
    bool has_option(std::string_view name) const {
        for (std::size_t i = 0; i < plugin_.option_count; ++i)
            if (library_.option(i).name == name)
                return true;
        return false;
    }
    void fill(const sluice_option& option, const OptionValue& value, sluice_value& out) {
        out.is_set = 1;
        if (option.type == SLUICE_TEXT_LIST) {
            auto& items = *lists_.emplace_back(std::make_unique<std::vector<sluice_str>>());
            if (const auto* list = std::get_if<std::vector<std::string>>(&value))
                for (const std::string& item : *list)
                    items.push_back(keep(item));
            out.as.list = {items.data(), items.size()};
        } else if (option.type == SLUICE_TEXT_MAP) {
            auto& items = *maps_.emplace_back(std::make_unique<std::vector<sluice_property>>());
            if (const auto* map = std::get_if<std::map<std::string, std::string>>(&value))
                for (const auto& [name, text] : *map) {
                    const sluice_str v = keep(text);
                    items.push_back({keep(name), {reinterpret_cast<const std::uint8_t*>(v.data), v.size}});
                }
            out.as.map = {items.data(), items.size()};
        } else {
            fill_scalar(option, std::get<std::string>(value), out);
        }
    }
    void fill_scalar(const sluice_option& option, const std::string& text, sluice_value& out) {
        switch (option.type) {
        case SLUICE_BOOL:
            out.as.integer = text == "true";
            break;
        case SLUICE_INT:
            out.as.integer = std::stoll(text);
            break;
        case SLUICE_REAL:
            out.as.real = std::stod(text);
            break;
        case SLUICE_DURATION:
            out.as.integer = with_unit(text, {{"ns", 1},
                                              {"us", 1'000},
                                              {"ms", 1'000'000},
                                              {"s", 1'000'000'000},
                                              {"m", 60'000'000'000},
                                              {"h", 3'600'000'000'000},
                                              {"d", 86'400'000'000'000}});
            break;
        case SLUICE_SIZE:
            out.as.integer = with_unit(
                text, {{"", 1}, {"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", std::int64_t{1} << 30}});
            break;
        case SLUICE_CHOICE:
            for (std::int64_t i = 0; option.choices[i]; ++i)
                if (text == option.choices[i]) {
                    out.as.integer = i;
                    return;
                }
            throw std::runtime_error("'" + text + "' is no choice of option '" + option.name + "'");
        default:
            out.as.text = keep(text);
            break;
        }
    }
    static std::int64_t with_unit(const std::string& text, const std::map<std::string_view, std::int64_t>& units) {
        std::int64_t number = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        const auto unit = units.find(std::string_view(end, static_cast<std::size_t>(text.data() + text.size() - end)));
        if (error != std::errc() || unit == units.end())
            throw std::runtime_error("'" + text + "' is not a number with a unit");
        return number * unit->second;
    }
    sluice_str keep(const std::string& text) {
        const std::string& kept = *texts_.emplace_back(std::make_unique<std::string>(text));
        return {kept.data(), kept.size()};
    }

    const PluginLibrary& library_;
    const sluice_plugin& plugin_;
    Checkpoints& store_;
    OptionValues values_;
    std::string state_dir_;
    Handle handle_{};
    mutable std::mutex mutex_; ///< guards what [any] calls write: logs, failures, health, metrics
    void* self_ = nullptr;
    std::map<std::uint32_t, OpenLane> lanes_;
    std::vector<sluice_batch> held_;
    std::vector<std::string> metric_names_;
    std::vector<sluice_value> table_;
    std::vector<std::unique_ptr<std::string>> texts_, checkpoint_texts_;
    std::vector<std::unique_ptr<std::vector<sluice_str>>> lists_;
    std::vector<std::unique_ptr<std::vector<sluice_property>>> maps_;
};

} // namespace sluice::testing
