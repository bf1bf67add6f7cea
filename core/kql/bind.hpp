#pragma once

#include "core/kql/ast.hpp"
#include "core/kql/functions.hpp"
#include "core/kql/kql.hpp"
#include "core/kql/relation.hpp"

#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace sluice::kql {

struct Scope;
struct GraphNames;

/// Refuses a call with fewer or more arguments than its function takes.
void expect_arguments(const ast::Expr& call, std::size_t least, std::size_t most);

/// A function defined by `let` or stored in a database, with the names it sees.
struct UserFunction {
    std::string name;
    std::shared_ptr<const ast::Function> definition;
    std::shared_ptr<Scope> sees;
    catalog::Snapshot database;
};

/// A pattern of the query; the tree of the query outlives it.
struct Pattern {
    const ast::DeclarePattern* declaration;
    std::shared_ptr<Scope> sees;
};

/// Databases given by `entity_group [...]`; the tree of the query outlives it.
struct EntityGroup {
    const ast::Expr* list;
};

using Value = std::variant<Scalar, Relation, UserFunction, Pattern, EntityGroup>;

/// What `restrict access to (...)` leaves to see.
struct Restriction {
    struct Entity {
        std::string database; ///< pattern; empty: a name of the query or of its own database
        std::string name;     ///< pattern
    };
    std::vector<Entity> entities;
    /// `home`: the entity is one of the query's own database, or no database's.
    bool allows(std::string_view name, std::string_view database, bool home) const;
};

/// Names given by let statements and parameters.
struct Scope {
    std::map<std::string, Value, std::less<>> names;
    std::shared_ptr<Scope> outer;
    std::shared_ptr<const Restriction> restriction; ///< of the statements that see this scope first
};

/// Gives every name its meaning and every expression its type, and writes the SQL on the way: expressions become
/// Scalar, tables Relation. One object serves one query. Throws Failure. Where to find what: bind_statement.cpp (let,
/// parameters, functions), bind_name.cpp (columns, tables),
/// bind_entity.cpp (aliases, patterns, restrictions), bind_expression.cpp and bind_comparison.cpp (operators),
/// bind_call.cpp (functions of the tables), bind_special.cpp (functions that are more than SQL), bind_dynamic.cpp,
/// bind_window.cpp, bind_aggregate.cpp, and one bind_<operator>.cpp for each family of tabular operators.
class Binder {
public:
    explicit Binder(const CompileOptions& options);
    QueryPlan run(const std::vector<ast::Statement>& statements);
    /// Functions and plugins that this class knows by itself.
    static void add_words(Vocabulary& words);

private:
    /// What column names mean while an expression is bound.
    struct Row {
        const Relation* relation = nullptr;
        const Relation* right = nullptr; ///< of a join: $right
        bool aggregates = false;         ///< aggregate functions may be called
        std::string left_prefix = {}, right_prefix = {};
        /// Names in front of a dot: the steps of scan, the nodes and edges of a pattern.
        const std::map<std::string, Relation>* steps = nullptr;
        const GraphNames* graph = nullptr; ///< functions of graphs may be called
    };
    class WithRow;
    class Nested;

    // bind_statement.cpp
    bool several_results(const ast::Pipeline& pipeline, QueryPlan& plan);
    void statement(const ast::Statement& statement, QueryPlan* plan);
    void let(const ast::Let& let);
    void declare_parameters(const std::vector<ast::Parameter>& parameters);
    Scalar parameter_value(const ast::Parameter& parameter, const std::string& json);
    Value call_user(const UserFunction& function, const ast::Expr& call, const Relation* input = nullptr);
    Value bind_body(const ast::Body& body, Offset at);
    Relation stored(Relation relation, bool materialized);
    std::string with_clause() const;
    ResultPlan result(Relation relation);
    void set_option(const ast::Set& set, QueryPlan* plan);

