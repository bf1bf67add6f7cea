#include "core/config/sections.hpp"
#include "core/config/units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace sluice::config {
namespace {

enum Kinds : unsigned { kEventHub = 1, kIotHub = 2, kEventGrid = 4, kAllKinds = 7 };

unsigned kind_bit(const std::string& kind) {
    if (kind == "EventHub")
        return kEventHub;
    if (kind == "IotHub")
        return kIotHub;
    return kind == "EventGrid" ? kEventGrid
                               : kAllKinds; // after a bad kind every key is read, so that its errors show too
}

std::string kinds_text(unsigned kinds) {
    std::string text;
    for (const auto& [bit, name] :
         {std::pair{kEventHub, "EventHub"}, std::pair{kIotHub, "IotHub"}, std::pair{kEventGrid, "EventGrid"}})
        if (kinds & bit)
            text += fmt::format("{}{}", text.empty() ? "" : " and ", name);
    return text;
}

/// Reads one connection; holds what its parts share.
class ConnectionReader {
public:
    ConnectionReader(const Raw& table, Settings& settings, Problems& problems)
        : settings_(settings), problems_(problems), subject_(subject_of(table)),
          reader_(table, {.subject = subject_}, problems) {}

    Connection read() {
        connection_.at = reader_.table().at;
        read_identity();
        read_flow();
        read_files();
        read_properties();
        read_source();
        check_done_dirs();
        reader_.finish();
        return std::move(connection_);
    }

private:
    static std::string subject_of(const Raw& table) {
        const auto* name = table.find("name");
        return name && name->kind == Raw::Kind::Text ? fmt::format("connection \"{}\"", name->text) : "connection";
    }

    /// False, and a problem if the key is given, when the key is not for this kind of connection.
    bool applies(Reader& reader, std::string_view key, unsigned kinds) {
        if (kinds & kind_)
            return true;
        reader.reject(
            key, fmt::format("is for connections of kind {}; this one is {}", kinds_text(kinds), connection_.kind));
        return false;
    }

    void read_identity() {
        constexpr std::size_t kLongestName = 40;
        if (reader_.require("name"))
            reader_.text("name", connection_.name);
        const auto allowed = [](unsigned char c) { return (c < 0x80 && std::isalnum(c)) || c == '.' || c == '-'; };
        const auto& name = connection_.name;
        const auto* given = reader_.find("name");
        if (given && (name.empty() || name.size() > kLongestName || !std::all_of(name.begin(), name.end(), allowed) ||
                      name.find_first_not_of('.') == std::string::npos)) // the name is also a folder's
            reader_.wrong("name", *given, "names have 1 to 40 letters, digits, - and .");
        if (std::any_of(settings_.connections.begin(), settings_.connections.end(),
                        [&](const auto& c) { return c.name == name; }) &&
            !name.empty())
            reader_.wrong("name", *given, "another connection has that name; names are unique in the file");

        if (reader_.require("kind"))
            reader_.exact_choice("kind", connection_.kind, {"EventHub", "IotHub", "EventGrid"});
        kind_ = kind_bit(connection_.kind);
        if (reader_.require("database"))
            reader_.text("database", connection_.database);
        check_database();
        reader_.boolean("enabled", connection_.enabled);
    }

    void check_database() {
        const auto* given = reader_.find("database");
        if (!given || given->kind != Raw::Kind::Text)
            return;
        const auto found = std::find_if(settings_.databases.begin(), settings_.databases.end(),
                                        [&](const Database& d) { return d.name == connection_.database; });
        if (found == settings_.databases.end()) {
            std::vector<std::string> names;
            for (const auto& database : settings_.databases)
                names.push_back(database.name);
            const auto meant = nearest(connection_.database, names);
            reader_.wrong("database", *given,
                          meant.empty() ? fmt::format("no such database is configured; add [[database]] with name = {}",
                                                      shown(*given))
                                        : fmt::format("no such database is configured; did you mean \"{}\"?", meant));
        } else if (found->follow) {
            reader_.wrong("database", *given,
                          "that database follows a leader and takes no data of its own; name another");
        }
    }

