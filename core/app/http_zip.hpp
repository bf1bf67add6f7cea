#pragma once

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

#include <string>
#include <string_view>

namespace sluice::app {

bool looks_like_zip(std::string_view bytes);

/// The content of an archive's only entry, stored or deflated; at most `limit` + 1 bytes of it (rest-api 9.1).
/// Invalid, BadRequest_InvalidArchive: broken, several entries, encrypted, or another compression.
/// BadRequest_EmptyArchive: no entry.
Result<std::string> unzip_single(std::string_view archive, Bytes limit);

} // namespace sluice::app
