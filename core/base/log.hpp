#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

namespace sluice::log {

enum class Level { Trace, Debug, Info, Warn, Error };
enum class Format { Text, Json };

/// One named value of a log line. Text is kept as it is; numbers and flags are rendered.
struct Field {
    std::string_view name;
    std::string value;

    Field(std::string_view name_, std::string_view value_) : name(name_), value(value_) {}
    Field(std::string_view name_, const char* value_) : name(name_), value(value_) {}
    Field(std::string_view name_, const std::string& value_) : name(name_), value(value_) {}
    Field(std::string_view name_, bool value_) : name(name_), value(value_ ? "true" : "false") {}
    template <class Number, std::enable_if_t<std::is_arithmetic_v<Number>, int> = 0>
    Field(std::string_view name_, Number value_) : name(name_), value(std::to_string(value_)) {}
};
using Fields = std::initializer_list<Field>;

/// Where lines go and which; call once at start. Lines go to standard error. Thread-safe.
void configure(Level level, Format format, bool colour);
void set_level(Level level);

/// A log line is a constant phrase plus fields: log::warn("streaming refused, batch queued", {{"table", t}}).
/// `phrase` must be a literal: equal phrases are limited to one per 10 s at warn and error, with a count of what was left out.
void write(Level level, std::string_view phrase, Fields fields = {});

inline void debug(std::string_view phrase, Fields fields = {}) { write(Level::Debug, phrase, fields); }
inline void info(std::string_view phrase, Fields fields = {}) { write(Level::Info, phrase, fields); }
inline void warn(std::string_view phrase, Fields fields = {}) { write(Level::Warn, phrase, fields); }
inline void error(std::string_view phrase, Fields fields = {}) { write(Level::Error, phrase, fields); }

} // namespace sluice::log
