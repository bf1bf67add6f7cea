#include "core/config/units.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

namespace sluice::config {
namespace {

struct Unit {
    std::string_view name;
    std::int64_t factor;
};

constexpr std::array<Unit, 7> kDurations{{{"d", 86'400'000'000'000},
                                          {"h", 3'600'000'000'000},
                                          {"m", 60'000'000'000},
                                          {"s", 1'000'000'000},
                                          {"ms", 1'000'000},
                                          {"us", 1'000},
                                          {"ns", 1}}};
constexpr std::array<Unit, 10> kSizes{{{"TiB", 1LL << 40},
                                       {"GiB", 1LL << 30},
                                       {"MiB", 1LL << 20},
                                       {"KiB", 1LL << 10},
                                       {"TB", 1LL << 40},
                                       {"GB", 1LL << 30},
                                       {"MB", 1LL << 20},
                                       {"KB", 1LL << 10},
                                       {"B", 1},
                                       {"", 1}}};

struct Number {
    std::int64_t whole = 0;
    double exact = 0;
    bool has_fraction = false;
    std::string_view rest;
};

/// Digits with an optional fraction at the front of `text`; nothing when there are none or too many.
std::optional<Number> leading_number(std::string_view text) {
    std::size_t end = 0;
    while (end < text.size() && ((text[end] >= '0' && text[end] <= '9') || text[end] == '.'))
        ++end;
    const auto digits = text.substr(0, end);
    Number number;
    number.rest = text.substr(end);
    number.has_fraction = digits.find('.') != std::string_view::npos;
    const auto* last = digits.data() + digits.size();
    if (number.has_fraction) {
        const auto [stop, code] = std::from_chars(digits.data(), last, number.exact);
        if (code != std::errc{} || stop != last || digits.front() == '.' || digits.back() == '.')
            return std::nullopt;
    } else {
        const auto [stop, code] = std::from_chars(digits.data(), last, number.whole);
        if (code != std::errc{} || stop != last)
            return std::nullopt;
    }
    return number;
}

std::optional<std::int64_t> scaled(const Number& number, std::int64_t factor) {
    constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
    if (number.has_fraction) {
        const double value = std::round(number.exact * static_cast<double>(factor));
        return value < static_cast<double>(kMost) ? std::optional(static_cast<std::int64_t>(value)) : std::nullopt;
    }
    return number.whole <= kMost / factor ? std::optional(number.whole * factor) : std::nullopt;
}

Error invalid(std::string message) {
    return {ErrorCode::Invalid, std::move(message)};
}

/// Fixed-width decimal digits; moves `text` on.
std::optional<int> take_digits(std::string_view& text, std::size_t width) {
    if (text.size() < width)
        return std::nullopt;
    int value = 0;
    for (const char c : text.substr(0, width)) {
        if (c < '0' || c > '9')
            return std::nullopt;
        value = value * 10 + (c - '0');
    }
    text.remove_prefix(width);
    return value;
}

bool take(std::string_view& text, std::string_view any_of) {
    if (text.empty() || any_of.find(text.front()) == std::string_view::npos)
        return false;
    text.remove_prefix(1);
    return true;
}

struct TimeOfDay {
    Ticks ticks = 0;
    Ticks offset = 0;
};

/// "hh:mm[:ss[.fffffff]][Z|+hh:mm]"; nothing when it is none or something follows.
std::optional<TimeOfDay> parse_time_of_day(std::string_view text) {
    const auto hour = take_digits(text, 2);
    if (!hour || *hour > 23 || !take(text, ":"))
        return std::nullopt;
    const auto minute = take_digits(text, 2);
    if (!minute || *minute > 59)
        return std::nullopt;
    TimeOfDay time{.ticks = *hour * kTicksPerHour + *minute * kTicksPerMinute};
    if (take(text, ":")) {
        const auto second = take_digits(text, 2);
        if (!second || *second > 59)
            return std::nullopt;
        time.ticks += *second * kTicksPerSecond;
        if (take(text, ".")) {
            Ticks place = kTicksPerSecond / 10;
            bool any = false;
            while (auto digit = take_digits(text, 1)) {
                time.ticks += *digit * place;
                place /= 10;
                any = true;
            }
            if (!any)
                return std::nullopt;
        }
    }
    if (text == "Z" || text == "z" || text.empty())
        return time;
    const bool behind = text.front() == '-';
    if (!take(text, "+-"))
        return std::nullopt;
    const auto hours = take_digits(text, 2);
    take(text, ":");
    const auto minutes = take_digits(text, 2);
    if (!hours || !minutes || *hours > 14 || *minutes > 59 || !text.empty())
        return std::nullopt;
    time.offset = (*hours * kTicksPerHour + *minutes * kTicksPerMinute) * (behind ? -1 : 1);
    return time;
}

} // namespace

Result<std::chrono::nanoseconds> parse_duration(std::string_view text) {
    const auto number = leading_number(text);
    if (!number)
        return invalid("a duration is a number with a unit, such as \"5s\"");
    if (number->rest.empty())
        return invalid(fmt::format("durations need a unit, such as \"{}s\"", text));
    for (const auto& [name, factor] : kDurations) {
        if (name != number->rest)
            continue;
        if (const auto value = scaled(*number, factor))
            return std::chrono::nanoseconds(*value);
        return invalid("the longest duration is \"106751d\"");
    }
    return invalid("units of durations are ms, s, m, h and d, as in \"5s\"");
}

Result<Bytes> parse_size(std::string_view text) {
    const auto number = leading_number(text);
    if (!number)
        return invalid("a size is a number with a unit, such as \"64MiB\", or a number of bytes");
    for (const auto& [name, factor] : kSizes) {
        if (name != number->rest)
            continue;
        if (const auto value = scaled(*number, factor))
            return static_cast<Bytes>(*value);
        return invalid("the largest size is \"8388607TiB\"");
    }
    return invalid("units of sizes are KiB, MiB and GiB, as in \"64MiB\"");
}

Result<Ticks> parse_time(std::string_view text) {
    const auto wrong = invalid("times are ISO 8601, such as \"2026-01-01T00:00:00Z\"");
    auto rest = text;
    const auto year = take_digits(rest, 4);
    if (!year || !take(rest, "-"))
        return wrong;
    const auto month = take_digits(rest, 2);
    if (!month || !take(rest, "-"))
        return wrong;
    const auto day = take_digits(rest, 2);
    if (!day)
        return wrong;
    const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                           std::chrono::day(static_cast<unsigned>(*day))};
    if (!date.ok() || *year < 1)
        return invalid("there is no such day in the calendar");
    TimeOfDay time;
    if (!rest.empty()) {
        if (!take(rest, "Tt "))
            return wrong;
        const auto parsed = parse_time_of_day(rest);
        if (!parsed)
            return wrong;
        time = *parsed;
    }
    const auto days = std::chrono::sys_days(date).time_since_epoch().count();
    const Ticks ticks = kUnixEpochTicks + days * kTicksPerDay + time.ticks - time.offset;
    if (ticks < 0 || ticks > kMaxDateTimeTicks)
        return invalid("times lie between the years 0001 and 9999");
    return ticks;
}

std::string format_duration(std::chrono::nanoseconds duration) {
    for (const auto& [name, factor] : kDurations)
        if (duration.count() != 0 && duration.count() % factor == 0)
            return fmt::format("{}{}", duration.count() / factor, name);
    return "0s";
}

std::string format_size(Bytes size) {
    for (const auto& [name, factor] : kSizes)
        if (factor > 1 && size != 0 && size % static_cast<Bytes>(factor) == 0)
            return fmt::format("{}{}", size / static_cast<Bytes>(factor), name);
    return std::to_string(size);
}

std::string format_time(Ticks time) {
    const auto since = time - kUnixEpochTicks;
    const auto days = since / kTicksPerDay - (since % kTicksPerDay < 0 ? 1 : 0);
    const auto rest = since - days * kTicksPerDay;
    const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days))};
    auto text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                            static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                            rest / kTicksPerHour, rest / kTicksPerMinute % 60, rest / kTicksPerSecond % 60);
    if (const auto fraction = rest % kTicksPerSecond)
        text += fmt::format(".{:07}", fraction);
    return text + "Z";
}

} // namespace sluice::config