    // bind_entity.cpp
    void declare_pattern(const ast::DeclarePattern& pattern, Offset at);
    void alias(const ast::Alias& alias);
    void restrict(const ast::Restrict& restrict);
    const Restriction* restriction() const;
    std::optional<Value> bind_pattern_call(const ast::Expr& call, const ast::Expr* path);
    /// Tables that `T*`, `database("D").T*` or `cluster(...).database("D*").T*` stand for; empty when `expr` is none of
    /// these. Fails when no table fits.
    std::vector<std::pair<std::string, Relation>> tables_of_pattern(const ast::Expr& expr);
    std::vector<catalog::Snapshot> databases_like(const ast::Expr& call);

    // bind_name.cpp
    const Value* find_name(std::string_view name) const;
    std::optional<Relation> find_table(std::string_view name, const catalog::Database& database, bool functions_too,
                                       Offset at);
    /// As find_table, for a name behind database("D").
    std::optional<Relation> find_qualified(std::string_view name, const catalog::Database& database, bool functions_too,
                                           Offset at);
    Relation scan(const catalog::Table& table, const catalog::Database& database, Offset at);
    const ExtraTable* find_extra(std::string_view name) const;
    Relation from_extra(const ExtraTable& table);
    Value bind_value(const ast::Expr& expr);
    Relation bind_table(const ast::Expr& expr);
    std::optional<Relation> try_table(const ast::Expr& expr);
    bool is_tabular(const ast::Expr& expr);
    std::optional<Value> bind_entity_call(const ast::Expr& call, const Relation* input = nullptr);
    catalog::Snapshot database_named(const ast::Expr& call);
    std::vector<std::pair<std::string, Relation>> tables_like(std::string_view pattern, Offset at);
    Scalar column(const ast::Expr& name);
    Scalar column_of(const Column& column, const std::string& prefix) const;
    std::vector<const Column*> columns_like(const Relation& relation, const ast::Expr& pattern);
    ScalarType type_named(std::string_view name, Offset at) const;
    std::string constant_text(const ast::Expr& expr, std::string_view what);
    std::optional<Constant> fold(const ast::Expr& expr);
    std::int64_t constant_long(const ast::Expr& expr, std::string_view what);

    // bind_expression.cpp
    Scalar scalar(const ast::Expr& expr);
    Scalar literal(const Constant& value) const;
    Scalar boolean(const ast::Expr& expr);
    Scalar typed(const ast::Expr& expr, ScalarType type);
    Scalar unary(const ast::Expr& expr);
    Scalar binary(const ast::Expr& expr);
    Scalar binary(const ast::Expr& expr, Scalar left, Scalar right);
    Scalar logical(const ast::Expr& expr);
    Scalar arithmetic(const ast::Expr& expr, std::string_view op, Scalar left, Scalar right);
    Scalar date_arithmetic(const ast::Expr& expr, std::string_view op, const Scalar& left, const Scalar& right);
    Scalar bin(Offset at, Scalar value, Scalar size, std::optional<Scalar> fixed);
    [[noreturn]] void fail_operands(Offset at, std::string_view op, const Scalar& left, const Scalar& right) const;

    // bind_comparison.cpp
    Scalar equality(const ast::Expr& at, Scalar left, Scalar right, bool equal);
    Scalar compare(Offset at, std::string_view op, Scalar left, Scalar right);
    void align(Offset at, std::string_view op, Scalar& left, Scalar& right);
    Scalar in(const ast::Expr& expr);
    Scalar has_list(const ast::Expr& expr);
    Scalar between(const ast::Expr& expr);
    Scalar string_operator(std::string_view op, Scalar left, Scalar right, Offset at);
    Scalar over_columns(const ast::Expr& expr);

    // bind_convert.cpp
    Scalar convert(Scalar value, ScalarType to); ///< tolong(), tostring() ...: what cannot be converted becomes null
    Scalar coerce(Scalar value, ScalarType to, Offset at,
                  std::string_view where); ///< implicit: error when types do not fit
    std::optional<ScalarType> common_type(const std::vector<Scalar>& values) const;
    Scalar to_dynamic(Scalar value);

