#pragma once

#include "core/catalog/catalog.hpp"
#include "core/ingest/schema_cache.hpp"
#include "core/ingest/streaming_statistics.hpp"
#include "core/ingest/writer.hpp"

#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace sluice::ingest {

/// The open databases of this process, each with its store and writer, and what they share. Thread-safe after opening.
class Databases {
public:
    struct Options {
        std::filesystem::path data_dir;
        WriterOptions writer = {};
        Bytes store_memory = 256_MiB; ///< all databases together
        unsigned cores = 2;           ///< streaming slots = 6 x this
        bool streaming_enabled = false;
        bool require_mapping = false; ///< JSON and Avro without a mapping name are refused (engine 1.7 S6)
        Bytes max_streaming_request = 4_MiB;
        std::chrono::milliseconds schema_delay{0}; ///< how long streaming requests may see an old schema (engine 1.8)
        unsigned expected_databases = 1;           ///< shares store_memory
        std::vector<store::ScalarFunction> functions = {}; ///< what core/kql needs inside the store
    };
    Databases(Options options, const Clock& clock);
    ~Databases();

    /// Opens or creates `<data_dir>/<name>.duckdb`.
    Result<> open(const std::string& name);

    /// Makes an empty database. Conflict when there is one of that name, whatever the case. A volatile one is gone
    /// after the next start.
    Result<> create(const std::string& name, bool is_volatile);
    /// Empties the database and takes it out of sight; its file goes with the next start, because queries that run now
    /// still read it. NotFound when there is none of that exact name.
    Result<> drop(const std::string& name);
    /// Removes what databases that were dropped or volatile left in the folder; before anything is opened.
    static void remove_dropped(const std::filesystem::path& data_dir);

    const catalog::Catalog& catalog() const { return catalog_; }
    /// Null when there is none of that exact name.
    DatabaseWriter* writer(std::string_view database) const;
    std::vector<std::string> names() const;
    Admission& admission() { return admission_; }
    SchemaCache& schema_cache() { return schema_cache_; }
    StreamingStatistics& streaming_statistics() { return statistics_; }
    const Options& options() const { return options_; }
    const Clock& clock() const { return clock_; }

private:
    struct Opened {
        std::unique_ptr<store::Store> store;
        std::unique_ptr<DatabaseWriter> writer;
    };
    const Options options_;
    const Clock& clock_;
    catalog::Catalog catalog_;
    SchemaCache schema_cache_;
    Admission admission_;
    StreamingStatistics statistics_;
    mutable Mutex mutex_;
    std::map<std::string, Opened, std::less<>> opened_ SLUICE_GUARDED_BY(mutex_);
    /// Dropped ones; a database that is created again under the same name takes its place back.
    std::map<std::string, Opened, std::less<>> retired_ SLUICE_GUARDED_BY(mutex_);
};

} // namespace sluice::ingest
