#include "core/store/damage.hpp"

#include "core/data/text.hpp"
#include "core/store/commit_mark.hpp"
#include "core/store/store.hpp"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <fstream>
#include <new>
#include <system_error>

namespace sluice::store {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kAside = ".damaged-";
/// A start that was killed, by an operator in a hurry or while the machine went down, is no reason to be suspicious;
/// two in a row are.
constexpr unsigned kUnfinished = 2;

fs::path opening_file(const fs::path& file) {
    return file.string() + ".opening";
}

unsigned unfinished_openings(const fs::path& file) {
    std::ifstream in(opening_file(file));
    unsigned count = 0;
    in >> count;
    return in ? count : 0;
}

Error crashed(const fs::path& file, const std::string& how) {
    return {ErrorCode::Io,
            fmt::format("database file '{}' is damaged: a process that opened it {}", file.string(), how),
            std::string(kStoreDamaged)};
}

/// In the child: 0, or 1 after a message of the error in the pipe.
int open_and_close(const fs::path& file, Bytes memory, int pipe) try {
    StoreOptions options;
    options.file = file;
    options.database = "probe";
    options.memory_limit = memory;
    options.threads = 1;
    auto opened = Store::open(std::move(options));
    if (opened)
        return 0;
    if (opened.error().reason != kStoreDamaged)
        return 0; // the parent meets the same and can word it better
    const std::string& text = opened.error().message;
    return ::write(pipe, text.data(), text.size()) >= 0 ? 1 : 2;
} catch (const std::bad_alloc&) {
    return 0;
}

} // namespace

bool is_damage(const Error& error) {
    const auto says = [&](std::string_view text) { return error.message.find(text) != std::string::npos; };
    for (const std::string_view passing :
         {"lock on file", "No space left", "Permission denied", "Out of Memory", "failed to pin", "failed to allocate",
          "Cannot open file", "Too many open files", "Input/output error", "Read-only file system"})
        if (says(passing))
            return false;
    for (const std::string_view broken :
         {"Corrupt", "not a valid DuckDB database file", "Could not read enough bytes", "Failure while replaying WAL",
          "Serialization Error", "INTERNAL Error", "could not be deserialized"})
        if (says(broken))
            return true;
    return false;
}

Error explained(const fs::path& file, Error error) {
    if (error.reason == kStoreDamaged || !is_damage(error))
        return error;
    return {ErrorCode::Io, fmt::format("database file '{}' is damaged: {}", file.string(), error.message),
            std::string(kStoreDamaged)};
}

void opening_begins(const fs::path& file) {
    const unsigned before = unfinished_openings(file);
    std::ofstream(opening_file(file)) << before + 1 << '\n';
}

void opening_ended(const fs::path& file) {
    std::error_code ignored;
    fs::remove(opening_file(file), ignored);
}

Result<> try_in_child(const fs::path& file, Bytes memory) {
    if (unfinished_openings(file) < kUnfinished)
        return {};
    std::array<int, 2> pipe{};
    if (::pipe(pipe.data()) != 0)
        return Error{ErrorCode::Io, fmt::format("cannot make a pipe: {}", std::system_category().message(errno))};
    const pid_t child = ::fork();
    if (child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL); // it holds the data folder's lock too, and is not to outlive whoever asked
        ::close(pipe[0]);
        std::_Exit(open_and_close(file, memory, pipe[1]));
    }
    ::close(pipe[1]);
    if (child < 0) {
        ::close(pipe[0]);
        return Error{ErrorCode::Io, fmt::format("cannot start a process: {}", std::system_category().message(errno))};
    }
    std::string message;
    std::array<char, 4096> block{};
    for (ssize_t size = 0; (size = ::read(pipe[0], block.data(), block.size())) > 0;)
        message.append(block.data(), static_cast<std::size_t>(size));
    ::close(pipe[0]);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    // Other signals come from outside, and so does a lack of memory.
    const bool crash = WIFSIGNALED(status) && (WTERMSIG(status) == SIGSEGV || WTERMSIG(status) == SIGABRT ||
                                               WTERMSIG(status) == SIGILL || WTERMSIG(status) == SIGFPE);
    if (crash)
        return crashed(file, fmt::format("was ended by signal {}", WTERMSIG(status)));
    if (WIFEXITED(status) && WEXITSTATUS(status) == 1)
        return Error{ErrorCode::Io, std::move(message), std::string(kStoreDamaged)};
    return {};
}

Result<fs::path> set_aside(const fs::path& file, Ticks now) {
    std::string time = data::format_datetime(now);
    std::erase_if(time, [](char c) { return c == ':' || c == '-'; }); // awkward in shells
    const std::string suffix = fmt::format("{}{}Z", kAside, time.substr(0, time.find_first_of(".Z")));
    // A crash in between is met again at the next start: the mark goes last, and tells as long as the file is there
    // that its log is not.
    for (const char* part : {".wal", ".opening", ".tmp", "", ".mark"}) {
        const fs::path from = file.string() + part, to = file.string() + suffix + part;
        std::error_code failed;
        fs::rename(from, to, failed);
        if (failed && failed != std::errc::no_such_file_or_directory)
            return Error{ErrorCode::Io,
                         fmt::format("cannot rename {} to {}: {}", from.string(), to.string(), failed.message())};
    }
    return fs::path(file.string() + suffix);
}

std::vector<std::string> damaged_files(const fs::path& file) {
    std::vector<std::string> names;
    std::error_code ignored;
    const std::string prefix = file.filename().string() + std::string(kAside);
    for (const auto& entry : fs::directory_iterator(file.parent_path(), ignored)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with(prefix) && name.find('.', prefix.size()) == std::string::npos)
            names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
}

} // namespace sluice::store