    // bind_dynamic.cpp
    Scalar member(const ast::Expr& expr);
    Scalar index(const ast::Expr& expr);
    Scalar element(const Scalar& value, std::string path_sql);
    Scalar property(const Scalar& value, std::string_view key);

    // bind_call.cpp
    Scalar call(const ast::Expr& expr);
    Scalar call_row(const FunctionRow& row, const ast::Expr& expr, std::vector<Scalar> args);
    /// How far arguments may be from the types that an overload names, for the choice between overloads.
    enum class Fit { Exact, Widening, Any };
    std::optional<std::vector<Scalar>> match(const FunctionRow& row, const std::vector<Scalar>& args, Fit fit);
    /// The first overload that takes the arguments, the closest fit first; nothing when none does.
    template <class Overload>
    std::optional<std::pair<const Overload*, std::vector<Scalar>>> choose(std::span<const Overload* const> rows,
                                                                          const std::vector<Scalar>& args);
    std::string result_name(std::string_view naming, std::string_view function, const std::vector<Scalar>& args) const;

    [[noreturn]] void fail_arguments(const ast::Expr& expr, const std::vector<Scalar>& args,
                                     std::span<const FunctionRow* const> rows) const;

    // bind_several.cpp
    std::optional<std::vector<std::pair<std::string, Scalar>>> several(const ast::Expr& expr);
    std::vector<std::pair<std::string, Scalar>> sorted_arrays(const ast::Expr& expr, std::vector<Scalar> args);

    // bind_tdigest.cpp
    Scalar tdigest(const ast::Expr& expr);
    Scalar special_percentile_tdigest(const ast::Expr& expr);
    Scalar special_hash_many(const ast::Expr& expr);
    Scalar special_member_of(const ast::Expr& expr);

    // bind_special.cpp; bind_special_row.cpp: what speaks of rows, tables or the query itself
    using Special = Scalar (Binder::*)(const ast::Expr& expr);
    static const std::map<std::string_view, Special>& specials();
    Scalar special_iff(const ast::Expr& expr);
    Scalar special_case(const ast::Expr& expr);
    Scalar special_coalesce(const ast::Expr& expr);
    Scalar special_extreme_of(const ast::Expr& expr);
    Scalar special_isnull(const ast::Expr& expr);
    Scalar special_isempty(const ast::Expr& expr);
    Scalar special_not(const ast::Expr& expr);
    Scalar special_bin(const ast::Expr& expr);
    Scalar special_now(const ast::Expr& expr);
    Scalar special_column_ifexists(const ast::Expr& expr);
    Scalar special_toscalar(const ast::Expr& expr);
    Scalar special_pack_all(const ast::Expr& expr);
    Scalar special_bag_pack(const ast::Expr& expr);
    Scalar special_pack_array(const ast::Expr& expr);
    Scalar special_gettype(const ast::Expr& expr);
    Scalar special_current(const ast::Expr& expr);
    Scalar special_row_fact(const ast::Expr& expr);
    Scalar special_convert(const ast::Expr& expr);
    Scalar special_round(const ast::Expr& expr);
    Scalar special_bin_auto(const ast::Expr& expr);
    Scalar special_extract(const ast::Expr& expr);
    Scalar special_column_names_of(const ast::Expr& expr);
    Scalar special_assert(const ast::Expr& expr);
    Scalar special_range(const ast::Expr& expr);
    Scalar special_estimate_data_size(const ast::Expr& expr);

    // bind_window.cpp
    Scalar window(const ast::Expr& expr);
    std::string window_order(Offset at, std::string_view function);
    Scalar row_window_session(const ast::Expr& expr, const std::string& order);

