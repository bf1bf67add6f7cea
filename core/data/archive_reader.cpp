#include "core/data/archive_reader.hpp"

#include "core/data/gzip.hpp"

#include <fmt/format.h>

#include <limits>
#include <optional>

namespace sluice::data {
namespace {

bool is_skipped(const ZipMember& member) {
    const std::string_view path = member.name;
    const std::string_view name = path.substr(path.rfind('/') + 1);
    return member.size == 0 || name.empty() || name.front() == '.' || path.starts_with("__MACOSX/");
}

std::string without_gz(std::string_view name) {
    return std::string(name_says_gzip(name) ? name.substr(0, name.size() - 3) : name);
}

void append_encoded(std::string& out, std::string_view path) {
    constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
    for (const char c : path) {
        if (kPlain.find(c) != std::string_view::npos)
            out += c;
        else
            out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
}

Error about(const ArchiveMember& member, Error error) {
    error.message = fmt::format("member '{}' of the zip archive: {}", member.entry.name, error.message);
    return error;
}

} // namespace

Result<> check_packed_format(Format format, std::string_view packing) {
    if (is_container(format))
        return Error{ErrorCode::Invalid,
                     fmt::format("Format '{}' inside {} is not supported; its own compression does the same.",
                                 to_string(format), packing),
                     "BadRequest_NotSupported"};
    return {};
}

Result<ArchiveReader> ArchiveReader::open(int file, Options options) {
    SLUICE_TRY(auto archive, ZipArchive::open(file));
    ArchiveReader reader(std::move(archive), std::move(options));
    SLUICE_CHECK(reader.list_members());
    return reader;
}

Result<> ArchiveReader::list_members() {
    for (std::uint64_t i = 0; i < archive_.size(); ++i) {
        SLUICE_TRY(auto entry, archive_.member(i));
        if (is_skipped(entry) || !options_.pattern.matches(entry.name))
            continue;
        ArchiveMember member;
        if (name_says_zip(without_gz(entry.name)))
            return Error{
                ErrorCode::Invalid,
                fmt::format("the zip archive holds another one, '{}'; only the outer one is unpacked", entry.name),
                "BadRequest_InvalidArchive"};
        member.gzipped = name_says_gzip(entry.name) && !options_.plain_gz;
        member.entry = std::move(entry);
        members_.push_back(std::move(member));
    }
    if (members_.empty())
        return Error{ErrorCode::Invalid,
                     archive_.size() == 0 ? "the zip archive is empty"
                                          : "the zip archive has no member to ingest: folders, empty and hidden files "
                                            "and what zipPattern does not match are passed over",
                     "BadRequest_EmptyArchive"};
    return {};
}

Result<> ArchiveReader::unpack(const ArchiveMember& member, const ZipArchive::Sink& sink) {
    const auto within = [&](Bytes& total, std::string_view block) -> Result<> {
        total += block.size();
        if (total > options_.limit)
            return Error{ErrorCode::TooLarge, fmt::format("the archive unpacks to more than {} bytes", options_.limit),
                         "BadRequest_FileTooLarge"};
        return {};
    };
    const ZipArchive::Sink counted = [&](std::string_view block) -> Result<> {
        SLUICE_CHECK(within(unpacked_, block));
        return sink(block);
    };
    if (!member.gzipped)
        return archive_.read(member.entry, counted);
    // Both layers are counted: a gzip stream can be long and hold nothing.
    GzipReader gzip(std::numeric_limits<Bytes>::max());
    const ZipArchive::Sink inflate = [&](std::string_view block) -> Result<> {
        SLUICE_CHECK(within(unzipped_, block));
        return gzip.feed(block, counted);
    };
    SLUICE_CHECK(archive_.read(member.entry, inflate));
    return gzip.finish();
}

Result<ParseOutcome> ArchiveReader::parse(const ArchiveMember& member, Parser& parser, Rows& rows,
                                          const std::function<Result<>()>& after_block) {
    std::string location = options_.location + "!/";
    append_encoded(location, member.entry.name);
    const ZipArchive::Sink feed = [&](std::string_view block) -> Result<> {
        SLUICE_CHECK(parser.feed(block, false, rows));
        return after_block();
    };
    const auto parse_all = [&]() -> Result<ParseOutcome> {
        parser.begin({.location = location});
        SLUICE_CHECK(unpack(member, feed));
        for (bool more = true; more;) {
            SLUICE_TRY(more, parser.more(rows));
            SLUICE_CHECK(after_block());
        }
        return parser.finish(rows);
    };
    auto outcome = parse_all();
    if (!outcome)
        return about(member, std::move(outcome).error());
    return outcome;
}

} // namespace sluice::data
