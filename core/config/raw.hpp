#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

/// Where something stands in a configuration file; lines and columns count from 1.
struct Place {
    std::string file;
    std::uint32_t line = 1, column = 1;
};

/// "sluice.toml:14:19".
std::string to_string(const Place& place);

/// One thing that is wrong with a configuration: where, and a sentence that names the way out.
struct Problem {
    Place at;
    std::string message;
};
using Problems = std::vector<Problem>;

/// One line for each problem, in the order of the file: `file:line:column: message`.
std::string to_string(Problems problems);

/// A value as the file has it, after `${...}` was put in (configuration 1). A tree of values with their places.
struct Raw {
    enum class Kind : std::uint8_t { Boolean, Integer, Real, Text, List, Table };

    Kind kind = Kind::Table;
    bool boolean = false;
    bool hidden = false; ///< came from the environment or a file, so it may be a secret and is never shown
    std::int64_t integer = 0;
    double real = 0;
    std::string text = {};       ///< dates and times of TOML are texts as well
    std::vector<Raw> items = {}; ///< of a list or a table
    std::string key = {};        ///< in a table
    Place at = {};               ///< of the value
    Place key_at = {};           ///< of the key

    /// The value of that key in a table, or null.
    const Raw* find(std::string_view name) const;
};

/// Equal in content, wherever it stands in the file.
bool same_value(const Raw& a, const Raw& b);

/// How a value is named in a message: `"5"`, `12`, `a list`; `(hidden)` when it may be a secret.
std::string shown(const Raw& value);

/// The name in `known` that was probably meant, or nothing when none is near. Case and underscores count little.
std::string nearest(std::string_view name, const std::vector<std::string>& known);

} // namespace sluice::config
