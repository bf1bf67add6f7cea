#include "plugins/kafka/utc_time.hpp"

#include <charconv>
#include <chrono>

namespace sluice::kafka {
namespace {

class Reader {
public:
    explicit Reader(std::string_view text) : text_(text) {}

    /// Exactly that many digits.
    int number(std::size_t digits) {
        int value = 0;
        if (text_.size() < digits)
            return fail();
        const auto [end, error] = std::from_chars(text_.data(), text_.data() + digits, value);
        if (error != std::errc() || end != text_.data() + digits || value < 0)
            return fail();
        text_.remove_prefix(digits);
        return value;
    }
    void expect(char c) {
        if (!take(c))
            fail();
    }
    bool take(char c) {
        if (text_.empty() || text_.front() != c)
            return false;
        text_.remove_prefix(1);
        return true;
    }
    /// Milliseconds of a fraction of one to nine digits.
    int fraction() {
        int value = 0, digits = 0;
        for (; !text_.empty() && text_.front() >= '0' && text_.front() <= '9' && digits < 9; ++digits) {
            if (digits < 3)
                value = value * 10 + (text_.front() - '0');
            text_.remove_prefix(1);
        }
        if (digits == 0)
            return fail();
        for (; digits < 3; ++digits)
            value *= 10;
        return value;
    }
    bool done() const { return ok_ && text_.empty(); }

private:
    int fail() {
        ok_ = false;
        return 0;
    }
    std::string_view text_;
    bool ok_ = true;
};

} // namespace

std::optional<std::int64_t> parse_utc_ms(std::string_view text) {
    using namespace std::chrono;
    Reader in(text);
    const int year = in.number(4);
    in.expect('-');
    const int month = in.number(2);
    in.expect('-');
    const int day = in.number(2);
    int hour = 0, minute = 0, second = 0, milli = 0;
    if (!in.done()) { // a date alone is its midnight
        in.expect('T');
        hour = in.number(2);
        in.expect(':');
        minute = in.number(2);
        in.expect(':');
        second = in.number(2);
        if (in.take('.'))
            milli = in.fraction();
        in.expect('Z');
    }
    const year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                              std::chrono::day(static_cast<unsigned>(day))};
    if (!in.done() || !date.ok() || hour > 23 || minute > 59 || second > 59)
        return std::nullopt;
    const auto since_epoch =
        sys_days(date).time_since_epoch() + hours(hour) + minutes(minute) + seconds(second) + milliseconds(milli);
    return duration_cast<milliseconds>(since_epoch).count();
}

} // namespace sluice::kafka
