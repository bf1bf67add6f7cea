#pragma once

#include "core/data/cells.hpp"
#include "core/data/format.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace sluice::data {

/// Which columns the fields of a delimited record go to. Internal to core/data.
class FieldPlan {
public:
    explicit FieldPlan(const ParserOptions& options);

    struct Target {
        std::size_t field; ///< kEnd behind the last one
        std::size_t column;
        Transform transform;
    };
    static constexpr std::size_t kEnd = SIZE_MAX;

    /// In the order of the fields; walk it in step with a record.
    const Target* begin() const { return targets_.data(); }
    /// Fills what takes `field`, which `next` has reached; `next` moves on.
    static void fill(const Target*& next, std::size_t field, std::string_view text, Cells& cells) {
        for (; next->field == field; ++next) {
            if (next->transform == Transform::None)
                cells.text(next->column, text);
            else
                cells.unix_time(next->column, text, next->transform);
        }
    }

private:
    std::vector<Target> targets_;
};

} // namespace sluice::data
