#pragma once

#include "core/base/result.hpp"
#include "core/catalog/catalog.hpp"
#include "core/data/schema.hpp"
#include "core/store/store.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

/// KQL to DuckDB SQL: text -> tokens -> syntax tree with positions -> bound, typed tree -> SQL. Pure: no file, no
/// clock, no store.
namespace sluice::kql {

/// How to draw a result (rest-api 5.1); property names as the wire shows them. Empty: no render operator.
using Visualization = std::map<std::string, std::string>;

/// One tabular result of a query.
struct ResultPlan {
    std::string name = "PrimaryResult"; ///< `| as Name`
    std::string sql;
    std::vector<store::Parameter> parameters; ///< for the `?` of the SQL, in order
    data::Schema schema;
    bool sorted = false;
};

/// The tables that a query reads, with functions, lets and wildcards resolved: the footprint of an update policy
/// (engine 2.2).
struct Reads {
    std::set<std::string> tables;       ///< of the catalogue; of other databases as "Database.Table"
    std::set<std::string> extra_tables; ///< of CompileOptions
    bool cluster = false;               ///< cluster(...) was named
};

struct QueryPlan {
    std::vector<ResultPlan> results; ///< one per tabular statement, at least one
    Visualization visualization;
    /// `set name = value` of the text, names in lower case, values as JSON text ("true" where none was given). They
    /// mean the same as request properties of these names and win over them.
    std::map<std::string, std::string> options;
    /// Where the statements have to run: the database whose tables they read. Empty: anywhere.
    std::string database;
    Reads reads;
};

/// A table that a query may name besides the catalogue's: the result of a command (`.show tables | where ...`), the new
/// rows of an update policy. `sql` is a SELECT whose columns are named and typed as in `schema`.
struct ExtraTable {
    std::string name, sql;
    data::Schema schema;
    /// The SELECT also gives "$time" and "$part" behind its columns, as stored tables do, and its rows have no order.
    bool has_row_facts = false;
};

/// Runs a SELECT of one text column and gives its values. A few operators need it while they are compiled, because the
/// columns that they make depend on the data (bag_unpack, pivot); without it they make none.
using Probe = std::function<Result<std::vector<std::string>>(const std::string& sql)>;
/// Probe that reads from the store, which has to outlive it.
Probe probe_of(store::Store& store, std::chrono::milliseconds timeout);

struct CompileOptions {
    catalog::Snapshot database;                 ///< what unqualified names mean
    const catalog::Catalog* catalog = nullptr;  ///< for database("X")
    Ticks now = 0;                              ///< now() of the whole query
    std::string principal = "aadapp=anonymous"; ///< current_principal()
    std::map<std::string, std::string>
        parameters; ///< values of `declare query_parameters`, each the JSON text the client sent
    std::vector<ExtraTable> extra_tables;
    Probe probe = {};
    /// Off: no folding of constants and no cheaper forms of conditions. The rows are the same; for tests.
    bool rewrites = true;
};

/// An error of a text: code and message as the reference forms them, with 1-based line and column of the place, for
/// example "Semantic error: SEM0100: 'where' operator: Failed to resolve column or scalar expression named 'x'"
/// (rest-api 8.2). `reason` is "General_BadRequest"; the message contains "SYN...." / "Syntax error" only for errors of
/// syntax.
Result<QueryPlan> compile(std::string_view text, const CompileOptions& options);

/// One thing that is wrong with a text, for editors: where it begins, in bytes from 0 and as 1-based line and column.
struct Diagnostic {
    std::string code, message;
    std::size_t offset, line, column;
};
/// Everything found wrong, in the order of the text; empty when compile() would succeed. The parser goes on behind an
/// error, so several are found at once; what names and types mean is only looked at when the syntax is right.
std::vector<Diagnostic> diagnose(std::string_view text, const CompileOptions& options);

/// The words that queries are made of, for editors; each list is sorted. Only what this engine can run.
struct Vocabulary {
    std::vector<std::string> functions, aggregates;
    std::vector<std::string> operators; ///< behind '|'
    std::vector<std::string> string_operators;
    std::vector<std::string> plugins; ///< behind evaluate
};
const Vocabulary& vocabulary();

/// The text begins with '.' after white space and comments.
bool is_command(std::string_view text);

} // namespace sluice::kql