    // bind_aggregate.cpp
    std::optional<Scalar> aggregate(const ast::Expr& expr);
    /// Columns of one item of summarize; arg_max(x, *) makes several.
    std::vector<std::pair<std::string, Scalar>> aggregate_columns(const ast::NamedExpr& item,
                                                                  const std::set<std::string>& keys, int& unnamed);
    Scalar aggregate_call(const ast::Expr& expr, const AggregateRow& row, std::vector<Scalar> args);
    std::vector<Scalar> percentile_list(const ast::Expr& expr, std::vector<std::string>& names);

    // bind_pipeline.cpp
    /// Its first `most` operators; `input` is what a pipeline without a source works on.
    Relation pipeline(const ast::Pipeline& pipeline, const Relation* input = nullptr,
                      std::size_t most = std::numeric_limits<std::size_t>::max());
    Relation apply(const ast::Operator& op, Relation input);
    Relation source(const ast::Operator& op);
    Relation where(const ast::Where& node, Relation input);
    Relation filtered(Relation input, const Scalar& condition);
    Relation take(const ast::Operator& op, const ast::Take& node, Relation input);
    Relation sort(const std::vector<ast::SortKey>& keys, Relation input);
    Relation top(const ast::Top& node, Relation input);
    Relation top_real(const Column& by, const std::string& limit, bool descending, bool nulls_first, Relation input);
    Relation count(Relation input);
    Relation count_of(const Relation& input, Relation result) const;
    Relation getschema(const ast::Operator& op, Relation input);
    Relation as(const ast::As& node, Relation input);
    Relation sample_distinct(const ast::Take& node, Relation input);
    Relation limited(Relation input, const std::string& limit_sql);
    void render(const ast::Operator& op, const ast::Render& node);

    // bind_project.cpp
    struct Computed {
        std::string name;
        Scalar value;
        const Column* kept = nullptr; ///< an existing column passed through
    };
    Relation columns_operator(const ast::Operator& op, const ast::ColumnList& node, Relation input);
    std::vector<Computed> computed(const std::vector<ast::NamedExpr>& items, const Relation& input, bool extend);
    /// SELECT of exactly these columns, keeping the order keys.
    Relation select(const Relation& input, std::vector<Computed> columns, std::string_view modifier = "");
    Relation extend(const std::vector<ast::NamedExpr>& items, Relation input);
    Relation project(const std::vector<ast::NamedExpr>& items, Relation input);
    Relation keep(const Relation& input, const std::vector<const Column*>& columns);
    Relation project_reorder(const ast::ColumnList& node, Relation input);
    Relation project_rename(const ast::ColumnList& node, Relation input);
    Relation distinct(const ast::ColumnList& node, Relation input);
    std::string unique_name(std::string name, const std::vector<Computed>& taken) const;

    // bind_summarize.cpp
    Relation summarize(const ast::Summarize& node, Relation input);
    Relation top_hitters(const ast::Take& node, Relation input);

    // bind_series.cpp
    Relation make_series(const ast::Operator& op, const ast::MakeSeries& node, Relation input);

    // bind_search.cpp
    Relation search(const ast::Operator& op, const ast::Search& node, std::optional<Relation> input);
    Relation find_columns(const ast::Operator& op, const ast::Search& node,
                          std::vector<std::pair<std::string, Relation>> tables, const std::vector<Column>& mentioned);
    Scalar search_term(const Scalar& value, const Constant& term, Offset at);
    Scalar search_predicate(const ast::Expr& expr);

    // bind_join.cpp
    Relation join(const ast::Operator& op, const ast::Join& node, Relation left);
    Relation lookup(const ast::Operator& op, const ast::Join& node, Relation left);
    Relation join_as(std::string_view kind, const ast::Join& node, Relation left, Relation right, bool lookup,
                     Offset at);
    /// `word` JOIN of both on that condition: the columns of both sides, those of the right that are in `keys` left
    /// out.
    Relation joined(Relation left, Relation right, std::string_view word, const std::string& on,
                    const std::set<std::string>& keys);
    Relation union_of(const ast::Operator& op, const ast::Union& node, std::optional<Relation> input);
    Relation union_rows(std::vector<std::pair<std::string, Relation>> parts, bool inner,
                        const std::string& source_column);

