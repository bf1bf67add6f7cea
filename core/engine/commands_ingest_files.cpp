#include "core/engine/command_lexer.hpp"
#include "core/engine/commands.hpp"
#include "core/engine/direct_load.hpp"
#include "core/engine/entity_error.hpp"
#include "core/engine/file_load.hpp"
#include "core/engine/ingestion_steps.hpp"

#include <fmt/format.h>

#include <algorithm>

/// `.ingest into table T ('file:///...')` (commands 2.6): files below `server.file_root`.
namespace sluice::engine {
namespace {

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

Result<> load_source(const Source& source, const TableTarget& target, const IngestionProperties& properties,
                     DirectLoad& load) {
    const FileSource file{source.path, source.path.filename().string(), source.uri};
    SLUICE_CHECK(load_file(file, target, properties, [&](data::Rows rows) { return load.add(std::move(rows)); }));
    return {};
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
