#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::kql {

/// What `make` makes of the text, made anew only when the text differs from the last one of this thread. For arguments
/// that are mostly constants, such as lists and polygons. Valid until the next call with the same `make`.
template <auto make> const auto& kept(std::string_view text) {
    using Value = decltype(make(text));
    thread_local std::string last;
    thread_local std::optional<Value> value;
    if (!value || last != text) {
        value.reset();
        last = text;
        value.emplace(make(last));
    }
    return *value;
}

} // namespace sluice::kql
