#pragma once

#include "core/kql/constant.hpp"
#include "core/kql/diagnostic.hpp"

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// The syntax tree: what was written and where, nothing of what it means.
namespace sluice::kql::ast {

struct Expr;
struct Pipeline;
using ExprPtr = std::unique_ptr<Expr>;
using PipelinePtr = std::unique_ptr<Pipeline>;

enum class ExprKind {
    Literal,  ///< value
    Name,     ///< text
    Wildcard, ///< text, with '*' somewhere: project-away a*, union T*
    Unary,    ///< text is the operator; args[0]
    Binary,   ///< text is the operator, "!has" and "matches regex" included; args[0], args[1]
    In,       ///< text is "in", "!in~", "has_any" ...; args[0] is looked for in args[1..]
    Between,  ///< text is "between" or "!between"; args[0], low args[1], high args[2]
    Call,     ///< text is the function; args. Of a path (a.f(x)) the text is ".f" and args[0] is a
    Member,   ///< args[0].text; of a database the text may hold '*'
    Index,    ///< args[0][args[1]]
    Named,    ///< text = args[0], in argument lists
    Tabular,  ///< pipeline: (T | where ...) where a value or table is expected
    TypeOf,   ///< typeof(text)
    Group,    ///< entity_group [args]
};

struct Expr {
    ExprKind kind;
    Offset at = 0;
    std::string text = {};
    std::vector<ExprPtr> args = {};
    Constant value = {};
    PipelinePtr pipeline = {};

    ~Expr();
};

/// `name = value`, `(a, b) = value` or just `value`.
struct NamedExpr {
    std::vector<std::string> names;
    ExprPtr value;
    Offset at = 0;
};

struct ColumnDeclaration {
    std::string name;
    std::string type; ///< as written; checked by the binder
    Offset at = 0;
};

/// `kind=inner`, `hint.strategy=shuffle`, `with_source=Name`.
struct Property {
    std::string name;
    std::string value; ///< text of a name or literal
    Offset at = 0;
    ExprPtr expr = {};
};

struct SortKey {
    ExprPtr value;
    bool descending = true;
    std::optional<bool> nulls_first = {};
};

struct Where {
    ExprPtr condition;
};
/// project, extend, print, distinct, serialize, project-away, project-keep, project-rename, project-reorder
struct ColumnList {
    std::vector<NamedExpr> columns;
    std::vector<SortKey> order = {}; ///< project-reorder: direction of each column, granny-asc included
};
struct Summarize {
    std::vector<NamedExpr> aggregates, by;
};
struct Sort {
    std::vector<SortKey> keys;
};
struct Top {
    ExprPtr count;
    SortKey key;
};
/// take, limit, sample, and the count of sample-distinct and top-hitters.
struct Take {
    ExprPtr count;
    ExprPtr of = {};
    ExprPtr by = {};
};
struct Join { ///< also lookup
    ExprPtr right;
    std::vector<ExprPtr> on;
};
struct Union {
    std::vector<ExprPtr> tables;
};
struct MvItem {
    std::string name;
    ExprPtr value;
    std::string type; ///< of `to typeof(...)`; empty: none
    Offset at = 0;
};
struct MvExpand {
    std::vector<MvItem> items;
    ExprPtr limit = {};
    PipelinePtr subquery = {}; ///< mv-apply
};
struct ParsePiece {
    enum class Kind { Text, Star, Column } kind;
    std::string text; ///< literal text, or the name of the column
    std::string type = {};
    Offset at = 0;
};
struct Parse { ///< also parse-where
    ExprPtr value;
    std::vector<ParsePiece> pieces;
};
struct ParseKv {
    ExprPtr value;
    std::vector<ColumnDeclaration> keys;
};
struct MakeSeriesItem {
    NamedExpr aggregate;
    ExprPtr fallback; ///< default=
};
struct MakeSeries {
    std::vector<MakeSeriesItem> items;
    ExprPtr axis, from, to, step;
    std::vector<NamedExpr> by;
};
struct Range {
    std::string name;
    ExprPtr from, to, step;
};
struct Datatable {
    std::vector<ColumnDeclaration> columns;
    std::vector<ExprPtr> values;
};
struct Render {
    std::string chart;
};
struct Evaluate {
    ExprPtr call; ///< also invoke
    std::vector<ColumnDeclaration> schema = {};
    bool schema_open = false; ///< schema begins with '*'
};
struct As {
    std::string name;
};
struct Nothing {}; ///< count, consume, getschema
struct TopNestedLevel {
    ExprPtr count, of, others, by;
    std::string name, by_name;
    bool descending = true;
};
struct TopNested {
    std::vector<TopNestedLevel> levels;
};
struct ScanStep {
    std::string name;
    ExprPtr condition;
    std::vector<NamedExpr> assignments;
    bool optional = false;
    std::string output = {};
};
struct Scan {
    std::vector<SortKey> order;
    std::vector<NamedExpr> partition;
    std::vector<ColumnDeclaration> declared;
    std::vector<ExprPtr> defaults;
    std::vector<ScanStep> steps;
};
struct Partition {
    ExprPtr by;
    PipelinePtr body;
};
struct Search { ///< also find
    ExprPtr predicate;
    std::vector<ExprPtr> tables;
    std::vector<NamedExpr> project;
};
struct Fork {
    std::vector<std::pair<std::string, PipelinePtr>> branches;
};
struct Facet {
    std::vector<ExprPtr> columns;
    PipelinePtr with; ///< may be missing
};
struct Reduce {
    ExprPtr by, threshold, characters; ///< the last two may be missing
    bool of_source = false;            ///< kind=source: the rows stay, with their pattern
};
struct GraphNodes {
    ExprPtr table, id;
};
struct MakeGraph {
    ExprPtr source, target; ///< names of columns of the edges
    std::vector<GraphNodes> nodes = {};
    std::string partition = {}; ///< partitioned-by; with
    PipelinePtr body = {};      ///< what is done with each part
};
struct GraphEdge {
    std::string name = {};
    int direction = 0;             ///< 1 is ->, -1 is <-
    ExprPtr least = {}, most = {}; ///< of *1..5
    Offset at = 0;
};
/// (a)-[e]->(b)--(c): one node more than edges; a name may be empty.
struct GraphPath {
    std::vector<std::string> nodes;
    std::vector<GraphEdge> edges;
};
struct GraphMatch { ///< also graph-shortest-paths
    std::vector<GraphPath> paths;
    ExprPtr where;
    std::vector<NamedExpr> project;
};
struct GraphToTable {
    struct Part {
        bool nodes = false;
        std::string name = {}, id = {}, source = {}, target = {};
        Offset at = 0;
    };
    std::vector<Part> parts;
};
/// An operator that is only recognised: graph-merge, externaldata and whatever else this engine does not
/// run.
struct Opaque {};

using OperatorNode = std::variant<Where, ColumnList, Summarize, Sort, Top, Take, Join, Union, MvExpand, Parse, ParseKv,
                                  MakeSeries, Range, Datatable, Render, Evaluate, As, Nothing, TopNested, Scan,
                                  Partition, Search, Fork, Facet, Reduce, MakeGraph, GraphMatch, GraphToTable, Opaque>;

struct Operator {
    std::string name; ///< as written: "project-away", "order" reads "sort", "limit" reads "take"
    Offset at = 0;
    std::vector<Property> properties = {};
    OperatorNode node = Nothing{};

