#include "core/kql/bind.hpp"
#include "core/kql/parser.hpp"
#include "core/kql/sql.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

/// Plugins that are queries in the language itself: their arguments become names, and the text below is bound with
/// them.
namespace sluice::kql {

using ast::Expr;
using ast::ExprKind;

namespace {

/// `arguments` are what a call gives, by blanks: names with a colon are columns (id:, t: the timeline, v: a value), the
/// others constants; "dims" takes all columns that are left. In `query` the input is rows_, its columns id_, t_, v_,
/// d0_, d1_ ..., and constants have their name behind an underscore. $by stands for ", d0_, d1_", $names for the same
/// without the first comma's blank column, $type for the type of the timeline, $changes for ", d0_ != prev(d0_) or
/// ...".
struct QueryPlugin {
    std::string_view name, arguments, query;
};

/// Every place where the states of an id hold the sequence, with the states before and behind it. Two states count as
/// neighbours when no more than the window lies between them.
constexpr std::string_view kFunnelPlaces =
    R"(let u = rows_ | where t_ >= _start and t_ <= _end | sort by id_ asc, t_ asc
          | extend near_ = toint(row_number() > 1 and prev(id_) == id_ and t_ - prev(t_) <= _window)
          | summarize states_ = make_list(v_), near_ = make_list(near_), times_ = make_list(t_) by id_;
        let last_ = array_length(_sequence) - 1;
        let places = materialize(u | extend i_ = range(0, array_length(states_) - 1 - last_)
          | mv-expand i_ to typeof(long)
          | where tostring(array_slice(states_, i_, i_ + last_)) == tostring(_sequence)
          | where last_ == 0 or array_sum(array_slice(near_, i_ + 1, i_ + last_)) == last_
          | extend ['prev'] = iff(i_ > 0 and toint(near_[i_]) == 1, tostring(states_[i_ - 1]), "")
          | extend ['next'] = iff(toint(near_[i_ + last_ + 1]) == 1, tostring(states_[i_ + last_ + 1]), "")
          | project id_, t_ = bin_(to$type(times_[i_])), ['prev'], ['next']); )";

constexpr QueryPlugin kPlugins[] = {
    {"funnel_sequence", "id: t: start end window step v: sequence",
     R"($places places | summarize dcount = dcount(id_), samples = make_set(id_, 128) by t_, ['prev'], ['next']
          | sort by t_ asc, dcount desc, ['prev'] asc, ['next'] asc)"},
    {"_funnel_sequence_prev", "id: t: start end window step v: sequence",
     R"($places places | summarize dcount = dcount(id_), samples = make_set(id_, 128) by t_, ['prev']
          | sort by t_ asc, dcount desc, ['prev'] asc)"},
    {"_funnel_sequence_next", "id: t: start end window step v: sequence",
     R"($places places | summarize dcount = dcount(id_), samples = make_set(id_, 128) by t_, ['next']
          | sort by t_ asc, dcount desc, ['next'] asc)"},
    {"activity_counts_metrics", "id: t: start end step dims",
     R"(let r = materialize(rows_ | where t_ >= _start and t_ <= _end | extend t_ = bin_(t_));
        let firsts = materialize(r | summarize t_ = min(t_) by id_$by | summarize new_dcount = count() by t_$by);
        r | summarize ['count'] = count(), dcount = dcount(id_) by t_$by
          | join kind=leftouter firsts on t_$by
          | project t_$by, ['count'], dcount, new_dcount = coalesce(new_dcount, 0)
          | sort by $asc t_ asc
          | extend aggregated_dcount = row_cumsum(new_dcount$changes))"},
    {"activity_metrics", "id: t: start end step dims",
     R"(let u = materialize(rows_ | where t_ >= _start and t_ <= _end | extend t_ = bin_(t_) | distinct id_, t_$by);
        u | extend k_ = back_(t_)
          | join kind=leftouter (u | project id_, k_ = t_$by, old_ = 1) on id_, k_$by
          | summarize dcount_values = count(), dcount_newvalues = countif(isnull(old_)) by t_, k_$by
          | join kind=leftouter (u | summarize before_ = count() by k_ = t_$by) on k_$by
          | project t_$by, dcount_values, dcount_newvalues,
                    retention_rate = iff(isnull(before_), real(nan), todouble(dcount_values - dcount_newvalues) / before_)
          | extend churn_rate = 1.0 - retention_rate
          | sort by $asc t_ asc)"},
    {"active_users_count", "id: t: start end lookback period active step dims",
     R"(let seen = materialize(rows_ | where t_ > _start - _lookback and t_ <= _end);
        seen | where t_ >= _start | distinct id_, t_$by
          | join kind=inner (seen | project id_, s_ = t_, p_ = bin(t_, _period)$by | distinct id_, s_, p_$by) on id_$by
          | where s_ <= t_ and s_ > t_ - _lookback
          | summarize n_ = count_distinct(p_) by id_, t_$by
          | where n_ >= _active
          | summarize dcount = dcount(id_) by t_ = bin_(t_)$by
          | sort by $asc t_ asc)"},
    {"activity_engagement", "id: t: start end inner outer dims",
     R"(let u = materialize(rows_ | where t_ >= _start - _outer and t_ <= _end | extend t_ = bin_at(t_, _inner, _start) | distinct id_, t_$by);
        u | where t_ >= _start | summarize dcount_activities_inner = count() by t_$by, j_ = 1
          | join kind=inner (u | project id_, s_ = t_, j_ = 1$by) on j_$by
          | where s_ <= t_ and s_ > t_ - _outer
          | summarize dcount_activities_inner = take_any(dcount_activities_inner), dcount_activities_outer = dcount(id_) by t_$by
          | extend activity_ratio = todouble(dcount_activities_inner) / dcount_activities_outer
          | sort by $asc t_ asc)"},
    {"session_count", "id: t: start end step lookback dims",
     R"(rows_ | where t_ >= _start - _lookback and t_ <= _end
          | sort by $asc id_ asc, t_ asc
          | extend begins_ = id_ != prev(id_) or row_number() == 1 or t_ - prev(t_) > _lookback$orchanges
          | where begins_ and t_ >= _start
          | summarize count_sessions = count() by t_ = bin_(t_)$by
          | sort by $asc t_ asc)"},
    {"sliding_window_counts", "id: t: start end lookback step dims",
     R"(rows_ | where t_ > _start - _lookback and t_ <= _end
          | extend b_ = bin_(t_)
          | mv-expand t_ = range(b_, b_ + _lookback - _step, _step) to typeof($type)
          | where t_ >= _start and t_ <= _end
          | summarize Count = count(), Dcount = dcount(id_) by t_$by
          | sort by $asc t_ asc)"},
    {"rolling_percentile", "v: percent t: step bins dims",
     R"(let u = materialize(rows_ | extend b_ = bin(t_, _step));
        u | mv-expand t_ = range(b_, b_ + (_bins - 1) * _step, _step) to typeof($type)
          | join kind=inner (u | project t_ = b_$by | distinct t_$by) on t_$by
          | summarize rolling_ = percentile(v_, _percent) by t_$by
          | sort by $asc t_ asc)"},
    {"new_activity_metrics", "id: t: start end step cohort? dims lookback?",
     R"(let u = materialize(rows_ | where t_ >= _start and t_ <= _end | extend t_ = bin_(t_) | distinct id_, t_$by);
        let firsts = materialize(u | summarize f_ = min(t_) by id_$by | join kind=leftanti lookback_ on id_ | where isnull(_cohort) or f_ == _cohort);
        let cohorts = materialize(firsts | summarize size_ = count() by f_$by);
        let bins = materialize(range t_ from bin_(_start) to _end step _step | extend j_ = 1);
        cohorts | extend j_ = 1 | join kind=inner bins on j_ | where t_ >= f_
          | join kind=leftouter (u | join kind=inner (firsts | project id_, f_$by) on id_$by
                                   | summarize kept_ = count() by f_, t_$by) on f_, t_$by
          | join kind=leftouter (u | join kind=inner (u | summarize g_ = min(t_) by id_$by) on id_$by
                                   | extend j_ = 1 | join kind=inner (cohorts | project f_, j_ = 1$by) on j_$by
                                   | where g_ > f_ or t_ == f_ and g_ == f_ | summarize new_ = dcount(id_) by f_, t_$by) on f_, t_$by
          | project f_, t_$by, dcount_new_values = coalesce(new_, 0), dcount_retained_values = coalesce(kept_, 0), size_
          | extend dcount_churn_values = size_ - dcount_retained_values
          | extend retention_rate = todouble(dcount_retained_values) / size_, churn_rate = todouble(dcount_churn_values) / size_
          | project-away size_
          | sort by $asc f_ asc, t_ asc)"},
    {"funnel_sequence_completion", "id: t: start end step v: sequence periods",
     R"(let u = materialize(rows_ | where t_ >= _start and t_ <= _end and set_has_element(_sequence, v_));
        u | extend b_ = bin_(t_)
          | mv-expand Period = _periods to typeof(timespan)
          | sort by id_ asc, b_ asc, Period asc, t_ asc
          | as ordered_
          | scan partition by id_, b_, Period declare (place:long = -1, begin:$type, reached:long = -1) with (
                step s: true => begin = iff(v_ == tostring(_sequence[0]), t_, s.begin),
                                place = case(v_ == tostring(_sequence[0]), 0,
                                             s.place >= 0 and v_ == tostring(_sequence[s.place + 1]) and t_ - s.begin <= Period, s.place + 1,
                                             s.place),
                                reached = max_of(s.reached, place);)
          | summarize reached = max(reached) by id_, b_, Period
          | mv-expand with_itemindex=step_ v_ = _sequence to typeof(string)
          | where reached >= step_
          | summarize dcount = dcount(id_) by t_ = b_, v_, Period, step_
          | sort by t_ asc, Period asc, step_ asc
          | project t_, v_, Period, dcount)"},
};

bool is_calendar(std::string_view word) {
    return word == "week" || word == "month" || word == "year";
}

void replace_all(std::string& text, std::string_view what, std::string_view by) {
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
        text.replace(at, what.size(), by);
}

} // namespace

