#pragma once

#include "core/router/intake.hpp"

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace sluice::test {

/// What outlives the intakes of a connection: rows and lane positions. Commits when a test says so, or at once.
/// Thread-safe.
struct FakeStore {
    struct Pending {
        std::string lane;
        std::uint32_t number;
        std::uint64_t sequence;
        std::string payload;
    };

    std::mutex mutex;
    bool commits_at_once = false;
    router::Credit credit{.messages = 100, .bytes = 1_MiB};
    std::optional<Error> deliver_error;
    std::map<std::string, std::uint64_t> positions;
    std::vector<std::string> rows; ///< committed payloads
    std::vector<std::string> lost; ///< "a 1..3 why"
    std::vector<Pending> pending;
    std::vector<router::Ack> acks;
    std::vector<std::string> lanes_opened;
    std::string last_message; ///< all of the last message, spelled out
    int flushes = 0;

    void commit() {
        const std::lock_guard lock(mutex);
        commit_locked();
    }
    void commit_locked() {
        for (auto& event : pending) {
            rows.push_back(event.payload);
            positions[event.lane] = event.sequence;
            if (!acks.empty() && acks.back().lane == event.number)
                acks.back().last = event.sequence;
            else
                acks.push_back({.lane = event.number, .first = event.sequence, .last = event.sequence});
        }
        pending.clear();
    }
};

class FakeIntake final : public router::Intake {
public:
    explicit FakeIntake(FakeStore& store) : store_(store) {}

    Result<router::ResumePoint> open_lane(std::string_view name) override {
        const std::lock_guard lock(store_.mutex);
        store_.pending.clear(); // fences the former owner
        store_.acks.clear();
        store_.lanes_opened.emplace_back(name);
        const auto number = static_cast<std::uint32_t>(names_.size() + 7);
        names_[number] = name;
        return point(number);
    }
    Result<router::ResumePoint> close_lane(std::uint32_t lane, std::chrono::milliseconds) override {
        const std::lock_guard lock(store_.mutex);
        store_.commit_locked();
        return point(lane);
    }
    router::Credit credit() override {
        const std::lock_guard lock(store_.mutex);
        return store_.credit;
    }
    Result<> deliver(std::span<const router::Message> messages) override {
        const std::lock_guard lock(store_.mutex);
        if (store_.deliver_error)
            return *store_.deliver_error;
        for (const auto& message : messages) {
            store_.pending.push_back(
                {names_[message.lane], message.lane, message.sequence, std::string(message.payload)});
            store_.last_message = spell(message);
        }
        if (store_.commits_at_once)
            store_.commit_locked();
        return {};
    }
    void lost(std::uint32_t lane, std::uint64_t first, std::uint64_t last, std::string_view why) override {
        const std::lock_guard lock(store_.mutex);
        store_.lost.push_back(names_[lane] + " " + std::to_string(first) + ".." + std::to_string(last) + " " +
                              std::string(why));
    }
    Result<> flush(bool now) override {
        const std::lock_guard lock(store_.mutex);
        store_.flushes += now ? 1 : 0;
        return {};
    }
    std::optional<Clock::Steady::time_point> next_flush() const override { return std::nullopt; }
    void take_acks(std::vector<router::Ack>& acks) override {
        const std::lock_guard lock(store_.mutex);
        acks.insert(acks.end(), store_.acks.begin(), store_.acks.end());
        store_.acks.clear();
    }
    bool drain(std::chrono::milliseconds) override {
        static_cast<void>(flush(true)); // as the contract says: everything delivered, gathered or not
        const std::lock_guard lock(store_.mutex);
        store_.commit_locked();
        return true;
    }

private:
    router::ResumePoint point(std::uint32_t lane) {
        const auto found = store_.positions.find(names_[lane]);
        return {.lane = lane,
                .found = found != store_.positions.end(),
                .sequence = found == store_.positions.end() ? 0 : found->second,
                .position = "p"};
    }
    static std::string spell(const router::Message& m) {
        std::string text = "payload=" + (m.payload_is_null ? "null" : std::string(m.payload)) +
                           " key=" + std::string(m.key) + " position=" + std::string(m.position) +
                           (m.padded ? " padded" : "") +
                           " time=" + (m.timestamp ? std::to_string(*m.timestamp) : "none");
        for (std::size_t i = 0; i < m.header_count; ++i)
            text += " h:" + std::string(m.headers[i].name) + "=" +
                    (m.headers[i].is_null ? "null" : std::string(m.headers[i].value));
        for (std::size_t i = 0; i < m.system_count; ++i)
            text += " s:" + std::string(m.system[i].name) + "=" + std::string(m.system[i].value);
        return text;
    }

    FakeStore& store_;
    std::map<std::uint32_t, std::string> names_;
};

} // namespace sluice::test
