#include "core/kql/bind.hpp"
#include "core/kql/sql.hpp"

#include <fmt/format.h>

namespace sluice::kql {

using ast::Expr;
using ast::ExprKind;
using enum ScalarType;

namespace {

constexpr std::size_t kMany = 1000;

} // namespace

void expect_arguments(const Expr& expr, std::size_t least, std::size_t most) {
    if (expr.args.size() < least || expr.args.size() > most)
        fail_semantic(expr.at,
                      least == most ? fmt::format("{}(): function expects {} argument(s)", expr.text, least)
                                    : fmt::format("{}(): function expects {} to {} arguments", expr.text, least, most),
                      "SEM0219");
}

/// Functions whose meaning is more than SQL around their arguments.
const std::map<std::string_view, Binder::Special>& Binder::specials() {
    static const std::map<std::string_view, Special> kSpecials = {
        {"iff", &Binder::special_iff},
        {"iif", &Binder::special_iff},
        {"case", &Binder::special_case},
        {"coalesce", &Binder::special_coalesce},
        {"max_of", &Binder::special_extreme_of},
        {"min_of", &Binder::special_extreme_of},
        {"isnull", &Binder::special_isnull},
        {"isnotnull", &Binder::special_isnull},
        {"notnull", &Binder::special_isnull},
        {"isempty", &Binder::special_isempty},
        {"isnotempty", &Binder::special_isempty},
        {"notempty", &Binder::special_isempty},
        {"not", &Binder::special_not},
        {"bin", &Binder::special_bin},
        {"floor", &Binder::special_bin},
        {"bin_at", &Binder::special_bin},
        {"bin_auto", &Binder::special_bin_auto},
        {"now", &Binder::special_now},
        {"ago", &Binder::special_now},
        {"column_ifexists", &Binder::special_column_ifexists},
        {"columnifexists", &Binder::special_column_ifexists},
        {"iscolumnexists", &Binder::special_column_ifexists},
        {"toscalar", &Binder::special_toscalar},
        {"materialize", &Binder::special_toscalar},
        {"pack_all", &Binder::special_pack_all},
        {"bag_pack_columns", &Binder::special_pack_all},
        {"bag_pack", &Binder::special_bag_pack},
        {"pack", &Binder::special_bag_pack},
        {"pack_dictionary", &Binder::special_bag_pack},
        {"pack_array", &Binder::special_pack_array},
        {"gettype", &Binder::special_gettype},
        {"current_principal", &Binder::special_current},
        {"current_database", &Binder::special_current},
        {"current_cluster_endpoint", &Binder::special_current},
        {"current_principal_details", &Binder::special_current},
        {"current_principal_is_member_of", &Binder::special_member_of},
        {"ingestion_time", &Binder::special_row_fact},
        {"extent_id", &Binder::special_row_fact},
        {"extentid", &Binder::special_row_fact},
        {"extent_tags", &Binder::special_row_fact},
        {"tostring", &Binder::special_convert},
        {"tolong", &Binder::special_convert},
        {"toint", &Binder::special_convert},
        {"todouble", &Binder::special_convert},
        {"toreal", &Binder::special_convert},
        {"todatetime", &Binder::special_convert},
        {"totimespan", &Binder::special_convert},
        {"totime", &Binder::special_convert},
        {"tobool", &Binder::special_convert},
        {"toboolean", &Binder::special_convert},
        {"todecimal", &Binder::special_convert},
        {"toguid", &Binder::special_convert},
        {"todynamic", &Binder::special_convert},
        {"toobject", &Binder::special_convert},
        {"parse_json", &Binder::special_convert},
        {"parsejson", &Binder::special_convert},
        {"round", &Binder::special_round},
        {"extract", &Binder::special_extract},
        {"extract_json", &Binder::special_extract},
        {"extractjson", &Binder::special_extract},
        {"column_names_of", &Binder::special_column_names_of},
        {"assert", &Binder::special_assert},
        {"range", &Binder::special_range},
        {"estimate_data_size", &Binder::special_estimate_data_size},
        {"percentile_tdigest", &Binder::special_percentile_tdigest},
        {"percentiles_array_tdigest", &Binder::special_percentile_tdigest},
        {"hash_many", &Binder::special_hash_many},
        {"prev", &Binder::window},
        {"next", &Binder::window},
        {"row_number", &Binder::window},
        {"row_cumsum", &Binder::window},
        {"row_rank_min", &Binder::window},
        {"row_rank_dense", &Binder::window},
        {"row_rank", &Binder::window},
        {"row_window_session", &Binder::window},
    };
    return kSpecials;
}

Scalar Binder::special_iff(const Expr& expr) {
    expect_arguments(expr, 3, 3);
    const Scalar test = boolean(*expr.args[0]);
    std::vector<Scalar> branches{scalar(*expr.args[1]), scalar(*expr.args[2])};
    // What has no type in common is a dynamic.
    const ScalarType type = common_type(branches).value_or(Dynamic);
    for (Scalar& branch : branches)
        branch = convert(std::move(branch), type);
    return {.type = type,
            .sql = fmt::format("CASE WHEN {} THEN {} ELSE {} END", test.as_filter(), branches[0].sql, branches[1].sql),
            .never_null = branches[0].never_null && branches[1].never_null};
}

Scalar Binder::special_case(const Expr& expr) {
    expect_arguments(expr, 3, kMany);
    if (expr.args.size() % 2 == 0)
        fail_semantic(expr.at, "case(): function expects pairs of a condition and a value, and a last value",
                      "SEM0219");
    std::vector<Scalar> values;
    for (std::size_t i = 1; i < expr.args.size(); i += 2)
        values.push_back(scalar(*expr.args[i]));
    values.push_back(scalar(*expr.args.back()));
    const ScalarType type = common_type(values).value_or(Dynamic);
    std::string sql = "CASE";
    bool never_null = true;
    for (std::size_t i = 0; i + 1 < values.size(); ++i) {
        const Scalar value = convert(std::move(values[i]), type);
        sql += fmt::format(" WHEN {} THEN {}", boolean(*expr.args[2 * i]).as_filter(), value.sql);
        never_null = never_null && value.never_null;
    }
    const Scalar otherwise = convert(std::move(values.back()), type);
    return {.type = type,
            .sql = fmt::format("{} ELSE {} END", sql, otherwise.sql),
            .never_null = never_null && otherwise.never_null};
}

Scalar Binder::special_coalesce(const Expr& expr) {
    expect_arguments(expr, 1, 64);
    std::vector<Scalar> values;
    for (const auto& arg : expr.args)
        values.push_back(scalar(*arg));
    const auto type = common_type(values);
    if (!type)
        fail_operands(expr.at, expr.text, values.front(), values.back());
    std::vector<std::string> parts;
    bool never_null = false;
    for (Scalar& value : values) {
        value = convert(std::move(value), *type);
        never_null = never_null || value.never_null;
        // A string has no null; the empty one stands for it here.
        parts.push_back(*type == String ? fmt::format("NULLIF({}, '')", value.sql) : value.sql);
    }
    if (*type == String)
        parts.emplace_back("''");
    return {.type = *type, .sql = fmt::format("COALESCE({})", sql::join(parts)), .never_null = never_null};
}

Scalar Binder::special_extreme_of(const Expr& expr) {
    expect_arguments(expr, 1, 64);
    std::vector<Scalar> values;
    for (const auto& arg : expr.args)
        values.push_back(scalar(*arg));
    const auto type = common_type(values);
    if (!type)
        fail_operands(expr.at, expr.text, values.front(), values.back());
    std::vector<std::string> parts;
    bool never_null = false;
    for (Scalar& value : values) {
        value = convert(std::move(value), *type);
        never_null = never_null || value.never_null;
        parts.push_back(value.sql);
    }
    return {.type = *type,
            .sql = fmt::format("{}({})", expr.text == "max_of" ? "greatest" : "least", sql::join(parts)),
            .never_null = never_null};
}

Scalar Binder::special_isnull(const Expr& expr) {
    expect_arguments(expr, 1, 1);
    const Scalar value = scalar(*expr.args[0]);
    const bool negated = expr.text != "isnull";
    if (value.type == String)
        return {.type = Bool, .sql = negated ? "TRUE" : "FALSE", .never_null = true};
    std::string sql = fmt::format("({} IS {}NULL)", value.sql, negated ? "NOT " : "");
    return {.type = Bool, .sql = std::move(sql), .never_null = true};
}

Scalar Binder::special_isempty(const Expr& expr) {
    expect_arguments(expr, 1, 1);
    const Scalar value = scalar(*expr.args[0]);
    const bool negated = expr.text != "isempty";
    std::string sql = value.type == String ? fmt::format("({} {} '')", value.sql, negated ? "<>" : "=")
                      : value.type == Dynamic
                          ? fmt::format("(COALESCE({}, '\"\"') {}IN ('\"\"'))", value.sql, negated ? "NOT " : "")
                          : fmt::format("({} IS {}NULL)", value.sql, negated ? "NOT " : "");
    return {.type = Bool, .sql = std::move(sql), .never_null = true};
}

Scalar Binder::special_not(const Expr& expr) {
    expect_arguments(expr, 1, 1);
    const Scalar value = boolean(*expr.args[0]);
    return {.type = Bool, .sql = fmt::format("(NOT {})", value.sql), .never_null = value.never_null};
}

Scalar Binder::special_bin(const Expr& expr) {
    const bool at = expr.text == "bin_at";
    expect_arguments(expr, at ? 3 : 1, at ? 3 : 2);
    Scalar value = scalar(*expr.args[0]);
    Constant one;
    one.integer = 1;
    Scalar size = expr.args.size() > 1 ? scalar(*expr.args[1]) : literal(one);
    std::optional<Scalar> fixed;
    if (at) {
        fixed = scalar(*expr.args[2]);
        if (fixed->type == Dynamic)
            fixed = convert(std::move(*fixed), value.type);
    }
    return bin(expr.at, std::move(value), std::move(size), std::move(fixed));
}

Scalar Binder::special_bin_auto(const Expr& expr) {
    expect_arguments(expr, 1, 1);
    const Value* size = find_name("query_bin_auto_size");
    if (!size || !std::holds_alternative<Scalar>(*size))
        fail_semantic(expr.at, "bin_auto(): set query_bin_auto_size=... has to stand before the query", "SEM0219");
    const Value* at = find_name("query_bin_auto_at");
    std::optional<Scalar> fixed;
    if (at && std::holds_alternative<Scalar>(*at))
        fixed = std::get<Scalar>(*at);
    return bin(expr.at, scalar(*expr.args[0]), std::get<Scalar>(*size), std::move(fixed));
}

Scalar Binder::special_now(const Expr& expr) {
    const bool ago = expr.text == "ago";
    expect_arguments(expr, ago ? 1 : 0, 1);
    Constant now{.type = DateTime, .integer = now_};
    if (expr.args.empty())
        return literal(now);
    const Scalar offset = coerce(scalar(*expr.args[0]), TimeSpan, expr.args[0]->at, "the offset");
    if (offset.constant && !offset.constant->null) {
        now.integer += ago ? -offset.constant->integer : offset.constant->integer;
        return literal(now);
    }
    return {.type = DateTime,
            .sql = fmt::format("({} {} {})", sql::constant(now), ago ? "-" : "+", offset.sql),
            .never_null = offset.never_null};
}

Scalar Binder::special_convert(const Expr& expr) {
    static const std::map<std::string_view, ScalarType> kTargets = {
        {"tostring", String},   {"tolong", Long},         {"toint", Int},           {"todouble", Real},
        {"toreal", Real},       {"todatetime", DateTime}, {"totimespan", TimeSpan}, {"totime", TimeSpan},
        {"tobool", Bool},       {"toboolean", Bool},      {"todecimal", Decimal},   {"toguid", Guid},
        {"todynamic", Dynamic}, {"toobject", Dynamic},    {"parse_json", Dynamic},  {"parsejson", Dynamic}};
    expect_arguments(expr, 1, 1);
    Scalar value = scalar(*expr.args[0]);
    const std::string name = value.name;
    const ScalarType to = kTargets.at(expr.text);
    // The text of JSON becomes the value that it writes; a string inside a dynamic too.
    if (to == Dynamic && (value.type == String || value.type == Dynamic))
        value = {.type = Dynamic,
                 .sql = value.type == String ? fmt::format("kql_parse_json({})", value.sql)
                                             : fmt::format("kql_parse_json_dynamic({})", value.sql)};
    else
        value = convert(std::move(value), to);
    value.name = name;
    return value;
}

Scalar Binder::special_round(const Expr& expr) {
    expect_arguments(expr, 1, 2);
    Scalar value = scalar(*expr.args[0]);
    if (value.type == Dynamic)
        value = convert(std::move(value), Real);
    if (value.type != Int && value.type != Long && value.type != Real && value.type != Decimal)
        fail_semantic(expr.at,
                      fmt::format("round(): a value of type {} cannot be rounded", data::to_string(value.type)),
                      "SEM0219");
    const std::string digits = expr.args.size() > 1 ? typed(*expr.args[1], Long).sql : "0";
    return {.type = value.type,
            .sql = value.type == Decimal
                       ? fmt::format(
                             "CAST(round({}, {}) AS {})", value.sql,
                             expr.args.size() > 1 ? std::to_string(constant_long(*expr.args[1], "The precision")) : "0",
                             sql::physical_type(Decimal))
                       : fmt::format("CAST(kql_round(CAST({} AS DOUBLE), {}) AS {})", value.sql, digits,
                                     sql::physical_type(value.type)),
            .never_null = false,
            .name = value.name};
}

/// extract(regex, group, source [, typeof(T)]) and extract_json(path, text [, typeof(T)]).
Scalar Binder::special_extract(const Expr& expr) {
    const bool json = expr.text != "extract";
    const std::size_t plain = json ? 2 : 3;
    expect_arguments(expr, plain, plain + 1);
    Scalar result;
    if (json) {
        const Scalar path = convert(scalar(*expr.args[0]), String);
        const Scalar text = scalar(*expr.args[1]);
        result = {.type = String,
                  .sql = fmt::format("kql_extract_json({}, {})", path.sql, convert(text, String).sql),
                  .never_null = true};
    } else {
        const Scalar pattern = convert(scalar(*expr.args[0]), String);
        const Scalar group = typed(*expr.args[1], Long);
        const Scalar text = convert(scalar(*expr.args[2]), String);
        result = {.type = String,
                  .sql = fmt::format("kql_extract({}, {}, {})", pattern.sql, group.sql, text.sql),
                  .never_null = true};
    }
    if (expr.args.size() > plain) {
        if (expr.args[plain]->kind != ExprKind::TypeOf)
            fail_semantic(expr.args[plain]->at, "typeof(...) is expected here", "SEM0219");
        result = convert(std::move(result), type_named(expr.args[plain]->text, expr.args[plain]->at));
    }
    return result;
}

/// range(start, stop [, step]) as a dynamic array.
Scalar Binder::special_range(const Expr& expr) {
    expect_arguments(expr, 2, 3);
    Scalar from = scalar(*expr.args[0]);
    Scalar to = scalar(*expr.args[1]);
    const auto plain = [&](Scalar value) {
        return value.type == Dynamic || value.type == Int ? convert(std::move(value), Long) : value;
    };
    from = plain(std::move(from));
    to = plain(std::move(to));
    Constant one;
    one.integer = 1;
    if (from.type == DateTime || from.type == TimeSpan) {
        one.type = TimeSpan;
        one.integer = kTicksPerHour;
    }
    Scalar step = expr.args.size() > 2 ? plain(scalar(*expr.args[2])) : literal(one);
    if (from.type == DateTime || from.type == TimeSpan) {
        if (to.type != from.type || step.type != TimeSpan)
            fail_operands(expr.at, "range", from, to);
        return {.type = Dynamic,
                .sql = fmt::format("kql_range_{}({}, {}, {})", from.type == DateTime ? "datetime" : "timespan",
                                   from.sql, to.sql, step.sql)};
    }
    const bool real = from.type == Real || to.type == Real || step.type == Real;
    const auto number = [&](Scalar value, const Expr& at) {
        return coerce(std::move(value), real ? Real : Long, at.at, "this argument").sql;
    };
    return {.type = Dynamic,
            .sql = fmt::format("kql_range_{}({}, {}, {})", real ? "real" : "long", number(from, *expr.args[0]),
                               number(to, *expr.args[1]), number(step, expr))};
}

} // namespace sluice::kql