std::vector<std::string_view> Binder::query_plugin_names() {
    std::vector<std::string_view> names;
    for (const QueryPlugin& plugin : kPlugins)
        names.push_back(plugin.name);
    return names;
}

/// A plugin of the table above; nothing when the name is not one of them.
std::optional<Relation> Binder::plugin_query(const ast::Evaluate& node, const Relation& input) {
    const Expr& call = *node.call;
    const auto* plugin = std::find_if(std::begin(kPlugins), std::end(kPlugins),
                                      [&](const QueryPlugin& one) { return one.name == call.text; });
    if (plugin == std::end(kPlugins))
        return std::nullopt;
    Relation rows = stored(input, false);
    rows.columns.clear();
    auto scope = std::make_shared<Scope>();
    std::map<std::string, std::string> shown; // names of the query to those of the user
    std::string by, asc, changes, prelude;
    std::size_t next = 0, dims = 0;
    const auto give = [&](const std::string& role, const Expr& name) {
        const Column* found = name.kind == ExprKind::Name ? input.find(name.text) : nullptr;
        if (!found)
            fail_semantic(name.at, fmt::format("{}(): Failed to resolve column '{}'", call.text, name.text));
        rows.columns.push_back({role, found->type, found->id});
        shown[role] = found->name;
    };
    const auto is_dimension = [&](const Expr& arg) { return arg.kind == ExprKind::Name && input.find(arg.text); };
    // Without start and end the data says.
    std::string roles(plugin->arguments);
    const bool unbounded = (call.text == "activity_metrics" && call.args.size() == 3) ||
                           (call.text == "activity_engagement" && call.args.size() == 4);
    if (unbounded) {
        replace_all(roles, " start end", "");
        prelude += "let _start = toscalar(rows_ | summarize min(t_)); let _end = toscalar(rows_ | summarize max(t_)); ";
    }
    scope->names["lookback_"] = Relation{};
    std::optional<std::string> calendar;
    for (std::size_t at = 0; at < roles.size();) {
        const std::size_t end = std::min(roles.find(' ', at), roles.size());
        std::string role = roles.substr(at, end - at);
        at = end + 1;
        if (role == "dims") {
            for (; next < call.args.size() && is_dimension(*call.args[next]); ++next, ++dims) {
                const std::string name = fmt::format("d{}_", dims);
                give(name, *call.args[next]);
                by += ", " + name;
                asc += name + " asc, ";
                changes += fmt::format("{0} != prev({0})", (changes.empty() ? "" : " or ") + name);
            }
            continue;
        }
        const bool optional = role.ends_with('?');
        if (optional)
            role.pop_back();
        const bool table = next < call.args.size() && is_tabular(*call.args[next]);
        if (optional) {
            const bool given =
                next < call.args.size() && !is_dimension(*call.args[next]) && table == (role == "lookback");
            if (role == "lookback") {
                const WithRow none(*this, Row{});
                Relation looked = given ? bind_table(*call.args[next++]) : rows;
                if (looked.columns.empty())
                    fail_semantic(call.at, fmt::format("{}(): the lookback table has no column", call.text), "SEM0219");
                // The ids, under the name that they have in the input or as the first column.
                if (const Column* ids = looked.find(shown["id_"]))
                    looked.columns.front() = *ids;
                looked.columns.resize(1);
                looked.columns.front().name = "id_";
                if (!given)
                    looked.sql = fmt::format("SELECT * FROM ({}) LIMIT 0", looked.sql);
                scope->names["lookback_"] = std::move(looked);
                continue;
            }
            if (!given) {
                Constant null{.type = rows.find("t_") ? rows.find("t_")->type : ScalarType::DateTime, .null = true};
                scope->names["_" + role] = literal(null);
                continue;
            }
        }
        if (next >= call.args.size())
            fail_semantic(call.at,
                          fmt::format("{}(): arguments are missing; it takes {}", call.text, plugin->arguments),
                          "SEM0219");
        const Expr& arg = *call.args[next++];
        if (role.ends_with(':')) {
            role.back() = '_';
            give(role, arg);
            continue;
        }
        const WithRow none(*this, Row{});
        Scalar value = scalar(arg);
        value.name.clear();
        if (role == "step" && value.type == ScalarType::String && value.constant && is_calendar(value.constant->text)) {
            calendar = value.constant->text;
            const std::int64_t days = *calendar == "week" ? 7 : *calendar == "month" ? 31 : 366;
            value = literal({.type = ScalarType::TimeSpan, .integer = days * kTicksPerDay});
        }
        scope->names["_" + role] = std::move(value);
    }
    if (next < call.args.size())
        fail_semantic(call.args[next]->at,
                      fmt::format("{}(): this argument is not expected; it takes {}", call.text, plugin->arguments),
                      "SEM0219");
    const Column* timeline = rows.find("t_");
    const std::string type(timeline ? data::to_string(timeline->type) : "datetime");
    std::string query(plugin->query);
    replace_all(query, "$places", kFunnelPlaces);
    replace_all(query, "$by", by);
    replace_all(query, "$asc", asc);
    replace_all(query, "$orchanges", changes.empty() ? "" : " or " + changes);
    replace_all(query, "$changes", changes.empty() ? "" : ", " + changes);
    replace_all(query, "$type", type);
    prelude +=
        calendar
            ? fmt::format("let bin_ = (x:{0}) {{ startof{1}(x) }}; let back_ = (x:{0}) {{ startof{1}(x, -1) }}; ", type,
                          *calendar)
            : fmt::format("let bin_ = (x:{0}) {{ bin_at(x, _step, _start) }}; let back_ = (x:{0}) {{ x - _step }}; ",
                          type);
    if (plugin->arguments.find("step") == std::string_view::npos)
        prelude = unbounded ? prelude.substr(0, prelude.find("let bin_")) : "";
    scope->names["rows_"] = rows;
    Relation result = bind_text(prelude + query, scope, call.at);
    for (Column& column : result.columns) {
        if (const auto name = shown.find(column.name); name != shown.end())
            column.name = name->second;
        else if (column.name == "f_")
            column.name = "from_" + shown["t_"];
        else if (column.name == "rolling_")
            column.name = rolling_name(call, shown["v_"]);
    }
    if (call.text == "new_activity_metrics")
        for (Column& column : result.columns)
            if (column.name == shown["t_"])
                column.name = "to_" + shown["t_"];
    return result;
}

