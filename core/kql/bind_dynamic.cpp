#include "core/kql/bind.hpp"
#include "core/kql/sql.hpp"

#include <fmt/format.h>

namespace sluice::kql {

using ast::Expr;
using ast::ExprKind;

namespace {

/// The key as a JSON pointer, which can hold any text.
std::string pointer(std::string_view key) {
    std::string out = "/";
    for (const char c : key) {
        if (c == '~')
            out += "~0";
        else if (c == '/')
            out += "~1";
        else
            out += c;
    }
    return out;
}

bool plain_key(std::string_view key) {
    if (key.empty())
        return false;
    for (const char c : key)
        if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_' && c != ' ' && c != '-')
            return false;
    return true;
}

} // namespace

/// The value at a path inside a dynamic; null where there is none. `path_sql` is SQL of a JSON path or pointer.
Scalar Binder::element(const Scalar& value, std::string path_sql) {
    const Scalar dynamic = value.type == ScalarType::Dynamic  ? value
                           : value.type == ScalarType::String ? convert(value, ScalarType::Dynamic)
                                                              : to_dynamic(value);
    Scalar result{.type = ScalarType::Dynamic,
                  .sql = fmt::format("NULLIF(CAST(json_extract({}, {}) AS VARCHAR), 'null')", dynamic.sql, path_sql)};
    return result;
}

/// The value under a key of a bag.
Scalar Binder::property(const Scalar& value, std::string_view key) {
    return element(value, sql::text(plain_key(key) ? fmt::format("$.\"{}\"", key) : pointer(key)));
}

Scalar Binder::member(const Expr& expr) {
    const Expr& of = *expr.args[0];
    // $left.a and $right.a of joins.
    if (of.kind == ExprKind::Name && (of.text == "$left" || of.text == "$right") && row_.relation) {
        const Relation* side = of.text == "$left" ? row_.relation : row_.right;
        const Column* column = side ? side->find(expr.text) : nullptr;
        if (!column)
            fail_semantic(expr.at, fmt::format("Failed to resolve column named '{}' of {}", expr.text, of.text));
        return column_of(*column, of.text == "$left" ? row_.left_prefix : row_.right_prefix);
    }
    // step.a inside of scan, node.a inside of graph-match.
    if (of.kind == ExprKind::Name && row_.steps)
        if (const auto step = row_.steps->find(of.text); step != row_.steps->end())
            if (const Column* column = step->second.find(expr.text)) {
                Scalar value = column_of(*column, "");
                value.name = of.text + "_" + expr.text;
                return value;
            }
    if (is_tabular(expr))
        fail_semantic(expr.at, "A table is used where a value is expected", "SEM0021");
    const Scalar value = scalar(of);
    if (value.type != ScalarType::Dynamic)
        fail_semantic(expr.at,
                      fmt::format("A value of type {} has no member '{}'", data::to_string(value.type), expr.text),
                      "SEM0034");
    Scalar result = property(value, expr.text);
    result.name = value.name.empty() ? expr.text : value.name + "_" + expr.text;
    return result;
}

Scalar Binder::index(const Expr& expr) {
    const Scalar value = scalar(*expr.args[0]);
    const Scalar at = scalar(*expr.args[1]);
    if (value.type != ScalarType::Dynamic)
        fail_semantic(expr.at, fmt::format("A value of type {} has no elements", data::to_string(value.type)),
                      "SEM0034");
    Scalar result;
    std::string label;
    if (at.type == ScalarType::String && at.constant) {
        label = at.constant->text;
        result = property(value, label);
    } else if (at.constant && !at.constant->null && (at.type == ScalarType::Long || at.type == ScalarType::Int)) {
        label = fmt::format("{}", at.constant->integer);
        result = element(value, sql::text(at.constant->integer < 0 ? fmt::format("$[#{}]", at.constant->integer)
                                                                   : fmt::format("$[{}]", at.constant->integer)));
    } else {
        result = {.type = ScalarType::Dynamic,
                  .sql = fmt::format("kql_dynamic_at({}, {})", value.sql, to_dynamic(at).sql)};
    }
    // Only what is written there as it stands becomes part of the name.
    const std::string written = expr.args[1]->kind == ExprKind::Literal ? label : std::string();
    result.name = value.name.empty() ? written : value.name + "_" + written;
    return result;
}

} // namespace sluice::kql
