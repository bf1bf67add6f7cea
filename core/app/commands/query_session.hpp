#pragma once

#include "core/app/client.hpp"
#include "core/base/mutex.hpp"

#include <string>
#include <string_view>

namespace sluice::app {

/// Puts questions to one bridge, all in one database until another is chosen. One thread at a time, but for cancel()
/// and abort().
class QuerySession {
public:
    /// An empty database is the bridge's first one.
    QuerySession(ServerAddress server, std::string database);

    const std::string& database() const { return database_; }
    void use(std::string database) { database_ = std::move(database); }

    /// The V1 document that answers a query or a command. Unavailable: the bridge cannot be reached; other errors are
    /// the bridge's own, with the place in `text` that they mean.
    Result<std::string> ask(std::string_view text);

    /// Asks the bridge, on a connection of its own, to end what ask() waits for; its answer then comes soon.
    Result<> cancel();
    /// Gives up what ask() waits for.
    void abort() { client_.abort(); }

private:
    const ServerAddress server_;
    HttpClient client_;
    std::string database_;
    Mutex mutex_;
    std::string running_ SLUICE_GUARDED_BY(mutex_); ///< client request id; empty: nothing runs
};

} // namespace sluice::app
