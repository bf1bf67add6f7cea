#include "core/base/log.hpp"

#include "core/base/mutex.hpp"

#include <nlohmann/json.hpp>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <chrono>
#include <map>

namespace sluice::log {
namespace {

constexpr auto kRepeatWindow = std::chrono::seconds(10);

spdlog::level::level_enum to_spdlog(Level level) {
    switch (level) {
    case Level::Trace:
        return spdlog::level::trace;
    case Level::Debug:
        return spdlog::level::debug;
    case Level::Info:
        return spdlog::level::info;
    case Level::Warn:
        return spdlog::level::warn;
    case Level::Error:
        break;
    }
    return spdlog::level::err;
}

std::atomic<Format> g_format = Format::Text;

std::shared_ptr<spdlog::logger> logger() {
    static const auto created = [] {
        auto made = spdlog::stderr_color_mt("sluice");
        made->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%-5l%$ %v", spdlog::pattern_time_type::utc);
        return made;
    }();
    return created;
}

/// Counts repeated phrases so that a broken broker does not fill the disk with one sentence.
class Repeats {
public:
    /// Nothing: leave the line out. Else: how many equal lines were left out since the last one.
    std::optional<unsigned> admit(std::string_view phrase, const Fields& fields) {
        std::string key(phrase);
        for (const Field& field : fields)
            if (field.name == "connection" || field.name == "table" || field.name == "database")
                key.append("|").append(field.value);
        const auto now = std::chrono::steady_clock::now();
        Lock lock(mutex_);
        if (seen_.size() > kMaxKeys)
            seen_.clear();
        auto [entry, is_new] = seen_.try_emplace(std::move(key), Seen{now, 0});
        if (is_new)
            return 0;
        if (now - entry->second.last < kRepeatWindow) {
            ++entry->second.left_out;
            return std::nullopt;
        }
        entry->second.last = now;
        return std::exchange(entry->second.left_out, 0);
    }

private:
    static constexpr std::size_t kMaxKeys = 4096;
    struct Seen {
        std::chrono::steady_clock::time_point last;
        unsigned left_out;
    };
    Mutex mutex_;
    std::map<std::string, Seen> seen_ SLUICE_GUARDED_BY(mutex_);
};

Repeats& repeats() {
    static Repeats instance;
    return instance;
}

void append_text_value(std::string& line, std::string_view value) {
    const bool plain = !value.empty() && value.find_first_of(" \"\n\r\t=") == std::string_view::npos;
    if (plain) {
        line.append(value);
        return;
    }
    line.append(nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

} // namespace

void configure(Level level, Format format, bool colour) {
    g_format = format;
    set_level(level);
    if (auto* sink = dynamic_cast<spdlog::sinks::stderr_color_sink_mt*>(logger()->sinks().front().get()))
        sink->set_color_mode(colour ? spdlog::color_mode::automatic : spdlog::color_mode::never);
    if (format == Format::Json)
        logger()->set_pattern("{\"time\":\"%Y-%m-%dT%H:%M:%S.%eZ\",\"level\":\"%l\",%v}", spdlog::pattern_time_type::utc);
}

void set_level(Level level) { logger()->set_level(to_spdlog(level)); }

void write(Level level, std::string_view phrase, Fields fields) {
    if (!logger()->should_log(to_spdlog(level)))
        return;
    unsigned left_out = 0;
    if (level >= Level::Warn) {
        const auto admitted = repeats().admit(phrase, fields);
        if (!admitted)
            return;
        left_out = *admitted;
    }
    std::string line;
    if (g_format == Format::Json) {
        nlohmann::ordered_json object;
        object["message"] = phrase;
        for (const Field& field : fields)
            object[std::string(field.name)] = field.value;
        if (left_out)
            object["left_out"] = left_out;
        const std::string text = object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
        line.assign(text, 1, text.size() - 2);
    } else {
        line.append(phrase);
        for (const Field& field : fields) {
            line.append(" ").append(field.name).append("=");
            append_text_value(line, field.value);
        }
        if (left_out)
            line.append(" left_out=").append(std::to_string(left_out));
    }
    logger()->log(to_spdlog(level), "{}", line);
}

} // namespace sluice::log
