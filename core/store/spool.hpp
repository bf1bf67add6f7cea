#pragma once

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace sluice::store {

/// A file without a name, for bytes that have to lie on disk for a while: it goes with its descriptor, whatever happens
/// to the process. One thread at a time.
class Spool {
public:
    Spool() = default;
    Spool(const Spool&) = delete;
    Spool& operator=(const Spool&) = delete;
    ~Spool() { close(); }

    /// Where spools lie from now on; made when the first one needs it. What a process that was killed left there goes.
    /// Until this is called: the system's folder for temporary files. Thread-safe.
    static void use_folder(std::filesystem::path folder);

    /// Unavailable: no room, or no file can be made there.
    Result<> append(std::string_view bytes);
    /// Bytes that were appended.
    Result<std::string> read(Bytes from, Bytes count) const;
    /// Puts others in the place of bytes that were appended.
    Result<> write(Bytes at, std::string_view bytes);
    void close();
    Bytes size() const { return size_; }
    /// A name that this process can open the file by while it is open here.
    std::string path() const;

private:
    Result<> open();

    int file_ = -1;
    Bytes size_ = 0;
};

} // namespace sluice::store
