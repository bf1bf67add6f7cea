#include "core/app/commands/chart_data.hpp"

#include "core/data/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <map>

namespace sluice::app {
namespace {

using Json = nlohmann::json;

std::string property(const Visualization& how, std::string_view name) {
    const auto found = how.find(name);
    return found == how.end() ? std::string() : found->second;
}

bool is_number_type(std::string_view type) {
    return type == "int" || type == "long" || type == "real" || type == "decimal" || type == "timespan";
}

std::string plain(const Json& value) {
    return value.is_null()     ? std::string()
           : value.is_string() ? value.get<std::string>()
                               : value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// Arrays of all rows of a column; nothing when it holds anything else.
std::optional<std::vector<Json>> arrays_of(const TextTable& table, std::size_t column) {
    if (table.columns[column].type != "dynamic" || table.rows.empty())
        return std::nullopt;
    std::vector<Json> arrays;
    for (const auto& row : table.rows) {
        arrays.push_back(Json::parse(row[column], nullptr, false));
        if (!arrays.back().is_array())
            return std::nullopt;
    }
    return arrays;
}

/// What the elements of arrays are, by the first one that is anything.
std::string element_type(const std::vector<Json>& arrays) {
    for (const Json& array : arrays)
        for (const Json& element : array) {
            if (element.is_number())
                return "real";
            if (element.is_string())
                return data::parse_datetime(element.get<std::string>()) ? "datetime" : "string";
        }
    return "string";
}

/// A row for each element of the arrays; the other cells are repeated.
TextTable taken_apart(const TextTable& table) {
    std::map<std::size_t, std::vector<Json>> arrays;
    for (std::size_t i = 0; i < table.columns.size(); ++i)
        if (auto of_column = arrays_of(table, i))
            arrays.emplace(i, std::move(*of_column));
    if (arrays.empty())
        return table;
    TextTable apart{table.columns, {}};
    for (const auto& [column, of_column] : arrays)
        apart.columns[column].type = element_type(of_column);
    for (std::size_t row = 0; row < table.rows.size(); ++row) {
        std::size_t length = 0;
        for (const auto& [column, of_column] : arrays)
            length = std::max(length, of_column[row].size());
        for (std::size_t i = 0; i < length; ++i) {
            auto& cells = apart.rows.emplace_back(table.rows[row]);
            for (const auto& [column, of_column] : arrays)
                cells[column] = i < of_column[row].size() ? plain(of_column[row][i]) : std::string();
        }
    }
    return apart;
}

std::optional<std::size_t> column_named(const TextTable& table, std::string_view name) {
    for (std::size_t i = 0; i < table.columns.size(); ++i)
        if (table.columns[i].name == name)
            return i;
    return std::nullopt;
}

std::vector<std::size_t> columns_named(const TextTable& table, std::string_view list) {
    std::vector<std::size_t> columns;
    while (!list.empty()) {
        const std::size_t comma = list.find(',');
        std::string_view name = list.substr(0, comma);
        while (name.starts_with(' '))
            name.remove_prefix(1);
        while (name.ends_with(' '))
            name.remove_suffix(1);
        if (const auto column = column_named(table, name))
            columns.push_back(*column);
        list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    }
    return columns;
}

/// Which columns play which part.
struct Roles {
    std::size_t x = 0;
    std::vector<std::size_t> y, split;
};

Roles roles_of(const TextTable& table, const Visualization& how) {
    Roles roles;
    if (const auto named = column_named(table, property(how, "XColumn")))
        roles.x = *named;
    else if (property(how, "Visualization") == "timechart")
        for (std::size_t i = table.columns.size(); i-- > 0;)
            if (table.columns[i].type == "datetime")
                roles.x = i;
    roles.y = columns_named(table, property(how, "YColumns"));
    roles.split = columns_named(table, property(how, "Series"));
    const bool choose_y = roles.y.empty(), choose_split = roles.split.empty();
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
        const std::string& type = table.columns[i].type;
        const bool splits = std::find(roles.split.begin(), roles.split.end(), i) != roles.split.end();
        if (i == roles.x || splits)
            continue;
        if (choose_y && is_number_type(type))
            roles.y.push_back(i);
        else if (choose_split && (type == "string" || type == "bool" || type == "guid"))
            roles.split.push_back(i);
    }
    return roles;
}

/// Only numbers can be drawn: no null, NaN or infinity.
std::optional<double> number_in(const std::string& cell, std::string_view type) {
    std::optional<double> value;
    if (type == "timespan") {
        if (const auto ticks = data::parse_timespan(cell))
            value = static_cast<double>(*ticks) / static_cast<double>(kTicksPerSecond);
    } else {
        value = data::parse_real(cell);
    }
    return value && std::isfinite(*value) ? value : std::nullopt;
}

std::optional<double> place_in(const std::string& cell, std::string_view type) {
    if (type != "datetime")
        return number_in(cell, type);
    const auto ticks = data::parse_datetime(cell);
    return ticks ? std::optional(static_cast<double>(*ticks)) : std::nullopt;
}

/// Sorts the cells into series.
class Gathering {
public:
    Gathering(const TextTable& table, Roles roles) : table_(table), roles_(std::move(roles)) {
        const std::string& type = table.columns[roles_.x].type;
        data_.axis = type == "datetime"     ? ChartData::Axis::DateTime
                     : is_number_type(type) ? ChartData::Axis::Number
                                            : ChartData::Axis::Text;
    }

    ChartData run() {
        for (const auto& row : table_.rows)
            for (const std::size_t y : roles_.y)
                add(row, y);
        return std::move(data_);
    }

private:
    std::string series_name(const std::vector<std::string>& row, std::size_t y) const {
        std::string name;
        for (const std::size_t column : roles_.split)
            name += (name.empty() ? "" : ", ") + row[column];
        if (roles_.split.empty())
            return table_.columns[y].name;
        return roles_.y.size() == 1 ? name : name + ":" + table_.columns[y].name;
    }

    void add(const std::vector<std::string>& row, std::size_t y) {
        const auto value = number_in(row[y], table_.columns[y].type);
        const std::string& label = row[roles_.x];
        auto place = place_in(label, table_.columns[roles_.x].type);
        const bool ordered = data_.axis != ChartData::Axis::Text;
        if (!value || (ordered && !place))
            return;
        const auto [known, is_new] = places_.try_emplace(label, data_.labels.size());
        if (is_new)
            data_.labels.push_back(label);
        const std::string name = series_name(row, y);
        const auto [series, first] = series_.try_emplace(name, data_.series.size());
        if (first)
            data_.series.push_back({name, {}});
        data_.series[series->second].points.push_back(
            {ordered ? *place : static_cast<double>(known->second), *value, label, row[y]});
    }

    const TextTable& table_;
    const Roles roles_;
    ChartData data_;
    std::map<std::string, std::size_t> places_, series_;
};

} // namespace

std::optional<ChartData> chart_data(const TextTable& table, const Visualization& how) {
    if (table.columns.empty())
        return std::nullopt;
    const TextTable apart = taken_apart(table);
    Roles roles = roles_of(apart, how);
    ChartData data = Gathering(apart, std::move(roles)).run();
    return data.series.empty() ? std::nullopt : std::optional(std::move(data));
}

} // namespace sluice::app
