#include "core/config/sections.hpp"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>

namespace sluice::config {
namespace {

constexpr std::size_t kLongestName = 1024;

/// The rule for entity names (engine 6.6); a name is also the name of a file here.
bool is_database_name(const std::string& name) {
    const auto allowed = [](unsigned char c) {
        return std::isalnum(c) || c >= 0x80 || c == '_' || c == ' ' || c == '.' || c == '-';
    };
    return !name.empty() && name.size() <= kLongestName && std::all_of(name.begin(), name.end(), allowed) &&
           !name.starts_with("__") && !name.ends_with("__") && name.find_first_not_of('.') != std::string::npos;
}

void read_publish(Reader& database, Database& out, const std::string& folder, const Reader::Names& names,
                  Problems& problems) {
    const auto* table = database.nested("publish");
    if (!table)
        return;
    Reader reader(*table, {.subject = names.subject, .path = "publish"}, problems);
    auto& publish = out.publish.emplace();
    reader.require("folder");
    reader.path("folder", publish.folder, folder);
    reader.require("url");
    reader.text("url", publish.url);
    reader.duration("interval", publish.interval, {.least = 100ms});
    reader.duration("retain", publish.retain, {.least = 1s});
    reader.finish();
}

void read_follow(Reader& database, Database& out, const std::string& folder, const Reader::Names& names,
                 Problems& problems) {
    const auto* table = database.nested("follow");
    if (!table)
        return;
    Reader reader(*table, {.subject = names.subject, .path = "follow"}, problems);
    auto& follow = out.follow.emplace();
    reader.require("folder");
    reader.path("folder", follow.folder, folder);
    reader.text("token", follow.token);
    reader.duration("poll", follow.poll, {.least = 100ms});
    reader.finish();
    constexpr std::string_view kWhy = "does not go with follow; a follower takes everything from its leader";
    database.reject("setup", kWhy);
    database.reject("publish", kWhy);
}

} // namespace

void read_databases(Reader& top, Settings& settings, Problems& problems) {
    for (const auto* table : top.tables("database")) {
        Database database;
        if (const auto* name = table->find("name"); name && name->kind == Raw::Kind::Text)
            database.name = name->text;
        const Reader::Names names{.subject = database.name.empty() ? "database"
                                                                   : fmt::format("database \"{}\"", database.name)};
        Reader reader(*table, names, problems);
        if (reader.require("name"))
            reader.text("name", database.name);
        if (const auto* name = reader.find("name"); name && !is_database_name(database.name))
            reader.wrong("name", *name,
                         "names have letters, digits, _, -, . and blanks, and do not begin or end with __");
        const bool twice =
            std::any_of(settings.databases.begin(), settings.databases.end(), [&](const Database& other) {
                return strcasecmp(other.name.c_str(), database.name.c_str()) == 0;
            });
        if (twice && !database.name.empty())
            reader.wrong("name", *reader.find("name"),
                         "another database has that name; names are unique, whatever their case");
        reader.path("setup", database.setup, settings.folder);
        read_publish(reader, database, settings.folder, names, problems);
        read_follow(reader, database, settings.folder, names, problems);
        reader.finish();
        settings.databases.push_back(std::move(database));
    }
}

} // namespace sluice::config
