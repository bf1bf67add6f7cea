#pragma once

#include <cstdint>
#include <string_view>

namespace sluice::mqtt {

/// The Castagnoli checksum (as in iSCSI and ext4), by the processor's instruction where there is one.
std::uint32_t crc32c(std::string_view bytes);
/// The same without that instruction.
std::uint32_t crc32c_portable(std::string_view bytes);

} // namespace sluice::mqtt
