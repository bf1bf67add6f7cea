#pragma once

#include "core/base/clock.hpp"
#include "core/data/type.hpp"

#include <cstdint>
#include <string>

namespace sluice::kql {

using data::ScalarType;

/// A value known while the query is compiled: a literal, or what folding made of one.
struct Constant {
    ScalarType type = ScalarType::Long;
    bool null = false;
    std::int64_t integer = 0; ///< Bool, Int, Long; DateTime and TimeSpan as ticks
    double real = 0;
    data::ScaledDecimal decimal = {};
    data::Guid guid = {};
    /// String; Dynamic as compact JSON. A DateTime that depends on the clock says "now", or "today" with the ticks
    /// since midnight in `integer`; the binder makes a plain point in time of it.
    std::string text = {};
};

} // namespace sluice::kql
