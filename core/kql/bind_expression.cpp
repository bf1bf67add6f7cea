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
        known.integer = options_.now;
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
    if (value.type == ScalarType::Dynamic)
        value = convert(std::move(value), ScalarType::Real);
    if (!is_number(value.type) && value.type != ScalarType::TimeSpan)
        fail_semantic(expr.at,
                      fmt::format("The operator '{}' cannot be applied to a value of type {}", expr.text,
                                  data::to_string(value.type)),
                      "SEM0024");
    if (expr.text == "+")
        return value;
    if (value.constant && !value.constant->null && value.type != ScalarType::Decimal) {
        Constant negated = *value.constant;
        negated.integer = static_cast<std::int64_t>(0 - static_cast<std::uint64_t>(negated.integer));
        negated.real = -negated.real;
        return literal(negated);
    }
    const ScalarType type = value.type == ScalarType::Int ? ScalarType::Long : value.type;
    return {.type = type,
            .sql = fmt::format("(-{})", type == value.type ? value.sql : cast(value.sql, type)),
            .never_null = value.never_null};
}

Scalar Binder::logical(const Expr& expr) {
    const Scalar left = boolean(*expr.args[0]);
    const Scalar right = boolean(*expr.args[1]);
    const std::string_view op = expr.text == "and" ? "AND" : "OR";
    Scalar result{.type = ScalarType::Bool, .sql = fmt::format("({} {} {})", left.sql, op, right.sql)};
    result.never_null = left.never_null && right.never_null;
    if (!left.filter.empty() || !right.filter.empty())
        result.filter = fmt::format("({} {} {})", left.as_filter(), op, right.as_filter());
    return result;
}

void Binder::fail_operands(Offset at, std::string_view op, const Scalar& left, const Scalar& right) const {
    fail_semantic(
        at,
        fmt::format("Operator '{}': values of the types {} and {} do not go together; convert one of them explicitly",
                    op, data::to_string(left.type), data::to_string(right.type)),
        "SEM0064");
}

Scalar Binder::binary(const Expr& expr) {
    const std::string& op = expr.text;
    if (op == "and" || op == "or")
        return logical(expr);
    // `* has "x"`: any column.
    if (expr.args[0]->kind == ExprKind::Wildcard)
        return over_columns(expr);
    Scalar left = scalar(*expr.args[0]);
    Scalar right = scalar(*expr.args[1]);
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
    if (left.type == ScalarType::Dynamic)
        left = convert(std::move(left), right.type == ScalarType::Int ? ScalarType::Long : right.type);
    else if (right.type == ScalarType::Dynamic)
        right = convert(std::move(right), op == "-" && left.type == ScalarType::DateTime ? ScalarType::DateTime
                                          : left.type == ScalarType::Int                 ? ScalarType::Long
                                                                                         : left.type);
    if (left.type == ScalarType::Bool)
        left = convert(std::move(left), ScalarType::Long);
    if (right.type == ScalarType::Bool)
        right = convert(std::move(right), ScalarType::Long);
    if (!is_number(left.type) || !is_number(right.type))
        return date_arithmetic(expr, op, left, right);

    const ScalarType type = widest(left.type, right.type);
    Scalar result{.type = type, .sql = {}, .never_null = left.never_null && right.never_null && op != "/" && op != "%"};
    if (type == ScalarType::Long && left.constant && right.constant && !left.constant->null && !right.constant->null) {
        const std::int64_t a = left.constant->integer, b = right.constant->integer;
        std::int64_t folded = 0;
        const bool ok = op == "+"   ? !__builtin_add_overflow(a, b, &folded)
                        : op == "-" ? !__builtin_sub_overflow(a, b, &folded)
                        : op == "*" ? !__builtin_mul_overflow(a, b, &folded)
                                    : false;
        if (ok) {
            Constant value;
            value.integer = folded;
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
        if (op != "*" && type == ScalarType::Long && (small(left) || small(right)))
            result.sql = fmt::format("({} {} {})", a, op, b);
        else
            result.sql = fmt::format("kql_{}{}({}, {})",
                                     op == "+"   ? "add"
                                     : op == "-" ? "subtract"
                                                 : "multiply",
                                     type == ScalarType::Int ? "_int" : "", a, b);
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
        if ((left.type == DateTime && right.type == TimeSpan) || (left.type == TimeSpan && right.type == DateTime))
            return give(DateTime, fmt::format("({} + {})", a, b));
    } else if (op == "-") {
        if (spans || points)
            return give(TimeSpan, fmt::format("({} - {})", a, b));
        if (left.type == DateTime && right.type == TimeSpan)
            return give(DateTime, fmt::format("({} - {})", a, b));
    } else if (op == "*") {
        const bool span_left = left.type == TimeSpan && is_number(right.type);
        const bool span_right = right.type == TimeSpan && is_number(left.type);
        if (span_left || span_right) {
            const Scalar& factor = span_left ? right : left;
            const std::string product = fmt::format("{} * {}", ticks(left), ticks(right));
            return give(TimeSpan, is_integer(factor.type) ? fmt::format("({})", product)
                                                          : fmt::format("TRY_CAST(trunc({}) AS BIGINT)", product));
        }
    } else if (op == "/") {
        if (spans || points || (left.type == DateTime && right.type == TimeSpan))
            return give(Real, fmt::format("({}::DOUBLE / {})", a, b));
        if (left.type == TimeSpan && is_number(right.type))
            return give(TimeSpan, is_integer(right.type)
                                      ? fmt::format("({} // {})", a, ticks(right))
                                      : fmt::format("TRY_CAST(trunc({} / {}) AS BIGINT)", a, ticks(right)));
    } else if (op == "%") {
        if (spans || points || (left.type == DateTime && right.type == TimeSpan) ||
            (left.type == TimeSpan && is_integer(right.type)))
            return give(TimeSpan, fmt::format("((({0} % {1}) + abs({1})) % abs({1}))", a, ticks(right)));
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
    Scalar result{.type = times ? value.type : widest(value.type, size.type), .sql = {}, .name = value.name};
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
        if (result.type == Int)
            result.sql = cast(result.sql, Int);
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
