#include "core/app/http_zip.hpp"

#include "core/app/http_coding.hpp"

#include <cstdint>

namespace sluice::app {
namespace {

constexpr std::string_view kLocal = "PK\x03\x04", kCentral = "PK\x01\x02", kEnd = "PK\x05\x06";
constexpr std::size_t kLocalSize = 30, kCentralSize = 46, kEndSize = 22;
constexpr unsigned kStored = 0, kDeflated = 8, kEncrypted = 1;

Error broken(const char* what) {
    return Error{ErrorCode::Invalid, what, "BadRequest_InvalidArchive"};
}

/// Little-endian numbers; the caller has checked that they are there.
std::uint32_t number(std::string_view bytes, std::size_t at, std::size_t size) {
    std::uint32_t value = 0;
    for (std::size_t i = size; i > 0; --i)
        value = value << 8 | static_cast<unsigned char>(bytes[at + i - 1]);
    return value;
}

} // namespace

bool looks_like_zip(std::string_view bytes) {
    return bytes.starts_with(kLocal);
}

Result<std::string> unzip_single(std::string_view archive, Bytes limit) {
    // The directory is at the end: entries may have been written without knowing their size.
    const std::size_t end = archive.rfind(kEnd);
    if (end == std::string_view::npos || archive.size() - end < kEndSize)
        return broken("the zip archive has no directory.");
    const std::uint32_t entries = number(archive, end + 10, 2);
    if (entries == 0)
        return Error{ErrorCode::Invalid, "the zip archive is empty.", "BadRequest_EmptyArchive"};
    if (entries > 1)
        return broken("the zip archive has several entries; send one file for each request.");
    const std::size_t directory = number(archive, end + 16, 4);
    if (directory + kCentralSize > end || !archive.substr(directory).starts_with(kCentral))
        return broken("the zip archive's directory is broken.");
    const unsigned method = number(archive, directory + 10, 2);
    if (number(archive, directory + 8, 2) & kEncrypted)
        return broken("the zip archive is encrypted.");
    const std::size_t packed = number(archive, directory + 20, 4), local = number(archive, directory + 42, 4);
    if (local + kLocalSize > directory || !archive.substr(local).starts_with(kLocal))
        return broken("the zip archive's entry is broken.");
    const std::size_t begin = local + kLocalSize + number(archive, local + 26, 2) + number(archive, local + 28, 2);
    if (begin > directory || packed > directory - begin)
        return broken("the zip archive's entry is cut short.");
    const std::string_view content = archive.substr(begin, packed);
    if (method == kStored)
        return std::string(content.substr(0, limit + 1));
    if (method != kDeflated)
        return broken("the zip archive uses a compression that is not supported; use deflate.");
    return inflate_raw(content, limit);
}

} // namespace sluice::app
