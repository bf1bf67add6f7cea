#include "core/data/text.hpp"
#include "core/data/text_scan.hpp"

#include <array>
#include <limits>

namespace sluice::data {
namespace {

constexpr int kDaysBeforeMonth[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};

bool is_leap(int year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int days_before_month(int year, int month) {
    return kDaysBeforeMonth[month - 1] + (month > 2 && is_leap(year));
}

int days_in_month(int year, int month) {
    return kDaysBeforeMonth[month] - kDaysBeforeMonth[month - 1] + (month == 2 && is_leap(year));
}

constexpr std::array<std::string_view, 12> kMonths{"jan", "feb", "mar", "apr", "may", "jun",
                                                   "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> kWeekdays{"monday", "tuesday",  "wednesday", "thursday",
                                                    "friday", "saturday", "sunday"};

bool eat_month_name(Scanner& in, int& month) {
    if (in.left() < 3)
        return false;
    for (std::size_t i = 0; i < kMonths.size(); ++i) {
        if (equals_ignoring_case({in.at, 3}, kMonths[i])) {
            month = static_cast<int>(i) + 1;
            in.at += 3;
            return true;
        }
    }
    return false;
}

/// HH:mm[:ss]; whether seconds were there.
bool eat_clock(Scanner& in, CivilTime& civil, bool& seconds) {
    seconds = false;
    if (!in.two(civil.hour) || !in.eat(':') || !in.two(civil.minute))
        return false;
    if (in.eat(':')) {
        if (!in.two(civil.second))
            return false;
        seconds = true;
    }
    return true;
}

bool is_zone_word(std::string_view text) {
    return text == "GMT" || text == "UTC" || text == "UT" || text == "Z";
}

/// Digits behind a point as ticks: the eighth and later ones are cut. At least one.
bool eat_fraction(Scanner& in, Ticks& fraction) {
    const char* const begin = in.at;
    Ticks unit = kTicksPerSecond / 10;
    fraction = 0;
    for (; in.at != in.end && is_digit(*in.at); ++in.at) {
        fraction += (*in.at - '0') * unit;
        unit /= 10;
    }
    return in.at != begin;
}

/// Z, +hh:mm, +hhmm or +hh to the end of the text.
bool eat_zone(Scanner& in, Ticks& shift) {
    shift = 0;
    if (in.eat('Z'))
        return in.done();
    const bool west = !in.done() && *in.at == '-';
    if (!in.eat('+') && !in.eat('-'))
        return false;
    int hours = 0, minutes = 0;
    if (!in.two(hours))
        return false;
    if (!in.done()) {
        in.eat(':');
        if (!in.two(minutes))
            return false;
    }
    if (!in.done() || hours > 23 || minutes > 59)
        return false;
    shift = hours * kTicksPerHour + minutes * kTicksPerMinute;
    if (west)
        shift = -shift;
    return true;
}

/// yyyy-MM-dd[(T| )HH:mm[:ss[.f+]][zone]] and the sortable yyyy-M-d(T| )HH:mm[:ss][ GMT].
std::optional<Ticks> parse_year_first(Scanner in) {
    CivilTime civil{};
    std::int64_t month = 0, day = 0;
    if (!in.four(civil.year) || !in.eat('-'))
        return std::nullopt;
    const char* const month_at = in.at;
    if (!in.digits(1, 2, month) || !in.eat('-') || !in.digits(1, 2, day))
        return std::nullopt;
    const bool two_digits = in.at - month_at == 5;
    civil.month = static_cast<int>(month);
    civil.day = static_cast<int>(day);
    if (in.done())
        return two_digits ? from_civil(civil) : std::nullopt;
    if (!in.eat('T') && !in.eat(' '))
        return std::nullopt;
    bool seconds = false;
    if (!eat_clock(in, civil, seconds))
        return std::nullopt;
    if (!in.done() && *in.at == ' ') {
        ++in.at;
        return is_zone_word({in.at, in.left()}) ? from_civil(civil) : std::nullopt;
    }
    if (in.done())
        return from_civil(civil);
    if (!two_digits)
        return std::nullopt;
    if (seconds && in.eat('.') && !eat_fraction(in, civil.fraction))
        return std::nullopt;
    Ticks shift = 0;
    if (!in.done() && !eat_zone(in, shift))
        return std::nullopt;
    const auto local = from_civil(civil);
    if (!local || *local - shift < 0 || *local - shift > kMaxDateTimeTicks)
        return std::nullopt;
    return *local - shift;
}

/// The names of days are read, not checked against the date (formats-and-mappings 8.1).
enum class Weekday { None, Short, Long, Wrong };

Weekday eat_weekday(Scanner& in) {
    const char* comma = in.at;
    while (comma != in.end && *comma != ',' && !is_digit(*comma))
        ++comma;
    if (comma == in.at)
        return Weekday::None;
    const std::string_view name(in.at, static_cast<std::size_t>(comma - in.at));
    if (in.end - comma < 2 || comma[0] != ',' || comma[1] != ' ')
        return Weekday::Wrong;
    in.at = comma + 2;
    for (const std::string_view weekday : kWeekdays) {
        if (equals_ignoring_case(name, weekday.substr(0, 3)))
            return Weekday::Short;
        if (equals_ignoring_case(name, weekday))
            return Weekday::Long;
    }
    return Weekday::Wrong;
}

int century(int year) {
    return year < 50 ? 2000 + year : 1900 + year;
}

/// [ddd, ]d MMM yy[yy] HH:mm[:ss][ GMT] and [dddd, ]dd-MMM-yy HH:mm[:ss][ GMT].
std::optional<Ticks> parse_day_first(Scanner in) {
    const Weekday weekday = eat_weekday(in);
    CivilTime civil{};
    std::int64_t day = 0;
    const char* const day_at = in.at;
    if (weekday == Weekday::Wrong || !in.digits(1, 2, day))
        return std::nullopt;
    const bool two_digits = in.at - day_at == 2;
    civil.day = static_cast<int>(day);
    const bool rfc850 = two_digits && in.eat('-');
    if (weekday == (rfc850 ? Weekday::Short : Weekday::Long) || (!rfc850 && !in.eat(' ')))
        return std::nullopt;
    if (!eat_month_name(in, civil.month) || !in.eat(rfc850 ? '-' : ' '))
        return std::nullopt;
    if (rfc850 || !in.four(civil.year)) {
        if (!in.two(civil.year))
            return std::nullopt;
        civil.year = century(civil.year);
    }
    bool seconds = false;
    if (!in.eat(' ') || !eat_clock(in, civil, seconds))
        return std::nullopt;
    if (!in.done() && (!in.eat(' ') || !is_zone_word({in.at, in.left()})))
        return std::nullopt;
    return from_civil(civil);
}

/// hh:mm[:ss[.f{1,7}]] as ticks.
bool eat_time_of_day(Scanner& in, Ticks& ticks) {
    int hours = 0, minutes = 0, seconds = 0;
    Ticks fraction = 0;
    if (!in.two(hours) || !in.eat(':') || !in.two(minutes))
        return false;
    if (in.eat(':')) {
        if (!in.two(seconds))
            return false;
        if (in.eat('.')) {
            const char* const begin = in.at;
            if (!eat_fraction(in, fraction) || in.at - begin > 7)
                return false;
        }
    }
    if (!in.done() || hours > 23 || minutes > 59 || seconds > 59)
        return false;
    ticks = hours * kTicksPerHour + minutes * kTicksPerMinute + seconds * kTicksPerSecond + fraction;
    return true;
}

/// Zero for a word that is no unit.
Ticks ticks_of_unit(std::string_view unit) {
    struct Unit {
        std::string_view name;
        Ticks ticks;
    };
    static constexpr std::array<Unit, 8> kUnits{{{"d", kTicksPerDay},
                                                 {"h", kTicksPerHour},
                                                 {"m", kTicksPerMinute},
                                                 {"s", kTicksPerSecond},
                                                 {"ms", kTicksPerMillisecond},
                                                 {"microsecond", kTicksPerMicrosecond},
                                                 {"tick", 1},
                                                 {" seconds", kTicksPerSecond}}};
    for (const Unit& known : kUnits)
        if (unit == known.name)
            return known.ticks;
    return 0;
}

std::optional<Ticks> signed_ticks(unsigned __int128 magnitude, bool negative) {
    constexpr auto kLimit = static_cast<unsigned __int128>(std::numeric_limits<Ticks>::max());
    if (magnitude > kLimit + negative)
        return std::nullopt;
    const auto bits = static_cast<std::uint64_t>(magnitude);
    return static_cast<Ticks>(negative ? 0 - bits : bits);
}

} // namespace

CivilTime to_civil(Ticks ticks) {
    CivilTime civil{};
    auto day = static_cast<int>(ticks / kTicksPerDay);
    const Ticks in_day = ticks % kTicksPerDay;
    civil.hour = static_cast<int>(in_day / kTicksPerHour);
    civil.minute = static_cast<int>(in_day % kTicksPerHour / kTicksPerMinute);
    civil.second = static_cast<int>(in_day % kTicksPerMinute / kTicksPerSecond);
    civil.fraction = in_day % kTicksPerSecond;

    constexpr int kDays4 = 4 * 365 + 1, kDays100 = 25 * kDays4 - 1, kDays400 = 4 * kDays100 + 1;
    const int cycles400 = day / kDays400;
    day %= kDays400;
    // The last day of 400 years and of 4 years would count as a further century and year.
    const int centuries = day / kDays100 == 4 ? 3 : day / kDays100;
    day -= centuries * kDays100;
    const int cycles4 = day / kDays4;
    day %= kDays4;
    const int years = day / 365 == 4 ? 3 : day / 365;
    day -= years * 365;
    civil.year = cycles400 * 400 + centuries * 100 + cycles4 * 4 + years + 1;
    int month = day / 31 + 1; // right or one too small
    if (month < 12 && day >= days_before_month(civil.year, month + 1))
        ++month;
    civil.month = month;
    civil.day = day - days_before_month(civil.year, month) + 1;
    return civil;
}

std::optional<Ticks> from_civil(const CivilTime& civil) {
    if (civil.year < 1 || civil.year > 9999 || civil.month < 1 || civil.month > 12 || civil.day < 1 ||
        civil.day > days_in_month(civil.year, civil.month))
        return std::nullopt;
    if (civil.hour < 0 || civil.hour > 23 || civil.minute < 0 || civil.minute > 59 || civil.second < 0 ||
        civil.second > 59 || civil.fraction < 0 || civil.fraction >= kTicksPerSecond)
        return std::nullopt;
    const int before = civil.year - 1;
    const Ticks days = Ticks{before} * 365 + before / 4 - before / 100 + before / 400 +
                       days_before_month(civil.year, civil.month) + civil.day - 1;
    return days * kTicksPerDay + civil.hour * kTicksPerHour + civil.minute * kTicksPerMinute +
           civil.second * kTicksPerSecond + civil.fraction;
}

std::optional<Ticks> parse_datetime(std::string_view text) {
    text = trim(text);
    const Scanner in(text);
    if (text.size() > 4 && is_digit(text[0]) && text[4] == '-')
        return parse_year_first(in);
    return parse_day_first(in);
}

std::optional<Ticks> parse_timespan(std::string_view text) {
    Scanner in(trim(text));
    const bool negative = in.eat('-');
    const char* const begin = in.at;
    std::int64_t whole = 0;
    if (!in.done() && *in.at == '.') {
        // .5h: a number may begin with its point.
    } else if (!in.digits(1, 18, whole)) {
        return std::nullopt;
    }
    using Wide = unsigned __int128;
    if (in.done())
        return signed_ticks(static_cast<Wide>(whole) * kTicksPerDay, negative);
    Ticks of_day = 0;
    if (*in.at == ':') {
        in.at = begin;
        if (!eat_time_of_day(in, of_day))
            return std::nullopt;
        return signed_ticks(static_cast<Wide>(of_day), negative);
    }
    if (*in.at == '.') {
        Scanner clock = in;
        clock.eat('.');
        if (in.at != begin && eat_time_of_day(clock, of_day))
            return signed_ticks(static_cast<Wide>(whole) * kTicksPerDay + static_cast<Wide>(of_day), negative);
    }
    std::int64_t fraction = 0, scale = 1;
    if (in.eat('.')) {
        const char* const point = in.at;
        // Fourteen digits are finer than a tick of a day; later ones cannot matter.
        in.digits(0, 14, fraction);
        for (const char* p = point; p != in.at; ++p)
            scale *= 10;
        if (in.at == point && point - 1 == begin)
            return std::nullopt;
        while (!in.done() && is_digit(*in.at))
            ++in.at;
    }
    const Ticks unit = ticks_of_unit({in.at, in.left()});
    if (unit == 0)
        return std::nullopt;
    const Wide ticks = static_cast<Wide>(whole) * static_cast<Wide>(unit) + static_cast<Wide>(fraction) * unit / scale;
    return signed_ticks(ticks, negative);
}

} // namespace sluice::data