/// rolling_3_percentile_value_50
std::string Binder::rolling_name(const Expr& call, const std::string& value) {
    const auto text = [&](const Expr& expr) {
        const auto known = fold(expr);
        if (!known || known->null)
            fail_semantic(expr.at, fmt::format("{}(): a constant is expected here", call.text), "SEM0027");
        std::string shown =
            known->type == ScalarType::Real ? fmt::format("{}", known->real) : fmt::format("{}", known->integer);
        replace_all(shown, ".", "_");
        return shown;
    };
    return fmt::format("rolling_{}_percentile_{}_{}", text(*call.args.at(4)), value, text(*call.args.at(1)));
}

/// Binds a query of ours that sees nothing but `scope`. Errors in it are errors of the call.
Relation Binder::bind_text(const std::string& text, std::shared_ptr<Scope> scope, Offset at) {
    const Nested nested(*this, at);
    auto body = std::make_shared<ast::Body>();
    body->statements = parse_query(text);
    auto function = std::make_shared<ast::Function>();
    function->body = body;
    kept_.push_back(function);
    const auto saved = std::exchange(scope_, std::move(scope));
    const std::string saved_name = result_name_;
    const WithRow none(*this, Row{});
    struct Restore {
        Binder& binder;
        std::shared_ptr<Scope> scope;
        std::string name;
        ~Restore() {
            binder.scope_ = std::move(scope);
            binder.result_name_ = std::move(name);
        }
    } restore{*this, saved, saved_name};
    try {
        return std::get<Relation>(bind_body(*body, at));
    } catch (const Failure& failure) {
        throw Failure{failure.family, failure.code, failure.message, at};
    }
}

} // namespace sluice::kql