    const Property* property(std::string_view wanted) const {
        for (const Property& p : properties)
            if (p.name == wanted)
                return &p;
        return nullptr;
    }
};

/// source | operator | operator. Without a source the first operator makes its own rows (print, range, datatable, union
/// ...).
struct Pipeline {
    Offset at = 0;
    ExprPtr source;
    std::vector<Operator> operators;
};

struct Parameter {
    std::string name;
    std::string type; ///< scalar; empty for tables
    bool tabular = false;
    std::vector<ColumnDeclaration> columns = {}; ///< of a table; empty: any, as (*)
    ExprPtr fallback = {};
    Offset at = 0;
};

struct Statement;
struct Body {
    std::vector<Statement> statements;
};

struct Function {
    std::vector<Parameter> parameters;
    std::shared_ptr<const Body> body;
    bool view = false; ///< `view () { ... }`: patterns of table names find it
};

struct Let {
    std::string name;
    ExprPtr value;                            ///< scalar or tabular; or
    std::shared_ptr<const Function> function; ///< a lambda
};
struct Set {
    std::string name, value;
    ExprPtr expr = {};
};
struct DeclareParameters {
    std::vector<Parameter> parameters;
};
struct Query {
    ExprPtr value;
};
/// One row of a pattern: `("a", "b").["path"] = { body }`.
struct PatternCase {
    std::vector<std::string> values;
    std::optional<std::string> path;
    std::shared_ptr<const Body> body;
};
struct DeclarePattern {
    std::string name;
    std::vector<Parameter> parameters;
    bool has_path = false;
    std::vector<PatternCase> cases; ///< none: only the name is declared
};
struct Alias {
    std::string name;
    ExprPtr database;
};
/// restrict access to (...): names, patterns, database("X").Name and the like.
struct Restrict {
    std::vector<ExprPtr> entities;
};

struct Statement {
    Offset at = 0;
    std::variant<Let, Set, DeclareParameters, Query, DeclarePattern, Alias, Restrict> node;
};

} // namespace sluice::kql::ast
