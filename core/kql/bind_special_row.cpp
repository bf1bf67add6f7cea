#include "core/kql/bind.hpp"
#include "core/kql/sql.hpp"

#include <fmt/format.h>

namespace sluice::kql {

using ast::Expr;
using ast::ExprKind;
using enum ScalarType;

Scalar Binder::special_column_ifexists(const Expr& expr) {
    const bool asks = expr.text == "iscolumnexists";
    expect_arguments(expr, asks ? 1 : 2, asks ? 1 : 2);
    const std::string name = constant_text(*expr.args[0], "The name of a column");
    const Column* found = row_.relation ? row_.relation->find(name) : nullptr;
    if (asks)
        return literal({.type = Bool, .integer = found != nullptr});
    if (found)
        return column_of(*found, row_.left_prefix);
    Scalar value = scalar(*expr.args[1]);
    value.name.clear();
    return value;
}

Scalar Binder::special_toscalar(const Expr& expr) {
    expect_arguments(expr, 1, 1);
    // The key of a partition is how its subquery asks for the value.
    if (expr.args[0]->kind == ExprKind::Name && row_.relation && partition_keys_.contains(expr.args[0]->text))
        return column(*expr.args[0]);
    const WithRow none(*this, Row{});
    const Value value = bind_value(*expr.args[0]);
    if (const auto* known = std::get_if<Scalar>(&value))
        return *known;
    if (!std::holds_alternative<Relation>(value))
        fail_semantic(expr.args[0]->at, "toscalar(): a table or a value is expected", "SEM0023");
    const Relation& table = std::get<Relation>(value);
    if (table.columns.empty())
        fail_semantic(expr.at, "toscalar(): the table has no column", "SEM0023");
    const Column& first = table.columns.front();
    const std::string order = table.order_by();
    Scalar result{.type = first.type,
                  .sql = fmt::format("(SELECT {} FROM ({}){}{} LIMIT 1)", first.id, table.sql,
                                     order.empty() ? "" : " ORDER BY ", order)};
    if (first.type == String) {
        result.sql = fmt::format("COALESCE({}, '')", result.sql);
        result.never_null = true;
    }
    return result;
}

Scalar Binder::special_pack_all(const Expr& expr) {
    if (!row_.relation)
        fail_semantic(expr.at, fmt::format("{}(): there is no row here", expr.text), "SEM0219");
    std::vector<std::string> parts;
    std::string ignore = "FALSE";
    if (expr.text == "pack_all") {
        expect_arguments(expr, 0, 1);
        if (!expr.args.empty())
            ignore = boolean(*expr.args[0]).sql;
        for (const Column& column : row_.relation->columns) {
            if (column.is_group())
                continue;
            parts.push_back(sql::text(column.name));
            parts.push_back(to_dynamic(column_of(column, row_.left_prefix)).sql);
        }
    } else {
        for (const auto& arg : expr.args) {
            const Scalar value = scalar(*arg);
            parts.push_back(sql::text(value.name));
            parts.push_back(to_dynamic(value).sql);
        }
    }
    return {.type = Dynamic,
            .sql = fmt::format("kql_bag_pack({}{}{})", ignore, parts.empty() ? "" : ", ", sql::join(parts)),
            .never_null = true};
}

Scalar Binder::special_bag_pack(const Expr& expr) {
    if (expr.args.size() % 2 != 0)
        fail_semantic(expr.at, fmt::format("{}(): function expects pairs of a key and a value", expr.text), "SEM0219");
    std::vector<std::string> parts{"FALSE"};
    for (std::size_t i = 0; i < expr.args.size(); i += 2) {
        parts.push_back(convert(scalar(*expr.args[i]), String).sql);
        parts.push_back(to_dynamic(scalar(*expr.args[i + 1])).sql);
    }
    return {.type = Dynamic, .sql = fmt::format("kql_bag_pack({})", sql::join(parts)), .never_null = true};
}

Scalar Binder::special_pack_array(const Expr& expr) {
    std::vector<std::string> parts;
    for (const auto& arg : expr.args) {
        if (arg->kind == ExprKind::Wildcard && row_.relation) {
            for (const Column* column : columns_like(*row_.relation, *arg))
                parts.push_back(to_dynamic(column_of(*column, row_.left_prefix)).sql);
            continue;
        }
        parts.push_back(to_dynamic(scalar(*arg)).sql);
    }
    return {.type = Dynamic,
            .sql = parts.empty() ? "'[]'" : fmt::format("kql_pack_array({})", sql::join(parts)),
            .never_null = true};
}

Scalar Binder::special_gettype(const Expr& expr) {
    expect_arguments(expr, 1, 1);
    const Scalar value = scalar(*expr.args[0]);
    Scalar result{.type = String, .sql = {}, .never_null = true};
    if (value.type == Dynamic)
        result.sql = fmt::format("kql_gettype({})", value.sql);
    else if (value.type == String || value.never_null || (value.constant && !value.constant->null))
        result.sql = sql::text(data::to_string(value.type));
    else
        result.sql = fmt::format("CASE WHEN {} IS NULL THEN 'null' ELSE {} END", value.sql,
                                 sql::text(data::to_string(value.type)));
    result.name = "type_" + value.name;
    return result;
}

Scalar Binder::special_current(const Expr& expr) {
    Constant value{.type = String};
    if (expr.text == "current_principal")
        value.text = options_.principal;
    else if (expr.text == "current_database")
        value.text = options_.database ? options_.database->name : "";
    else if (expr.text == "current_principal_details") {
        value.type = Dynamic;
        std::string escaped;
        for (const char c : options_.principal)
            if (c == '"' || c == '\\')
                (escaped += '\\') += c;
            else
                escaped += c;
        value.text = fmt::format("{{\"UserPrincipalName\":\"{0}\",\"IdentityProvider\":\"\",\"DisplayName\":\"{0}\","
                                 "\"Type\":\"aadapp\",\"FullyQualifiedName\":\"{0}\"}}",
                                 escaped);
    } else
        value.text = "http://localhost";
    return literal(value);
}

/// Facts about how a row is stored; null once the rows have been combined or reshaped.
Scalar Binder::special_row_fact(const Expr& expr) {
    expect_arguments(expr, 0, 0);
    const bool known = row_.relation && row_.relation->has_row_facts;
    if (expr.text == "ingestion_time")
        return {.type = DateTime,
                .sql = known ? row_.left_prefix + "\"$time\"" : sql::null_of(DateTime),
                .name = "$IngestionTime"};
    if (expr.text == "extent_tags")
        return {
            .type = Dynamic,
            .sql =
                known ? fmt::format(
                            "(SELECT CAST(to_json(p.tags) AS VARCHAR) FROM sluice.parts AS p WHERE p.id = {}\"$part\")",
                            row_.left_prefix)
                      : sql::null_of(Dynamic)};
    return {.type = Guid,
            .sql = known ? fmt::format("(SELECT p.extent FROM sluice.parts AS p WHERE p.id = {}\"$part\")",
                                       row_.left_prefix)
                         : sql::constant(Constant{.type = Guid})};
}

Scalar Binder::special_column_names_of(const Expr& expr) {
    expect_arguments(expr, 1, 1);
    const WithRow none(*this, Row{});
    const Relation table = bind_table(*expr.args[0]);
    Constant names{.type = Dynamic, .text = "["};
    for (const Column& column : table.columns) {
        if (names.text.size() > 1)
            names.text += ',';
        names.text += '"';
        for (const char c : column.name)
            if (c == '"' || c == '\\')
                (names.text += '\\') += c;
            else
                names.text += c;
        names.text += '"';
    }
    names.text += ']';
    return literal(names);
}

Scalar Binder::special_assert(const Expr& expr) {
    expect_arguments(expr, 2, 2);
    const Scalar test = boolean(*expr.args[0]);
    const std::string message = constant_text(*expr.args[1], "The message");
    if (test.constant && !test.constant->null && test.constant->integer == 0)
        fail_semantic(expr.at, fmt::format("assert() has failed with message: '{}'", message), "SEM0035");
    return {.type = Bool,
            .sql = fmt::format("CASE WHEN {} THEN TRUE ELSE error({}) END", test.sql,
                               sql::text("assert() has failed with message: '" + message + "'")),
            .never_null = true};
}

Scalar Binder::special_estimate_data_size(const Expr& expr) {
    std::vector<Scalar> values;
    for (const auto& arg : expr.args) {
        if (arg->kind == ExprKind::Wildcard && row_.relation) {
            for (const Column* column : columns_like(*row_.relation, *arg))
                values.push_back(column_of(*column, row_.left_prefix));
        } else {
            values.push_back(scalar(*arg));
        }
    }
    std::vector<std::string> parts{"0::BIGINT"};
    for (const Scalar& value : values) {
        switch (value.type) {
        case String:
        case Dynamic:
            parts.push_back(fmt::format("COALESCE(strlen({}), 0)", value.sql));
            break;
        case Bool:
            parts.emplace_back("1");
            break;
        case Int:
            parts.emplace_back("4");
            break;
        case Guid:
        case Decimal:
            parts.emplace_back("16");
            break;
        default:
            parts.emplace_back("8");
            break;
        }
    }
    return {.type = Long, .sql = fmt::format("({})", sql::join(parts, " + ")), .never_null = true};
}

} // namespace sluice::kql
