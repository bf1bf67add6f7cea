#include "core/kql/bind.hpp"
#include "core/kql/sql.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace sluice::kql {

using ast::Expr;
using ast::ExprKind;

namespace {

/// Plugins of the language that need a service, a sandbox or a model, or give several tables at a time.
constexpr std::array kForeignPlugins = {"ai_chat_completion",
                                        "ai_chat_completion_prompt",
                                        "ai_embeddings",
                                        "ai_embed_text",
                                        "azure_digital_twins_query_request",
                                        "cosmosdb_sql_request",
                                        "csharp",
                                        "dax_request",
                                        "diffpatterns_text",
                                        "estimate_rows_count",
                                        "execute_query",
                                        "execute_show_command",
                                        "external_datatable",
                                        "geo_line_lookup",
                                        "geo_polygon_lookup",
                                        "http_request",
                                        "http_request_post",
                                        "infer_storage_schema",
                                        "infer_storage_schema_with_suggestions",
                                        "mysql_request",
                                        "postgresql_request",
                                        "python",
                                        "r",
                                        "sql_request"};

} // namespace

const std::map<std::string_view, Binder::Plugin>& Binder::plugins() {
    static const std::map<std::string_view, Plugin> kPlugins = {
        {"bag_unpack", &Binder::plugin_bag_unpack},
        {"pivot", &Binder::plugin_pivot},
        {"narrow", &Binder::plugin_narrow},
        {"ipv4_lookup", &Binder::plugin_ip_lookup},
        {"ipv6_lookup", &Binder::plugin_ip_lookup},
        {"rows_near", &Binder::plugin_rows_near},
        {"sequence_detect", &Binder::plugin_sequence_detect},
        {"dcount_intersect", &Binder::plugin_dcount_intersect},
        {"schema_merge", &Binder::plugin_schema_merge},
        {"basket", &Binder::plugin_patterns},
        {"autocluster", &Binder::plugin_patterns},
        {"diffpatterns", &Binder::plugin_patterns},
    };
    return kPlugins;
}

Relation Binder::evaluate(const ast::Operator& op, const ast::Evaluate& node, Relation input) {
    const Expr& call = *node.call;
    if (auto result = plugin_query(node, input))
        return std::move(*result);
    const auto plugin = plugins().find(call.text);
    if (plugin == plugins().end()) {
        if (std::find(kForeignPlugins.begin(), kForeignPlugins.end(), call.text) != kForeignPlugins.end())
            fail_unsupported(op.at, fmt::format("The plugin '{}'", call.text));
        fail_semantic(call.at, fmt::format("'evaluate' operator: there is no plugin '{}'", call.text), "SEM0260");
    }
    return (this->*plugin->second)(node, std::move(input));
}

/// Values of a query of one text column, for operators whose columns depend on the data.
std::vector<std::string> Binder::probe(const std::string& sql, Offset at) {
    if (!options_.probe)
        return {};
    if (scanned_ && options_.database && *scanned_ != options_.database->name)
        fail_unsupported(at, "An operator whose columns depend on the data of another database");
    auto values = options_.probe(with_clause() + sql);
    if (!values)
        fail_semantic(at,
                      fmt::format("The columns depend on the data, and reading it failed: {}", values.error().message),
                      "SEM0032");
    return std::move(*values);
}

/// The argument of that name, or the one at that place among those without names.
const Expr* Binder::plugin_argument(const Expr& call, std::string_view name, std::size_t place) const {
    std::size_t at = 0;
    for (const auto& arg : call.args) {
        if (arg->kind == ExprKind::Named) {
            if (arg->text == name)
                return arg->args[0].get();
        } else if (at++ == place) {
            return arg.get();
        }
    }
    return nullptr;
}

