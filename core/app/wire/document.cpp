#include "core/app/wire/document.hpp"

#include "core/data/json_text.hpp"

#include <array>
#include <string_view>

namespace sluice::app::wire {
namespace {

struct Property {
    std::string_view name, unset; ///< `unset` is JSON
    bool bare = false;            ///< the value is JSON already: a flag
};
/// All keys in the order of rest-api 5.1.
constexpr std::array kProperties{
    Property{"Visualization", "null"},
    Property{"Title", "null"},
    Property{"XColumn", "null"},
    Property{"Series", "null"},
    Property{"YColumns", "null"},
    Property{"AnomalyColumns", "null"},
    Property{"XTitle", "null"},
    Property{"YTitle", "null"},
    Property{"XAxis", "null"},
    Property{"YAxis", "null"},
    Property{"Legend", "null"},
    Property{"YSplit", "null"},
    Property{"Accumulate", "false", true},
    Property{"IsQuerySorted", "false", true},
    Property{"Kind", "null"},
    Property{"Ymin", "\"NaN\""},
    Property{"Ymax", "\"NaN\""},
    Property{"Xmin", "null"},
    Property{"Xmax", "null"},
};

} // namespace

void append_columns(std::string& out, const data::Schema& schema, bool with_data_type) {
    out += '[';
    for (std::size_t i = 0; i < schema.size(); ++i) {
        out += i == 0 ? "{\"ColumnName\":" : ",{\"ColumnName\":";
        data::append_json_string(out, schema[i].name);
        if (with_data_type) {
            out += ",\"DataType\":\"";
            out += data::v1_name(schema[i].type);
            out += '"';
        }
        out += ",\"ColumnType\":\"";
        out += data::to_string(schema[i].type);
        out += "\"}";
    }
    out += ']';
}

std::string visualization_json(const kql::Visualization& visualization) {
    if (visualization.empty())
        return "{\"Visualization\":null,\"Title\":null}";
    std::string out;
    for (const Property& property : kProperties) {
        out += out.empty() ? "{\"" : ",\"";
        out += property.name;
        out += "\":";
        const auto found = visualization.find(std::string(property.name));
        if (found == visualization.end())
            out += property.unset;
        else if (property.bare)
            out += found->second == "true" ? "true" : "false";
        else
            data::append_json_string(out, found->second);
    }
    return out + '}';
}

} // namespace sluice::app::wire