    // bind_source.cpp
    Relation print(const ast::ColumnList& node);
    Relation range(const ast::Range& node);
    Relation datatable(const ast::Datatable& node);
    std::vector<Column> declared_columns(const std::vector<ast::ColumnDeclaration>& columns);

    // bind_expand.cpp
    Relation mv_expand(const ast::Operator& op, const ast::MvExpand& node, Relation input);
    Relation mv_apply(const ast::Operator& op, const ast::MvExpand& node, Relation input);
    Relation expanded(const ast::Operator& op, const ast::MvExpand& node, Relation input,
                      std::vector<std::string>& made);

    Relation grouped_subquery(const ast::Pipeline& body, Relation elements, const Relation& outer,
                              const std::string& key, const std::vector<std::string>* made);
    Relation partition(const ast::Operator& op, const ast::Partition& node, Relation input);
    Relation partition_of_source(const ast::Pipeline& body, const std::string& name, const Scalar& by, Relation input);
    std::string group_ids(const Relation& relation) const;

    // bind_parse.cpp
    Relation parse(const ast::Operator& op, const ast::Parse& node, Relation input);
    Relation parse_kv(const ast::Operator& op, const ast::ParseKv& node, Relation input);

    // bind_scan.cpp
    struct ScanStepState;
    struct ScanPlan;
    Relation scan_rows(const ast::Operator& op, const ast::Scan& node, Relation input);
    std::vector<std::string> scan_begin(ScanPlan& plan);
    std::string scan_step(ScanPlan& plan, std::size_t k, std::string from);
    std::map<std::string, Relation> scan_names(const ScanPlan& plan, std::size_t from) const;
    Relation scan_output(const ast::Operator& op, const ScanPlan& plan, const std::string& scanned,
                         const std::string& group, const std::string& number);

    // bind_graph.cpp, bind_graph_match.cpp
    Relation make_graph(const ast::Operator& op, const ast::MakeGraph& node, Relation input);
    Relation graph_nodes(const ast::Operator& op, const ast::MakeGraph& node, Graph& graph);
    Relation graph_where(const ast::Operator& op, const ast::Where& node, const Relation& input);
    Relation graph_mark_components(const ast::Operator& op, const Relation& input);
    Relation graph_to_table(const ast::GraphToTable& node, const Relation& input);
    Relation graph_match(const ast::Operator& op, const ast::GraphMatch& node, const Relation& input);
    std::string graph_paths(const Graph& graph, const ast::GraphEdge& edge, const std::string& edges,
                            std::string_view cycles);
    std::string graph_list(const GraphNames& names, const std::string& list, bool nodes, const std::string& item) const;
    std::string graph_items(const Graph& graph, const std::string& list, bool nodes) const;
    std::optional<Scalar> graph_call(const ast::Expr& expr);
    std::optional<Relation> graph_operator(const ast::Operator& op, const Relation& input);

    // bind_nested.cpp
    Relation top_nested(const ast::TopNested& node, Relation input);

    // bind_reduce.cpp
    Relation reduce(const ast::Reduce& node, Relation input);
    Relation elements_of(const std::string& from, const std::string& array_id, std::vector<Column> columns,
                         const std::vector<Column>& groups);