    void read_flow() {
        auto& c = connection_;
        reader_.size("max_in_flight_bytes", c.max_in_flight_bytes, {.least = 64_KiB});
        if (kind_ == kEventHub)
            c.max_event_bytes = 1_MiB;
        else if (kind_ == kIotHub)
            c.max_event_bytes = 256_KiB;
        if (applies(reader_, "max_event_bytes", kEventHub | kIotHub)) {
            Bytes limit = c.max_event_bytes.value_or(1_MiB);
            reader_.size("max_event_bytes", limit, {.least = 1, .most = 20_MiB});
            c.max_event_bytes = limit;
        }
        reader_.duration("micro_batch_time", c.micro_batch_time, {.least = 0ms, .most = 1min});
        reader_.size("micro_batch_bytes", c.micro_batch_bytes, {.least = 1_KiB});
        reader_.integer("micro_batch_events", c.micro_batch_events);
        reader_.boolean("strict", c.strict);
        if (applies(reader_, "dedup_by_message_id", kIotHub) && reader_.find("dedup_by_message_id"))
            reader_.duration("dedup_by_message_id", c.dedup_by_message_id.emplace());
        if (applies(reader_, "topic_template", kIotHub))
            reader_.text("topic_template", c.topic_template);
        if (applies(reader_, "auth_method", kIotHub))
            reader_.text("auth_method", c.auth_method);
    }

    void read_files() {
        auto& c = connection_;
        if (applies(reader_, "max_parallel_files", kEventGrid))
            reader_.integer("max_parallel_files", c.max_parallel_files, 1, 256);
        if (applies(reader_, "on_success", kEventGrid))
            reader_.exact_choice("on_success", c.on_success, {"keep", "delete", "move"});
        if (applies(reader_, "on_failure", kEventGrid))
            reader_.exact_choice("on_failure", c.on_failure, {"keep", "move"});
        if (applies(reader_, "done_dir", kEventGrid))
            reader_.path("done_dir", c.done_dir, settings_.folder);
        if (applies(reader_, "failed_dir", kEventGrid))
            reader_.path("failed_dir", c.failed_dir, settings_.folder);
        if (applies(reader_, "storage_sas", kEventGrid))
            reader_.text("storage_sas", c.storage_sas);
    }

    void read_properties() {
        const auto* table = reader_.nested("properties");
        if (!table)
            return;
        Reader reader(*table, {.subject = subject_, .path = "properties"}, problems_);
        auto& p = connection_.properties;
        reader.text("consumerGroup", p.consumer_group);
        reader.text("tableName", p.table_name);
        reader.text("mappingRuleName", p.mapping_rule_name);
        read_format(reader);
        if (applies(reader, "eventSystemProperties", kEventHub | kIotHub))
            reader.texts("eventSystemProperties", p.event_system_properties);
        if (applies(reader, "compression", kEventHub))
            reader.choice("compression", p.compression, {"None", "GZip"});
        reader.choice("databaseRouting", p.database_routing, {"Single", "Multi"});
        if (applies(reader, "retrievalStartDate", kEventHub | kIotHub))
            read_start_date(reader);
        if (applies(reader, "blobStorageEventType", kEventGrid))
            reader.exact_choice("blobStorageEventType", p.blob_storage_event_type,
                                {"Microsoft.Storage.BlobCreated", "Microsoft.Storage.BlobRenamed"});
        if (applies(reader, "ignoreFirstRecord", kEventGrid))
            reader.boolean("ignoreFirstRecord", p.ignore_first_record);
        read_without_effect(reader);
        reader.finish();
    }

    void read_format(Reader& reader) {
        static const std::vector<std::string> kFormats{
            "csv",       "tsv",        "scsv", "sohsv",      "psv",     "tsve", "txt",        "raw",     "json",
            "multijson", "singlejson", "avro", "apacheavro", "parquet", "orc",  "w3clogfile", "sstream", "azmonstream"};
        auto& format = connection_.properties.data_format;
        const auto* given = reader.find("dataFormat");
        if (given && given->kind == Raw::Kind::Text) {
            std::vector<std::string> for_kind = kFormats;
            reader.choice("dataFormat", format, for_kind);
            if (format == "raw")
                applies_value(reader, *given, kEventGrid);
            else if (format == "azmonstream")
                applies_value(reader, *given, kEventHub);
        } else {
            reader.text("dataFormat", format);
        }
    }

