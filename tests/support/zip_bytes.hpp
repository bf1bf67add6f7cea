#pragma once

#include "core/data/gzip.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// Zip archives byte by byte, so that tests can also have those that no tool writes. Deflating is what gzip() does.
namespace sluice::test {

struct ZipEntry {
    std::string name;
    std::string content = {};
    bool deflated = false;
    bool zip64 = false;               ///< sizes and place stand in the extra field
    std::uint16_t flags = 0;          ///< 1: encrypted
    std::optional<int> method = {};   ///< that the headers name instead of what was done
    std::optional<Bytes> claims = {}; ///< unpacked size that the headers name
    std::uint32_t wrong_sum = 0;      ///< is xor-ed to the sum
};

struct ZipEnd {
    bool zip64 = false;
    std::uint16_t disk = 0;
    std::optional<std::uint64_t> claims = {}; ///< number of members
    std::string comment = {};
};

class ZipWriter {
public:
    void add(const ZipEntry& entry) {
        static const std::string nothing = data::gzip("");
        const std::string packed = entry.content.empty()
                                       ? nothing
                                       : data::gzip(entry.content); // 10 bytes of header, deflated data, sum, length
        const std::string_view sum = std::string_view(packed).substr(packed.size() - 8, 4);
        const std::string body = entry.deflated ? packed.substr(10, packed.size() - 18) : entry.content;
        std::string facts;
        put(facts, 2, entry.zip64 ? 45 : 20);
        put(facts, 2, entry.flags | 0x800U); // names are UTF-8
        put(facts, 2, static_cast<std::uint64_t>(entry.method.value_or(entry.deflated ? 8 : 0)));
        put(facts, 4, 0x58210000); // 2024-01-01 00:00
        for (std::size_t i = 0; i < 4; ++i)
            facts += static_cast<char>(static_cast<unsigned char>(sum[i]) ^ (entry.wrong_sum >> (8 * i) & 0xFF));
        const Bytes size = entry.claims.value_or(entry.content.size());
        put(facts, 4, entry.zip64 ? 0xFFFFFFFF : body.size());
        put(facts, 4, entry.zip64 ? 0xFFFFFFFF : size);
        put(facts, 2, entry.name.size());
        std::string large;
        if (entry.zip64) {
            put(large, 8, size);
            put(large, 8, body.size());
        }
        put(directory_, 4, 0x02014B50);
        put(directory_, 2, 45);
        directory_ += facts;
        put(directory_, 2, entry.zip64 ? large.size() + 12 : 0);
        put(directory_, 6, 0); // comment, disk, kind
        put(directory_, 4, 0);
        put(directory_, 4, entry.zip64 ? 0xFFFFFFFF : out_.size());
        directory_ += entry.name;
        if (entry.zip64) {
            put(directory_, 2, 1);
            put(directory_, 2, large.size() + 8);
            directory_ += large;
            put(directory_, 8, out_.size());
        }
        put(out_, 4, 0x04034B50);
        out_ += facts;
        put(out_, 2, entry.zip64 ? large.size() + 4 : 0);
        out_ += entry.name;
        if (entry.zip64) {
            put(out_, 2, 1);
            put(out_, 2, large.size());
            out_ += large;
        }
        out_ += body;
        ++count_;
    }

    std::string finish(const ZipEnd& end = {}) const {
        std::string out = out_ + directory_;
        const std::uint64_t count = end.claims.value_or(count_);
        if (end.zip64) {
            const std::size_t place = out.size();
            put(out, 4, 0x06064B50);
            put(out, 8, 44);
            put(out, 4, 0x002D002D);
            put(out, 8, 0); // disks
            put(out, 8, count);
            put(out, 8, count);
            put(out, 8, directory_.size());
            put(out, 8, out_.size());
            put(out, 4, 0x07064B50);
            put(out, 4, 0);
            put(out, 8, place);
            put(out, 4, 1);
        }
        put(out, 4, 0x06054B50);
        put(out, 2, end.disk);
        put(out, 2, end.disk);
        put(out, 2, end.zip64 ? 0xFFFF : count);
        put(out, 2, end.zip64 ? 0xFFFF : count);
        put(out, 4, end.zip64 ? 0xFFFFFFFF : directory_.size());
        put(out, 4, end.zip64 ? 0xFFFFFFFF : out_.size());
        put(out, 2, end.comment.size());
        return out + end.comment;
    }

private:
    static void put(std::string& out, int bytes, std::uint64_t value) {
        for (int i = 0; i < bytes; ++i)
            out += static_cast<char>(value >> (8 * i) & 0xFF);
    }

    std::string out_, directory_;
    std::uint64_t count_ = 0;
};

inline std::string zip_bytes(const std::vector<ZipEntry>& entries, const ZipEnd& end = {}) {
    ZipWriter writer;
    for (const ZipEntry& entry : entries)
        writer.add(entry);
    return writer.finish(end);
}

/// Bytes behind a descriptor.
class MemoryFile {
public:
    explicit MemoryFile(std::string_view bytes) : descriptor_(::memfd_create("bytes", MFD_CLOEXEC)) {
        for (std::size_t at = 0; at < bytes.size();) {
            const ssize_t written = ::write(descriptor_, bytes.data() + at, bytes.size() - at);
            if (written <= 0)
                throw std::runtime_error("cannot write a file in memory");
            at += static_cast<std::size_t>(written);
        }
    }
    ~MemoryFile() { ::close(descriptor_); }
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;

    int descriptor() const { return descriptor_; }

private:
    int descriptor_;
};

} // namespace sluice::test
