// @NAME@: a source for sluice. As it stands it counts: replace what is marked (1) to (4) by what your upstream needs.
#include <sluice/source.hpp>

#include <algorithm>
#include <string>

namespace {

class Source final : public sluice::Source {
public:
    // (1) The keys of a connection's `source`. The host reads, checks and documents them; values come in this order.
    enum { kLimit, kText };
    static constexpr sluice_option options[] = {
        {"limit", SLUICE_INT, 0, "1000000", "1", nullptr, nullptr, "Last number that is sent.", "1000"},
        {"text", SLUICE_TEXT, 0, "hello", nullptr, nullptr, nullptr, "What each message says.", "good morning"}};

    // No network here: bad values only.
    Source(const sluice_host* host, const sluice_value* by_option)
        : sluice::Source(host), limit_(sluice::Options(by_option).size(kLimit)),
          text_(sluice::Options(by_option).text(kText)) {}

    // (2) Connect, then open a lane for each ordered stream of upstream and go on behind its checkpoint. It was stored
    // in the transaction that stored the rows, so nothing is lost or doubled when this starts there.
    void start() override {
        lane_ = open_lane("numbers");
        next_ = lane_.next_or(1);
    }

    // (3) Hand over what is there, within the credit; wait at most credit.wait for the first message. Throw
    // sluice::Unavailable when upstream is away, Denied or ConfigFailure when somebody has to do something.
    bool poll(sluice::Credit credit, sluice::Batch& out) override {
        constexpr std::uint64_t kLargest = 256; // keeps the batch within credit.bytes
        const auto count = std::min<std::uint64_t>({credit.messages, credit.bytes / (text_.size() + kLargest), 256});
        for (std::uint64_t i = 0; i < count && next_ <= limit_; ++i, ++next_)
            out.add({lane_.id, next_, "{\"n\":" + std::to_string(next_) + ",\"text\":\"" + escaped(text_) + "\"}"});
        return next_ <= limit_; // false: there will never be more
    }

    // (4) If upstream forgets what it is told was received: override ack(const sluice_ack&), which follows the commit,
    // and drop SLUICE_CAP_REPLAY below unless upstream can send the same messages again from a checkpoint.

private:
    static std::string escaped(const std::string& text) {
        std::string json;
        for (const char c : text)
            if (c == '"' || c == '\\')
                json.append(1, '\\').append(1, c);
            else
                json.append(1, static_cast<unsigned char>(c) < ' ' ? ' ' : c);
        return json;
    }

    const std::uint64_t limit_;
    const std::string text_;
    std::uint64_t next_ = 1;
    sluice::Lane lane_;
};

} // namespace

SLUICE_SOURCE_PLUGIN(Source, "@NAME@", "0.1.0", "Counts, until you make it do something else.", SLUICE_CAP_REPLAY)
