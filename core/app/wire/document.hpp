#pragma once

#include "core/base/clock.hpp"
#include "core/engine/engine.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace sluice::app::wire {

/// A failure in the middle of a document, in both forms that documents need.
struct Failure {
    std::string text;    ///< for people
    std::string one_api; ///< {"error":{...}}
};

/// What a document says about its request besides the results.
struct DocumentContext {
    std::string client_request_id, activity_id;
    kql::Visualization visualization;
    std::size_t tables = 1; ///< result tables that will come
};

/// Writes one answer piece by piece: begin, then for each table begin_table, rows..., end_table, then end. One thread
/// at a time.
class Document {
public:
    virtual ~Document() = default;
    virtual void begin(std::string& out) = 0;
    virtual void begin_table(std::string& out, const engine::ResultTable& table) = 0;
    /// Appends the rows `from`..`to` - 1 of a chunk of the current table.
    virtual void rows(std::string& out, const data::Chunk& chunk, std::size_t from, std::size_t to) = 0;
    /// `failure`: the rows end early; no further table follows.
    virtual void end_table(std::string& out, const Failure* failure) = 0;
    struct End {
        Ticks now = 0;
        std::chrono::nanoseconds duration{};
    };
    virtual void end(std::string& out, const End& end) = 0;
};

/// A bare command: exactly one table (rest-api 6).
std::unique_ptr<Document> make_v1_command(DocumentContext context);
/// A query, or a command with a query behind it: results, properties, status, contents (rest-api 6).
std::unique_ptr<Document> make_v1_query(DocumentContext context);

struct V2Options {
    bool fragmented = false;     ///< results_v2_fragment_primary_tables
    bool newlines = false;       ///< results_v2_newlines_between_frames
    bool defer_failures = false; ///< deferpartialqueryfailures: no failure between the rows
};
/// Both framings of rest-api 5.
std::unique_ptr<Document> make_v2(DocumentContext context, V2Options options);

/// "[{"ColumnName":...}]" as V1 has it, with DataType, or as V2 has it.
void append_columns(std::string& out, const data::Schema& schema, bool with_data_type);
/// The JSON text that describes how to draw a result (rest-api 5.1).
std::string visualization_json(const kql::Visualization& visualization);

} // namespace sluice::app::wire
