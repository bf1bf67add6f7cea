#include <sluice/source.hpp>

class Count final : public sluice::Source {
public:
    static constexpr sluice_option options[] = {
        {"limit", SLUICE_INT, SLUICE_REQUIRED, nullptr, "1", nullptr, nullptr, "Last number sent.", "1000"}};
    Count(const sluice_host* host, const sluice_value* by_option)
        : Source(host), limit_(sluice::Options(by_option).size(0)) {}
    void start() override { lane_ = open_lane("numbers"), next_ = lane_.next_or(1); }
    bool poll(sluice::Credit credit, sluice::Batch& out) override {
        for (; credit.messages > 0 && next_ <= limit_; --credit.messages, ++next_)
            out.add({lane_.id, next_, "{\"n\":" + std::to_string(next_) + "}"});
        return next_ <= limit_;
    }

private:
    std::uint64_t limit_, next_ = 1;
    sluice::Lane lane_;
};
SLUICE_SOURCE_PLUGIN(Count, "countpp", "1.0.0", "Counts up.", SLUICE_CAP_REPLAY)
