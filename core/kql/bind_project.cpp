#include "core/kql/bind.hpp"
#include "core/kql/sql.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace sluice::kql {

using ast::ExprKind;

std::string Binder::unique_name(std::string name, const std::vector<Computed>& taken) const {
    const auto used = [&](const std::string& wanted) {
        return std::any_of(taken.begin(), taken.end(), [&](const Computed& c) { return c.name == wanted; });
    };
    if (!used(name))
        return name;
    int number = 1;
    while (used(name + std::to_string(number)))
        ++number;
    return name + std::to_string(number);
}

/// The items of project, extend and print, bound in the row of `input`.
std::vector<Binder::Computed> Binder::computed(const std::vector<ast::NamedExpr>& items, const Relation& input,
                                               bool extend) {
    const WithRow row(*this, {.relation = &input});
    std::vector<Computed> result;
    int unnamed = 0;
    for (const ast::NamedExpr& item : items) {
        if (item.value->kind == ExprKind::Wildcard) {
            for (const Column* column : columns_like(input, *item.value))
                result.push_back({unique_name(column->name, result), column_of(*column, ""), column});
            continue;
        }
        if (auto columns = several(*item.value)) {
            if (item.names.size() > columns->size())
                fail_semantic(item.value->at, "There are more names than the function has columns", "SEM0023");
            for (std::size_t i = 0; i < columns->size(); ++i)
                result.push_back({i < item.names.size() ? item.names[i] : unique_name((*columns)[i].first, result),
                                  std::move((*columns)[i].second), nullptr});
            continue;
        }
        Scalar value = scalar(*item.value);
        if (item.names.size() > 1) {
            // (a, b) = value: the elements of an array.
            for (std::size_t i = 0; i < item.names.size(); ++i)
                result.push_back({item.names[i], element(value, fmt::format("'$[{}]'", i)), nullptr});
            continue;
        }
        std::string name;
        if (!item.names.empty()) {
            name = item.names.front();
        } else if (!value.name.empty()) {
            // An extend of an expression over a column does not replace the column.
            name = extend && item.value->kind != ExprKind::Name && input.find(value.name)
                       ? unique_name(value.name,
                                     [&] {
                                         std::vector<Computed> taken = result;
                                         for (const Column& c : input.columns)
                                             taken.push_back({c.name, {}, nullptr});
                                         return taken;
                                     }())
                       : unique_name(value.name, result);
        } else {
            do
                name = fmt::format("Column{}", ++unnamed);
            while (std::any_of(result.begin(), result.end(), [&](const Computed& c) { return c.name == name; }) ||
                   input.find(name));
        }
        const bool kept = item.value->kind == ExprKind::Name && input.find(item.value->text);
        result.push_back({std::move(name), std::move(value), kept ? input.find(item.value->text) : nullptr});
    }
    return result;
}

Relation Binder::select(const Relation& input, std::vector<Computed> columns, std::string_view modifier) {
    Relation result;
    result.order = input.order;
    result.serialized = input.serialized;
    result.sorted = input.sorted;
    std::vector<std::string> parts;
    std::set<std::string> given;
    for (const Column& column : input.columns)
        if (column.is_group())
            columns.push_back({column.name, column_of(column, ""), &column});
    for (Computed& column : columns) {
        const bool first_use = column.kept && given.insert(column.kept->id).second;
        const std::string id = first_use ? column.kept->id : fresh();
        result.columns.push_back({std::move(column.name), column.value.type, id});
        parts.push_back(first_use ? id : fmt::format("{} AS {}", column.value.sql, id));
    }
    if (modifier.empty()) {
        for (const OrderKey& key : input.order)
            if (given.insert(key.id).second)
                parts.push_back(key.id);
    } else {
        result.order.clear();
    }
    if (parts.empty())
        parts.emplace_back("1");
    result.sql = fmt::format("SELECT {}{} FROM ({})", modifier, sql::join(parts), input.sql);
    return result;
}

Relation Binder::extend(const std::vector<ast::NamedExpr>& items, Relation input) {
    std::vector<Computed> added = computed(items, input, true);
    std::vector<std::string> parts;
    Relation result = input;
    for (Computed& item : added) {
        const std::string id = fresh();
        parts.push_back(fmt::format("{} AS {}", item.value.sql, id));
        const auto old = std::find_if(result.columns.begin(), result.columns.end(),
                                      [&](const Column& c) { return c.name == item.name; });
        if (old != result.columns.end()) {
            old->type = item.value.type;
            old->id = id;
        } else {
            result.columns.push_back({std::move(item.name), item.value.type, id});
        }
    }
    if (!parts.empty())
        result.sql = fmt::format("SELECT *, {} FROM ({})", sql::join(parts), input.sql);
    return result;
}

