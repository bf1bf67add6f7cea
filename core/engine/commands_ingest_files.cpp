#include "core/data/archive_reader.hpp"
#include "core/data/gzip.hpp"
#include "core/engine/command_lexer.hpp"
#include "core/engine/commands.hpp"
#include "core/engine/direct_load.hpp"
#include "core/engine/entity_error.hpp"
#include "core/engine/ingestion_steps.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>

/// `.ingest into table T ('file:///...')` (commands 2.6): files below `server.file_root`.
namespace sluice::engine {
namespace {

constexpr std::size_t kBlock = 1 << 20;

struct Source {
    std::string uri;
    std::filesystem::path path;
};

Error source_error(const std::string& uri, std::string_view why, const char* code) {
    return {ErrorCode::Invalid, fmt::format("Cannot ingest '{}': {}", uri, why), code};
}

/// The file that a URI means. Links are followed before the check: none may lead out of the root.
Result<Source> resolve(const Context& context, const std::string& text) {
    // `;key` and `?sas` are secrets for storage accounts; files have none, but the texts are written the same way.
    const std::string uri = text.substr(0, text.find(';'));
    const std::size_t scheme = uri.find("://");
    if (scheme != std::string::npos && !same_word(std::string_view(uri).substr(0, scheme), "file"))
        return not_supported(
            fmt::format("Cannot ingest '{}': this server reads file:// URIs only; send the data itself, or "
                        "use an EventGrid connection.",
                        uri));
    const auto& root = context.options().file_root;
    if (root.empty())
        return source_error(uri, "commands read no files here; set server.file_root to the folder they may read.",
                            "BadRequest_InvalidBlobUri");
    std::error_code failed;
    const auto base = std::filesystem::weakly_canonical(root, failed);
    const auto path =
        std::filesystem::weakly_canonical(scheme == std::string::npos ? uri : uri.substr(scheme + 3), failed);
    const auto [end, unused] = std::mismatch(base.begin(), base.end(), path.begin(), path.end());
    if (failed || end != base.end())
        return source_error(uri, "the file does not lie below server.file_root.", "BadRequest_InvalidBlobUri");
    if (!std::filesystem::is_regular_file(path, failed))
        return source_error(uri, "there is no such file.", "Download_SourceNotFound");
    if (std::filesystem::file_size(path, failed) > data::kMaxFile)
        return source_error(uri, "the file is larger than 6 GB.", "BadRequest_FileTooLarge");
    return Source{uri, path};
}

/// Formats-and-mappings 2.1.
Result<> check_packing(const Source& source, const IngestionProperties& properties) {
    if (data::name_says_gzip(source.path.filename().string()) && !properties.gz_as_uncompressed && properties.format)
        return data::check_packed_format(*properties.format, "gzip");
    return {};
}

Result<> load_file(const Source& source, data::Parser& parser, const IngestionProperties& properties,
                   const std::shared_ptr<const data::Schema>& schema, DirectLoad& load) {
    std::ifstream file(source.path, std::ios::binary);
    std::string block(kBlock, '\0');
    data::Rows rows(schema);
    const bool zipped = data::name_says_gzip(source.path.filename().string()) && !properties.gz_as_uncompressed;
    std::optional<data::GzipReader> gzip;
    if (zipped)
        gzip.emplace(data::kMaxFile);
    const auto take = [&](std::string_view bytes) -> Result<> {
        SLUICE_CHECK(parser.feed(bytes, false, rows));
        SLUICE_CHECK(load.add(std::exchange(rows, data::Rows(schema))));
        return {};
    };
    parser.begin({.location = source.uri});
    while (file.read(block.data(), static_cast<std::streamsize>(block.size())), file.gcount() > 0) {
        const std::string_view bytes(block.data(), static_cast<std::size_t>(file.gcount()));
        SLUICE_CHECK(gzip ? gzip->feed(bytes, take) : take(bytes));
    }
    if (file.bad() || !file.eof())
        return source_error(source.uri, "the file cannot be read.", "Download_UnknownError");
    if (gzip)
        SLUICE_CHECK(gzip->finish());
    for (bool more = true; more;) {
        SLUICE_TRY(more, parser.more(rows));
        SLUICE_CHECK(load.add(std::exchange(rows, data::Rows(schema))));
    }
    SLUICE_CHECK(parser.finish(rows));
    return load.add(std::move(rows));
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

/// Each member is a source of its own, in its own format unless the command or the archive's name tells one.
Result<> load_archive(const Source& source, const TableTarget& target, const IngestionProperties& given,
                      DirectLoad& load) {
    const Descriptor file(source.path);
    if (file.value() < 0)
        return source_error(source.uri, "the file cannot be read.", "Download_UnknownError");
    SLUICE_TRY(auto archive, data::ArchiveReader::open(file.value(), {.name = source.path.filename().string(),
                                                                      .location = source.uri,
                                                                      .pattern = given.zip_pattern,
                                                                      .plain_gz = given.gz_as_uncompressed}));
    std::map<data::Format, std::unique_ptr<data::Parser>> parsers;
    const auto& schema = target.table->schema();
    data::Rows rows(schema);
    const auto hand_on = [&] { return load.add(std::exchange(rows, data::Rows(schema))); };
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
    return {};
}

Result<> load_source(const Source& source, const TableTarget& target, IngestionProperties properties,
                     DirectLoad& load) {
    const std::string name = source.path.filename().string();
    if (data::name_says_zip(name))
        return load_archive(source, target, properties, load);
    if (!properties.format)
        properties.format = data::format_of_file_name(name);
    SLUICE_CHECK(check_packing(source, properties));
    SLUICE_TRY(auto parser, parser_for(target, properties));
    return load_file(source, *parser, properties, target.table->schema(), load);
}

} // namespace

/// All files together are one ingestion: one extent, or nothing when one of them fails.
Result<CommandResult> ingest_files(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto target, context.table(arguments.get("table")));
    SLUICE_TRY(const auto properties, read_ingest_properties(arguments.get("with")));
    SLUICE_TRY(auto* writer, context.writer(*target.database));
    std::vector<std::string> uris = arguments.get("uris").items;
    if (arguments.has("uri"))
        uris.push_back(arguments.text("uri"));
    const auto load_all = [&]() -> Result<CommandResult> {
        CommandResult result("ExtentId:guid, ItemLoaded:string, Duration:timespan, HasErrors:bool, OperationId:guid");
        if (was_ingested(*writer, *target.table, properties.ingest_if_not_exists))
            return std::move(result.add({data::Guid{}, Null{}, TimeSpan{0}, false, context.operation()}));
        SLUICE_CHECK(check_creation_time(context, target, properties));
        std::vector<Source> sources;
        for (const auto& uri : uris) {
            SLUICE_TRY(auto source, resolve(context, uri));
            sources.push_back(std::move(source));
        }
        DirectLoad load(*writer, target.table);
        std::vector<Ticks> took;
        for (const Source& source : sources) {
            const Ticks begun = context.databases().clock().now();
            SLUICE_CHECK(load_source(source, target, properties, load));
            took.push_back(context.databases().clock().now() - begun);
        }
        SLUICE_TRY(const auto parts, load.commit(options_of(properties)));
        const data::Guid extent = parts.empty() ? data::Guid{} : parts.front().extent;
        for (std::size_t i = 0; i < sources.size(); ++i)
            result.add({extent, sources[i].uri, TimeSpan{took[i]}, false, context.operation()});
        return result;
    };
    auto result = load_all();
    if (!result)
        return recorded(context, target, "DataIngestPull", std::move(result).error());
    return result;
}

} // namespace sluice::engine
