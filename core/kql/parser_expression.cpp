#include "core/kql/parser.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sluice::kql {

namespace {

/// Words that compare texts; those from `like` on are old spellings.
constexpr std::array kStringWords = {"has",          "has_cs",      "hasprefix",   "hasprefix_cs",  "hassuffix",
                                     "hassuffix_cs", "contains",    "contains_cs", "startswith",    "startswith_cs",
                                     "endswith",     "endswith_cs", "matches",     "like",          "notlike",
                                     "notcontains",  "containscs",  "likecs",      "notcontainscs", "notlikecs"};

} // namespace

using ast::ExprKind;
using ast::ExprPtr;

bool Parser::accept(std::string_view mark) {
    if (!peek().is(mark))
        return false;
    advance();
    return true;
}

bool Parser::accept_name(std::string_view name) {
    if (!peek().is_name(name))
        return false;
    advance();
    return true;
}

void Parser::expect(std::string_view mark) {
    if (!accept(mark))
        fail_here();
}

void Parser::expect_name(std::string_view name) {
    if (!accept_name(name))
        fail_here();
}

/// The token as it stands in the text, shortened.
std::string Parser::shown(const Token& token) const {
    constexpr std::size_t kMost = 40;
    std::string text(text_.substr(token.begin, token.end - token.begin));
    if (text.size() > kMost) {
        std::size_t end = kMost;
        while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
            --end;
        text.resize(end);
        text += "...";
    }
    return text;
}

void Parser::check_chain(int links) const {
    if (links > kMaxChain)
        fail_nesting(peek().begin, "too many operators stand in a row");
}

void Parser::fail_here() const {
    const Token& token = peek();
    if (token.kind == TokenKind::End)
        fail_syntax(next_ > 0 && next_ <= tokens_.size() ? tokens_[next_ - 1].end : token.begin,
                    "Query could not be parsed at the end of the query: it is not complete");
    fail_syntax(token.begin, fmt::format("Query could not be parsed at '{}'", shown(token)));
}

ExprPtr Parser::make(ExprKind kind, Offset at, std::string text) const {
    auto expr = std::make_unique<ast::Expr>();
    expr->kind = kind;
    expr->at = at;
    expr->text = std::move(text);
    return expr;
}

ExprPtr Parser::binary(std::string op, Offset at, ExprPtr left, ExprPtr right) const {
    ExprPtr expr = make(ExprKind::Binary, at, std::move(op));
    expr->args.push_back(std::move(left));
    expr->args.push_back(std::move(right));
    return expr;
}

// A name is a word, or any text in ['...'].
bool Parser::name_starts() const {
    return peek().kind == TokenKind::Name || (is_mark("[") && peek(1).is_string() && is_mark("]", 2));
}

std::string Parser::name() {
    if (is_mark("[") && peek(1).is_string() && is_mark("]", 2)) {
        advance();
        std::string text = advance().value.text;
        advance();
        return text;
    }
    if (peek().kind == TokenKind::Literal && peek().value.type == ScalarType::Bool && peek().end - peek().begin <= 5) {
        return advance().value.integer ? "true" : "false";
    }
    if (peek().kind != TokenKind::Name)
        fail_here();
    return advance().text;
}

/// `mv-expand`, `project-away`: words joined by dashes that touch them.
std::string Parser::name_with_dashes() {
    std::string text = name();
    while (is_mark("-") && peek(1).kind == TokenKind::Name && tokens_[next_ - 1].end == peek().begin &&
           touches_next(0)) {
        advance();
        text += '-';
        text += advance().text;
    }
    return text;
}

std::string Parser::dotted_name() {
    std::string text = name_with_dashes();
    while (accept(".")) {
        text += '.';
        text += name_with_dashes();
    }
    return text;
}

