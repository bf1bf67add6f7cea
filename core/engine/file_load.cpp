#include "core/engine/file_load.hpp"

#include "core/data/archive_reader.hpp"
#include "core/data/gzip.hpp"
#include "core/engine/ingestion_steps.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <utility>

namespace sluice::engine {
namespace {

constexpr std::size_t kBlock = 1 << 20;
constexpr std::string_view kZipMark = "PK\x03\x04";

using Take = std::function<Result<>(data::Rows)>;

Error unreadable(const FileSource& source) {
    return {ErrorCode::Io, fmt::format("Cannot ingest '{}': the file cannot be read.", source.location),
            "Download_UnknownError"};
}

enum class Packing { None, Gzip, Zip };

Packing packing_of(const FileSource& source, const IngestionProperties& properties) {
    if (!source.sniff) {
        if (data::name_says_zip(source.name))
            return Packing::Zip;
        return data::name_says_gzip(source.name) && !properties.gz_as_uncompressed ? Packing::Gzip : Packing::None;
    }
    std::string head(kZipMark.size(), '\0');
    std::ifstream file(source.path, std::ios::binary);
    file.read(head.data(), static_cast<std::streamsize>(head.size()));
    head.resize(static_cast<std::size_t>(file.gcount()));
    // A container has its own compression; Parquet and ORC begin otherwise, but what says it is one is left alone.
    if (properties.format && data::is_container(*properties.format) && !data::looks_like_gzip(head))
        return Packing::None;
    if (data::looks_like_gzip(head))
        return properties.gz_as_uncompressed ? Packing::None : Packing::Gzip;
    return head == kZipMark ? Packing::Zip : Packing::None;
}

Result<LoadedFile> load_plain(const FileSource& source, data::Parser& parser, bool gzipped,
                              const std::shared_ptr<const data::Schema>& schema, const Take& take) {
    LoadedFile loaded;
    std::ifstream file(source.path, std::ios::binary);
    std::string block(kBlock, '\0');
    data::Rows rows(schema);
    std::optional<data::GzipReader> gzip;
    if (gzipped)
        gzip.emplace(data::kMaxFile);
    const auto feed = [&](std::string_view bytes) -> Result<> {
        loaded.raw_size += bytes.size();
        SLUICE_CHECK(parser.feed(bytes, false, rows));
        return take(std::exchange(rows, data::Rows(schema)));
    };
    parser.begin({.location = source.location});
    while (file.read(block.data(), static_cast<std::streamsize>(block.size())), file.gcount() > 0) {
        const std::string_view bytes(block.data(), static_cast<std::size_t>(file.gcount()));
        SLUICE_CHECK(gzip ? gzip->feed(bytes, feed) : feed(bytes));
    }
    if (file.bad() || !file.eof())
        return unreadable(source);
    if (gzip)
        SLUICE_CHECK(gzip->finish());
    for (bool more = true; more;) {
        SLUICE_TRY(more, parser.more(rows));
        SLUICE_CHECK(take(std::exchange(rows, data::Rows(schema))));
    }
    SLUICE_CHECK(parser.finish(rows));
    SLUICE_CHECK(take(std::move(rows)));
    return loaded;
}

class Descriptor {
public:
    explicit Descriptor(const std::filesystem::path& path) : value_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
    ~Descriptor() {
        if (value_ >= 0)
            ::close(value_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;

    int value() const { return value_; }

private:
    int value_;
};

/// Each member is a source of its own, in its own format unless the properties or the archive's name tells one.
Result<LoadedFile> load_archive(const FileSource& source, const TableTarget& target, const IngestionProperties& given,
                                const Take& take) {
    const Descriptor file(source.path);
    if (file.value() < 0)
        return unreadable(source);
    SLUICE_TRY(auto archive, data::ArchiveReader::open(file.value(), {.name = source.name,
                                                                      .location = source.location,
                                                                      .pattern = given.zip_pattern,
                                                                      .plain_gz = given.gz_as_uncompressed}));
    std::map<data::Format, std::unique_ptr<data::Parser>> parsers;
    const auto& schema = target.table->schema();
    data::Rows rows(schema);
    const auto hand_on = [&] { return take(std::exchange(rows, data::Rows(schema))); };
    for (const data::ArchiveMember& member : archive.members()) {
        const auto told = given.format ? given.format : data::format_of_file_name(archive.format_name(member));
        const data::Format format = told.value_or(data::Format::Csv);
        SLUICE_CHECK(data::check_packed_format(format, "zip"));
        auto& parser = parsers[format];
        if (!parser) {
            IngestionProperties properties = given;
            properties.format = format;
            SLUICE_TRY(parser, parser_for(target, properties));
        }
        SLUICE_CHECK(archive.parse(member, *parser, rows, hand_on));
        SLUICE_CHECK(hand_on());
    }
    return LoadedFile{archive.unpacked()};
}

} // namespace

Result<LoadedFile> load_file(const FileSource& source, const TableTarget& target, IngestionProperties properties,
                             const Take& take) {
    const Packing packing = packing_of(source, properties);
    if (packing == Packing::Zip)
        return load_archive(source, target, properties, take);
    if (!properties.format)
        properties.format = data::format_of_file_name(source.name);
    if (packing == Packing::Gzip && properties.format)
        SLUICE_CHECK(data::check_packed_format(*properties.format, "gzip"));
    SLUICE_TRY(auto parser, parser_for(target, properties));
    return load_plain(source, *parser, packing == Packing::Gzip, target.table->schema(), take);
}

} // namespace sluice::engine
