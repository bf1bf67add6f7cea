#include "core/app/open_databases.hpp"

#include "core/base/log.hpp"
#include "core/data/text.hpp"
#include "core/store/damage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>

namespace sluice::app {
namespace {

class Opening {
public:
    Opening(ingest::Databases& databases, const config::Settings& settings, const Clock& clock)
        : databases_(databases), settings_(settings), clock_(clock) {}

    Result<std::vector<std::string>> all(const std::set<std::string>& names) {
        // First all of them, because a child can be made of a process with one thread only.
        std::map<std::string, Error> damaged;
        for (const std::string& name : names)
            if (auto tried = store::try_in_child(file_of(name), settings_.memory.store_bytes); !tried)
                damaged.emplace(name, std::move(tried).error());
        for (const std::string& name : names) {
            const auto known = damaged.find(name);
            Result<> opened = known == damaged.end() ? open(name) : Result<>(known->second);
            if (!opened && opened.error().reason == store::kStoreDamaged)
                opened = begin_anew(name, opened.error());
            SLUICE_CHECK(std::move(opened));
            SLUICE_CHECK(read_again(name));
        }
        return std::move(attention_);
    }

private:
    std::filesystem::path file_of(const std::string& name) const {
        return databases_.options().data_dir / (name + ".duckdb");
    }

    Result<> open(const std::string& name) {
        store::opening_begins(file_of(name));
        auto opened = databases_.open(name);
        store::opening_ended(file_of(name));
        return opened;
    }

    Result<> begin_anew(const std::string& name, const Error& error) {
        if (settings_.store.on_damage != "rebuild")
            return Error{
                error.code,
                fmt::format(
                    "{}. Restore a copy of the file with its .wal file and remove its .mark file, or set store.on_damage = \"rebuild\": the "
                    "database then starts empty, and what the sources still have is read again",
                    error.message),
                error.reason};
        SLUICE_TRY(const auto aside, store::set_aside(file_of(name), clock_.now()));
        log::error("a damaged database was set aside and begins anew",
                   {{"database", name}, {"set_aside", aside.string()}, {"damage", error.message}});
        return open(name);
    }

    /// By the files that lie there, so that a crash between renaming and noting loses nothing.
    Result<> read_again(const std::string& name) {
        ingest::DatabaseWriter& writer = *databases_.writer(name);
        for (const std::string& damaged : store::damaged_files(file_of(name))) {
            attention_.push_back(
                fmt::format("Database '{}' was damaged and began anew; the old file is '{}'. Remove it when it is not "
                            "needed any more.",
                            name, damaged));
            const std::string key = "damaged." + damaged;
            if (writer.setting(key))
                continue;
            for (const config::Connection& connection : settings_.connections) {
                if (connection.database == name)
                    SLUICE_CHECK(writer.save_setting("connection." + connection.name + ".created", kFromTheBeginning));
                else if (connection.properties.database_routing == "Multi")
                    log::error("events that were routed to a database which began anew are read again only when the "
                               "connection's own "
                               "database begins anew too",
                               {{"connection", connection.name}, {"database", name}});
            }
            SLUICE_CHECK(writer.save_setting(key, data::format_datetime(clock_.now())));
        }
        return {};
    }

    ingest::Databases& databases_;
    const config::Settings& settings_;
    const Clock& clock_;
    std::vector<std::string> attention_;
};

} // namespace

Result<std::vector<std::string>> open_databases(ingest::Databases& databases, const std::set<std::string>& names,
                                                const config::Settings& settings, const Clock& clock) {
    return Opening(databases, settings, clock).all(names);
}

} // namespace sluice::app
