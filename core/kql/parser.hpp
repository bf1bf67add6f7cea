#pragma once

#include "core/kql/ast.hpp"
#include "core/kql/lexer.hpp"

#include <functional>
#include <map>
#include <string_view>
#include <vector>

namespace sluice::kql {

/// Deeper nesting than this is an error rather than a stack overflow.
constexpr int kMaxNesting = 400;

/// Longer chains of operators (1 + 1 + ...) are an error too; `and` and `or` may go on for ever.
constexpr int kMaxChain = 600;

/// Statements of a query or of a function's body. Throws Failure, with every syntax error of the text in it.
std::vector<ast::Statement> parse_query(std::string_view text);
/// `(a:long, T:(x:string))`, with the parentheses, as functions are stored. Throws Failure.
std::vector<ast::Parameter> parse_parameters(std::string_view text);

/// Recursive descent over the tokens. The parts live in parser_expression.cpp, parser_statement.cpp,
/// parser_operator.cpp (which operator, and the short ones), parser_rows.cpp (operators on the rows of their input) and
/// parser_tables.cpp (those that name tables or hold subqueries), parser_graph.cpp.
class Parser {
public:
    /// The text must outlive the parser.
    explicit Parser(std::string_view text) : text_(text), tokens_(tokenize(text, &errors_)) {}

    /// What may stand behind '|', and what compares texts, without what is only recognised to be refused.
    static std::vector<std::string_view> operator_names();
    static std::vector<std::string_view> string_operators();

    std::vector<ast::Statement> statements(bool in_braces);
    std::vector<ast::Parameter> parameters();
    const Token& peek(std::size_t ahead = 0) const { return tokens_[std::min(next_ + ahead, tokens_.size() - 1)]; }
    /// Throws what was found wrong, if anything was: the first error, with the others behind it.
    void finish();

private:
    struct Depth;

    /// Calls `part`. An error in it is kept, and parsing goes on at the next `stop` (or at the end of the statement or
    /// of the brackets around it), so that one mistake does not hide the others.
    template <class Part> void recovering(std::string_view stop, Part part);
    void skip_to(std::string_view stop);

    const Token& advance() { return tokens_[std::min(next_++, tokens_.size() - 1)]; }
    bool accept(std::string_view mark);
    bool accept_name(std::string_view name);
    void expect(std::string_view mark);
    void expect_name(std::string_view name);
    [[noreturn]] void fail_here() const;
    void check_chain(int links) const;
    /// Mark of that text, `ahead` tokens on.
    bool is_mark(std::string_view mark, std::size_t ahead = 0) const { return peek(ahead).is(mark); }
    /// The next tokens are `a-b` without blanks, as in project-away.
    bool touches_next(std::size_t ahead) const { return peek(ahead).end == peek(ahead + 1).begin; }

    // names
    bool name_starts() const;
    std::string name();
    std::string name_with_dashes();
    std::string dotted_name();
    std::string column_type();
    std::vector<ast::ColumnDeclaration> column_declarations();
    ast::ExprPtr wildcard_or_expression();
    std::optional<std::string> wildcard();

    // expressions
    ast::ExprPtr pipeline_expression();
    ast::ExprPtr expression() { return or_expression(); }
    ast::ExprPtr or_expression() { return logical("or", &Parser::and_expression); }
    ast::ExprPtr and_expression() { return logical("and", &Parser::equality); }
    ast::ExprPtr equality();
    ast::ExprPtr relational();
    ast::ExprPtr additive();
    ast::ExprPtr multiplicative();
    ast::ExprPtr string_operation();
    ast::ExprPtr unary();
    ast::ExprPtr postfix();
    ast::ExprPtr primary();
    ast::ExprPtr call(Offset at, std::string function);
    std::vector<ast::ExprPtr> arguments();
    std::string string_operator() const;
    ast::ExprPtr make(ast::ExprKind kind, Offset at, std::string text = {}) const;
    ast::ExprPtr binary(std::string op, Offset at, ast::ExprPtr left, ast::ExprPtr right) const;
    ast::ExprPtr logical(std::string_view word, ast::ExprPtr (Parser::*part)());
    ast::ExprPtr entity_group();
    std::string shown(const Token& token) const;
    ast::NamedExpr named_expression();
    std::vector<ast::NamedExpr> named_expressions();

