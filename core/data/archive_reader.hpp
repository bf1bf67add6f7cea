#pragma once

#include "core/data/format.hpp"
#include "core/data/zip_archive.hpp"
#include "core/data/zip_pattern.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::data {

/// A member of an archive that is to be ingested.
struct ArchiveMember {
    ZipMember entry;
    bool gzipped = false;
};

/// What of a zip archive is ingested, and how: each member is a source of its own, the archive counts as a whole
/// (formats-and-mappings 2.1, data-connections 4.7). One thread at a time.
class ArchiveReader {
public:
    struct Options {
        std::string name = {};     ///< of the archive's file
        std::string location = {}; ///< its URI; that of a member is `<archive>!/<member>`, percent-encoded
        ZipPattern pattern = {};
        bool plain_gz = false; ///< members whose name ends in .gz are not compressed
        Bytes limit = kMaxFile;
    };

    /// Lists what is to be ingested: no folders, empty members, `__MACOSX/` and dot files, and only what the pattern
    /// matches. `file` as for ZipArchive::open.
    /// BadRequest_EmptyArchive: no such member. BadRequest_InvalidArchive: as ZipArchive::open, or an archive is one of
    /// them.
    static Result<ArchiveReader> open(int file, Options options);

    /// In the order of the directory; at least one.
    const std::vector<ArchiveMember>& members() const { return members_; }
    /// The name whose end tells the format of a member unless somebody says it (format_of_file_name): the archive's
    /// if it tells one, else the member's. Valid as long as both.
    std::string_view format_name(const ArchiveMember& member) const {
        return outer_tells_ ? std::string_view(options_.name) : std::string_view(member.entry.name);
    }

    /// The whole of one member through a parser of its format. `after_block` runs whenever rows may have come together.
    /// BadRequest_FileTooLarge: the members so far unpack to more than `limit` together. Errors name the member.
    Result<ParseOutcome> parse(const ArchiveMember& member, Parser& parser, Rows& rows,
                               const std::function<Result<>()>& after_block);
    /// Bytes that the parsers got so far.
    Bytes unpacked() const { return unpacked_; }

private:
    ArchiveReader(ZipArchive archive, Options options)
        : archive_(std::move(archive)), options_(std::move(options)),
          outer_tells_(format_of_file_name(options_.name).has_value()) {}

    Result<> list_members();
    Result<> unpack(const ArchiveMember& member, const ZipArchive::Sink& sink);

    ZipArchive archive_;
    Options options_;
    bool outer_tells_;
    std::vector<ArchiveMember> members_;
    Bytes unpacked_ = 0;
    Bytes unzipped_ = 0; ///< before gzip
};

/// BadRequest_NotSupported for a format whose own compression takes the place of gzip and zip (formats-and-mappings
/// 2.1); `packing` is the name of the outer one.
Result<> check_packed_format(Format format, std::string_view packing);

} // namespace sluice::data