    // bind_plugin.cpp and bind_plugin_*.cpp: evaluate
    using Plugin = Relation (Binder::*)(const ast::Evaluate& node, Relation input);
    static const std::map<std::string_view, Plugin>& plugins();
    static std::vector<std::string_view> query_plugin_names();
    Relation evaluate(const ast::Operator& op, const ast::Evaluate& node, Relation input);
    std::vector<std::string> probe(const std::string& sql, Offset at);
    const ast::Expr* plugin_argument(const ast::Expr& call, std::string_view name, std::size_t place) const;
    Relation plugin_bag_unpack(const ast::Evaluate& node, Relation input);
    Relation plugin_pivot(const ast::Evaluate& node, Relation input);
    Relation plugin_narrow(const ast::Evaluate& node, Relation input);
    Relation plugin_ip_lookup(const ast::Evaluate& node, Relation input);
    Relation plugin_rows_near(const ast::Evaluate& node, Relation input);
    Relation plugin_sequence_detect(const ast::Evaluate& node, Relation input);
    Relation plugin_dcount_intersect(const ast::Evaluate& node, Relation input);
    Relation plugin_schema_merge(const ast::Evaluate& node, Relation input);
    Relation plugin_patterns(const ast::Evaluate& node, Relation input);
    std::optional<Relation> plugin_query(const ast::Evaluate& node, const Relation& input);
    std::string rolling_name(const ast::Expr& call, const std::string& value);
    Relation bind_text(const std::string& text, std::shared_ptr<Scope> scope, Offset at);

    Relation invoke(const ast::Evaluate& node, Relation input);

    std::string fresh() { return "k" + std::to_string(++next_id_); }
    /// Refuses SQL that has grown without bound, as lets that use each other twice make it.
    void check_size(const std::string& sql, Offset at) const;

    const CompileOptions& options_;
    catalog::Snapshot database_; ///< what unqualified names mean; changes inside functions of other databases
    Ticks now_;
    std::map<std::string, const ast::Expr*, std::less<>> aliases_; ///< of databases
    std::shared_ptr<Scope> scope_ = std::make_shared<Scope>();
    Row row_;
    std::vector<std::string> stored_; ///< "name AS (...)" of WITH, in order
    Visualization visualization_;
    std::string result_name_ = "PrimaryResult";
    bool case_sensitive_ = false; ///< inside search kind=case_sensitive: text operators mind case
    bool used_window_ = false;
    bool used_aggregate_ = false;
    Reads reads_;
    bool qualified_ = false; ///< a table is looked up as database("D").T: extra tables do not count
    std::size_t next_id_ = 0;
    int depth_ = 0;
    std::map<std::string, std::string, std::less<>> partition_keys_; ///< name, group column that holds its value
    std::size_t steps_ = 0;                                          ///< expressions bound so far
    std::optional<std::string> scanned_;                             ///< the database whose tables the query reads
    std::vector<std::string> calling_;                       ///< stored functions being expanded, to refuse recursion
    std::vector<std::shared_ptr<const ast::Function>> kept_; ///< parsed stored functions
};

/// Puts back what column names meant.
class Binder::WithRow {
public:
    WithRow(Binder& binder, Row row) : binder_(binder), saved_(std::exchange(binder.row_, std::move(row))) {}
    WithRow(const WithRow&) = delete;
    WithRow& operator=(const WithRow&) = delete;
    ~WithRow() { binder_.row_ = std::move(saved_); }

private:
    Binder& binder_;
    Row saved_;
};

/// Counts how deep calls and subqueries are nested.
class Binder::Nested {
public:
    Nested(Binder& binder, Offset at) : binder_(binder) {
        if (++binder_.depth_ > 400) {
            --binder_.depth_;
            fail_semantic(at, "the query is nested too deeply", "SEM0001");
        }
        // Functions that call others twice double the work with each level.
        if (++binder_.steps_ > kMaxSteps) {
            --binder_.depth_;
            fail_semantic(at, "the query is too large once its let statements and functions are expanded", "SEM0001");
        }
    }
    Nested(const Nested&) = delete;
    Nested& operator=(const Nested&) = delete;
    ~Nested() { --binder_.depth_; }

private:
    static constexpr std::size_t kMaxSteps = 4'000'000;
    Binder& binder_;
};

} // namespace sluice::kql
