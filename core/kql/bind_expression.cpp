#include "core/kql/bind.hpp"
#include "core/kql/sql.hpp"

#include <fmt/format.h>

namespace sluice::kql {

using ast::Expr;
using ast::ExprKind;

namespace {

bool is_number(ScalarType type) {
    return type == ScalarType::Int || type == ScalarType::Long || type == ScalarType::Real ||
           type == ScalarType::Decimal;
}
bool is_integer(ScalarType type) {
    return type == ScalarType::Int || type == ScalarType::Long;
}

bool is_time(ScalarType type) {
    return type == ScalarType::DateTime || type == ScalarType::TimeSpan;
}

int rank(ScalarType type) {
    switch (type) {
    case ScalarType::Int:
        return 0;
    case ScalarType::Long:
        return 1;
    case ScalarType::Real:
        return 2;
    default:
        return 3;
    }
}
ScalarType widest(ScalarType a, ScalarType b) {
    return rank(a) < rank(b) ? b : a;
}

std::string cast(const std::string& sql, ScalarType type) {
    return fmt::format("CAST({} AS {})", sql, sql::physical_type(type));
}

} // namespace

Scalar Binder::literal(const Constant& value) const {
    Constant known = value;
    if (known.type == ScalarType::DateTime && known.text == "now") {
        known.integer = now_;
        known.text.clear();
    } else if (known.type == ScalarType::DateTime && known.text == "today") {
        known.integer += now_ - now_ % kTicksPerDay;
        known.text.clear();
    }
    Scalar result{.type = known.type, .sql = sql::constant(known)};
    result.never_null = !known.null || known.type == ScalarType::String;
    result.constant = std::move(known);
    return result;
}

Scalar Binder::scalar(const Expr& expr) {
    const Nested nested(*this, expr.at);
    switch (expr.kind) {
    case ExprKind::Literal:
        return literal(expr.value);
    case ExprKind::Name:
        return column(expr);
    case ExprKind::Unary:
        return unary(expr);
    case ExprKind::Binary:
        return binary(expr);
    case ExprKind::In:
        return expr.text.starts_with("has_") ? has_list(expr) : in(expr);
    case ExprKind::Between:
        return between(expr);
    case ExprKind::Call:
        return call(expr);
    case ExprKind::Member:
        return member(expr);
    case ExprKind::Index:
        return index(expr);
    case ExprKind::Named:
        return scalar(*expr.args[0]);
    case ExprKind::Tabular: {
        Value value = bind_value(expr);
        if (auto* scalar = std::get_if<Scalar>(&value))
            return *scalar;
        fail_semantic(expr.at, "A table is used where a value is expected; use toscalar(...) to take one value of it",
                      "SEM0021");
    }
    case ExprKind::Wildcard:
        fail_semantic(expr.at, fmt::format("'{}' is not expected here", expr.text), "SEM0022");
    case ExprKind::Group:
        fail_semantic(expr.at, "A group of databases is not a value", "SEM0023");
    case ExprKind::TypeOf: {
        Constant type;
        type.type = ScalarType::String;
        type.text = expr.text;
        return literal(type);
    }
    }
    fail_semantic(expr.at, "this expression is not expected here");
}

Scalar Binder::boolean(const Expr& expr) {
    Scalar value = scalar(expr);
    if (!options_.rewrites)
        value.filter.clear();
    if (value.type == ScalarType::Bool)
        return value;
    if (value.type == ScalarType::Dynamic || is_number(value.type))
        return convert(std::move(value), ScalarType::Bool);
    fail_semantic(
        expr.at, fmt::format("The expression must have the type bool, it has the type {}", data::to_string(value.type)),
        "SEM0024");
}

Scalar Binder::typed(const Expr& expr, ScalarType type) {
    return coerce(scalar(expr), type, expr.at, "this argument");
}

Scalar Binder::unary(const Expr& expr) {
    Scalar value = scalar(*expr.args[0]);
    if (value.type == ScalarType::Dynamic) {
        if (expr.text == "+")
            return value;
        // Integers stay integers; what is no number gives null.
        return {.type = ScalarType::Dynamic,
                .sql =
                    fmt::format("CASE WHEN regexp_full_match({0}, '-?[0-9]{{1,18}}') THEN CAST(-CAST({0} AS BIGINT) AS "
                                "VARCHAR) ELSE {1} END",
                                value.sql,
                                to_dynamic({.type = ScalarType::Real,
                                            .sql = fmt::format("(-{})", convert(value, ScalarType::Real).sql)})
                                    .sql)};
    }
    if (!is_number(value.type) && value.type != ScalarType::TimeSpan)
        fail_semantic(expr.at,
                      fmt::format("The operator '{}' cannot be applied to a value of type {}", expr.text,
                                  data::to_string(value.type)),
                      "SEM0024");
    if (expr.text == "+")
        return value;
    if (value.constant && value.constant->null)
        return value;
    if (value.constant && value.type != ScalarType::Decimal) {
        Constant negated = *value.constant;
        negated.integer = static_cast<std::int64_t>(0 - static_cast<std::uint64_t>(negated.integer));
        negated.real = -negated.real;
        return literal(negated);
    }
    // An int grows to a long; the smallest long has no opposite and stays what it is.
    if (value.type == ScalarType::Int)
        return {.type = ScalarType::Long,
                .sql = fmt::format("(-{})", cast(value.sql, ScalarType::Long)),
                .never_null = value.never_null};
    if (value.type == ScalarType::Long)
        return {.type = ScalarType::Long,
                .sql = fmt::format("kql_subtract(0::BIGINT, {})", value.sql),
                .never_null = value.never_null};
    return {.type = value.type, .sql = fmt::format("(-{})", value.sql), .never_null = value.never_null};
}

Scalar Binder::logical(const Expr& expr) {
    const std::string_view op = expr.text == "and" ? " AND " : " OR ";
    Scalar result{.type = ScalarType::Bool, .sql = {}, .never_null = true};
    std::vector<std::string> values, filters;
    bool cheaper = false;
    for (const ast::ExprPtr& arg : expr.args) {
        Scalar one = boolean(*arg);
        result.never_null = result.never_null && one.never_null;
        cheaper = cheaper || !one.filter.empty();
        filters.push_back(one.as_filter());
        values.push_back(std::move(one.sql));
    }
    result.sql = "(" + sql::join(values, op) + ")";
    if (cheaper && options_.rewrites)
        result.filter = "(" + sql::join(filters, op) + ")";
    check_size(result.sql, expr.at);
    return result;
}

void Binder::fail_operands(Offset at, std::string_view op, const Scalar& left, const Scalar& right) const {
    fail_semantic(at,
                  fmt::format("Operator '{}' cannot be applied to values of types {} and {}. Try adding explicit casts",
                              op, data::to_string(left.type), data::to_string(right.type)),
                  "SEM0062");
}

/// A chain such as a + b + c leans to the left and may be long, so it is walked rather than descended into.
Scalar Binder::binary(const Expr& expr) {
    std::vector<const Expr*> chain;
    const Expr* first = &expr;
    while (first->kind == ExprKind::Binary && first->text != "and" && first->text != "or" &&
           first->args[0]->kind != ExprKind::Wildcard) {
        chain.push_back(first);
        first = first->args[0].get();
    }
    Scalar value = first->kind != ExprKind::Binary               ? scalar(*first)
                   : first->text == "and" || first->text == "or" ? logical(*first)
                                                                 : over_columns(*first); // * has "x": any column
    for (auto link = chain.rbegin(); link != chain.rend(); ++link)
        value = binary(**link, std::move(value), scalar(*(*link)->args[1]));
    check_size(value.sql, expr.at);
    return value;
}

Scalar Binder::binary(const Expr& expr, Scalar left, Scalar right) {
    const std::string& op = expr.text;
    if (op == "==" || op == "!=")
        return equality(expr, std::move(left), std::move(right), op == "==");
    if (op == "<" || op == ">" || op == "<=" || op == ">=")
        return compare(expr.at, op, std::move(left), std::move(right));
    if (op == "+" || op == "-" || op == "*" || op == "/" || op == "%")
        return arithmetic(expr, op, std::move(left), std::move(right));
    return string_operator(op, std::move(left), std::move(right), expr.at);
}

Scalar Binder::arithmetic(const Expr& expr, std::string_view op, Scalar left, Scalar right) {
    // A dynamic operand takes the type of the other one.
    if (left.type == ScalarType::Dynamic && right.type == ScalarType::Dynamic) {
        left = convert(std::move(left), ScalarType::Real);
        right = convert(std::move(right), ScalarType::Real);
        Scalar sum = arithmetic(expr, op, std::move(left), std::move(right));
        return to_dynamic(std::move(sum));
    }
    const auto beside = [&](ScalarType other) {
        if (other == ScalarType::DateTime && op != "-")
            return ScalarType::TimeSpan;
        return other == ScalarType::Int ? ScalarType::Long : other;
    };
    if (left.type == ScalarType::Dynamic && right.type != ScalarType::String)
        left = convert(std::move(left), beside(right.type));
    else if (right.type == ScalarType::Dynamic && left.type != ScalarType::String)
        right = convert(std::move(right), beside(left.type));
    if (!is_number(left.type) || !is_number(right.type))
        return date_arithmetic(expr, op, left, right);

    // Two values of type int make a long, as the reference has it.
    const ScalarType type = widest(widest(left.type, right.type), ScalarType::Long);
    Scalar result{.type = type, .sql = {}, .never_null = left.never_null && right.never_null && op != "/" && op != "%"};
    if (type == ScalarType::Long && left.constant && right.constant && !left.constant->null && !right.constant->null) {
        const std::int64_t a = left.constant->integer, b = right.constant->integer;
        const auto x = static_cast<std::uint64_t>(a), y = static_cast<std::uint64_t>(b);
        const std::uint64_t wrapped = op == "+" ? x + y : op == "-" ? x - y : x * y;
        if (options_.rewrites && op != "/" && op != "%") {
            Constant value;
            value.integer = static_cast<std::int64_t>(wrapped);
            return literal(value);
        }
    }
    const std::string a = left.type == type ? left.sql : cast(left.sql, type);
    const std::string b = right.type == type ? right.sql : cast(right.sql, type);
    if (type == ScalarType::Decimal && (op == "*" || op == "/" || op == "%")) {
        result.sql = fmt::format("kql_decimal_{}({}, {})",
                                 op == "*"   ? "multiply"
                                 : op == "/" ? "divide"
                                             : "modulo",
                                 a, b);
    } else if (type == ScalarType::Decimal) {
        result.sql = cast(fmt::format("({} {} {})", a, op, b), type);
    } else if (op == "/") {
        result.sql = is_integer(type) ? fmt::format("({} // {})", a, b) : fmt::format("({} / {})", a, b);
    } else if (op == "%") {
        // The result is never negative (numerical operators of the reference).
        const bool positive =
            right.constant && !right.constant->null && right.constant->integer > 0 && is_integer(right.type);
        result.sql = positive ? fmt::format("((({0} % {1}) + {1}) % {1})", a, b)
                              : fmt::format("((({0} % {1}) + abs({1})) % abs({1}))", a, b);
    } else if (is_integer(type)) {
        // Integers wrap around, where DuckDB's own operators fail. Adding a small constant is left to DuckDB, which
        // computes with its statistics; at the very end of the range it gives an error.
        const auto small = [](const Scalar& s) { return s.constant && std::abs(s.constant->integer) < 1'000'000; };
        // Nothing that has 32 bits can leave the range of a long.
        const bool narrow = left.type == ScalarType::Int && right.type == ScalarType::Int;
        const bool both_known = left.constant && right.constant;
        if (narrow || (op != "*" && !both_known && (small(left) || small(right))))
            result.sql = fmt::format("({} {} {})", a, op, b);
        else
            result.sql = fmt::format("kql_{}({}, {})", op == "+" ? "add" : op == "-" ? "subtract" : "multiply", a, b);
    } else {
        result.sql = fmt::format("({} {} {})", a, op, b);
    }
    return result;
}

Scalar Binder::date_arithmetic(const Expr& expr, std::string_view op, const Scalar& left, const Scalar& right) {
    using enum ScalarType;
    Scalar result{
        .type = TimeSpan, .sql = {}, .never_null = left.never_null && right.never_null && op != "/" && op != "%"};
    const auto give = [&](ScalarType type, std::string sql) {
        result.type = type;
        result.sql = std::move(sql);
        return result;
    };
    const auto ticks = [&](const Scalar& s) {
        return s.type == Int ? cast(s.sql, Long) : s.type == Decimal ? cast(s.sql, Real) : s.sql;
    };
    const std::string &a = left.sql, &b = right.sql;
    const bool points = left.type == DateTime && right.type == DateTime;
    const bool spans = left.type == TimeSpan && right.type == TimeSpan;
    if (op == "+") {
        if (spans)
            return give(TimeSpan, fmt::format("({} + {})", a, b));
        // The sum of two points is what the middle between them is computed from.
        if (points)
            return give(DateTime, fmt::format("({} + {})", a, b));
        if ((left.type == DateTime && right.type == TimeSpan) || (left.type == TimeSpan && right.type == DateTime))
            return give(DateTime, fmt::format("({} + {})", a, b));
    } else if (op == "-") {
        if (spans || points)
            return give(TimeSpan, fmt::format("({} - {})", a, b));
        if ((left.type == DateTime && right.type == TimeSpan) || (left.type == TimeSpan && right.type == DateTime))
            return give(DateTime, fmt::format("({} - {})", a, b));
    } else if (op == "*") {
        const bool time_left = is_time(left.type) && is_number(right.type);
        const bool time_right = is_time(right.type) && is_number(left.type);
        if (time_left || time_right) {
            const Scalar& factor = time_left ? right : left;
            const std::string product = fmt::format("{} * {}", ticks(left), ticks(right));
            return give(time_left ? left.type : right.type,
                        is_integer(factor.type) ? fmt::format("({})", product)
                                                : fmt::format("TRY_CAST(trunc({}) AS BIGINT)", product));
        }
    } else if (op == "/") {
        if (spans || points || (left.type == DateTime && right.type == TimeSpan))
            return give(Real, fmt::format("({}::DOUBLE / {})", a, b));
        if (is_time(left.type) && is_number(right.type))
            return give(left.type, is_integer(right.type)
                                       ? fmt::format("({} // {})", a, ticks(right))
                                       : fmt::format("TRY_CAST(trunc({} / {}) AS BIGINT)", a, ticks(right)));
    } else if (op == "%") {
        const std::string b_ticks = is_number(right.type) && !is_integer(right.type)
                                        ? fmt::format("TRY_CAST(trunc({}) AS BIGINT)", ticks(right))
                                        : ticks(right);
        if (spans || points || (left.type == DateTime && right.type == TimeSpan) ||
            (is_time(left.type) && is_number(right.type)))
            return give(is_number(right.type) ? left.type : TimeSpan,
                        fmt::format("((({0} % {1}) + abs({1})) % abs({1}))", a, b_ticks));
    }
    fail_operands(expr.at, op, left, right);
}

/// The largest multiple of `size` (counted from `fixed`) that is not above the value.
Scalar Binder::bin(Offset at, Scalar value, Scalar size, std::optional<Scalar> fixed) {
    using enum ScalarType;
    if (value.type == Dynamic)
        value = convert(std::move(value), size.type == TimeSpan ? DateTime : size.type);
    if (size.type == Dynamic)
        size = convert(std::move(size), value.type == DateTime ? TimeSpan : value.type);
    const bool times = value.type == DateTime || value.type == TimeSpan;
    if (times && is_number(size.type)) // a number counts days
        size = {.type = TimeSpan,
                .sql = fmt::format("CAST({} * {} AS BIGINT)", size.sql, sql::integer(kTicksPerDay)),
                .never_null = size.never_null};
    if (times ? size.type != TimeSpan && size.type != DateTime : !is_number(value.type) || !is_number(size.type))
        fail_operands(at, "bin", value, size);
    ScalarType type = times ? value.type : widest(value.type, size.type);
    if (!times && fixed && is_number(fixed->type))
        type = widest(type, fixed->type);
    Scalar result{.type = type == Int ? Long : type, .sql = {}, .name = value.name};
    const std::string shift = fixed ? fixed->sql : "";
    if (times || is_integer(result.type)) {
        const std::string v = fixed ? fmt::format("({} - {})", value.sql, shift) : value.sql;
        std::string sql;
        const bool positive = size.constant && !size.constant->null && size.constant->integer > 0;
        // A column of times is never negative, so the plain remainder is the right one.
        if (value.type == DateTime && positive && !fixed)
            sql = fmt::format("({0} - {0} % {1})", v, size.sql);
        else
            sql = fmt::format("({0} - (({0} % {1}) + {1}) % {1})", v, size.sql);
        if (!positive)
            sql = fmt::format("CASE WHEN {} > 0 THEN {} END", size.sql, sql);
        result.sql = fixed ? fmt::format("({} + {})", sql, shift) : sql;
        if (type == Int)
            result.sql = cast(result.sql, Long);
        result.never_null = value.never_null && positive && (!fixed || fixed->never_null);
    } else {
        const std::string v = cast(fixed ? fmt::format("({} - {})", value.sql, shift) : value.sql, Real);
        std::string sql = fmt::format("(floor({0} / {1}) * {1})", v, cast(size.sql, Real));
        if (fixed)
            sql = fmt::format("({} + {})", sql, shift);
        result.sql = cast(fmt::format("CASE WHEN {} > 0 THEN {} END", size.sql, sql), result.type);
    }
    return result;
}

} // namespace sluice::kql
