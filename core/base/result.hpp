#pragma once

#include "core/base/error.hpp"

#include <tl/expected.hpp>

#include <utility>

namespace sluice {

/// A value or an Error. [[nodiscard]], because a dropped error is how a bridge loses messages.
template <class T = void>
class [[nodiscard]] Result : public tl::expected<T, Error> {
    using Base = tl::expected<T, Error>;

public:
    using Base::Base;
    Result(Error error) : Base(tl::unexpect, std::move(error)) {}
};

} // namespace sluice

#define SLUICE_CONCAT_INNER(a, b) a##b
#define SLUICE_CONCAT(a, b) SLUICE_CONCAT_INNER(a, b)

/// SLUICE_TRY(auto x, f());  returns the error of f(), otherwise declares x. On a line of its own.
#define SLUICE_TRY(declaration, ...)                                                                                   \
    auto SLUICE_CONCAT(sluice_try_, __LINE__) = (__VA_ARGS__);                                                         \
    if (!SLUICE_CONCAT(sluice_try_, __LINE__))                                                                         \
        return std::move(SLUICE_CONCAT(sluice_try_, __LINE__)).error();                                                \
    declaration = std::move(*SLUICE_CONCAT(sluice_try_, __LINE__))

/// SLUICE_CHECK(f());  returns the error of f(), for results without a value.
#define SLUICE_CHECK(...)                                                                                              \
    do {                                                                                                               \
        if (auto sluice_checked = (__VA_ARGS__); !sluice_checked)                                                      \
            return std::move(sluice_checked).error();                                                                  \
    } while (false)
