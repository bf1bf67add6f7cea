#include "core/base/mutex.hpp"
#include "core/kql/json_text.hpp"
#include "core/kql/row_function.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>

/// Time zones from the system's database (tzdata), read as RFC 8536 describes its files.
namespace sluice::kql {
namespace {

constexpr std::string_view kFolder = "/usr/share/zoneinfo";
constexpr Ticks kUnixEpoch = 621'355'968'000'000'000;

/// One zone: from `begin` (seconds since 1970, UTC) on, local time is `offset` seconds ahead.
struct Period {
    std::int64_t begin;
    std::int32_t offset;
};

/// "Mm.w.d/time" of a POSIX rule, or the day of the year.
struct RuleDay {
    char kind = 'M'; ///< M: month, week, weekday; J: day without 29 February; 0: day counted from zero
    int month = 0, week = 0, day = 0;
    std::int32_t time = 7200;
};

bool leap(std::int64_t year) {
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

std::int64_t days_before_year(std::int64_t year) {
    const std::int64_t y = year - 1;
    return 365 * y + y / 4 - y / 100 + y / 400 - 719'162;
}

/// Seconds since 1970 of the rule's day and time in the year, on the local clock.
std::int64_t local_seconds(const RuleDay& rule, std::int64_t year) {
    static constexpr int kDays[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
    std::int64_t day = days_before_year(year);
    if (rule.kind == 'J') {
        day += rule.day - 1 + (leap(year) && rule.day > 59 ? 1 : 0);
    } else if (rule.kind == '0') {
        day += rule.day;
    } else {
        const int last = kDays[rule.month] + (leap(year) && rule.month >= 2 ? 1 : 0);
        day += kDays[rule.month - 1] + (leap(year) && rule.month > 2 ? 1 : 0);
        const std::int64_t weekday = ((day + 4) % 7 + 7) % 7;
        std::int64_t first = day + (rule.day - weekday + 7) % 7 + 7 * (rule.week - 1);
        while (first >= days_before_year(year) + last)
            first -= 7;
        day = first;
    }
    return day * 86'400 + rule.time;
}

class Footer {
public:
    /// The POSIX rule at the end of a file, "CET-1CEST,M3.5.0,M10.5.0/3".
    explicit Footer(std::string_view text) : text_(text) {
        if (text_.empty())
            return;
        name();
        standard_ = -time();
        good_ = true;
        if (text_.empty())
            return;
        name();
        summer_ = !text_.empty() && text_.front() != ',' ? -time() : standard_ + 3600;
        begins_ = day();
        ends_ = day();
        has_summer_ = good_;
    }
    bool good() const { return good_; }

    /// Changes of the years, in order.
    void append(std::vector<Period>& periods, std::int64_t from, std::int64_t to) const {
        for (std::int64_t year = from; has_summer_ && year <= to; ++year) {
            const Period summer{local_seconds(begins_, year) - standard_, summer_};
            const Period winter{local_seconds(ends_, year) - summer_, standard_};
            for (const Period& period :
                 summer.begin < winter.begin ? std::array{summer, winter} : std::array{winter, summer})
                if (periods.empty() || period.begin > periods.back().begin)
                    periods.push_back(period);
        }
    }

private:
    void name() {
        if (text_.starts_with('<')) {
            text_.remove_prefix(std::min(text_.find('>') + 1, text_.size()));
            return;
        }
        while (!text_.empty() && std::isalpha(static_cast<unsigned char>(text_.front())))
            text_.remove_prefix(1);
    }
    std::int32_t number() {
        std::int32_t value = 0;
        while (!text_.empty() && text_.front() >= '0' && text_.front() <= '9' && value < 10'000) {
            value = value * 10 + (text_.front() - '0');
            text_.remove_prefix(1);
        }
        return value;
    }
    bool accept(char c) {
        if (text_.empty() || text_.front() != c)
            return false;
        text_.remove_prefix(1);
        return true;
    }
    std::int32_t time() {
        const bool negative = accept('-');
        if (!negative)
            accept('+');
        std::int32_t seconds = number() * 3600;
        if (accept(':'))
            seconds += number() * 60;
        if (accept(':'))
            seconds += number();
        return negative ? -seconds : seconds;
    }
    RuleDay day() {
        RuleDay rule;
        if (!accept(','))
            good_ = false;
        if (accept('M')) {
            rule.month = number();
            accept('.');
            rule.week = number();
            accept('.');
            rule.day = number();
            good_ = good_ && rule.month >= 1 && rule.month <= 12 && rule.week >= 1 && rule.week <= 5 && rule.day <= 6;
        } else {
            rule.kind = accept('J') ? 'J' : '0';
            rule.day = number();
        }
        if (accept('/'))
            rule.time = time();
        return rule;
    }

    std::string_view text_;
    bool good_ = false, has_summer_ = false;
    std::int32_t standard_ = 0, summer_ = 0;
    RuleDay begins_, ends_;
};

class Zone {
public:
    explicit Zone(std::vector<Period> periods) : periods_(std::move(periods)) {}

    std::int32_t offset_at(std::int64_t utc) const {
        const auto next = std::upper_bound(periods_.begin(), periods_.end(), utc,
                                           [](std::int64_t at, const Period& p) { return at < p.begin; });
        return next == periods_.begin() ? periods_.front().offset : std::prev(next)->offset;
    }

    /// A local time that the clock skips counts from the moment of the change; one that it shows twice is the later.
    std::int64_t to_utc(std::int64_t local) const {
        const auto shown = [&](std::int64_t offset) { return offset_at(local - offset) == offset; };
        const std::int32_t before = offset_at(local - 86'400), after = offset_at(local + 86'400);
        if (shown(after))
            return local - after;
        if (shown(before))
            return local - before;
        return local - std::max(before, after);
    }

private:
    std::vector<Period> periods_;
};

class FileReader {
public:
    explicit FileReader(std::string bytes) : bytes_(std::move(bytes)) {}
    std::int64_t number(int size) {
        std::uint64_t value = 0;
        for (int i = 0; i < size; ++i)
            value =
                value << 8 | (at_ < bytes_.size() ? static_cast<unsigned char>(bytes_[at_++]) : (good_ = false, 0U));
        return size == 8 ? static_cast<std::int64_t>(value)
                         : static_cast<std::int32_t>(static_cast<std::uint32_t>(value));
    }
    unsigned byte() { return at_ < bytes_.size() ? static_cast<unsigned char>(bytes_[at_++]) : (good_ = false, 0U); }
    void skip(std::int64_t count) {
        at_ = std::min(bytes_.size(), at_ + static_cast<std::size_t>(std::max<std::int64_t>(0, count)));
    }
    std::string_view rest() const { return std::string_view(bytes_).substr(at_); }
    bool good() const { return good_; }

private:
    std::string bytes_;
    std::size_t at_ = 0;
    bool good_ = true;
};

struct Counts {
    std::int64_t utc, standard, leaps, times, types, letters;
};

std::optional<Counts> header(FileReader& file) {
    if (!file.rest().starts_with("TZif"))
        return std::nullopt;
    file.skip(20);
    Counts counts{};
    for (std::int64_t* count :
         {&counts.utc, &counts.standard, &counts.leaps, &counts.times, &counts.types, &counts.letters}) {
        *count = file.number(4);
        if (*count < 0 || *count > 100'000)
            return std::nullopt;
    }
    return counts;
}

std::optional<Zone> read_zone(std::string bytes) {
    FileReader file(std::move(bytes));
    // The first part has 32-bit times for old readers; the second says the same with 64 bits.
    const auto old = header(file);
    if (!old)
        return std::nullopt;
    file.skip(old->times * 5 + old->types * 6 + old->letters + old->leaps * 8 + old->standard + old->utc);
    const auto counts = header(file);
    if (!counts || counts->types == 0)
        return std::nullopt;
    std::vector<std::int64_t> begins;
    std::vector<unsigned> kinds;
    std::vector<std::int32_t> offsets;
    for (std::int64_t i = 0; i < counts->times; ++i)
        begins.push_back(file.number(8));
    for (std::int64_t i = 0; i < counts->times; ++i)
        kinds.push_back(file.byte());
    for (std::int64_t i = 0; i < counts->types; ++i) {
        offsets.push_back(static_cast<std::int32_t>(file.number(4)));
        file.skip(2);
    }
    file.skip(counts->letters + counts->leaps * 12 + counts->standard + counts->utc);
    if (!file.good())
        return std::nullopt;
    std::vector<Period> periods{{std::numeric_limits<std::int64_t>::min(), offsets.front()}};
    for (std::size_t i = 0; i < begins.size(); ++i)
        if (kinds[i] < offsets.size())
            periods.push_back({begins[i], offsets[kinds[i]]});
    std::string_view rule = file.rest();
    if (rule.starts_with('\n'))
        rule = rule.substr(1, rule.find('\n', 1) - 1);
    const Footer footer(rule);
    if (footer.good())
        footer.append(periods, 1970, 2150);
    return Zone(std::move(periods));
}

bool plain_name(std::string_view name) {
    return !name.empty() && name.size() < 64 && name.front() != '/' && name.find("..") == std::string_view::npos &&
           name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") ==
               std::string_view::npos;
}

/// Zones read so far; they live as long as the process. Thread-safe.
class Zones {
public:
    /// Null for a name that the database does not have.
    const Zone* find(std::string_view name) {
        {
            const Lock lock(mutex_);
            if (const auto found = zones_.find(name); found != zones_.end())
                return found->second.get();
        }
        if (!plain_name(name))
            return nullptr;
        std::ifstream file(std::filesystem::path(kFolder) / name, std::ios::binary);
        auto read = read_zone(std::string(std::istreambuf_iterator<char>(file), {}));
        if (!read)
            return nullptr;
        const Lock lock(mutex_);
        return zones_.try_emplace(std::string(name), std::make_unique<const Zone>(std::move(*read)))
            .first->second.get();
    }

private:
    Mutex mutex_;
    std::map<std::string, std::unique_ptr<const Zone>, std::less<>> zones_ SLUICE_GUARDED_BY(mutex_);
};

const Zone& known_zone(std::string_view name) {
    static Zones zones;
    // Rows of a query mostly name one zone, so the lock is taken once for many rows.
    thread_local std::string last_name;
    thread_local const Zone* last = nullptr;
    if (last && last_name == name)
        return *last;
    last = zones.find(name);
    last_name = name;
    if (!last)
        throw std::runtime_error("'" + std::string(name) +
                                 "' is no known time zone; datetime_list_timezones() gives their names");
    return *last;
}

std::int64_t seconds_of(Ticks ticks) {
    const Ticks since = ticks - kUnixEpoch;
    return since / kTicksPerSecond - (since % kTicksPerSecond < 0 ? 1 : 0);
}

void give(Out& out, Ticks ticks) {
    if (ticks >= 0 && ticks <= kMaxDateTimeTicks)
        out.integer(ticks);
    else
        out.null();
}

const std::string& zone_names() {
    static const std::string kNames = [] {
        std::set<std::string> names;
        std::error_code error;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(kFolder, error)) {
            const std::string name = std::filesystem::relative(entry.path(), kFolder, error).string();
            if (entry.is_regular_file(error) && !name.starts_with("posix") && !name.starts_with("right") &&
                name.find('.') == std::string::npos && std::isupper(static_cast<unsigned char>(name.front())) &&
                plain_name(name))
                names.insert(name);
        }
        std::string text = "[";
        for (const std::string& name : names)
            text += (text.size() > 1 ? "," : "") + json_string(name);
        return text + "]";
    }();
    return kNames;
}

} // namespace

void add_timezone_functions(FunctionList& list) {
    list.push_back(row_function("kql_utc_to_local", "datetime string", "datetime", [](const In& in, Out& out) {
        const Ticks ticks = in.integer(0);
        give(out, ticks + known_zone(in.text(1)).offset_at(seconds_of(ticks)) * kTicksPerSecond);
    }));
    list.push_back(row_function("kql_local_to_utc", "datetime string", "datetime", [](const In& in, Out& out) {
        const Ticks ticks = in.integer(0);
        const std::int64_t local = seconds_of(ticks);
        give(out, ticks + (known_zone(in.text(1)).to_utc(local) - local) * kTicksPerSecond);
    }));
    list.push_back(row_function(
        "kql_list_timezones", "", "dynamic", [](const In&, Out& out) { out.text(zone_names()); }, Nulls::See));
}

} // namespace sluice::kql
