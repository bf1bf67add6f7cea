#include "core/data/text.hpp"
#include "core/kql/json_text.hpp"
#include "core/kql/row_function.hpp"

#include <fmt/format.h>

#include <cctype>
#include <cmath>

namespace sluice::kql {
namespace {

constexpr Ticks kUnixEpoch = 621'355'968'000'000'000;

bool in_range(Ticks ticks) {
    return ticks >= 0 && ticks <= kMaxDateTimeTicks;
}

void give(Out& out, std::optional<Ticks> ticks) {
    if (ticks && in_range(*ticks))
        out.integer(*ticks);
    else
        out.null();
}

std::optional<Ticks> month_start(std::int64_t year, std::int64_t month) {
    // Months beyond the year carry over.
    std::int64_t count = year * 12 + month - 1;
    if (count < 12 || count >= 120'000)
        return std::nullopt;
    return data::from_civil({static_cast<int>(count / 12), static_cast<int>(count % 12) + 1, 1, 0, 0, 0, 0});
}

int days_in_month(int year, int month) {
    const auto next = month_start(year, month + 1);
    const auto here = month_start(year, month);
    return next && here ? static_cast<int>((*next - *here) / kTicksPerDay) : 31;
}

/// Day of the week, Sunday is 0; 0001-01-01 was a Monday.
std::int64_t weekday(Ticks ticks) {
    return (ticks / kTicksPerDay + 1) % 7;
}

std::optional<Ticks> start_of(char unit, Ticks ticks, std::int64_t offset) {
    if (!in_range(ticks) || offset > 4'000'000 || offset < -4'000'000)
        return std::nullopt;
    const auto civil = data::to_civil(ticks);
    switch (unit) {
    case 'd':
        return ticks - ticks % kTicksPerDay + offset * kTicksPerDay;
    case 'w':
        return ticks - ticks % kTicksPerDay + (offset * 7 - weekday(ticks)) * kTicksPerDay;
    case 'm':
        return month_start(civil.year, civil.month + offset);
    default:
        return month_start(civil.year + offset, 1);
    }
}

std::optional<Ticks> end_of(char unit, Ticks ticks, std::int64_t offset) {
    const auto next = start_of(unit, ticks, offset + 1);
    return next ? std::optional(*next - 1) : std::nullopt;
}

std::string lowered(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (out.size() > 1 && out.ends_with('s'))
        out.pop_back();
    return out;
}

std::optional<Ticks> add(std::string_view part, std::int64_t amount, Ticks ticks) {
    const std::string unit = lowered(part);
    if (!in_range(ticks) || amount > 4'000'000'000'000'000 || amount < -4'000'000'000'000'000)
        return std::nullopt;
    const auto fixed = [&](Ticks size) -> std::optional<Ticks> {
        Ticks product = 0, sum = 0;
        if (__builtin_mul_overflow(amount, size, &product) || __builtin_add_overflow(ticks, product, &sum))
            return std::nullopt;
        return sum;
    };
    if (unit == "week")
        return fixed(7 * kTicksPerDay);
    if (unit == "day")
        return fixed(kTicksPerDay);
    if (unit == "hour")
        return fixed(kTicksPerHour);
    if (unit == "minute")
        return fixed(kTicksPerMinute);
    if (unit == "second")
        return fixed(kTicksPerSecond);
    if (unit == "millisecond")
        return fixed(kTicksPerMillisecond);
    if (unit == "microsecond")
        return fixed(kTicksPerMicrosecond);
    if (unit == "nanosecond")
        return ticks + amount / 100;
    const std::int64_t months = unit == "year" ? 12 : unit == "quarter" ? 3 : unit == "month" ? 1 : 0;
    if (months == 0 || amount > 120'000 || amount < -120'000)
        return std::nullopt;
    const auto civil = data::to_civil(ticks);
    const auto start = month_start(civil.year, civil.month + amount * months);
    if (!start)
        return std::nullopt;
    const auto target = data::to_civil(*start);
    const int day = std::min(civil.day, days_in_month(target.year, target.month));
    return *start + (day - 1) * kTicksPerDay + ticks % kTicksPerDay;
}

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
    return a / b - (a % b < 0 ? 1 : 0);
}

/// Borders of the unit that lie between the two, as the reference counts.
std::optional<std::int64_t> difference(std::string_view part, Ticks a, Ticks b) {
    const std::string unit = lowered(part);
    if (!in_range(a) || !in_range(b))
        return std::nullopt;
    const auto x = data::to_civil(a), y = data::to_civil(b);
    if (unit == "year")
        return x.year - y.year;
    if (unit == "quarter")
        return (x.year * 4 + (x.month - 1) / 3) - (y.year * 4 + (y.month - 1) / 3);
    if (unit == "month")
        return (x.year * 12 + x.month) - (y.year * 12 + y.month);
    const auto fixed = [&](Ticks size, Ticks shift = 0) {
        return floor_div(a + shift, size) - floor_div(b + shift, size);
    };
    if (unit == "week")
        return fixed(7 * kTicksPerDay, kTicksPerDay);
    if (unit == "day")
        return fixed(kTicksPerDay);
    if (unit == "hour")
        return fixed(kTicksPerHour);
    if (unit == "minute")
        return fixed(kTicksPerMinute);
    if (unit == "second")
        return fixed(kTicksPerSecond);
    if (unit == "millisecond")
        return fixed(kTicksPerMillisecond);
    if (unit == "microsecond")
        return fixed(kTicksPerMicrosecond);
    if (unit == "nanosecond")
        return (a - b) * 100;
    return std::nullopt;
}

std::int64_t iso_week(Ticks ticks) {
    // The week belongs to the year that its Thursday lies in.
    const std::int64_t monday_based = (weekday(ticks) + 6) % 7;
    const Ticks thursday = ticks - ticks % kTicksPerDay + (3 - monday_based) * kTicksPerDay;
    const auto year = month_start(data::to_civil(std::max<Ticks>(0, thursday)).year, 1).value_or(0);
    return (thursday - year) / kTicksPerDay / 7 + 1;
}

std::optional<std::int64_t> part_of(std::string_view part, Ticks ticks) {
    const std::string unit = lowered(part);
    if (!in_range(ticks))
        return std::nullopt;
    const auto civil = data::to_civil(ticks);
    if (unit == "year")
        return civil.year;
    if (unit == "quarter")
        return (civil.month - 1) / 3 + 1;
    if (unit == "month")
        return civil.month;
    if (unit == "week_of_year" || unit == "weekofyear")
        return iso_week(ticks);
    if (unit == "day")
        return civil.day;
    if (unit == "dayofyear")
        return (ticks - month_start(civil.year, 1).value_or(0)) / kTicksPerDay + 1;
    if (unit == "hour")
        return civil.hour;
    if (unit == "minute")
        return civil.minute;
    if (unit == "second")
        return civil.second;
    if (unit == "millisecond")
        return civil.fraction / kTicksPerMillisecond;
    if (unit == "microsecond")
        return civil.fraction / kTicksPerMicrosecond;
    if (unit == "nanosecond")
        return civil.fraction * 100;
    return std::nullopt;
}

std::string padded(std::int64_t value, std::size_t width) {
    return fmt::format("{:0{}}", value, width);
}

/// Runs of one letter: "yyyy-MM-dd HH:mm:ss.fffffff", other characters as they are.
template <class Letter> std::string formatted(std::string_view format, Letter letter) {
    std::string out;
    for (std::size_t i = 0; i < format.size();) {
        std::size_t count = 1;
        while (i + count < format.size() && format[i + count] == format[i])
            ++count;
        if (!letter(out, format[i], count))
            out.append(count, format[i]);
        i += count;
    }
    return out;
}

std::string fraction_of(Ticks fraction, std::size_t digits, bool trimmed) {
    std::string text = padded(fraction, 7).substr(0, std::min<std::size_t>(digits, 7));
    while (trimmed && !text.empty() && text.back() == '0')
        text.pop_back();
    return text;
}

std::string format_datetime(Ticks ticks, std::string_view format) {
    const auto civil = data::to_civil(ticks);
    return formatted(format, [&](std::string& out, char c, std::size_t count) {
        const std::size_t two = std::min<std::size_t>(count, 2);
        switch (c) {
        case 'y':
            out += count >= 4 ? padded(civil.year, 4) : padded(civil.year % 100, two);
            return true;
        case 'M':
            out += padded(civil.month, two);
            return true;
        case 'd':
            out += padded(civil.day, two);
            return true;
        case 'H':
            out += padded(civil.hour, two);
            return true;
        case 'h':
            out += padded(civil.hour % 12 == 0 ? 12 : civil.hour % 12, two);
            return true;
        case 'm':
            out += padded(civil.minute, two);
            return true;
        case 's':
            out += padded(civil.second, two);
            return true;
        case 'f':
            out += fraction_of(civil.fraction, count, false);
            return true;
        case 'F':
            out += fraction_of(civil.fraction, count, true);
            return true;
        case 't':
            out += civil.hour < 12 ? "AM" : "PM";
            return true;
        default:
            return false;
        }
    });
}

std::string format_timespan(Ticks ticks, std::string_view format) {
    const bool negative = ticks < 0;
    const std::uint64_t size = negative ? 0 - static_cast<std::uint64_t>(ticks) : static_cast<std::uint64_t>(ticks);
    const auto days = static_cast<std::int64_t>(size / kTicksPerDay);
    const auto rest = static_cast<Ticks>(size % kTicksPerDay);
    std::string text = formatted(format, [&](std::string& out, char c, std::size_t count) {
        const std::size_t two = std::min<std::size_t>(count, 2);
        switch (c) {
        case 'd':
            out += padded(days, count);
            return true;
        case 'H':
        case 'h':
            out += padded(rest / kTicksPerHour, two);
            return true;
        case 'm':
            out += padded(rest % kTicksPerHour / kTicksPerMinute, two);
            return true;
        case 's':
            out += padded(rest % kTicksPerMinute / kTicksPerSecond, two);
            return true;
        case 'f':
            out += fraction_of(rest % kTicksPerSecond, count, false);
            return true;
        case 'F':
            out += fraction_of(rest % kTicksPerSecond, count, true);
            return true;
        default:
            return false;
        }
    });
    return negative ? "-" + text : text;
}

template <char kUnit> void start(const In& in, Out& out) {
    give(out, start_of(kUnit, in.integer(0), in.integer(1)));
}
template <char kUnit> void end(const In& in, Out& out) {
    give(out, end_of(kUnit, in.integer(0), in.integer(1)));
}

constexpr std::int64_t kMaxRange = 1'048'576;

template <class Value, class Text> std::string range_of(Value from, Value to, Value step, Text text) {
    std::string out = "[";
    if (step != 0)
        for (std::int64_t i = 0; i < kMaxRange; ++i) {
            const Value value = from + static_cast<Value>(i) * step;
            if (step > 0 ? value > to : value < to)
                break;
            if (i > 0)
                out += ',';
            out += text(value);
        }
    return out + "]";
}

} // namespace

void add_datetime_functions(FunctionList& list) {
    const auto add_one = [&](std::string name, std::string_view args, std::string_view result, RowFunction function) {
        list.push_back(row_function(std::move(name), args, result, function));
    };
    add_one("kql_startofday", "long long", "long", start<'d'>);
    add_one("kql_startofweek", "long long", "long", start<'w'>);
    add_one("kql_startofmonth", "long long", "long", start<'m'>);
    add_one("kql_startofyear", "long long", "long", start<'y'>);
    add_one("kql_endofday", "long long", "long", end<'d'>);
    add_one("kql_endofweek", "long long", "long", end<'w'>);
    add_one("kql_endofmonth", "long long", "long", end<'m'>);
    add_one("kql_endofyear", "long long", "long", end<'y'>);
    add_one("kql_datetime_add", "string long long", "long",
            [](const In& in, Out& out) { give(out, add(in.text(0), in.integer(1), in.integer(2))); });
    add_one("kql_datetime_diff", "string long long", "long", [](const In& in, Out& out) {
        out.optional(difference(in.text(0), in.integer(1), in.integer(2)), &Out::integer);
    });
    add_one("kql_datetime_part", "string long", "long",
            [](const In& in, Out& out) { out.optional(part_of(in.text(0), in.integer(1)), &Out::integer); });
    add_one("kql_dayofweek", "long", "long",
            [](const In& in, Out& out) { out.integer(weekday(in.integer(0)) * kTicksPerDay); });
    add_one("kql_format_datetime", "long string", "string", [](const In& in, Out& out) {
        out.text(in_range(in.integer(0)) ? format_datetime(in.integer(0), in.text(1)) : std::string());
    });
    add_one("kql_format_timespan", "long string", "string",
            [](const In& in, Out& out) { out.text(format_timespan(in.integer(0), in.text(1))); });
    add_one("kql_make_datetime", "long long long long long real", "long", [](const In& in, Out& out) {
        const double second = in.real(5);
        const auto part = [&](std::size_t i) {
            return in.integer(i) > 100'000 || in.integer(i) < 0 ? -1 : static_cast<int>(in.integer(i));
        };
        if (!(second >= 0 && second < 60))
            return out.null();
        const auto ticks = static_cast<Ticks>(second * kTicksPerSecond + 0.5);
        give(out, data::from_civil({part(0), part(1), part(2), part(3), part(4),
                                    static_cast<int>(ticks / kTicksPerSecond), ticks % kTicksPerSecond}));
    });
    add_one("kql_make_timespan", "long long long real", "long", [](const In& in, Out& out) {
        const bool fits = in.integer(0) >= 0 && in.integer(0) <= 10'675'199 && in.integer(1) >= 0 &&
                          in.integer(1) < 24 && in.integer(2) >= 0 && in.integer(2) < 60 && in.real(3) >= 0 &&
                          in.real(3) < 60;
        if (!fits)
            return out.null();
        out.integer(in.integer(0) * kTicksPerDay + in.integer(1) * kTicksPerHour + in.integer(2) * kTicksPerMinute +
                    static_cast<Ticks>(in.real(3) * kTicksPerSecond + 0.5));
    });
    // Ticks of a time since 1970 in units of `size` / `parts` ticks.
    add_one("kql_unix_long", "long long long", "long", [](const In& in, Out& out) {
        Ticks ticks = 0;
        if (__builtin_mul_overflow(in.integer(0), in.integer(1), &ticks))
            return out.null();
        ticks = floor_div(ticks, in.integer(2));
        if (__builtin_add_overflow(ticks, kUnixEpoch, &ticks))
            return out.null();
        give(out, ticks);
    });
    add_one("kql_unix_real", "real real", "long", [](const In& in, Out& out) {
        const double ticks = in.real(0) * in.real(1);
        if (!(std::abs(ticks) < 4e18))
            return out.null();
        give(out, static_cast<Ticks>(std::llround(ticks)) + kUnixEpoch);
    });
    add_one("kql_range_long", "long long long", "dynamic", [](const In& in, Out& out) {
        out.text(range_of<std::int64_t>(in.integer(0), in.integer(1), in.integer(2),
                                        [](std::int64_t v) { return fmt::format("{}", v); }));
    });
    add_one("kql_range_real", "real real real", "dynamic", [](const In& in, Out& out) {
        out.text(range_of<double>(in.real(0), in.real(1), in.real(2), [](double v) { return data::format_real(v); }));
    });
    add_one("kql_range_datetime", "long long long", "dynamic", [](const In& in, Out& out) {
        out.text(range_of<std::int64_t>(in.integer(0), in.integer(1), in.integer(2), [](Ticks v) {
            std::string text = data::format_datetime(v);
            if (text.find('.') == std::string::npos)
                text.insert(text.size() - 1, ".0000000");
            return json_string(text);
        }));
    });
    add_one("kql_range_timespan", "long long long", "dynamic", [](const In& in, Out& out) {
        out.text(range_of<std::int64_t>(in.integer(0), in.integer(1), in.integer(2),
                                        [](Ticks v) { return json_string(data::format_timespan(v)); }));
    });
}

} // namespace sluice::kql