Relation Binder::project(const std::vector<ast::NamedExpr>& items, Relation input) {
    std::vector<Computed> columns = computed(items, input, false);
    for (std::size_t i = 0; i < columns.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
            if (columns[i].name == columns[j].name)
                columns[i].name = unique_name(columns[i].name, columns);
    return select(input, std::move(columns));
}

Relation Binder::keep(const Relation& input, const std::vector<const Column*>& columns) {
    std::vector<Computed> list;
    for (const Column* column : columns)
        list.push_back({column->name, column_of(*column, ""), column});
    return select(input, std::move(list));
}

Relation Binder::distinct(const ast::ColumnList& node, Relation input) {
    return select(input, computed(node.columns, input, false), "DISTINCT ");
}

Relation Binder::project_rename(const ast::ColumnList& node, Relation input) {
    const Relation before = input;
    for (const ast::NamedExpr& item : node.columns) {
        if (item.names.empty() || item.value->kind != ExprKind::Name)
            fail_semantic(item.at, "project-rename expects NewName = OldName", "SEM0025");
        const Column* old = before.find(item.value->text);
        if (!old)
            fail_semantic(item.value->at, fmt::format("'project-rename' operator: Failed to resolve column named '{}'",
                                                      item.value->text));
        input.columns[static_cast<std::size_t>(old - before.columns.data())].name = item.names.front();
    }
    return input;
}

Relation Binder::project_reorder(const ast::ColumnList& node, Relation input) {
    std::vector<const Column*> order;
    const auto taken = [&](const Column* column) {
        return std::find(order.begin(), order.end(), column) != order.end();
    };
    // What is named exactly belongs where it is named, not to a pattern before it.
    std::set<std::string> exact;
    for (const ast::NamedExpr& item : node.columns)
        if (item.value->kind == ExprKind::Name)
            exact.insert(item.value->text);
    for (std::size_t i = 0; i < node.columns.size(); ++i) {
        const ast::Expr& pattern = *node.columns[i].value;
        std::vector<const Column*> found = columns_like(input, pattern);
        if (pattern.kind == ExprKind::Wildcard)
            std::erase_if(found, [&](const Column* c) { return exact.contains(c->name); });
        if (i < node.order.size() && node.order[i].value) {
            const bool natural = node.order[i].value->text == "granny";
            std::stable_sort(found.begin(), found.end(), [&](const Column* a, const Column* b) {
                const auto digits = [](const std::string& s) {
                    const std::size_t at = s.find_first_of("0123456789");
                    return at == std::string::npos
                               ? std::pair(s, 0L)
                               : std::pair(s.substr(0, at), std::strtol(s.c_str() + at, nullptr, 10));
                };
                const bool less = natural ? digits(a->name) < digits(b->name) : a->name < b->name;
                const bool more = natural ? digits(b->name) < digits(a->name) : b->name < a->name;
                return node.order[i].descending ? more : less;
            });
        }
        for (const Column* column : found)
            if (!taken(column))
                order.push_back(column);
    }
    for (const Column& column : input.columns)
        if (!taken(&column) && !column.is_group())
            order.push_back(&column);
    return keep(input, order);
}

Relation Binder::columns_operator(const ast::Operator& op, const ast::ColumnList& node, Relation input) {
    if (op.name == "project")
        return project(node.columns, std::move(input));
    if (op.name == "extend")
        return extend(node.columns, std::move(input));
    if (op.name == "serialize") {
        input.serialized = true;
        return node.columns.empty() ? input : extend(node.columns, std::move(input));
    }
    if (op.name == "distinct")
        return distinct(node, std::move(input));
    if (op.name == "project-rename")
        return project_rename(node, std::move(input));
    if (op.name == "project-reorder")
        return project_reorder(node, std::move(input));
    if (op.name == "project-by-names") {
        std::vector<const Column*> chosen;
        for (const ast::NamedExpr& item : node.columns) {
            Constant names;
            if (item.value->kind == ExprKind::Wildcard) {
                for (const Column* column : columns_like(input, *item.value))
                    chosen.push_back(column);
                continue;
            }
            const auto folded = fold(*item.value);
            if (!folded || folded->null)
                fail_semantic(item.at, "project-by-names expects constant names", "SEM0027");
            std::vector<std::string> wanted;
            if (folded->type == ScalarType::Dynamic)
                for (const auto& name : nlohmann::json::parse(folded->text))
                    wanted.push_back(name.is_string() ? name.get<std::string>() : name.dump());
            else
                wanted.push_back(folded->text);
            for (const std::string& name : wanted) {
                ast::Expr pattern{.kind = ExprKind::Wildcard, .at = item.at, .text = name};
                for (const Column* column : columns_like(input, pattern))
                    if (std::find(chosen.begin(), chosen.end(), column) == chosen.end())
                        chosen.push_back(column);
            }
        }
        return keep(input, chosen);
    }
    std::vector<const Column*> named;
    for (const ast::NamedExpr& item : node.columns)
        for (const Column* column : columns_like(input, *item.value))
            named.push_back(column);
    const bool away = op.name == "project-away";
    std::vector<const Column*> kept;
    for (const Column& column : input.columns)
        if (!column.is_group() && (std::find(named.begin(), named.end(), &column) != named.end()) != away)
            kept.push_back(&column);
    return keep(input, kept);
}

} // namespace sluice::kql