/// `a*`, `*_id`, `*`; nothing (and nothing consumed) when what follows is no pattern.
std::optional<std::string> Parser::wildcard() {
    std::size_t ahead = 0;
    std::string text;
    bool star = false, after_name = false;
    for (;; ++ahead) {
        if (ahead > 0 && !touches_next(ahead - 1))
            break;
        const Token& token = peek(ahead);
        if (token.is("*")) {
            star = true;
            after_name = false;
        } else if (token.kind == TokenKind::Name && !after_name) {
            after_name = true;
        } else {
            break;
        }
        text += token.text;
    }
    if (!star)
        return std::nullopt;
    // `a*(b)`, `a* 2` are products, `* has "x"` asks every column; a pattern ends its item.
    const Token& after = peek(ahead);
    const bool ends = after.kind == TokenKind::End || after.is(",") || after.is("|") || after.is(")") ||
                      after.is(";") || after.is("]") || after.is("}") || after.is_name("asc") ||
                      after.is_name("desc") || after.is_name("granny") || after.is_name("on") || after.is_name("by");
    if (!ends || (text.front() != '*' && text.back() != '*' && !patterns_only_))
        return std::nullopt;
    next_ += ahead;
    return text;
}

ExprPtr Parser::wildcard_or_expression() {
    const Offset at = peek().begin;
    if (auto pattern = wildcard())
        return make(ExprKind::Wildcard, at, std::move(*pattern));
    return expression();
}

/// An expression that may be a table: a source followed by `| operator`.
ExprPtr Parser::pipeline_expression() {
    const Depth depth(*this);
    const Offset at = peek().begin;
    ast::PipelinePtr tabular;
    if (source_operator_starts()) {
        tabular = pipeline();
    } else {
        ExprPtr source = expression();
        if (!is_mark("|"))
            return source;
        tabular = std::make_unique<ast::Pipeline>();
        tabular->at = at;
        tabular->source = std::move(source);
        operators(*tabular);
    }
    ExprPtr expr = make(ExprKind::Tabular, at);
    expr->pipeline = std::move(tabular);
    return expr;
}

/// `a or b or c` is one node with three arguments: generated queries have thousands, which must not nest.
ExprPtr Parser::logical(std::string_view word, ExprPtr (Parser::*part)()) {
    ExprPtr first = (this->*part)();
    if (!peek().is_name(word))
        return first;
    ExprPtr all = make(ExprKind::Binary, peek().begin, std::string(word));
    all->args.push_back(std::move(first));
    while (accept_name(word))
        all->args.push_back((this->*part)());
    return all;
}

ExprPtr Parser::equality() {
    ExprPtr left = relational();
    for (int links = 0;; ++links) {
        check_chain(links);
        const Offset at = peek().begin;
        if (is_mark("==") || is_mark("!=") || is_mark("<>")) {
            std::string op = advance().text;
            left = binary(op == "<>" ? "!=" : op, at, std::move(left), relational());
            continue;
        }
        std::size_t ahead = is_mark("!") ? 1 : 0;
        const Token& word = peek(ahead);
        if (word.kind != TokenKind::Name)
            return left;
        std::string op = ahead ? "!" : "";
        op += word.text;
        // The older form of make-series: `on x in range(from, to, step)`.
        if (word.text == "in" && !ahead && peek(1).is_name("range"))
            return left;
        if (word.text == "in" || word.text == "has_any" || word.text == "has_all") {
            next_ += ahead + 1;
            if (word.text == "in" && is_mark("~") && tokens_[next_ - 1].end == peek().begin) {
                advance();
                op += '~';
            }
            ExprPtr in = make(ExprKind::In, at, op);
            in->args.push_back(std::move(left));
            expect("(");
            while (!is_mark(")")) {
                in->args.push_back(pipeline_expression());
                if (!accept(","))
                    break;
            }
            expect(")");
            left = std::move(in);
        } else if (word.text == "between") {
            next_ += ahead + 1;
            ExprPtr between = make(ExprKind::Between, at, op);
            between->args.push_back(std::move(left));
            expect("(");
            between->args.push_back(additive());
            expect("..");
            between->args.push_back(additive());
            expect(")");
            left = std::move(between);
        } else {
            return left;
        }
    }
}

ExprPtr Parser::relational() {
    ExprPtr left = additive();
    for (int links = 0; is_mark("<") || is_mark(">") || is_mark("<=") || is_mark(">="); ++links) {
        check_chain(links);
        const Token& op = advance();
        left = binary(op.text, op.begin, std::move(left), additive());
    }
    return left;
}

ExprPtr Parser::additive() {
    ExprPtr left = multiplicative();
    for (int links = 0; is_mark("+") || is_mark("-"); ++links) {
        check_chain(links);
        const Token& op = advance();
        left = binary(op.text, op.begin, std::move(left), multiplicative());
    }
    return left;
}

