#include "core/kql/datetime_text.hpp"

#include "core/data/text.hpp"

#include <fmt/format.h>

#include <array>
#include <cctype>
#include <string>
#include <vector>

namespace sluice::kql {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_alpha(char c) {
    return std::isalpha(static_cast<unsigned char>(c)) != 0;
}

/// The first three letters of an English month or weekday: 1 to 12 for months, 0 for weekdays; nothing otherwise.
std::optional<int> month_or_weekday(std::string_view word) {
    static constexpr std::array<std::string_view, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                                 "jul", "aug", "sep", "oct", "nov", "dec"};
    static constexpr std::array<std::string_view, 7> kDays = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    std::string start;
    for (const char c : word.substr(0, 3))
        start += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    for (std::size_t i = 0; i < kMonths.size(); ++i)
        if (start == kMonths[i])
            return static_cast<int>(i + 1);
    for (const std::string_view day : kDays)
        if (start == day)
            return 0;
    return std::nullopt;
}

/// The numbers of a date in the order in which they stand, and what else was found.
struct Pieces {
    std::vector<std::string> numbers;
    std::size_t month_at = 0; ///< before which number the name of the month stands
    int month = 0;            ///< 0: none was named
    std::string clock;        ///< "10:20:30.5"
    std::string zone;         ///< "Z", "+02:00"
    int afternoon = -1;       ///< 0 AM, 1 PM
};

std::optional<Pieces> split(std::string_view text) {
    Pieces pieces;
    std::size_t i = 0;
    while (i < text.size()) {
        const char c = text[i];
        std::size_t end = i;
        if (is_digit(c)) {
            while (end < text.size() && is_digit(text[end]))
                ++end;
            if (end < text.size() && text[end] == ':') {
                while (end < text.size() && (is_digit(text[end]) || text[end] == ':' || text[end] == '.'))
                    ++end;
                if (!pieces.clock.empty())
                    return std::nullopt;
                pieces.clock = text.substr(i, end - i);
                // A sign right behind the clock belongs to the zone, not to the date.
                if (end < text.size() && (text[end] == '+' || text[end] == '-')) {
                    i = end;
                    while (end < text.size() &&
                           (text[end] == '+' || text[end] == '-' || text[end] == ':' || is_digit(text[end])))
                        ++end;
                    pieces.zone = text.substr(i, end - i);
                }
            } else {
                pieces.numbers.emplace_back(text.substr(i, end - i));
            }
        } else if (is_alpha(c)) {
            while (end < text.size() && is_alpha(text[end]))
                ++end;
            const std::string_view word = text.substr(i, end - i);
            if (word == "T") {
                // Between a date and its clock.
            } else if (word == "Z" || word == "GMT" || word == "UTC") {
                pieces.zone = "Z";
            } else if (word == "AM" || word == "am" || word == "PM" || word == "pm") {
                pieces.afternoon = word == "PM" || word == "pm";
            } else if (const auto month = month_or_weekday(word)) {
                if (*month != 0) {
                    if (pieces.month != 0)
                        return std::nullopt;
                    pieces.month = *month;
                    pieces.month_at = pieces.numbers.size();
                }
            } else {
                return std::nullopt;
            }
        } else if (c == '-' || c == '/' || c == '.' || c == ',' || c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            end = i + 1;
        } else {
            return std::nullopt;
        }
        i = end;
    }
    return pieces;
}

/// "08:05:00.5" from what may be "8:5", with the afternoon added; empty: not a time of day.
std::string full_clock(const Pieces& pieces) {
    if (pieces.clock.empty())
        return "00:00:00";
    std::array<std::string, 3> parts = {"", "00", "00"};
    std::size_t part = 0;
    std::string fraction;
    for (const char c : pieces.clock) {
        if (c == ':') {
            if (++part == parts.size())
                return {};
            parts[part].clear();
        } else if (c == '.') {
            if (part + 1 != parts.size() || !fraction.empty())
                return {};
            fraction = ".";
        } else if (!fraction.empty()) {
            fraction += c;
        } else {
            parts[part] += c;
        }
    }
    for (std::string& one : parts) {
        if (one.empty() || one.size() > 2)
            return {};
        if (one.size() == 1)
            one.insert(0, 1, '0');
    }
    if (pieces.afternoon >= 0) {
        const int hour = std::stoi(parts[0]);
        if (hour < 1 || hour > 12)
            return {};
        parts[0] = fmt::format("{:02}", hour % 12 + (pieces.afternoon == 1 ? 12 : 0));
    }
    return fmt::format("{}:{}:{}{}", parts[0], parts[1], parts[2], fraction == "." ? "" : fraction);
}

/// Years of two digits lie between 1930 and 2029.
std::optional<int> year_of(const std::string& digits) {
    if (digits.size() == 4)
        return std::stoi(digits);
    if (digits.size() != 2)
        return std::nullopt;
    const int short_year = std::stoi(digits);
    return short_year < 30 ? 2000 + short_year : 1900 + short_year;
}

struct Date {
    int year = 0, month = 1, day = 1;
};

std::optional<Date> date_of(const Pieces& pieces) {
    const auto& n = pieces.numbers;
    const auto small = [&](std::size_t i) { return n[i].size() <= 2 ? std::stoi(n[i]) : 0; };
    if (pieces.month != 0) {
        if (n.size() == 1 && n[0].size() == 4)
            return Date{std::stoi(n[0]), pieces.month, 1};
        if (n.size() != 2)
            return std::nullopt;
        const bool year_first = n[0].size() == 4;
        const auto year = year_of(n[year_first ? 0 : 1]);
        return year ? std::optional(Date{*year, pieces.month, small(year_first ? 1 : 0)}) : std::nullopt;
    }
    if (n.empty() || n.size() > 3)
        return std::nullopt;
    if (n[0].size() == 4)
        return Date{std::stoi(n[0]), n.size() > 1 ? small(1) : 1, n.size() > 2 ? small(2) : 1};
    if (n.size() == 2 && n[1].size() == 4)
        return Date{std::stoi(n[1]), small(0), 1};
    if (n.size() != 3)
        return std::nullopt;
    const auto year = year_of(n[2]);
    return year ? std::optional(Date{*year, small(0), small(1)}) : std::nullopt;
}

} // namespace

std::optional<Ticks> parse_datetime_text(std::string_view text) {
    if (const auto ticks = data::parse_datetime(text))
        return ticks;
    const auto pieces = split(text);
    if (!pieces)
        return std::nullopt;
    const auto date = date_of(*pieces);
    const std::string clock = full_clock(*pieces);
    if (!date || clock.empty())
        return std::nullopt;
    return data::parse_datetime(fmt::format("{:04}-{:02}-{:02}T{}{}", date->year, date->month, date->day, clock,
                                            pieces->zone.empty() ? "Z" : pieces->zone));
}

std::optional<Ticks> parse_time_of_day(std::string_view text) {
    const auto pieces = split(text);
    if (!pieces || pieces->clock.empty() || !pieces->numbers.empty() || pieces->month != 0 || !pieces->zone.empty())
        return std::nullopt;
    const std::string clock = full_clock(*pieces);
    const auto ticks = clock.empty() ? std::nullopt : data::parse_timespan(clock);
    return ticks && *ticks < kTicksPerDay ? ticks : std::nullopt;
}

} // namespace sluice::kql
