#pragma once

#include "core/kql/constant.hpp"
#include "core/store/scalar_function.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::kql {

/// One overload of a scalar function: everything that the binder has to know. To add a function, add a row to one of
/// the tables in function_table_*.cpp; what SQL cannot say goes into a function of functions_*.cpp that the row's SQL
/// calls.
struct FunctionRow {
    std::string_view name;
    /// Types of arguments, separated by blanks: bool int long real decimal datetime timespan string guid dynamic;
    /// number (int, long, real, decimal; kept as it is), scalar (anything, kept), text (anything, turned into a
    /// string), common (all of one type). A '?' behind a type makes the argument optional, a '*' lets the last one
    /// repeat.
    std::string_view arguments;
    /// A type, or $1 for that of the first argument, widest for that of the widest number, common.
    /// "!" behind it: never null when no argument is.
    std::string_view result;
    /// SQL with $1, $2 ... for the arguments; $* for all, separated by commas; $+ for those from the second on.
    /// An optional argument that is not given reads as the text behind '|' in ${2|default}.
    std::string_view sql;
    /// How an unnamed column of it is called: "" Column1, "1" like its first argument, else a prefix "tree_" + first
    /// argument, or the first argument + a "_suffix".
    std::string_view naming = "";
};

/// Overloads in the order in which they are tried.
std::span<const FunctionRow* const> find_function(std::string_view name);
std::vector<std::string_view> function_names();
/// The language has a function of this name and we do not.
bool is_missing_function(std::string_view name);

/// An aggregate: $1.. are arguments, $o is "ORDER BY ..." of the input's order or nothing, $f the FILTER clause that an
/// ...if form adds.
struct AggregateRow {
    std::string_view name;
    std::string_view arguments;
    std::string_view result;
    std::string_view sql;
    std::string_view prefix; ///< column name: prefix_argument; "-" only the argument
};
std::span<const AggregateRow* const> find_aggregate(std::string_view name);
std::vector<std::string_view> aggregate_names();

/// The functions that translated SQL calls; a store registers them when it opens. Names begin with "kql_".
std::vector<store::ScalarFunction> scalar_functions();

} // namespace sluice::kql