/// bag_unpack(Column [, Prefix] [, columnsConflict] [, ignoredProperties]) [: Schema]
Relation Binder::plugin_bag_unpack(const ast::Evaluate& node, Relation input) {
    const Expr& call = *node.call;
    const Expr* what = plugin_argument(call, "Column", 0);
    if (!what || what->kind != ExprKind::Name)
        fail_semantic(call.at, "bag_unpack(): the first argument has to be a column", "SEM0219");
    const Column* found = input.find(what->text);
    if (!found)
        fail_semantic(what->at, fmt::format("Failed to resolve column named '{}'", what->text));
    if (found->type != ScalarType::Dynamic)
        fail_semantic(what->at, "bag_unpack(): the column has to be dynamic", "SEM0219");
    const Column bag = *found;
    const Expr* prefix_at = plugin_argument(call, "OutputColumnPrefix", 1);
    const std::string prefix = prefix_at ? constant_text(*prefix_at, "The prefix") : "";
    const Expr* conflict_at = plugin_argument(call, "columnsConflict", 2);
    const std::string conflict = conflict_at ? constant_text(*conflict_at, "columnsConflict") : "error";
    if (conflict != "error" && conflict != "replace_source" && conflict != "keep_source")
        fail_semantic(conflict_at->at, "columnsConflict has to be 'error', 'replace_source' or 'keep_source'",
                      "SEM0219");
    std::set<std::string> ignored;
    if (const Expr* at = plugin_argument(call, "ignoredProperties", 3)) {
        const auto list = fold(*at);
        if (!list || list->type != ScalarType::Dynamic)
            fail_semantic(at->at, "ignoredProperties has to be a constant array", "SEM0027");
        for (const auto& one : nlohmann::json::parse(list->text, nullptr, false))
            if (one.is_string())
                ignored.insert(one.get<std::string>());
    }
    input = stored(std::move(input), false);
    // Name, type and key of each new column.
    struct Slot {
        std::string name, key;
        ScalarType type;
    };
    std::vector<Slot> slots;
    const bool declared = !node.schema.empty() || node.schema_open;
    for (const ast::ColumnDeclaration& one : node.schema)
        slots.push_back({one.name, one.name.starts_with(prefix) ? one.name.substr(prefix.size()) : one.name,
                         type_named(one.type, one.at)});
    if (!declared) {
        const std::string sql = fmt::format(
            "SELECT kql_pack_array(kql_json_string(k), kql_json_string(CASE WHEN count(DISTINCT t) = 1 THEN "
            "any_value(t) ELSE 'dynamic' END)) FROM (SELECT k, kql_gettype(kql_dynamic_at(b, "
            "kql_json_string(k))) AS t FROM (SELECT {0} AS b, unnest(json_keys({0})) AS k FROM ({1}) WHERE "
            "json_type({0}) = 'OBJECT')) WHERE t <> 'null' GROUP BY k ORDER BY k",
            bag.id, input.sql);
        static const std::map<std::string, ScalarType, std::less<>> kTypes = {{"long", ScalarType::Long},
                                                                              {"double", ScalarType::Real},
                                                                              {"string", ScalarType::String},
                                                                              {"bool", ScalarType::Bool}};
        for (const std::string& text : probe(sql, call.at)) {
            const auto pair = nlohmann::json::parse(text, nullptr, false);
            if (!pair.is_array() || pair.size() != 2 || ignored.contains(pair[0].get<std::string>()))
                continue;
            const auto key = pair[0].get<std::string>();
            const auto type = kTypes.find(pair[1].get<std::string>());
            slots.push_back({prefix + key, key, type == kTypes.end() ? ScalarType::Dynamic : type->second});
        }
    }
    std::vector<Computed> columns;
    for (const Column& column : input.columns) {
        if (column.name == bag.name)
            continue;
        const auto declares = [&](const ast::ColumnDeclaration& one) { return one.name == column.name; };
        if (!declared || node.schema_open || std::any_of(node.schema.begin(), node.schema.end(), declares))
            columns.push_back({column.name, column_of(column, ""), &column});
    }
    const Scalar whole = column_of(bag, "");
    for (const Slot& slot : slots) {
        Computed made{slot.name, convert(property(whole, slot.key), slot.type), nullptr};
        const auto same =
            std::find_if(columns.begin(), columns.end(), [&](const Computed& c) { return c.name == slot.name; });
        if (same == columns.end()) {
            columns.push_back(std::move(made));
        } else if (conflict == "replace_source") {
            *same = std::move(made);
        } else if (conflict == "error" && !declared) {
            fail_semantic(
                call.at,
                fmt::format("bag_unpack(): the column '{}' exists already; columnsConflict says what to do", slot.name),
                "SEM0219");
        }
    }
    // A schema also says in which order.
    if (declared && !node.schema_open) {
        std::vector<Computed> ordered;
        for (const ast::ColumnDeclaration& one : node.schema)
            for (Computed& column : columns)
                if (column.name == one.name)
                    ordered.push_back(std::move(column));
        columns = std::move(ordered);
    }
    return select(input, std::move(columns));
}

