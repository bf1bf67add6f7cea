#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::mqtt {

/// One file of the spool: a header that names the format and the first sequence, then records. Space is reserved ahead,
/// so the file may end in zeros until it is cut. Every failure of the system is a std::system_error that names the
/// file.
class SegmentFile {
public:
    static constexpr std::uint64_t kHeaderSize = 16;

    static SegmentFile create(std::string path, std::uint64_t first);
    /// Throws also when the file is no segment, or of a version that is not known.
    static SegmentFile open(std::string path);

    SegmentFile(SegmentFile&& other) noexcept;
    SegmentFile& operator=(SegmentFile&& other) noexcept;
    ~SegmentFile();

    std::uint64_t first() const { return first_; }
    std::uint64_t size() const;
    void reserve(std::uint64_t offset, std::uint64_t size);
    void write(std::string_view bytes, std::uint64_t offset);
    void sync();
    void cut(std::uint64_t size);
    /// Reads as much as there is. Answers how much that was.
    std::size_t read(char* into, std::size_t size, std::uint64_t offset) const;
    /// Where the next whole record begins, at `from` or behind it and ending before `limit`.
    std::optional<std::uint64_t> find_record(std::uint64_t from, std::uint64_t limit) const;

private:
    SegmentFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
    [[noreturn]] void fail(const char* what) const;

    std::string path_;
    int fd_ = -1;
    std::uint64_t first_ = 0;
};

/// Makes creations and removals in the folder durable.
void sync_folder(const std::string& folder);

} // namespace sluice::mqtt
