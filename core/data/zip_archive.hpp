#pragma once

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace sluice::data {

/// One entry in the directory of a zip archive.
struct ZipMember {
    std::uint64_t index = 0; ///< its place in the directory
    std::string name = {};   ///< its path, as UTF-8; that of a folder ends in '/'
    Bytes size = 0;          ///< unpacked, as the directory says; known to be true only when it was read
};

/// A zip archive in a file, also zip64, read member by member (formats-and-mappings 2.1). Memory is that of its
/// directory, which is limited; the contents pass through in blocks. One thread at a time.
class ZipArchive {
public:
    using Sink = std::function<Result<>(std::string_view block)>;

    /// Archives with more members, or with a larger directory, are refused before any memory is spent on them.
    static constexpr std::uint64_t kMaxMembers = 100'000;
    static constexpr Bytes kMaxDirectory = 16_MiB;

    /// Reads the directory. `file` is a descriptor open for reading; it stays open while the archive is used, and its
    /// position is neither used nor changed.
    /// BadRequest_InvalidArchive: no zip archive, a damaged one, one in several volumes, or more than the limits allow.
    /// Io: the file cannot be read.
    static Result<ZipArchive> open(int file);

    ZipArchive(ZipArchive&& other) noexcept;
    ZipArchive& operator=(ZipArchive&& other) noexcept;
    ~ZipArchive();

    std::uint64_t size() const;
    /// In the order of the directory; `index` is less than size().
    Result<ZipMember> member(std::uint64_t index) const;
    /// Unpacks a member and checks its length and sum; the end of it may fail after all of its bytes were handed over.
    /// BadRequest_InvalidArchive: damaged, encrypted, or neither stored nor deflated. Errors of the sink end it.
    Result<> read(const ZipMember& member, const Sink& sink);

private:
    struct State;
    explicit ZipArchive(std::unique_ptr<State> state);

    std::unique_ptr<State> state_;
};

} // namespace sluice::data