/// pivot(Column [, Aggregate [, Column ...]]) [: Schema]: a column for each value of the first column.
Relation Binder::plugin_pivot(const ast::Evaluate& node, Relation input) {
    const Expr& call = *node.call;
    if (call.args.empty() || call.args[0]->kind != ExprKind::Name)
        fail_semantic(call.at, "pivot(): the first argument has to be a column", "SEM0219");
    const Column* found = input.find(call.args[0]->text);
    if (!found)
        fail_semantic(call.args[0]->at, fmt::format("Failed to resolve column named '{}'", call.args[0]->text));
    const Column pivot = *found;
    input = stored(std::move(input), false);
    Scalar cell{.type = ScalarType::Long, .sql = "count(*)", .never_null = true};
    std::string function = "count";
    std::set<std::string> used{pivot.name};
    if (call.args.size() > 1) {
        const Expr& aggregate_at = *call.args[1];
        const WithRow row(*this, {.relation = &input, .aggregates = true});
        used_aggregate_ = false;
        cell = scalar(aggregate_at);
        if (!used_aggregate_)
            fail_semantic(aggregate_at.at, "pivot(): the second argument has to be an aggregate function", "SEM0219");
        function = aggregate_at.text;
        for (const auto& arg : aggregate_at.args)
            if (arg->kind == ExprKind::Name)
                used.insert(arg->text);
    }
    std::vector<const Column*> keys;
    if (call.args.size() > 2) {
        for (std::size_t i = 2; i < call.args.size(); ++i)
            for (const Column* column : columns_like(input, *call.args[i]))
                keys.push_back(column);
    } else {
        for (const Column& column : input.columns)
            if (!used.contains(column.name) && !column.is_group())
                keys.push_back(&column);
    }
    const std::string name = convert(column_of(pivot, ""), ScalarType::String).sql;
    std::vector<std::pair<std::string, ScalarType>> values;
    if (!node.schema.empty()) {
        for (const ast::ColumnDeclaration& one : node.schema)
            if (std::none_of(keys.begin(), keys.end(), [&](const Column* c) { return c->name == one.name; }))
                values.emplace_back(one.name, type_named(one.type, one.at));
    } else {
        for (std::string& value : probe(fmt::format("SELECT DISTINCT {0} FROM ({1}) WHERE {2} IS NOT NULL ORDER BY 1",
                                                    name, input.sql, pivot.id),
                                        call.at))
            values.emplace_back(std::move(value), cell.type);
    }
    Relation result;
    std::vector<std::string> inner, outer, groups;
    for (const Column* key : keys) {
        inner.push_back(fmt::format("{0}", key->id));
        result.columns.push_back({key->name, key->type, fresh()});
        outer.push_back(fmt::format("{} AS {}", key->id, result.columns.back().id));
        groups.push_back(key->id);
    }
    const std::string which = fresh(), value = fresh();
    inner.push_back(fmt::format("{} AS {}", name, which));
    inner.push_back(fmt::format("{} AS {}", cell.sql, value));
    static constexpr std::array kZero = {"count", "countif", "dcount", "dcountif", "sum", "sumif"};
    const bool zero =
        std::find(kZero.begin(), kZero.end(), function) != kZero.end() && cell.type != ScalarType::Dynamic;
    const bool list = cell.type == ScalarType::Dynamic && function.starts_with("make_");
    for (const auto& [shown, type] : values) {
        Scalar one{.type = cell.type,
                   .sql = fmt::format("any_value({}) FILTER (WHERE {} = {})", value, which, sql::text(shown))};
        if (zero)
            one.sql = fmt::format("COALESCE({}, 0)", one.sql);
        else if (list)
            one.sql = fmt::format("COALESCE({}, '{}')", one.sql, function.starts_with("make_bag") ? "{}" : "[]");
        else if (cell.type == ScalarType::String)
            one.sql = fmt::format("COALESCE({}, '')", one.sql);
        if (type != cell.type)
            one = convert(std::move(one), type);
        std::string column = shown;
        for (int suffix = 1; result.find(column); ++suffix)
            column = shown + std::to_string(suffix);
        result.columns.push_back({std::move(column), type, fresh()});
        outer.push_back(fmt::format("{} AS {}", one.sql, result.columns.back().id));
    }
    if (outer.empty())
        outer.emplace_back("1");
    std::vector<std::string> inner_groups = groups;
    inner_groups.push_back(which);
    result.sql = fmt::format("SELECT {} FROM (SELECT {} FROM ({}) GROUP BY {}){}{}", sql::join(outer), sql::join(inner),
                             input.sql, sql::join(inner_groups), groups.empty() ? "" : " GROUP BY ", sql::join(groups));
    return result;
}

