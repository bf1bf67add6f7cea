#include "core/ingest/databases.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace sluice::ingest {

Databases::Databases(Options options, const Clock& clock)
    : options_(std::move(options)), clock_(clock), schema_cache_(catalog_, clock_, options_.schema_delay),
      admission_(options_.cores) {}

Databases::~Databases() = default;

Result<> Databases::open(const std::string& name) {
    SLUICE_CHECK(catalog::check_entity_name(name));
    std::error_code failed;
    std::filesystem::create_directories(options_.data_dir, failed);
    if (failed)
        return Error{ErrorCode::Io,
                     fmt::format("cannot create the data folder {}: {}; set server.data_dir to a folder that can be "
                                 "written",
                                 options_.data_dir.string(), failed.message())};
    store::StoreOptions store_options;
    store_options.file = options_.data_dir / (name + ".duckdb");
    store_options.database = name;
    // DuckDB's limit covers its buffers only; a quarter is left for what it allocates beside them.
    store_options.memory_limit = options_.store_memory / std::max(1u, options_.expected_databases) * 3 / 4;
    store_options.threads = std::max(1u, options_.cores);
    store_options.functions = options_.functions;
    SLUICE_TRY(auto store, store::Store::open(std::move(store_options)));
    WriterOptions writer_options = options_.writer;
    writer_options.max_streaming_request = options_.max_streaming_request;
    SLUICE_TRY(auto writer, DatabaseWriter::start(*store, catalog_, clock_, name, writer_options));
    Lock lock(mutex_);
    opened_[name] = Opened{std::move(store), std::move(writer)};
    return {};
}

namespace {

/// Beside the file of a database that is to be removed at the next start.
constexpr const char* kMarker = ".dropped";

std::filesystem::path marker_of(const std::filesystem::path& data_dir, const std::string& name) {
    return data_dir / (name + ".duckdb" + kMarker);
}

Result<> put_marker(const std::filesystem::path& path) {
    std::ofstream file(path);
    file.flush();
    if (!file)
        return Error{ErrorCode::Io, fmt::format("cannot write {}; the data folder has to be writable", path.string())};
    return {};
}

/// Nothing but the database itself, under a new id.
Result<catalog::Database> emptied(const catalog::Database& before) {
    catalog::Database after;
    after.name = before.name;
    after.guid = data::random_guid();
    after.next_table = before.next_table;
    after.next_column = before.next_column;
    after.version = before.version;
    return after;
}

} // namespace

Result<> Databases::create(const std::string& name, bool is_volatile) {
    if (catalog_.find(name))
        return Error{ErrorCode::Conflict, fmt::format("Entity '{}' of kind 'Database' already exists.", name),
                     "General_BadRequest"};
    bool retired = false;
    {
        Lock lock(mutex_);
        if (auto node = retired_.extract(name)) {
            retired = true;
            opened_.insert(std::move(node));
        }
    }
    if (retired)
        // It was emptied when it was dropped; a change without an effect makes it visible again.
        SLUICE_CHECK(writer(name)->change_catalogue(emptied));
    else
        SLUICE_CHECK(open(name));
    std::error_code ignored;
    if (is_volatile)
        return put_marker(marker_of(options_.data_dir, name));
    std::filesystem::remove(marker_of(options_.data_dir, name), ignored);
    return {};
}

Result<> Databases::drop(const std::string& name) {
    DatabaseWriter* const dropped = writer(name);
    if (!dropped)
        return Error{ErrorCode::NotFound, fmt::format("Entity ID '{}' of kind 'Database' was not found.", name),
                     "BadRequest_DatabaseNotExist"};
    SLUICE_CHECK(put_marker(marker_of(options_.data_dir, name)));
    SLUICE_CHECK(dropped->change_catalogue(emptied));
    catalog_.remove(name);
    Lock lock(mutex_);
    retired_.insert(opened_.extract(name));
    return {};
}

void Databases::remove_dropped(const std::filesystem::path& data_dir) {
    std::error_code ignored;
    std::vector<std::filesystem::path> markers;
    for (const auto& entry : std::filesystem::directory_iterator(data_dir, ignored))
        if (entry.path().extension() == kMarker)
            markers.push_back(entry.path());
    for (const auto& marker : markers) {
        auto file = marker;
        file.replace_extension();
        std::filesystem::remove(file, ignored);
        std::filesystem::remove(file.string() + ".wal", ignored);
        std::filesystem::remove(file.string() + ".mark", ignored);
        // The marker last: a crash in between leaves the rest to the next start.
        std::filesystem::remove(marker, ignored);
    }
}

DatabaseWriter* Databases::writer(std::string_view database) const {
    Lock lock(mutex_);
    auto found = opened_.find(database);
    return found == opened_.end() ? nullptr : found->second.writer.get();
}

std::vector<std::string> Databases::names() const {
    std::vector<std::string> names;
    Lock lock(mutex_);
    for (const auto& [name, opened] : opened_)
        names.push_back(name);
    return names;
}

} // namespace sluice::ingest