    // operators
    bool source_operator_starts() const;
    ast::PipelinePtr pipeline();
    ast::PipelinePtr pipeline_of_operators(std::string_view until);
    void operators(ast::Pipeline& pipeline);
    ast::Operator tabular_operator(bool first);
    using Rule = ast::OperatorNode (Parser::*)(ast::Operator&);
    static const std::map<std::string_view, Rule>& rules();
    ast::OperatorNode operator_node(ast::Operator& op);
    ast::OperatorNode where(ast::Operator& op);
    ast::OperatorNode column_list(ast::Operator& op);
    ast::OperatorNode count(ast::Operator& op);
    ast::OperatorNode nothing(ast::Operator& op);
    ast::OperatorNode take(ast::Operator& op);
    ast::OperatorNode take_of(ast::Operator& op);
    ast::OperatorNode summarize(ast::Operator& op);
    ast::OperatorNode sort(ast::Operator& op);
    ast::OperatorNode top(ast::Operator& op);
    ast::OperatorNode as(ast::Operator& op);
    ast::OperatorNode range(ast::Operator& op);
    ast::OperatorNode join(ast::Operator& op);
    ast::OperatorNode union_tables(ast::Operator& op);
    ast::OperatorNode mv_expand(ast::Operator& op);
    ast::OperatorNode parse(ast::Operator& op);
    ast::OperatorNode parse_kv(ast::Operator& op);
    ast::OperatorNode make_series(ast::Operator& op);
    void range_of_series(ast::MakeSeries& node);
    ast::OperatorNode datatable(ast::Operator& op);
    ast::OperatorNode render(ast::Operator& op);
    ast::OperatorNode evaluate(ast::Operator& op);
    ast::OperatorNode top_nested(ast::Operator& op);
    ast::OperatorNode scan(ast::Operator& op);
    ast::OperatorNode partition(ast::Operator& op);
    ast::OperatorNode search(ast::Operator& op);
    ast::OperatorNode find(ast::Operator& op);
    ast::OperatorNode fork(ast::Operator& op);
    ast::OperatorNode facet(ast::Operator& op);
    ast::OperatorNode reduce(ast::Operator& op);
    ast::OperatorNode make_graph(ast::Operator& op);
    ast::OperatorNode graph_match(ast::Operator& op);
    ast::OperatorNode graph_to_table(ast::Operator& op);
    ast::GraphEdge graph_edge();
    ast::OperatorNode opaque(ast::Operator& op);
    void operator_properties(ast::Operator& op);
    ast::SortKey sort_key();
    std::vector<ast::SortKey> sort_keys();

    // statements
    ast::Statement statement();
    ast::Statement let_statement();
    bool lambda_starts() const;
    std::shared_ptr<const ast::Function> lambda(bool view);
    ast::Statement set_statement();
    ast::Statement declare_pattern();
    ast::PatternCase pattern_case();
    ast::Statement alias_statement();
    ast::Statement restrict_statement();
    std::string constant_string();
    std::shared_ptr<const ast::Body> body();

    std::string_view text_;
    std::vector<Failure> errors_;
    std::vector<Token> tokens_;
    std::size_t next_ = 0;
    int depth_ = 0;
    bool patterns_only_ = false; ///< a list of names and patterns, where `a*b` is no product
};

struct Parser::Depth {
    explicit Depth(Parser& parser) : parser_(parser) {
        if (++parser_.depth_ > kMaxNesting)
            fail_nesting(parser_.peek().begin, "expressions are nested too deeply");
    }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;
    ~Depth() { --parser_.depth_; }
    Parser& parser_;
};

template <class Part> void Parser::recovering(std::string_view stop, Part part) {
    const bool patterns_only = patterns_only_;
    const int depth = depth_;
    try {
        part();
    } catch (Failure& failure) {
        constexpr std::size_t kMaxErrors = 20;
        if (failure.family != Failure::Family::Syntax || failure.code == "SYN0001" || errors_.size() >= kMaxErrors)
            throw;
        errors_.push_back(std::move(failure));
        patterns_only_ = patterns_only;
        depth_ = depth;
        skip_to(stop);
    }
}

} // namespace sluice::kql
