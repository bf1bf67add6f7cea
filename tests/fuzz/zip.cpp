// zip: whatever the bytes, reading ends within the limits, twice with the same result; what was unpacked is as long as
// the directory says; and the bytes as the one member of a good archive come back.
#include "core/data/archive_reader.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/support/zip_bytes.hpp"

#include <fmt/format.h>

namespace sluice::fuzz {
namespace {

constexpr Bytes kLimit = 1_MiB;

/// Everything that can be read, with what stopped the rest.
std::string unpacked(std::string_view bytes) {
    const test::MemoryFile file(bytes);
    auto archive = data::ZipArchive::open(file.descriptor());
    if (!archive)
        return archive.error().reason;
    require(archive->size() <= data::ZipArchive::kMaxMembers, "the number of members is limited");
    std::string out;
    Bytes total = 0;
    for (std::uint64_t i = 0; i < archive->size() && total <= kLimit; ++i) {
        const auto member = archive->member(i);
        if (!member) {
            out += member.error().reason;
            continue;
        }
        Bytes size = 0;
        const auto read = archive->read(*member, [&](std::string_view block) -> Result<> {
            size += block.size();
            total += block.size();
            if (total > kLimit)
                return Error{ErrorCode::TooLarge, "over the limit", "limit"};
            out += block;
            return {};
        });
        require(!read || size == member->size, "a member is as long as the directory says");
        out += fmt::format("[{} {} {}]", member->name, size, read ? "" : read.error().reason);
    }
    return out;
}

/// What the rules select of it, parsed.
std::string ingested(std::string_view bytes, std::string_view pattern) {
    const test::MemoryFile file(bytes);
    auto selected = data::ZipPattern::parse(pattern);
    if (!selected)
        return selected.error().reason;
    auto reader =
        data::ArchiveReader::open(file.descriptor(), {.name = "z.zip", .pattern = *selected, .limit = kLimit});
    if (!reader)
        return reader.error().reason;
    const auto schema = std::make_shared<const data::Schema>(data::Schema{{{"a", data::ScalarType::String}}});
    auto parser = data::make_parser({.format = data::Format::Txt, .schema = schema});
    data::Rows rows(schema);
    for (const data::ArchiveMember& member : reader->members()) {
        require(selected->matches(member.entry.name), "only what the pattern matches is listed");
        if (const auto parsed = reader->parse(member, **parser, rows, [] { return Result<>(); }); !parsed)
            return parsed.error().message;
    }
    return std::to_string(rows.size());
}

} // namespace

void fuzz_one(std::string_view input) {
    static constexpr std::string_view kPatterns[] = {"", "*.csv", "^a", "[a-"};
    Choices choices(input);
    const std::string_view pattern = kPatterns[choices.next(4)];
    const bool deflated = choices.next(2) == 1, zip64 = choices.next(2) == 1;
    const std::string_view bytes = choices.rest();
    require_equal(unpacked(bytes), unpacked(bytes), "reading twice gives the same");
    require_equal(ingested(bytes, pattern), ingested(bytes, pattern), "ingesting twice gives the same");
    const auto whole = test::zip_bytes(
        {{.name = "a", .content = std::string(bytes), .deflated = deflated, .zip64 = zip64}}, {.zip64 = zip64});
    if (bytes.size() < kLimit)
        require_equal(unpacked(whole), fmt::format("{}[a {} ]", bytes, bytes.size()), "what is packed comes back");
}

} // namespace sluice::fuzz
