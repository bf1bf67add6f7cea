#include "core/data/zip_archive.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <vector>

namespace sluice::data {
namespace {

constexpr std::size_t kBlock = 64 * 1024;

Error invalid(std::string_view why) {
    return Error{ErrorCode::Invalid, fmt::format("the zip archive cannot be read: {}", why),
                 "BadRequest_InvalidArchive"};
}

Error too_many() {
    return invalid(fmt::format("it has more than {} members or a directory of more than {} bytes; send it in parts",
                               ZipArchive::kMaxMembers, ZipArchive::kMaxDirectory));
}

/// What libzip reads from: the file at positions of our own. It must stay where it is while libzip knows it.
class PositionedFile {
public:
    PositionedFile(int file, Bytes size) : file_(file), size_(size) { zip_error_init(&error_); }
    ~PositionedFile() { zip_error_fini(&error_); }
    PositionedFile(const PositionedFile&) = delete;
    PositionedFile& operator=(const PositionedFile&) = delete;

    /// The errno of a read that failed; 0: none did.
    int failure() const { return failure_; }
    bool over_budget() const { return over_budget_; }
    /// From here on any amount may be read.
    void lift_budget() { budget_ = std::numeric_limits<Bytes>::max(); }

    /// Up to `length` bytes from `at`; less only at the end of the file. -1: failure() says why.
    zip_int64_t read_at(Bytes at, char* into, Bytes length) {
        Bytes done = 0;
        while (done < length) {
            const ssize_t got = ::pread(file_, into + done, length - done, static_cast<off_t>(at + done));
            if (got < 0 && errno == EINTR)
                continue;
            if (got < 0) {
                failure_ = errno;
                return -1;
            }
            if (got == 0)
                break;
            done += static_cast<Bytes>(got);
        }
        return static_cast<zip_int64_t>(done);
    }

    static zip_int64_t answer(void* self, void* data, zip_uint64_t length, zip_source_cmd_t command) {
        return static_cast<PositionedFile*>(self)->answer(data, length, command);
    }

private:
    zip_int64_t answer(void* data, zip_uint64_t length, zip_source_cmd_t command) {
        switch (command) {
        case ZIP_SOURCE_OPEN:
            position_ = 0;
            return 0;
        case ZIP_SOURCE_READ:
            return read(static_cast<char*>(data), length);
        case ZIP_SOURCE_SEEK: {
            const zip_int64_t to = zip_source_seek_compute_offset(position_, size_, data, length, &error_);
            if (to < 0)
                return -1;
            position_ = static_cast<Bytes>(to);
            return 0;
        }
        case ZIP_SOURCE_TELL:
            return static_cast<zip_int64_t>(position_);
        case ZIP_SOURCE_STAT: {
            zip_stat_t* facts = ZIP_SOURCE_GET_ARGS(zip_stat_t, data, length, &error_);
            if (!facts)
                return -1;
            zip_stat_init(facts);
            facts->size = size_;
            facts->valid |= ZIP_STAT_SIZE;
            return sizeof(zip_stat_t);
        }
        case ZIP_SOURCE_ERROR:
            return zip_error_to_data(&error_, data, length);
        case ZIP_SOURCE_SUPPORTS:
            return zip_source_make_command_bitmap(ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT,
                                                  ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE, ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL,
                                                  ZIP_SOURCE_SUPPORTS, -1);
        case ZIP_SOURCE_CLOSE:
        case ZIP_SOURCE_FREE:
            return 0;
        default:
            zip_error_set(&error_, ZIP_ER_OPNOTSUPP, 0);
            return -1;
        }
    }

    zip_int64_t read(char* into, Bytes length) {
        if (length > budget_) {
            over_budget_ = true;
            zip_error_set(&error_, ZIP_ER_INCONS, 0);
            return -1;
        }
        const zip_int64_t got = read_at(position_, into, length);
        if (got < 0) {
            zip_error_set(&error_, ZIP_ER_READ, failure_);
            return -1;
        }
        position_ += static_cast<Bytes>(got);
        budget_ -= static_cast<Bytes>(got);
        return got;
    }