    void applies_value(Reader& reader, const Raw& format, unsigned kinds) {
        if (!(kinds & kind_))
            reader.wrong("dataFormat", format,
                         fmt::format("that format is for connections of kind {} only", kinds_text(kinds)));
    }

    void read_start_date(Reader& reader) {
        std::string text;
        reader.text("retrievalStartDate", text);
        if (text.empty())
            return;
        if (const auto time = parse_time(text))
            connection_.properties.retrieval_start_date = *time;
        else
            reader.wrong("retrievalStartDate", *reader.find("retrievalStartDate"), time.error().message);
    }

    /// Resource ids are kept for round trips of templates; provisioningState is an answer of Azure's
    /// (data-connections 1.2).
    void read_without_effect(Reader& reader) {
        std::string ignored;
        for (const auto* key :
             {"eventHubResourceId", "iotHubResourceId", "storageAccountResourceId", "eventGridResourceId",
              "sharedAccessPolicyName", "managedIdentityResourceId", "managedIdentityObjectId"})
            reader.text(key, ignored);
        if (const auto* state = reader.find("provisioningState"))
            settings_.notes.push_back(
                {state->key_at,
                 fmt::format("{}: properties.provisioningState is Azure's to say and is ignored", subject_)});
    }

    void read_source() {
        if (!reader_.require("source"))
            return;
        const auto* table = reader_.nested("source");
        if (!table)
            return;
        Reader reader(*table, {.subject = subject_, .path = "source"}, problems_);
        if (reader.require("plugin"))
            reader.text("plugin", connection_.plugin);
        const auto& plugin = connection_.plugin;
        const auto* given = reader.find("plugin");
        if (given && given->kind == Raw::Kind::Text &&
            (plugin.empty() || plugin.front() < 'a' || plugin.front() > 'z' ||
             plugin.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") != std::string::npos))
            reader.wrong("plugin", *given, "ids of plugins have lower-case letters, digits and _, such as \"kafka\"");
        reader.exact_choice("isolation", connection_.isolation, {"none", "process"});
        connection_.source = *table; // its other keys are the plugin's: the host checks them
        std::erase_if(connection_.source.items,
                      [](const Raw& item) { return item.key == "plugin" || item.key == "isolation"; });
    }

    void check_done_dirs() {
        check_destination("on_success", connection_.on_success, "done_dir", connection_.done_dir);
        check_destination("on_failure", connection_.on_failure, "failed_dir", connection_.failed_dir);
    }

    void check_destination(std::string_view action_key, const std::string& action, std::string_view dir_key,
                           const std::string& dir) {
        if (action == "move" && !reader_.find(dir_key))
            reader_.problem(reader_.find(action_key)->at,
                            fmt::format("{} is \"move\"; name the folder to move to with {}", action_key, dir_key));
        const auto* given = reader_.find(dir_key);
        const auto* root = connection_.source.find("root");
        if (!given || dir.empty())
            return;
        if (action != "move")
            reader_.problem(given->key_at,
                            fmt::format("{} has no effect while {} is \"{}\"; write {} = \"move\" or leave it out",
                                        dir_key, action_key, action, action_key));
        if (!root || root->kind != Raw::Kind::Text)
            return;
        const auto watched = (std::filesystem::path(settings_.folder) / root->text / "").lexically_normal();
        const auto below = std::filesystem::path(dir).lexically_relative(watched);
        // A destination inside the watched folder would be found as new files, for ever; hidden folders are not
        // watched.
        if (!below.empty() && *below.begin() != ".." && !below.begin()->string().starts_with("."))
            reader_.wrong(dir_key, *given,
                          fmt::format("below source.root its first folder must begin with a dot, such as \"{}\"",
                                      (std::filesystem::path(root->text) / ".done").string()));
        else if (below == ".")
            reader_.wrong(dir_key, *given, "it is source.root itself; files would be found again");
    }

    Settings& settings_;
    Problems& problems_;
    const std::string subject_;
    Reader reader_;
    Connection connection_;
    unsigned kind_ = kAllKinds;
};

} // namespace

void read_connections(Reader& top, Settings& settings, Problems& problems) {
    for (const auto* table : top.tables("connection"))
        settings.connections.push_back(ConnectionReader(*table, settings, problems).read());
}

} // namespace sluice::config
