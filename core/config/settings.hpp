#pragma once

#include "core/base/bytes.hpp"
#include "core/base/clock.hpp"
#include "core/config/raw.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// Every key of the configuration with its default (configuration 2 and 3). Plain values: the app translates them.
/// Paths are absolute or relative to the working directory once loaded; choices are spelled as in the documentation.
namespace sluice::config {

using Milliseconds = std::chrono::milliseconds;
using namespace std::chrono_literals;

struct Listen {
    std::string host = "127.0.0.1"; ///< without the brackets of IPv6
    std::uint16_t port = 8080;
    bool operator==(const Listen&) const = default;
};

struct Server {
    std::vector<Listen> listen{Listen{}};
    std::string data_dir = "./data";
    bool insecure = false;
    std::string base_path = {}; ///< empty, or begins with a slash and does not end with one
    std::string public_url = {};
    std::vector<std::string> cors_origins = {};
    Milliseconds idle_timeout = 120s;
    Milliseconds header_timeout = 10s;
    Bytes max_header_bytes = 64_KiB;
    std::uint32_t max_connections = 1024;
    Bytes max_command_bytes = 10_MiB;
    Milliseconds shutdown_grace = 30s;
    std::optional<std::string> file_root = {};
    bool operator==(const Server&) const = default;
};

struct Tls {
    std::string cert_file = {}, key_file = {}; ///< both or neither
    bool operator==(const Tls&) const = default;
};

struct AuthToken {
    std::string name;
    std::string hash; ///< "sha256:" and 64 lower-case hexadecimal digits
    std::vector<std::string> roles = {};
    bool operator==(const AuthToken&) const = default;
};

/// The `AzureAD` object of rest-api 2.1.
struct AuthMetadata {
    std::string login_endpoint = "https://login.microsoftonline.com";
    bool login_mfa_required = false;
    std::string kusto_client_app_id = "db662dc1-0cfe-4e1c-a843-19a68e65be58";
    std::string kusto_client_redirect_uri = "http://localhost";
    std::string kusto_service_resource_id = "https://kusto.kusto.windows.net";
    std::string first_party_authority_url = "https://login.microsoftonline.com/f8cdef31-a31e-4b4a-93e4-5f571e91255a";
    bool operator==(const AuthMetadata&) const = default;
};

struct Auth {
    std::vector<AuthToken> tokens = {}; ///< none: authentication is off
    AuthMetadata metadata = {};
    bool operator==(const Auth&) const = default;
};

struct Log {
    std::string level = "info";
    std::string format = "text";
    bool operator==(const Log&) const = default;
};

struct Metrics {
    std::uint32_t max_series = 10'000;
    bool operator==(const Metrics&) const = default;
};

struct Store {
    std::string durability = "sync";
    Milliseconds sync_interval = 200ms;
    Bytes checkpoint_bytes = 256_MiB;
    Bytes reserve_bytes = 64_MiB;
    std::string on_damage = "stop";
    bool operator==(const Store&) const = default;
};

struct Memory {
    Bytes budget = 512_MiB;
    Bytes store_bytes = 256_MiB;     ///< unless set: half of the budget
    Bytes in_flight_bytes = 128_MiB; ///< unless set: a quarter of the budget
    bool operator==(const Memory&) const = default;
};

struct Rowstore {
    Bytes max_bytes = 0; ///< unless set: a tenth of the volume of data_dir; load() fills it in
    std::uint64_t seal_rows = 1'048'576;
    Bytes seal_bytes = 64_MiB;
    Milliseconds seal_after = 5min;
    bool operator==(const Rowstore&) const = default;
};

struct Streaming {
    bool enabled = false;
    std::uint32_t cores = 0; ///< unless set: the CPUs of the process; load() fills it in
    Bytes max_request_bytes = 4_MiB;
    Bytes max_body_bytes = 10_MiB;
    bool require_mapping = false;
    Milliseconds schema_cache_ttl = 5min;
    bool emulate_cache_delay = false;
    Rowstore rowstore = {};
    bool operator==(const Streaming&) const = default;
};

struct Queued {
    bool http = true;
    Bytes max_staging_bytes = 4_GiB;
    Bytes piece_bytes = 4_MiB;
    Milliseconds retry_for = 48h;
    Milliseconds blob_ttl = 168h;
    bool operator==(const Queued&) const = default;
};

struct DeadLetters {
    Bytes max_body_bytes = 16_MiB;
    Milliseconds retain = 336h;
    Bytes max_bytes = 1_GiB;
    std::string when_full = "pause";
    bool operator==(const DeadLetters&) const = default;
};

struct Query {
    Milliseconds timeout = 4min;
    Milliseconds command_timeout = 10min;
    std::uint64_t max_rows = 500'000;
    Bytes max_result_bytes = 64_MiB;
    std::uint32_t max_concurrent = 0; ///< unless set: ten for each CPU; load() fills it in
    Bytes memory_bytes = 128_MiB;     ///< unless set: half of memory.store_bytes
    bool operator==(const Query&) const = default;
};

struct UpdatePolicy {
    bool strict_cycles = false;
    std::uint32_t max_depth = 32;
    bool operator==(const UpdatePolicy&) const = default;
};

struct Extents {
    Milliseconds merge_interval = 5min;
    bool operator==(const Extents&) const = default;
};

struct Target {
    std::string kind = "embedded";
    std::string cluster_url = {}, ingest_url = {};
    std::string tenant_id = {}, client_id = {};
    std::string client_secret = {}; ///< secret
    std::string dedup = "none";
    bool operator==(const Target&) const = default;
};

struct Plugins {
    std::vector<std::string> path{"plugins"};
    bool operator==(const Plugins&) const = default;
};

struct Publish {
    std::string folder, url;
    Milliseconds interval = 5s;
    Milliseconds retain = 1h;
    bool operator==(const Publish&) const = default;
};

struct Follow {
    std::string folder;
    std::string token = {}; ///< secret
    Milliseconds poll = 5s;
    bool operator==(const Follow&) const = default;
};

struct Database {
    std::string name;
    std::string setup = {}; ///< file with management commands; empty: none
    std::optional<Publish> publish = {};
    std::optional<Follow> follow = {};
    bool operator==(const Database&) const = default;
};

/// `[connection.properties]`, in the names of the Azure resource (data-connections 1.2).
struct Properties {
    std::string consumer_group = "$Default";
    std::string table_name = {}, mapping_rule_name = {};
    std::string data_format = {}; ///< lower case; empty: by the event, the file name, then csv
    std::vector<std::string> event_system_properties = {};
    std::string compression = "None";
    std::string database_routing = "Single";
    std::optional<Ticks> retrieval_start_date = {};
    std::string blob_storage_event_type = "Microsoft.Storage.BlobCreated";
    bool ignore_first_record = false;
    bool operator==(const Properties&) const = default;
};

/// `[[connection]]` (configuration 3.1).
struct Connection {
    std::string name;
    std::string kind; ///< "EventHub", "IotHub", "EventGrid"
    std::string database;
    bool enabled = true;
    Bytes max_in_flight_bytes = 64_MiB;
    std::optional<Bytes> max_event_bytes = {}; ///< filled in by kind; nothing: unlimited
    Milliseconds micro_batch_time = 10ms;
    Bytes micro_batch_bytes = 1_MiB;
    std::uint32_t micro_batch_events = 1000;
    bool strict = false;
    std::optional<Milliseconds> dedup_by_message_id = {};
    std::string topic_template = {}, auth_method = {};
    std::uint32_t max_parallel_files = 4;
    std::string on_success = "keep", on_failure = "keep";
    std::string done_dir = {}, failed_dir = {};
    std::string storage_sas = {}; ///< secret
    Properties properties = {};

    std::string plugin;
    std::string isolation = "none";
    Raw source = {}; ///< what is left of the `source` table: the plugin's own options, checked by the host
    Place at = {};   ///< where the connection begins in the file
};

struct Settings {
    std::string file = {};   ///< as named on the command line
    std::string folder = {}; ///< of the file; what relative paths are relative to
    Server server = {};
    Tls tls = {};
    Auth auth = {};
    Log log = {};
    Metrics metrics = {};
    Store store = {};
    Memory memory = {};
    Streaming streaming = {};
    Queued queued = {};
    DeadLetters dead_letters = {};
    Query query = {};
    UpdatePolicy update_policy = {};
    Extents extents = {};
    Target target = {};
    Plugins plugins = {};
    std::vector<Database> databases = {};
    std::vector<Connection> connections = {};
    std::vector<Problem> notes = {}; ///< accepted, but worth a word, such as a property without effect
};

} // namespace sluice::config