    const int file_;
    const Bytes size_;
    Bytes position_ = 0;
    /// What may be read for the directory: an archive can hold many ends of a directory that libzip tries in turn.
    Bytes budget_ = ZipArchive::kMaxDirectory;
    bool over_budget_ = false;
    int failure_ = 0;
    zip_error_t error_{};
};

Error unreadable(const PositionedFile& file) {
    return Error{ErrorCode::Io, fmt::format("the zip archive cannot be read: {}", std::strerror(file.failure())),
                 "Download_UnknownError"};
}

Error failed(const PositionedFile& file, zip_error_t* why) {
    if (file.failure() != 0)
        return unreadable(file);
    return file.over_budget() ? too_many() : invalid(zip_error_strerror(why));
}

std::uint64_t number(std::string_view bytes, std::size_t at) {
    std::uint64_t value = 0;
    for (std::size_t i = 8; i > 0; --i)
        value = value << 8 | static_cast<unsigned char>(bytes[at + i - 1]);
    return value;
}

/// libzip makes room for as many members as the end of a zip64 directory claims before it reads the first of them.
Result<> check_claims(PositionedFile& file, Bytes size) {
    constexpr std::string_view kLocator = "PK\x06\x07", kEnd = "PK\x06\x06", kOldEnd = "PK\x05\x06";
    constexpr std::size_t kLocatorSize = 20, kEndSize = 56, kClaimsAt = 24;
    constexpr Bytes kTail = kLocatorSize + 22 + 65535; // then the end of the directory, and the longest comment
    std::string tail(std::min(size, kTail), '\0');
    if (file.read_at(size - tail.size(), tail.data(), tail.size()) < 0)
        return unreadable(file);
    const std::string_view text = tail;
    for (std::size_t at = text.find(kLocator); at != text.npos; at = text.find(kLocator, at + 1)) {
        if (!text.substr(std::min(text.size(), at + kLocatorSize)).starts_with(kOldEnd))
            continue; // libzip looks for it there only; elsewhere it is what a member holds
        std::string end(kEndSize, '\0');
        const Bytes place = number(text, at + 8);
        if (place > size - std::min<Bytes>(size, kEndSize))
            continue; // points outside; libzip refuses it
        if (file.read_at(place, end.data(), end.size()) < 0)
            return unreadable(file);
        const bool claims_too_many =
            std::max(number(end, kClaimsAt), number(end, kClaimsAt + 8)) > ZipArchive::kMaxMembers;
        if (std::string_view(end).starts_with(kEnd) && claims_too_many)
            return too_many();
    }
    return {};
}

struct Discard {
    void operator()(zip_t* archive) const { zip_discard(archive); }
};
struct Close {
    void operator()(zip_file_t* member) const { zip_fclose(member); }
};

} // namespace

struct ZipArchive::State {
    State(int descriptor, Bytes size) : file(descriptor, size), block(kBlock) {}

    PositionedFile file;
    std::unique_ptr<zip_t, Discard> archive; // goes first, it reads the file
    std::vector<char> block;
};

ZipArchive::ZipArchive(std::unique_ptr<State> state) : state_(std::move(state)) {}
ZipArchive::ZipArchive(ZipArchive&& other) noexcept = default;
ZipArchive& ZipArchive::operator=(ZipArchive&& other) noexcept = default;
ZipArchive::~ZipArchive() = default;

Result<ZipArchive> ZipArchive::open(int file) {
    struct stat facts{};
    if (::fstat(file, &facts) != 0)
        return Error{ErrorCode::Io, fmt::format("the zip archive cannot be read: {}", std::strerror(errno)),
                     "Download_UnknownError"};
    const auto size = static_cast<Bytes>(facts.st_size);
    auto state = std::make_unique<State>(file, size);
    SLUICE_CHECK(check_claims(state->file, size));
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t* source = zip_source_function_create(&PositionedFile::answer, &state->file, &error);
    if (source)
        state->archive.reset(zip_open_from_source(source, ZIP_RDONLY, &error));
    if (!state->archive) {
        const Error why = failed(state->file, &error);
        if (source)
            zip_source_free(source);
        zip_error_fini(&error);
        return why;
    }
    zip_error_fini(&error);
    ZipArchive opened(std::move(state));
    if (opened.size() > kMaxMembers)
        return too_many();
    opened.state_->file.lift_budget();
    return opened;
}

std::uint64_t ZipArchive::size() const {
    return static_cast<std::uint64_t>(std::max<zip_int64_t>(zip_get_num_entries(state_->archive.get(), 0), 0));
}

Result<ZipMember> ZipArchive::member(std::uint64_t index) const {
    zip_stat_t facts;
    zip_stat_init(&facts);
    if (zip_stat_index(state_->archive.get(), index, 0, &facts) != 0)
        return failed(state_->file, zip_get_error(state_->archive.get()));
    return ZipMember{index, facts.name ? facts.name : "", facts.size};
}

Result<> ZipArchive::read(const ZipMember& member, const Sink& sink) {
    zip_t* archive = state_->archive.get();
    zip_stat_t facts;
    zip_stat_init(&facts);
    if (zip_stat_index(archive, member.index, 0, &facts) != 0)
        return failed(state_->file, zip_get_error(archive));
    if (facts.encryption_method != ZIP_EM_NONE)
        return invalid(fmt::format("'{}' in it is encrypted", member.name));
    if (facts.comp_method != ZIP_CM_STORE && facts.comp_method != ZIP_CM_DEFLATE)
        return invalid(fmt::format("'{}' in it is neither stored nor deflated but compressed by method {}", member.name,
                                   facts.comp_method));
    const std::unique_ptr<zip_file_t, Close> opened(zip_fopen_index(archive, member.index, 0));
    if (!opened)
        return failed(state_->file, zip_get_error(archive));
    for (Bytes unpacked = 0;;) {
        const zip_int64_t got = zip_fread(opened.get(), state_->block.data(), kBlock);
        if (got < 0)
            return failed(state_->file, zip_file_get_error(opened.get()));
        unpacked += static_cast<Bytes>(got);
        if (unpacked > facts.size || (got == 0 && unpacked < facts.size)) // libzip compares the sum only
            return invalid(
                fmt::format("'{}' in it does not have the {} bytes that its directory names", member.name, facts.size));
        if (got == 0)
            return {};
        SLUICE_CHECK(sink({state_->block.data(), static_cast<std::size_t>(got)}));
    }
}

} // namespace sluice::data
