#include "core/kql/bind.hpp"
#include "core/kql/sql.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <map>

namespace sluice::kql {

using ast::Expr;
using ast::ExprKind;

namespace {

bool is_number(ScalarType type) {
    return type == ScalarType::Int || type == ScalarType::Long || type == ScalarType::Real ||
           type == ScalarType::Decimal;
}

bool is_known_value(const Scalar& s) {
    return s.constant && !s.constant->null;
}

/// A number for certain: NaN and infinities are what comparisons of SQL see differently.
bool is_finite(const Scalar& s) {
    return s.constant && !s.constant->null && (s.type != ScalarType::Real || std::isfinite(s.constant->real));
}

[[noreturn]] void fail_comparison(Offset at, const Scalar& left, const Scalar& right) {
    fail_semantic(at,
                  fmt::format("Cannot compare values of types {} and {}. Try adding explicit casts",
                              data::to_string(left.type), data::to_string(right.type)),
                  "SEM0064");
}

/// Bool that is never null: `sql` where known, `otherwise` where it is NULL.
Scalar decided(std::string sql, bool never_null, bool otherwise) {
    Scalar result{.type = ScalarType::Bool, .sql = {}, .never_null = true};
    if (never_null) {
        result.sql = std::move(sql);
    } else {
        result.sql = fmt::format("COALESCE({}, {})", sql, otherwise ? "TRUE" : "FALSE");
        if (!otherwise)
            result.filter = std::move(sql);
    }
    return result;
}

} // namespace

/// Brings both sides of a comparison to types that SQL compares as the reference does.
void Binder::align(Offset at, std::string_view, Scalar& left, Scalar& right) {
    if (left.type == right.type)
        return;
    if (is_number(left.type) && is_number(right.type))
        return;
    if (left.type == ScalarType::Dynamic) {
        left = convert(std::move(left),
                       right.type == ScalarType::Int || right.type == ScalarType::Long ? ScalarType::Real : right.type);
        return;
    }
    if (right.type == ScalarType::Dynamic) {
        right = convert(std::move(right),
                        left.type == ScalarType::Int || left.type == ScalarType::Long ? ScalarType::Real : left.type);
        return;
    }
    if (left.type == ScalarType::Bool && is_number(right.type)) {
        left = convert(std::move(left), ScalarType::Long);
        return;
    }
    if (right.type == ScalarType::Bool && is_number(left.type)) {
        right = convert(std::move(right), ScalarType::Long);
        return;
    }
    fail_comparison(at, left, right);
}

/// Null with null is null; null with a value differs from it (engine 6.2).
Scalar Binder::equality(const Expr& expr, Scalar left, Scalar right, bool equal) {
    align(expr.at, expr.text, left, right);
    const std::string plain = fmt::format("({} {} {})", left.sql, equal ? "=" : "<>", right.sql);
    // A value that is no number equals nothing, itself included; SQL sees that differently, but only where both sides
    // may be one.
    if (left.type == ScalarType::Real && right.type == ScalarType::Real && !is_finite(left) && !is_finite(right))
        return {.type = ScalarType::Bool,
                .sql = fmt::format(
                    "CASE WHEN {0} IS NULL AND {1} IS NULL THEN NULL WHEN isnan({0}) THEN {3} ELSE {0} IS {2} "
                    "FROM {1} END",
                    left.sql, right.sql, equal ? "NOT DISTINCT" : "DISTINCT", equal ? "FALSE" : "TRUE")};
    if (left.never_null && right.never_null)
        return {.type = ScalarType::Bool, .sql = plain, .never_null = true};
    if (left.never_null || right.never_null) {
        Scalar result = decided(plain, false, !equal);
        if (!equal)
            result.sql = fmt::format("({} IS DISTINCT FROM {})", left.sql, right.sql);
        return result;
    }
    Scalar result{.type = ScalarType::Bool,
                  .sql = fmt::format("CASE WHEN {0} IS NULL AND {1} IS NULL THEN NULL ELSE {0} IS {2} FROM {1} END",
                                     left.sql, right.sql, equal ? "NOT DISTINCT" : "DISTINCT")};
    if (equal)
        result.filter = plain;
    return result;
}

Scalar Binder::compare(Offset at, std::string_view op, Scalar left, Scalar right) {
    align(at, op, left, right);
    if (left.type == ScalarType::Dynamic && right.type == ScalarType::Dynamic) {
        left = convert(std::move(left), ScalarType::Real);
        right = convert(std::move(right), ScalarType::Real);
    }
    if (left.type == ScalarType::Guid)
        fail_comparison(at, left, right);
    Scalar result{.type = ScalarType::Bool,
                  .sql = fmt::format("({} {} {})", left.sql, op, right.sql),
                  .never_null = left.never_null && right.never_null};
    // What is not a number is neither smaller nor larger; SQL takes it for the largest. A second plain comparison keeps
    // the condition one that can be pushed into the scan.
    const Scalar& larger = op.starts_with('<') ? right : left;
    const Scalar& smaller = op.starts_with('<') ? left : right;
    if (larger.type == ScalarType::Real && !is_finite(larger)) {
        result.sql = fmt::format("({} AND {} <= 'Infinity'::DOUBLE)", result.sql, larger.sql);
        if (op.ends_with('=') && smaller.type == ScalarType::Real && !is_finite(smaller))
            result.sql = fmt::format("({} AND {} <= 'Infinity'::DOUBLE)", result.sql, smaller.sql);
    }
    return result;
}

Scalar Binder::between(const Expr& expr) {
    Scalar value = scalar(*expr.args[0]);
    Scalar low = scalar(*expr.args[1]);
    Scalar high = scalar(*expr.args[2]);
    // A timespan as upper end counts from the lower one.
    if ((low.type == ScalarType::DateTime || value.type == ScalarType::DateTime) && high.type == ScalarType::TimeSpan)
        high = {.type = ScalarType::DateTime,
                .sql = fmt::format("({} + {})", low.sql, high.sql),
                .never_null = low.never_null && high.never_null};
    const Scalar from = compare(expr.at, ">=", value, std::move(low));
    const Scalar to = compare(expr.at, "<=", std::move(value), std::move(high));
    Scalar result{.type = ScalarType::Bool,
                  .sql = fmt::format("({} AND {})", from.sql, to.sql),
                  .never_null = from.never_null && to.never_null};
    if (expr.text.starts_with('!'))
        result.sql = fmt::format("(NOT {})", result.sql);
    return result;
}

/// `x in (...)`: values, one dynamic array, or one column of a table.
Scalar Binder::in(const Expr& expr) {
    const bool negated = expr.text.starts_with('!');
    const bool ignore_case = expr.text.ends_with('~');
    Scalar value = scalar(*expr.args[0]);
    if (ignore_case)
        value = convert(std::move(value), ScalarType::String);
    const auto folded = [&](const std::string& sql) { return ignore_case ? fmt::format("lower({})", sql) : sql; };
    const auto finish = [&](std::string sql, bool never_null) {
        if (!negated)
            return decided(std::move(sql), never_null, false);
        Scalar found = decided(std::move(sql), never_null, false);
        found.sql = fmt::format("(NOT {})", found.sql);
        found.filter.clear();
        return found;
    };

    std::vector<std::string> list;
    std::vector<std::string> arrays;
    bool all_known = true;
    for (std::size_t i = 1; i < expr.args.size(); ++i) {
        const Expr& item = *expr.args[i];
        const Value bound = bind_value(item);
        if (const auto* of = std::get_if<Relation>(&bound)) {
            const Relation& table = *of;
            if (table.columns.empty())
                fail_semantic(item.at, "the table has no column", "SEM0023");
            Scalar first = column_of(table.columns.front(), "");
            Scalar probe = value;
            if (first.type == ScalarType::Dynamic && probe.type != ScalarType::Dynamic)
                first = convert(std::move(first), probe.type);
            else
                align(item.at, expr.text, probe, first);
            return finish(fmt::format("{} IN (SELECT {} FROM ({}))", folded(probe.sql), folded(first.sql), table.sql),
                          false);
        }
        if (!std::holds_alternative<Scalar>(bound))
            fail_semantic(item.at, "A value or a table is expected here", "SEM0023");
        Scalar element = std::get<Scalar>(bound);
        if (element.type == ScalarType::Dynamic && value.type != ScalarType::Dynamic && element.constant &&
            !element.constant->null && element.constant->text.starts_with('[')) {
            for (const auto& member : nlohmann::json::parse(element.constant->text)) {
                Constant text{.type = ScalarType::Dynamic, .text = member.dump()};
                if (!member.is_null())
                    list.push_back(folded(convert(literal(text), value.type).sql));
            }
            continue;
        }
        if (element.type == ScalarType::Dynamic && value.type != ScalarType::Dynamic) {
            arrays.push_back(fmt::format("kql_array_has({}, {}, {})", element.sql, to_dynamic(value).sql,
                                         ignore_case ? "TRUE" : "FALSE"));
            all_known = false;
            continue;
        }
        if (ignore_case)
            element = convert(std::move(element), ScalarType::String);
        Scalar probe = value;
        align(item.at, expr.text, probe, element);
        if (probe.sql != value.sql)
            value = probe;
        if (element.constant && element.constant->null && element.type != ScalarType::String)
            continue;
        all_known = all_known && is_known_value(element);
        list.push_back(folded(element.sql));
    }
    std::vector<std::string> tests = std::move(arrays);
    if (!list.empty())
        tests.push_back(fmt::format("{} IN ({})", folded(value.sql), sql::join(list)));
    if (tests.empty())
        return finish("FALSE", true);
    return finish("(" + sql::join(tests, " OR ") + ")", value.never_null && all_known);
}

/// has_any, has_all: terms as arguments, as an array or as a column of a table.
Scalar Binder::has_list(const Expr& expr) {
    const Scalar value = convert(scalar(*expr.args[0]), ScalarType::String);
    const bool all = expr.text == "has_all";
    std::vector<std::string> tests;
    for (std::size_t i = 1; i < expr.args.size(); ++i) {
        const Expr& item = *expr.args[i];
        const Value bound = bind_value(item);
        if (const auto* of = std::get_if<Relation>(&bound)) {
            const Relation& table = *of;
            if (table.columns.empty())
                fail_semantic(item.at, "the table has no column", "SEM0023");
            const Scalar first = convert(column_of(table.columns.at(0), ""), ScalarType::String);
            tests.push_back(fmt::format("COALESCE((SELECT bool_{}(kql_has({}, {})) FROM ({})), {})", all ? "and" : "or",
                                        value.sql, first.sql, table.sql, all ? "TRUE" : "FALSE"));
            continue;
        }
        if (!std::holds_alternative<Scalar>(bound))
            fail_semantic(item.at, "A value or a table is expected here", "SEM0023");
        Scalar element = std::get<Scalar>(bound);
        if (element.type == ScalarType::Dynamic)
            tests.push_back(fmt::format("kql_{}({}, {})", expr.text, value.sql, element.sql));
        else
            tests.push_back(
                fmt::format("kql_has({}, {})", value.sql, convert(std::move(element), ScalarType::String).sql));
    }
    return decided("(" + sql::join(tests, all ? " AND " : " OR ") + ")", false, false);
}

Scalar Binder::string_operator(std::string_view op, Scalar left, Scalar right, Offset at) {
    const auto as_text = [&](Scalar value) {
        if (value.type != ScalarType::String && value.type != ScalarType::Dynamic && op != ":" &&
            (op == "=~" || op == "!~"))
            fail_operands(at, op, left, right);
        return convert(std::move(value), ScalarType::String);
    };
    left = as_text(std::move(left));
    right = as_text(std::move(right));
    const bool negated = op.starts_with('!') && op != "!~";
    std::string_view word = negated ? op.substr(1) : op;
    if (word == ":")
        word = "has";
    static const std::map<std::string_view, std::string_view> kTemplates = {
        {"=~", "(lower({0}) = lower({1}))"},
        {"!~", "(lower({0}) <> lower({1}))"},
        {"contains", "contains(lower({0}), lower({1}))"},
        {"contains_cs", "contains({0}, {1})"},
        {"startswith", "starts_with(lower({0}), lower({1}))"},
        {"startswith_cs", "starts_with({0}, {1})"},
        {"endswith", "ends_with(lower({0}), lower({1}))"},
        {"endswith_cs", "ends_with({0}, {1})"},
        {"has", "kql_has({0}, {1})"},
        {"has_cs", "kql_has_cs({0}, {1})"},
        {"hasprefix", "kql_hasprefix({0}, {1})"},
        {"hasprefix_cs", "kql_hasprefix_cs({0}, {1})"},
        {"hassuffix", "kql_hassuffix({0}, {1})"},
        {"hassuffix_cs", "kql_hassuffix_cs({0}, {1})"},
        {"matches regex", "kql_matches({0}, {1})"},
        {"like", "({0} ILIKE {2} ESCAPE '~')"},
        {"likecs", "({0} LIKE {2} ESCAPE '~')"},
    };
    auto found = kTemplates.find(word);
    if (case_sensitive_)
        if (const auto strict = kTemplates.find(fmt::format("{}_cs", word)); strict != kTemplates.end())
            found = strict;
    if (found == kTemplates.end())
        fail_unsupported(at, fmt::format("Operator '{}'", op));
    // Only '*' is a wildcard; what SQL takes for one is escaped.
    const std::string pattern =
        word.starts_with("like")
            ? fmt::format("translate(regexp_replace({}, '([%_~])', '~\\1', 'g'), '*', '%')", right.sql)
            : std::string();
    Scalar result{.type = ScalarType::Bool,
                  .sql = fmt::format(fmt::runtime(found->second), left.sql, right.sql, pattern),
                  .never_null = true};
    if (negated)
        result.sql = fmt::format("(NOT {})", result.sql);
    return result;
}

/// `* has "x"` and `* == 5`: true when it is for any column.
Scalar Binder::over_columns(const Expr& expr) {
    if (!row_.relation)
        fail_semantic(expr.at, "'*' needs the columns of a table", "SEM0022");
    const Scalar right = scalar(*expr.args[1]);
    std::vector<std::string> tests;
    for (const Column& column : row_.relation->columns) {
        Scalar left = column_of(column, row_.left_prefix);
        if (expr.text == "==") {
            if (left.type != right.type && !(is_number(left.type) && is_number(right.type)) &&
                left.type != ScalarType::Dynamic)
                continue;
            tests.push_back(equality(expr, std::move(left), right, true).sql);
        } else {
            tests.push_back(string_operator(expr.text, std::move(left), right, expr.at).sql);
        }
    }
    if (tests.empty())
        tests.emplace_back("FALSE");
    return decided("(" + sql::join(tests, " OR ") + ")", false, false);
}

} // namespace sluice::kql
