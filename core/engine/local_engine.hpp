#pragma once

#include "core/base/clock.hpp"
#include "core/engine/engine.hpp"
#include "core/engine/role.hpp"
#include "core/ingest/databases.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::engine {

class QueuedIngestion;

/// What the engine shows or obeys and cannot know by itself. All callbacks are called from any thread.
struct EngineOptions {
    std::string version = "0.1.0"; ///< of the program, `.show version`
    Ticks build_time = 0;          ///< 0: unknown
    Ticks started = 0;             ///< start of this process, `.show cluster`
    std::string address = {};      ///< the server's own URL, `.show cluster`
    std::string service_id = {};   ///< `Id` of ServiceOffering; empty: left out
    /// Reasons why somebody should look, one sentence each, for `.show diagnostics`: connections that fail, a full row
    /// store.
    std::function<std::vector<std::string>()> attention = {};
    /// Whether a principal holds a role; none: authentication is off and every caller holds every role.
    std::function<bool(std::string_view principal, Role role)> holds = {};
    /// Queued ingestion over HTTP, which must outlive the engine; null: not served.
    QueuedIngestion* queued = nullptr;
    /// Whether the configuration names the database, itself or through a connection: such a one is not dropped.
    std::function<bool(std::string_view database)> is_configured = {};
    /// Files below this folder may be read by `.ingest into`; empty: none.
    std::filesystem::path file_root = {};
    /// Time between two passes over the extents (engine 5.4); 0: none by itself.
    std::chrono::milliseconds maintenance_interval{0};
    /// Time a request gets when it asks for none, and the most it can ask for (engine 0.2).
    std::chrono::milliseconds query_timeout = std::chrono::minutes(4);
    std::chrono::milliseconds command_timeout = std::chrono::minutes(10);
    std::chrono::milliseconds longest_timeout = std::chrono::hours(1);
    /// Where results are cut unless the request lifts it (engine 0.2).
    std::uint64_t truncation_records = 500'000;
    Bytes truncation_bytes = 64_MiB;
};

/// The engine over the open databases, which must outlive it and every answer of it.
std::unique_ptr<Engine> make_engine(ingest::Databases& databases, EngineOptions options = {});

/// Runs the commands of a `setup` file: one after the other, all of them, each atomic for itself. Commands begin with a
/// '.' at the start of a line; blank lines and lines of comments may stand between them. Every failure is reported with
/// its line; the error holds them all, one a line, as "line 12: ...".
Result<> run_script(Engine& engine, const std::string& database, std::string_view text);

} // namespace sluice::engine
