#pragma once

#include "core/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::data {

/// One step of a path: a member by name, or an element of an array by position.
struct PathStep {
    bool is_index = false;
    std::uint32_t index = 0;
    std::string name = {};
    friend bool operator==(const PathStep&, const PathStep&) = default;
};

/// Where in a record a value lies; no steps mean the whole record.
struct Path {
    std::vector<PathStep> steps;

    bool members_only() const {
        for (const PathStep& step : steps)
            if (step.is_index)
                return false;
        return true;
    }
    /// Whether `other` leads to something inside of what this path leads to.
    bool encloses(const Path& other) const;
    friend bool operator==(const Path&, const Path&) = default;
};

/// The dialect of formats-and-mappings 9.2; `text` begins with '$'. The error is a sentence that fits behind "path
/// '...': ".
Result<Path> parse_path(std::string_view text);

} // namespace sluice::data