ExprPtr Parser::multiplicative() {
    ExprPtr left = string_operation();
    for (int links = 0; is_mark("*") || is_mark("/") || is_mark("%"); ++links) {
        check_chain(links);
        const Token& op = advance();
        left = binary(op.text, op.begin, std::move(left), string_operation());
    }
    return left;
}

std::vector<std::string_view> Parser::string_operators() {
    std::vector<std::string_view> words{"matches regex", "has_any", "has_all"};
    const auto* const old = std::find(kStringWords.begin(), kStringWords.end(), std::string_view("like"));
    for (const auto* word = kStringWords.begin(); word != old; ++word)
        if (*word != std::string_view("matches"))
            words.emplace_back(*word);
    return words;
}

/// The string operator that comes next, such as "!has_cs"; empty: none.
std::string Parser::string_operator() const {
    if (is_mark("=~") || is_mark("!~") || is_mark(":"))
        return peek().text;
    const bool negated = is_mark("!");
    const Token& word = peek(negated ? 1 : 0);
    if (word.kind != TokenKind::Name)
        return {};
    if (std::find(kStringWords.begin(), kStringWords.end(), word.text) == kStringWords.end())
        return {};
    if (word.text == "matches")
        return peek(1).is_name("regex") && !negated ? "matches regex" : std::string{};
    return (negated ? "!" : "") + word.text;
}

ExprPtr Parser::string_operation() {
    ExprPtr left = unary();
    for (int links = 0;; ++links) {
        check_chain(links);
        std::string op = string_operator();
        if (op.empty())
            return left;
        const Offset at = peek().begin;
        next_ += is_mark("=~") || is_mark("!~") || is_mark(":") ? 1 : op == "matches regex" || is_mark("!") ? 2 : 1;
        if (op == "containscs")
            op = "contains_cs";
        else if (op.starts_with("not")) // notcontains, notlike, notcontainscs, notlikecs
            op = "!" + (op == "notcontainscs" ? "contains_cs" : op.substr(3));
        left = binary(std::move(op), at, std::move(left), unary());
    }
}

ExprPtr Parser::unary() {
    if (is_mark("-") || is_mark("+")) {
        const Depth depth(*this);
        const Token& op = advance();
        ExprPtr operand = unary();
        ExprPtr expr = make(ExprKind::Unary, op.begin, op.text);
        expr->args.push_back(std::move(operand));
        return expr;
    }
    return postfix();
}

ExprPtr Parser::postfix() {
    ExprPtr expr = primary();
    for (int links = 0;; ++links) {
        check_chain(links);
        const Offset at = peek().begin;
        if (is_mark(".")) {
            advance();
            const Offset member_at = peek().begin;
            // database("X").T* stands for several tables.
            if (is_mark("*") || (expr->kind == ExprKind::Call && is_mark("*", 1)))
                if (auto pattern = wildcard()) {
                    ExprPtr path = make(ExprKind::Member, at, std::move(*pattern));
                    path->args.push_back(std::move(expr));
                    expr = std::move(path);
                    continue;
                }
            // a.[expression]; a.['b c'] is a name in brackets.
            if (is_mark("[") && !peek(1).is_string() && expr->kind != ExprKind::Call)
                continue;
            // database("X").T and cluster("C").database("X") are paths of calls; a.['b c'] is a name too.
            std::string member = name();
            if (is_mark("(") && expr->kind == ExprKind::Call) {
                ExprPtr inner = call(member_at, std::move(member));
                inner->args.insert(inner->args.begin(), std::move(expr));
                inner->text = "." + inner->text;
                expr = std::move(inner);
                continue;
            }
            ExprPtr path = make(ExprKind::Member, at, std::move(member));
            path->args.push_back(std::move(expr));
            expr = std::move(path);
        } else if (is_mark("[")) {
            advance();
            ExprPtr path = make(ExprKind::Index, at);
            path->args.push_back(std::move(expr));
            path->args.push_back(expression());
            expect("]");
            expr = std::move(path);
        } else {
            return expr;
        }
    }
}

