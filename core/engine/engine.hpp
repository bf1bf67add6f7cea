#pragma once

#include "core/base/result.hpp"
#include "core/data/chunk.hpp"
#include "core/kql/kql.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::store {
class QueryCancel;
}

/// Answers texts: queries and management commands of one request. Knows the databases, not HTTP.
namespace sluice::engine {

/// Request options that have an effect here (rest-api 3.4).
struct RequestOptions {
    std::optional<std::chrono::milliseconds> server_timeout;
    bool no_truncation = false;
    std::optional<std::uint64_t> truncation_max_records;
    std::optional<std::uint64_t> truncation_max_size;
    std::optional<std::uint64_t> take_max_records;
    bool read_only = false;
    std::map<std::string, std::string> parameters; ///< JSON text of each query parameter
};

struct Request {
    std::string database; ///< as the client sent it; "", "NetDefaultDB" and unknown case are resolved here (engine 0.2)
    std::string text;
    RequestOptions options;
    std::string client_request_id;
    std::string application, user;
    std::string host; ///< `.show version` looks at it
    std::string principal = "aadapp=anonymous";
    /// Ends the request from another thread; null: the engine makes one.
    std::shared_ptr<store::QueryCancel> cancel = {};
};

/// One result table. Either all rows are at hand (commands), or they are pulled from `next` (queries).
struct ResultTable {
    std::string name = "PrimaryResult";
    data::Schema schema;
    /// Columns of type string whose cells without a validity bit are JSON null on the wire instead of "": `Policy` of
    /// `.show ... policy` (engine Appendix A). Empty for queries, which know no null string.
    std::vector<std::size_t> null_texts = {};
    /// The next chunk; nothing at the end.
    std::function<Result<std::optional<data::Chunk>>()> next;
};

/// The answer to one request. Tables must be read in order, before the answer is destroyed.
struct Answer {
    std::vector<ResultTable> tables;
    kql::Visualization visualization;
    bool is_command = false; ///< a bare command: V1 answers with exactly one table (rest-api 6)
};

/// Thread-safe.
class Engine {
public:
    virtual ~Engine() = default;
    virtual Result<Answer> query(const Request& request) = 0;
    /// A text that begins with '.', with or without a query piped behind it.
    virtual Result<Answer> command(const Request& request) = 0;
};

} // namespace sluice::engine
