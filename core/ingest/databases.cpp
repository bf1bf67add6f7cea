#include "core/ingest/databases.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace sluice::ingest {

Databases::Databases(Options options, const Clock& clock)
    : options_(std::move(options)), clock_(clock), admission_(options_.cores) {}

Databases::~Databases() = default;

Result<> Databases::open(const std::string& name) {
    SLUICE_CHECK(catalog::check_entity_name(name));
    std::error_code failed;
    std::filesystem::create_directories(options_.data_dir, failed);
    if (failed)
        return Error{ErrorCode::Io, fmt::format("cannot create the data folder {}: {}; set server.data_dir to a folder that can be "
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
    SLUICE_TRY(auto writer, DatabaseWriter::start(*store, catalog_, clock_, name, options_.writer));
    Lock lock(mutex_);
    opened_[name] = Opened{std::move(store), std::move(writer)};
    return {};
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
