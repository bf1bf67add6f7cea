// sluice/source.hpp: the C++ side of source_plugin.h, for plugin authors. C++17, header-only.
//
// Derive from Source, hand messages over in a Batch, throw a Failure when something is wrong, and name the class in
// SLUICE_SOURCE_PLUGIN. No exception leaves the plugin: each becomes a status with its text as the explanation.
#pragma once

#include <sluice/push_queue.hpp>
#include <sluice/source_extensions.h>
#include <sluice/source_plugin.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <initializer_list>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace sluice {

inline constexpr std::int64_t kNoTimestamp = std::numeric_limits<std::int64_t>::min();

inline std::string_view view(sluice_str text) {
    return {text.data ? text.data : "", text.size};
}
inline std::string_view view(sluice_bytes bytes) {
    return {bytes.data ? reinterpret_cast<const char*>(bytes.data) : "", bytes.size};
}
inline sluice_str str(std::string_view text) {
    return {text.data(), text.size()};
}
inline sluice_bytes bytes(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// What went wrong (status: how the host reacts) and why (text: what an operator reads, cause first).
class Failure : public std::runtime_error {
public:
    Failure(sluice_status status, const std::string& why) : std::runtime_error(why), status_(status) {}
    sluice_status status() const { return status_; }

private:
    sluice_status status_;
};
/// Only an operator can help.
struct ConfigFailure : Failure {
    explicit ConfigFailure(const std::string& why) : Failure(SLUICE_E_CONFIG, why) {}
};
/// Credentials or permissions.
struct Denied : Failure {
    explicit Denied(const std::string& why) : Failure(SLUICE_E_DENIED, why) {}
};
/// Upstream is away; the host backs off and calls again.
struct Unavailable : Failure {
    explicit Unavailable(const std::string& why) : Failure(SLUICE_E_UNAVAILABLE, why) {}
};
/// The checkpoint no longer exists upstream and the source's own policy is to stop.
struct PositionLost : Failure {
    explicit PositionLost(const std::string& why) : Failure(SLUICE_E_POSITION_LOST, why) {}
};

/// An open lane: the number to put into its messages, and where to resume.
struct Lane {
    std::uint32_t id = 0;
    bool found = false;         ///< the store has a checkpoint
    std::uint64_t sequence = 0; ///< of the last message made durable
    std::string position;       ///< of the same message, as the plugin gave it

    /// The sequence after the checkpoint, or `first` for a lane that has none.
    std::uint64_t next_or(std::uint64_t first) const { return found ? sequence + 1 : first; }
};

/// The values of the options, by their place in the table. Text is borrowed while `create` runs, so it is returned by
/// value.
class Options {
public:
    explicit Options(const sluice_value* by_option) : values_(by_option) {}

    bool is_set(std::size_t i) const { return values_[i].is_set != 0; }
    bool boolean(std::size_t i) const { return is_set(i) && values_[i].as.integer != 0; }
    std::int64_t integer(std::size_t i) const { return is_set(i) ? values_[i].as.integer : 0; }
    double real(std::size_t i) const { return is_set(i) ? values_[i].as.real : 0; }
    std::uint64_t size(std::size_t i) const { return static_cast<std::uint64_t>(integer(i)); }
    /// Index into the option's choices.
    std::size_t choice(std::size_t i) const { return static_cast<std::size_t>(integer(i)); }
    std::chrono::nanoseconds duration(std::size_t i) const { return std::chrono::nanoseconds(integer(i)); }
    std::string text(std::size_t i) const { return is_set(i) ? std::string(view(values_[i].as.text)) : std::string(); }
    std::vector<std::string> list(std::size_t i) const {
        std::vector<std::string> items;
        for (std::size_t k = 0; is_set(i) && k < values_[i].as.list.count; ++k)
            items.emplace_back(view(values_[i].as.list.items[k]));
        return items;
    }
    std::vector<std::pair<std::string, std::string>> map(std::size_t i) const {
        std::vector<std::pair<std::string, std::string>> items;
        for (std::size_t k = 0; is_set(i) && k < values_[i].as.map.count; ++k)
            items.emplace_back(view(values_[i].as.map.items[k].name), view(values_[i].as.map.items[k].value));
        return items;
    }

private:
    const sluice_value* values_;
};

struct Property {
    std::string_view name, value;
};

/// A message as Batch::add takes it: everything is copied, so temporaries will do.
struct Message {
    std::uint32_t lane = 0;
    std::uint64_t sequence = 0;
    std::string_view payload;
    std::int64_t timestamp_ns = kNoTimestamp;
    std::string_view key{};
    std::string_view position{};
    std::initializer_list<Property> headers{};
    std::initializer_list<Property> system{};
};

/// Messages on their way to the host, with the memory they point to. What is added here is freed when the host releases
/// the batch, on whichever thread that happens. One thread at a time.
class Batch {
public:
    Batch() = default;
    Batch(Batch&&) noexcept = default;
    Batch& operator=(Batch&&) noexcept = default;

    bool empty() const { return !body_ || body_->messages.empty(); }
    std::size_t size() const { return body_ ? body_->messages.size() : 0; }
    void reserve(std::size_t messages) { body().messages.reserve(messages); }

    /// Copies the message into the batch. A payload without data stays one without data (a tombstone).
    void add(const Message& message) {
        sluice_message raw{};
        raw.lane = message.lane;
        raw.sequence = message.sequence;
        raw.timestamp_ns = message.timestamp_ns;
        raw.payload = copy(message.payload);
        raw.key = copy(message.key);
        raw.position = copy(message.position);
        raw.headers = copy(message.headers);
        raw.header_count = message.headers.size();
        raw.system = copy(message.system);
        raw.system_count = message.system.size();
        body().messages.push_back(raw);
    }

    /// Adds a message as it is. What it points to must live in this batch (copy, allocate, keep) or outlive the
    /// instance.
    void add(const sluice_message& message) { body().messages.push_back(message); }

    /// Memory that lives as long as the batch, aligned for a pointer.
    std::byte* allocate(std::size_t size) {
        Body& b = body();
        const std::size_t rounded = (size + kAlignment - 1) / kAlignment * kAlignment;
        if (rounded > b.left) {
            const std::size_t block = rounded > kBlock / 4 ? rounded : kBlock;
            b.blocks.emplace_back(new std::byte[block]);
            if (block != kBlock) // a large piece has a block of its own; the one in use goes on
                return b.blocks.back().get();
            b.next = b.blocks.back().get();
            b.left = block;
        }
        std::byte* place = b.next;
        b.next += rounded;
        b.left -= rounded;
        return place;
    }
    template <class T> T* allocate_array(std::size_t count) {
        static_assert(std::is_trivially_destructible_v<T> && alignof(T) <= kAlignment);
        return reinterpret_cast<T*>(allocate(count * sizeof(T)));
    }
    sluice_bytes copy(std::string_view text) {
        if (text.data() == nullptr)
            return {nullptr, 0};
        std::byte* place = allocate(text.size() + 1);
        std::memcpy(place, text.data(), text.size());
        return {reinterpret_cast<const std::uint8_t*>(place), text.size()};
    }

    /// Foreign memory: calls `free(object)` once when the host has released the batch, or when the batch is dropped.
    void keep(void* object, void (*free)(void*)) { body().kept.push_back({object, free}); }
    /// Moves an object into the batch, so that messages may point into it. Returns where it lives now.
    template <class T> const T& keep(T&& object) {
        using Held = std::decay_t<T>;
        auto held = std::make_unique<Held>(std::forward<T>(object));
        keep(held.get(), [](void* p) { delete static_cast<Held*>(p); });
        return *held.release();
    }

    /// Hands messages and memory to the host. The batch is empty afterwards.
    void hand_over(sluice_batch& out) {
        if (!body_)
            return;
        Body* b = body_.release();
        out.messages = b->messages.data();
        out.count = b->messages.size();
        out.stride = sizeof(sluice_message);
        out.owner = b;
        out.release = [](sluice_batch* batch) { delete static_cast<Body*>(batch->owner); };
    }

private:
    static constexpr std::size_t kAlignment = alignof(std::max_align_t);
    static constexpr std::size_t kBlock = 64 * 1024;
    struct Kept {
        void* object;
        void (*free)(void*);
    };
    struct Body {
        std::vector<sluice_message> messages;
        std::vector<std::unique_ptr<std::byte[]>> blocks;
        std::vector<Kept> kept;
        std::byte* next = nullptr;
        std::size_t left = 0;

        Body() = default;
        Body(const Body&) = delete;
        Body& operator=(const Body&) = delete;
        ~Body() {
            for (const Kept& k : kept)
                k.free(k.object);
        }
    };

    Body& body() {
        if (!body_)
            body_ = std::make_unique<Body>();
        return *body_;
    }
    const sluice_property* copy(std::initializer_list<Property> properties) {
        if (properties.size() == 0)
            return nullptr;
        auto* place = allocate_array<sluice_property>(properties.size());
        std::size_t i = 0;
        for (const Property& p : properties) {
            const sluice_bytes name = copy(p.name);
            place[i++] = {{reinterpret_cast<const char*>(name.data), name.size}, copy(p.value)};
        }
        return place;
    }

    std::unique_ptr<Body> body_;
};

namespace detail {
template <class T> struct Adapter;
}

/// Base of every source. The host calls all of it on one thread, in the order
/// constructor, [check], start, (poll | ack | pause)*, stop, destructor.
class Source {
public:
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;
    virtual ~Source() = default;

    /// Rules across options first, then a connection test. Must leave nothing behind.
    virtual void check() {}
    /// Connect, open lanes, seek.
    virtual void start() = 0;
    /// Returns within `credit.wait` with at most the credit. Credit 0: stay connected, deliver nothing.
    /// False: there will never be another message. What was added before an exception is still handed over; the failure
    /// follows.
    virtual bool poll(Credit credit, Batch& out) = 0;
    /// Back-pressure began or ended.
    virtual void pause(bool paused) { (void)paused; }
    /// Between polls, in lane order.
    virtual void ack(const sluice_ack& ack) { (void)ack; }
    /// After the last ack: commit upstream, leave.
    virtual void stop() {}

protected:
    explicit Source(const sluice_host* host) : host_(host) {}

    const sluice_host* host() const { return host_; }
    std::string_view instance() const { return host_->instance ? host_->instance : ""; }
    std::string_view state_dir() const { return host_->state_dir ? host_->state_dir : ""; }

    /// [source] Throws if the host refuses, for example because another instance holds the lane.
    Lane open_lane(std::string_view name) {
        std::uint32_t id = 0;
        sluice_checkpoint last{};
        const sluice_status status = host_->open_lane(host_, str(name), &id, &last);
        if (status < 0)
            throw Failure(status, "the host did not open lane '" + std::string(name) + "'");
        return lane(id, last);
    }
    /// [source] Waits up to `drain` for what was delivered to become durable, drops the rest and fences the lane.
    /// Returns the lane with its last durable position.
    Lane close_lane(std::uint32_t id, std::chrono::milliseconds drain) {
        sluice_checkpoint last{};
        const sluice_status status =
            host_->close_lane(host_, id, static_cast<std::uint32_t>(drain.count() < 0 ? 0 : drain.count()), &last);
        if (status < 0)
            throw Failure(status, "the host did not close lane " + std::to_string(id));
        return lane(id, last);
    }
    void log(std::int32_t level, const std::string& text) const { host_->log(host_, level, text.c_str()); }
    void health(std::int32_t state, const std::string& detail) const { host_->health(host_, state, detail.c_str()); }
    /// Returns an id for record. Name: `<noun>_<unit>[_total]`.
    std::uint32_t metric(const char* name, std::int32_t kind) const { return host_->metric(host_, name, kind); }
    void record(std::uint32_t metric, double value) const { host_->record(host_, metric, value); }
    /// An ability of the host, or nullptr.
    template <class T> const T* host_extension(const char* id) const {
        return SLUICE_HAS(host_, extension) ? static_cast<const T*>(host_->extension(host_, id)) : nullptr;
    }

private:
    template <class T> friend struct detail::Adapter;

    static Lane lane(std::uint32_t id, const sluice_checkpoint& last) {
        return {id, last.found != 0, last.sequence, std::string(view(last.position))};
    }

    const sluice_host* host_;
    std::optional<Failure> pending_; ///< failure of a poll that also had messages
};

/// Runs `body` and turns what it throws into a status that the host was told the reason of. For extension functions
/// too.
template <class Body> sluice_status guarded(const sluice_host* host, Body&& body) noexcept {
    try {
        return body();
    } catch (const Failure& failure) {
        return host->fail(host, failure.status(), failure.what());
    } catch (const std::bad_alloc&) {
        return host->fail(host, SLUICE_E_UNAVAILABLE, "out of memory");
    } catch (const std::exception& other) {
        return host->fail(host, SLUICE_E_INTERNAL, other.what());
    } catch (...) {
        return host->fail(host, SLUICE_E_INTERNAL, "unknown exception in the plugin");
    }
}

namespace detail {

template <class T, class = void> struct KeepaliveOf {
    static constexpr std::uint32_t value = 0;
};
template <class T> struct KeepaliveOf<T, std::void_t<decltype(T::keepalive_ms)>> {
    static constexpr std::uint32_t value = T::keepalive_ms;
};
template <class T, class = void> struct ExtensionOf {
    static constexpr const void* (*value)(const char*) = nullptr;
};
template <class T> struct ExtensionOf<T, std::void_t<decltype(T::extension(""))>> {
    static constexpr const void* (*value)(const char*) = [](const char* id) noexcept -> const
        void* { return T::extension(id); };
};
/// False for a source that inherits Source::ack, which does nothing: the host then knows that nobody listens. An
/// override that is not public counts.
template <class T, class = void> struct OverridesAck : std::true_type {};
template <class T>
struct OverridesAck<T, std::enable_if_t<std::is_same_v<decltype(&T::ack), void (Source::*)(const sluice_ack&)>>>
    : std::false_type {};

template <class T> struct Adapter {
    static T& of(void* self) { return *static_cast<T*>(self); }
    static Source& base(void* self) { return of(self); }

    static sluice_status create(const sluice_host* host, const sluice_value* by_option, void** self) {
        return guarded(host, [&] {
            *self = new T(host, by_option);
            return SLUICE_OK;
        });
    }
    template <class Body> static sluice_status call(void* self, Body&& body) {
        return guarded(base(self).host_, [&] {
            body(base(self));
            return SLUICE_OK;
        });
    }
    static sluice_status check(void* self) {
        return call(self, [](Source& s) { s.check(); });
    }
    static sluice_status start(void* self) {
        return call(self, [](Source& s) { s.start(); });
    }
    static sluice_status pause(void* self, std::uint32_t paused) {
        return call(self, [&](Source& s) { s.pause(paused != 0); });
    }
    static sluice_status ack(void* self, const sluice_ack* acks, std::size_t count) {
        return call(self, [&](Source& s) {
            for (std::size_t i = 0; i < count; ++i)
                s.ack(acks[i]);
        });
    }
    static sluice_status stop(void* self) {
        return call(self, [](Source& s) { s.stop(); });
    }
    static void destroy(void* self) { delete &of(self); }

    static sluice_status poll(void* self, std::uint32_t max_messages, std::uint64_t max_bytes, std::uint32_t timeout_ms,
                              sluice_batch* out) {
        Source& source = base(self);
        return guarded(source.host_, [&]() -> sluice_status {
            if (source.pending_) {
                const Failure failure = *std::exchange(source.pending_, std::nullopt);
                throw failure;
            }
            Batch batch;
            bool more = true;
            // A source has moved on past the messages it added, so they are handed over even if it failed afterwards.
            try {
                more = source.poll({max_messages, max_bytes, std::chrono::milliseconds(timeout_ms)}, batch);
            } catch (const Failure& failure) {
                if (batch.empty())
                    throw;
                source.pending_.emplace(failure);
            } catch (const std::bad_alloc&) {
                if (batch.empty())
                    throw;
                source.pending_.emplace(SLUICE_E_UNAVAILABLE, "out of memory");
            } catch (const std::exception& other) {
                if (batch.empty())
                    throw;
                source.pending_.emplace(SLUICE_E_INTERNAL, other.what());
            }
            batch.hand_over(*out);
            return more || source.pending_ ? SLUICE_OK : SLUICE_END;
        });
    }

    static sluice_plugin plugin(const char* id, const char* version, const char* summary, std::uint32_t capabilities) {
        sluice_plugin p{};
        p.size = sizeof p;
        p.abi_minor = SLUICE_ABI_MINOR;
        p.id = id;
        p.version = version;
        p.summary = summary;
        p.capabilities = capabilities;
        p.keepalive_ms = KeepaliveOf<T>::value;
        p.options = T::options;
        p.option_count = sizeof T::options / sizeof T::options[0];
        p.option_stride = sizeof(sluice_option);
        p.create = create;
        p.check = check;
        p.start = start;
        p.poll = poll;
        p.pause = pause;
        if (OverridesAck<T>::value)
            p.ack = ack;
        p.stop = stop;
        p.destroy = destroy;
        p.extension = ExtensionOf<T>::value;
        return p;
    }
};

} // namespace detail

/// The object behind `self` in an extension function.
template <class T> T& source_cast(void* self) {
    return detail::Adapter<T>::of(self);
}

} // namespace sluice

/// Makes `type` the plugin of this library. Besides a constructor (const sluice_host*, const sluice_value*) it has
/// `static constexpr sluice_option options[]`, and may have `static constexpr uint32_t keepalive_ms` and
/// `static const void* extension(const char* id)`.
#define SLUICE_SOURCE_PLUGIN(type, id, version, summary, capabilities)                                                 \
    extern "C" SLUICE_EXPORT const sluice_plugin* sluice_source_plugin_v1(void) {                                      \
        static const sluice_plugin plugin =                                                                            \
            ::sluice::detail::Adapter<type>::plugin(id, version, summary, capabilities);                               \
        return &plugin;                                                                                                \
    }