/// narrow(): a row for each cell.
Relation Binder::plugin_narrow(const ast::Evaluate& node, Relation input) {
    expect_arguments(*node.call, 0, 0);
    const std::string row = fresh(), number = fresh();
    const std::string order = input.order_by();
    Relation numbered = input;
    numbered.sql = fmt::format("SELECT *, row_number() OVER ({}{}) - 1 AS {} FROM ({})",
                               order.empty() ? "" : "ORDER BY ", order, row, input.sql);
    numbered = stored(std::move(numbered), true);
    Relation result;
    result.columns = {{"Row", ScalarType::Long, fresh()},
                      {"Column", ScalarType::String, fresh()},
                      {"Value", ScalarType::String, fresh()}};
    std::vector<std::string> parts;
    for (std::size_t i = 0; i < input.columns.size(); ++i) {
        const Scalar text = convert(column_of(input.columns[i], ""), ScalarType::String);
        parts.push_back(fmt::format("SELECT {} AS {}, {} AS {}, {} AS {}, {} AS {} FROM ({})", row,
                                    result.columns[0].id, sql::text(input.columns[i].name), result.columns[1].id,
                                    text.sql, result.columns[2].id, i, number, numbered.sql));
    }
    if (parts.empty())
        fail_semantic(node.call->at, "narrow(): the table has no column", "SEM0023");
    result.sql = fmt::format("SELECT * FROM ({})", sql::join(parts, " UNION ALL "));
    result.order = {{result.columns[0].id}, {number}};
    return result;
}

/// ipv4_lookup(Table, Address, Network [, Key ...] [, return_unmatched]), and the same for IPv6.
Relation Binder::plugin_ip_lookup(const ast::Evaluate& node, Relation input) {
    const Expr& call = *node.call;
    std::vector<const Expr*> args;
    bool unmatched = false;
    for (const auto& arg : call.args) {
        const bool named = arg->kind == ExprKind::Named;
        if (named ? arg->text == "return_unmatched" : arg->kind == ExprKind::Literal) {
            const auto flag = fold(named ? *arg->args[0] : *arg);
            if (!flag || flag->type != ScalarType::Bool)
                fail_semantic(arg->at, fmt::format("{}(): return_unmatched has to be a constant bool", call.text),
                              "SEM0219");
            unmatched = flag->integer != 0;
        } else {
            args.push_back(arg.get());
        }
    }
    if (args.size() < 3)
        fail_semantic(call.at, fmt::format("{}(): a table, an address and a network are expected", call.text),
                      "SEM0219");
    const WithRow none(*this, Row{});
    Relation networks = bind_table(*args[0]);
    const auto column_in = [&](const Relation& relation, const Expr& name) -> const Column& {
        const Column* found = name.kind == ExprKind::Name ? relation.find(name.text) : nullptr;
        if (!found)
            fail_semantic(name.at, fmt::format("Failed to resolve column named '{}'", name.text));
        return *found;
    };
    std::vector<std::string> tests;
    std::set<std::string> keys;
    for (std::size_t i = 3; i < args.size(); ++i) {
        tests.push_back(fmt::format("l.{} = r.{}", column_in(input, *args[i]).id, column_in(networks, *args[i]).id));
        keys.insert(args[i]->text);
    }
    const auto rows = find_function(call.text == "ipv4_lookup" ? "ipv4_is_match" : "ipv6_is_match");
    const std::vector<Scalar> pair = {convert(column_of(column_in(input, *args[1]), "l."), ScalarType::String),
                                      convert(column_of(column_in(networks, *args[2]), "r."), ScalarType::String)};
    for (const FunctionRow* row : rows)
        if (auto matched = match(*row, pair, Fit::Exact)) {
            tests.push_back(call_row(*row, call, std::move(*matched)).sql);
            break;
        }
    if (rows.empty())
        fail_unsupported(call.at, fmt::format("The plugin '{}'", call.text));
    return joined(std::move(input), std::move(networks), unmatched ? "LEFT" : "INNER", sql::join(tests, " AND "), keys);
}

} // namespace sluice::kql
