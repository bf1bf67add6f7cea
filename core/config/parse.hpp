#pragma once

#include "core/config/raw.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::config {

/// Where `${NAME}` is looked up; nothing: not set.
using Variables = std::function<std::optional<std::string>(const std::string& name)>;

/// Reads TOML into a tree of values with their places and puts in `${NAME}`, `${file:PATH}` (configuration 1).
/// `name` is how messages call the file, `folder` what relative paths of `${file:}` start from.
/// On a syntax error the tree is empty and there is one problem; a reference that cannot be resolved leaves an empty
/// hidden text.
Raw parse(std::string_view text, const std::string& name, const std::string& folder, const Variables& variables,
          Problems& problems);

} // namespace sluice::config
