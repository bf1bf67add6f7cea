// Fails wherever its option says, in every way a plugin can fail, so that a test can see what reaches the host.
#include <sluice/source.hpp>

#include <new>

namespace {

class Moody final : public sluice::Source {
public:
    enum { kFailIn, kWith, kOptionCount };
    static constexpr const char* kCalls[] = {"nothing", "create", "check", "start", "poll", "ack", "stop", nullptr};
    static constexpr const char* kKinds[] = {"config", "denied", "unavailable", "position_lost",
                                             "memory", "logic",  "number",      nullptr};
    static constexpr sluice_option options[kOptionCount] = {
        {"fail_in", SLUICE_CHOICE, 0, "nothing", nullptr, nullptr, kCalls, "The call that fails.", nullptr},
        {"with", SLUICE_CHOICE, 0, "logic", nullptr, nullptr, kKinds, "What is thrown.", nullptr}};
    static constexpr std::uint32_t keepalive_ms = 1500;
    static const void* extension(const char* id) {
        static const sluice_lag_v1 lag{sizeof lag, 0,
                                       [](void* self, std::uint32_t, std::uint64_t* messages) -> sluice_status {
                                           *messages = sluice::source_cast<Moody>(self).polls_;
                                           return SLUICE_OK;
                                       }};
        return std::string_view(id) == SLUICE_LAG_V1 ? &lag : nullptr;
    }

    Moody(const sluice_host* host, const sluice_value* by_option)
        : Source(host), fail_in_(kCalls[sluice::Options(by_option).choice(kFailIn)]),
          with_(kKinds[sluice::Options(by_option).choice(kWith)]) {
        fail("create");
    }
    void check() override { fail("check"); }
    void start() override {
        lane_ = open_lane("moods");
        fail("start");
    }
    bool poll(sluice::Credit, sluice::Batch& out) override {
        ++polls_;
        if (fail_in_ == "poll" && polls_ == 1)
            out.add({lane_.id, polls_, "before the failure"}); // moved on: must reach the host
        fail("poll");
        return true;
    }
    void ack(const sluice_ack&) override { fail("ack"); }
    void stop() override { fail("stop"); }

private:
    void fail(std::string_view call) {
        if (call != fail_in_)
            return;
        if (with_ == "config")
            throw sluice::ConfigFailure("no such topic");
        if (with_ == "denied")
            throw sluice::Denied("bad password");
        if (with_ == "unavailable")
            throw sluice::Unavailable("broker away");
        if (with_ == "position_lost")
            throw sluice::PositionLost("offset 5 is gone");
        if (with_ == "memory")
            throw std::bad_alloc();
        if (with_ == "number")
            throw 42;
        throw std::logic_error("invariant broken");
    }

    std::string_view fail_in_, with_;
    std::uint64_t polls_ = 0;
    sluice::Lane lane_;
};

} // namespace

SLUICE_SOURCE_PLUGIN(Moody, "moody", "1.0.0", "Fails on request.", 0)