std::vector<ExprPtr> Parser::arguments() {
    std::vector<ExprPtr> args;
    expect("(");
    while (!is_mark(")")) {
        const Offset at = peek().begin;
        if (is_mark("*") && (is_mark(",", 1) || is_mark(")", 1))) {
            advance();
            args.push_back(make(ExprKind::Wildcard, at, "*"));
        } else if (name_starts() && (is_mark("=", 1) || (is_mark("[") && is_mark("=", 3)))) {
            ExprPtr named = make(ExprKind::Named, at, name());
            advance();
            named->args.push_back(pipeline_expression());
            args.push_back(std::move(named));
        } else if (auto pattern = wildcard()) {
            args.push_back(make(ExprKind::Wildcard, at, std::move(*pattern)));
        } else {
            args.push_back(pipeline_expression());
        }
        if (!accept(","))
            break;
    }
    expect(")");
    return args;
}

ExprPtr Parser::call(Offset at, std::string function) {
    const Depth depth(*this);
    ExprPtr expr = make(ExprKind::Call, at, std::move(function));
    expr->args = arguments();
    return expr;
}

ExprPtr Parser::primary() {
    const Depth depth(*this);
    const Token& token = peek();
    if (token.kind == TokenKind::Literal) {
        ExprPtr literal = make(ExprKind::Literal, token.begin);
        literal->value = advance().value;
        return literal;
    }
    if (is_mark("*")) {
        advance();
        return make(ExprKind::Wildcard, token.begin, "*");
    }
    if (accept("(")) {
        ExprPtr inner = pipeline_expression();
        expect(")");
        return inner;
    }
    if (token.is_name("typeof") && is_mark("(", 1)) {
        ExprPtr type = make(ExprKind::TypeOf, token.begin);
        advance();
        advance();
        // The schema of a plugin's result may follow: typeof(a:long, b:string).
        int nested = 1;
        while (nested > 0 && peek().kind != TokenKind::End) {
            if (is_mark("("))
                ++nested;
            else if (is_mark(")") && --nested == 0)
                break;
            type->text += advance().text;
        }
        expect(")");
        return type;
    }
    if (token.is_name("entity_group") && is_mark("[", 1))
        return entity_group();
    if (name_starts()) {
        const Offset at = token.begin;
        std::string text = name();
        if (is_mark("("))
            return call(at, std::move(text));
        // `T datascope=hotcache` says which cache to read; here all rows are at hand.
        if (peek().is_name("datascope") && is_mark("=", 1) && peek(2).kind == TokenKind::Name)
            next_ += 3;
        return make(ExprKind::Name, at, std::move(text));
    }
    fail_here();
}

/// entity_group [database("A"), cluster("C").database("B"), ...]
ExprPtr Parser::entity_group() {
    ExprPtr group = make(ExprKind::Group, advance().begin);
    expect("[");
    do {
        if (is_mark("]"))
            break;
        group->args.push_back(postfix());
    } while (accept(","));
    expect("]");
    return group;
}

ast::NamedExpr Parser::named_expression() {
    ast::NamedExpr named;
    named.at = peek().begin;
    if (name_starts() && (is_mark("=", 1) || (is_mark("[") && is_mark("=", 3)))) {
        named.names.push_back(name());
        expect("=");
    } else if (is_mark("(")) {
        // (a, b) = value, which begins like a parenthesised value.
        std::size_t ahead = 1;
        bool names_only = true;
        for (; !is_mark(")", ahead) && names_only; ++ahead) {
            names_only = peek(ahead).kind == TokenKind::Name || is_mark(",", ahead) || is_mark("[", ahead) ||
                         is_mark("]", ahead) || peek(ahead).is_string();
        }
        if (names_only && is_mark("=", ahead + 1)) {
            advance();
            while (!is_mark(")")) {
                named.names.push_back(name());
                if (!accept(","))
                    break;
            }
            expect(")");
            expect("=");
        }
    }
    named.value = wildcard_or_expression();
    return named;
}

std::vector<ast::NamedExpr> Parser::named_expressions() {
    std::vector<ast::NamedExpr> list;
    do
        list.push_back(named_expression());
    while (accept(","));
    return list;
}

std::string Parser::column_type() {
    std::string type = name();
    return type;
}

std::vector<ast::ColumnDeclaration> Parser::column_declarations() {
    std::vector<ast::ColumnDeclaration> columns;
    while (!is_mark(")") && peek().kind != TokenKind::End) {
        ast::ColumnDeclaration column;
        column.at = peek().begin;
        column.name = peek().is_string() ? advance().value.text : name_with_dashes();
        expect(":");
        column.type = column_type();
        columns.push_back(std::move(column));
        if (!accept(","))
            break;
    }
    return columns;
}

} // namespace sluice::kql
