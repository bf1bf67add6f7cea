#include "core/kql/json_text.hpp"
#include "core/kql/row_function.hpp"

#include <map>

namespace sluice::kql {
namespace {

std::string type_of(std::string_view json) {
    if (json.empty() || json == "null")
        return "null";
    switch (json.front()) {
    case '{':
        return "dictionary";
    case '[':
        return "array";
    case '"':
        return "string";
    case 't':
    case 'f':
        return "bool";
    default:
        return json.find_first_of(".eE") == std::string_view::npos ? "long" : "double";
    }
}

void give(Out& out, const Json& value) {
    if (value.is_null() || value.is_discarded())
        out.null();
    else
        out.text(dump_json(value));
}

/// The same value with the members of every bag in the order of their names.
Json sorted_by_key(const Json& value) {
    if (value.is_array()) {
        Json list = Json::array();
        for (const Json& item : value)
            list.push_back(sorted_by_key(item));
        return list;
    }
    if (!value.is_object())
        return value;
    std::map<std::string, const Json*> members;
    for (const auto& [key, member] : value.items())
        members.emplace(key, &member);
    Json bag = Json::object();
    for (const auto& [key, member] : members)
        bag[key] = sorted_by_key(*member);
    return bag;
}

Json element(const Json& value, const Json& key) {
    if (value.is_object() && key.is_string()) {
        const auto found = value.find(key.get_ref<const std::string&>());
        return found == value.end() ? Json() : *found;
    }
    if (value.is_array() && key.is_number_integer()) {
        auto at = key.get<std::int64_t>();
        if (at < 0)
            at += static_cast<std::int64_t>(value.size());
        if (at >= 0 && at < static_cast<std::int64_t>(value.size()))
            return value[static_cast<std::size_t>(at)];
    }
    return {};
}

std::string lowered(std::string text) {
    for (char& c : text)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c + 32);
    return text;
}

bool array_has(const Json& array, const Json& value, bool ignore_case) {
    if (!array.is_array())
        return !array.is_discarded() && array == value;
    for (const Json& item : array) {
        if (item == value)
            return true;
        if (ignore_case && item.is_string() && value.is_string() &&
            lowered(item.get<std::string>()) == lowered(value.get<std::string>()))
            return true;
    }
    return false;
}

/// Later bags do not replace what earlier ones said.
void merge_into(Json& bag, const Json& other) {
    if (other.is_object())
        for (const auto& [key, value] : other.items())
            if (!bag.contains(key))
                bag[key] = value;
}

/// What mv-expand makes rows of: elements of arrays; bags as bags of one key, or as [key, value] pairs.
Json expandable(const Json& value, bool pairs) {
    if (value.is_array())
        return value;
    Json list = Json::array();
    if (value.is_object()) {
        for (const auto& [key, member] : value.items())
            list.push_back(pairs ? Json::array({key, member}) : Json::object({{key, member}}));
    } else if (!value.is_discarded()) {
        list.push_back(value);
    }
    return list;
}

/// "$.a.b" and "$['a']['b']" lead into inner bags, every other text is one key.
std::vector<std::string> key_steps(std::string_view key) {
    if (!key.starts_with("$.") && !key.starts_with("$["))
        return {std::string(key)};
    std::vector<std::string> steps;
    key.remove_prefix(1);
    while (!key.empty()) {
        if (key.front() == '.') {
            const std::size_t end = std::min(key.find_first_of(".[", 1), key.size());
            steps.emplace_back(key.substr(1, end - 1));
            key.remove_prefix(end);
        } else if (key.starts_with("['") || key.starts_with("[\"")) {
            const std::size_t end = key.find(key[1], 2);
            if (end == std::string_view::npos || key.substr(end + 1, 1) != "]")
                return {};
            steps.emplace_back(key.substr(2, end - 2));
            key.remove_prefix(end + 2);
        } else {
            return {};
        }
    }
    return steps;
}

void bag_pack(const In& in, Out& out) {
    const bool ignore_empty = in.boolean(0);
    std::string text = "{";
    std::vector<std::string_view> seen;
    for (std::size_t i = 1; i + 1 < in.size(); i += 2) {
        const std::string_view key = in.text(i);
        const std::string_view value = in.null(i + 1) ? "null" : in.text(i + 1);
        if (ignore_empty && (value == "null" || value == "\"\""))
            continue;
        if (std::find(seen.begin(), seen.end(), key) != seen.end())
            continue;
        seen.push_back(key);
        if (text.size() > 1)
            text += ',';
        text += json_string(key);
        text += ':';
        text += value;
    }
    out.text(text + "}");
}

void pack_array(const In& in, Out& out) {
    std::string text = "[";
    for (std::size_t i = 0; i < in.size(); ++i) {
        if (i > 0)
            text += ',';
        text += in.null(i) ? std::string_view("null") : in.text(i);
    }
    out.text(text + "]");
}

} // namespace

void add_dynamic_functions(FunctionList& list) {
    const auto add = [&](std::string name, std::string_view args, std::string_view result, RowFunction function,
                         Nulls nulls = Nulls::Skip) {
        list.push_back(row_function(std::move(name), args, result, function, nulls));
    };
    add(
        "kql_gettype", "dynamic", "string",
        [](const In& in, Out& out) { out.text(in.null(0) ? "null" : type_of(in.text(0))); }, Nulls::See);
    add("kql_bag_pack", "bool dynamic*", "dynamic", bag_pack, Nulls::See);
    add("kql_pack_array", "dynamic*", "dynamic", pack_array, Nulls::See);
    add("kql_dynamic_at", "dynamic dynamic", "dynamic",
        [](const In& in, Out& out) { give(out, element(parse_json(in.text(0)), parse_json(in.text(1)))); });
    add("kql_array_has", "dynamic dynamic bool", "bool", [](const In& in, Out& out) {
        out.boolean(array_has(parse_json(in.text(0)), parse_json(in.text(1)), in.boolean(2)));
    });
    add("kql_array_take", "dynamic long", "dynamic", [](const In& in, Out& out) {
        Json array = parse_json(in.text(0));
        const auto most = static_cast<std::size_t>(std::max<std::int64_t>(0, in.integer(1)));
        if (array.is_array() && array.size() > most)
            array.erase(array.begin() + static_cast<std::ptrdiff_t>(most), array.end());
        give(out, array);
    });
    add("kql_bag_of_bags", "dynamic", "dynamic", [](const In& in, Out& out) {
        Json bag = Json::object();
        for (const Json& item : parse_json(in.text(0)))
            merge_into(bag, item);
        give(out, bag);
    });
    add("kql_bag_take", "dynamic long", "dynamic", [](const In& in, Out& out) {
        const Json all = parse_json(in.text(0));
        Json bag = Json::object();
        for (const auto& [key, value] : all.items()) {
            if (static_cast<std::int64_t>(bag.size()) >= in.integer(1))
                break;
            bag[key] = value;
        }
        give(out, bag);
    });
    add(
        "kql_bag_merge", "dynamic*", "dynamic",
        [](const In& in, Out& out) {
            Json bag = Json::object();
            for (std::size_t i = 0; i < in.size(); ++i)
                if (!in.null(i))
                    merge_into(bag, parse_json(in.text(i)));
            give(out, bag);
        },
        Nulls::See);
    add("kql_bag_keys", "dynamic", "dynamic", [](const In& in, Out& out) {
        const Json bag = parse_json(in.text(0));
        if (!bag.is_object())
            return out.null();
        Json keys = Json::array();
        for (const auto& [key, value] : bag.items())
            keys.push_back(key);
        give(out, keys);
    });
    add("kql_bag_has_key", "dynamic string", "bool", [](const In& in, Out& out) {
        const Json bag = parse_json(in.text(0));
        const Json* at = &bag;
        for (const std::string& step : key_steps(in.text(1)))
            at = at && at->is_object() && at->contains(step) ? &(*at)[step] : nullptr;
        out.boolean(at && at != &bag);
    });
    add(
        "kql_bag_set_key", "dynamic string dynamic", "dynamic",
        [](const In& in, Out& out) {
            Json bag = in.null(0) ? Json() : parse_json(in.text(0));
            Json* at = bag.is_object() ? &bag : nullptr;
            const std::vector<std::string> steps = key_steps(in.text(1));
            for (std::size_t i = 0; at && i + 1 < steps.size(); ++i) {
                Json& next = (*at)[steps[i]];
                if (next.is_null())
                    next = Json::object();
                at = next.is_object() ? &next : nullptr;
            }
            if (!at || steps.empty())
                return out.null();
            (*at)[steps.back()] = in.null(2) ? Json() : parse_json(in.text(2));
            give(out, bag);
        },
        Nulls::See);
    add("kql_bag_remove_keys", "dynamic dynamic", "dynamic", [](const In& in, Out& out) {
        Json bag = parse_json(in.text(0));
        const Json keys = parse_json(in.text(1));
        for (const Json& key : keys) {
            if (!bag.is_object() || !key.is_string())
                continue;
            const std::vector<std::string> steps = key_steps(key.get_ref<const std::string&>());
            Json* at = &bag;
            for (std::size_t i = 0; at && i + 1 < steps.size(); ++i)
                at = at->is_object() && at->contains(steps[i]) ? &(*at)[steps[i]] : nullptr;
            if (at && at->is_object() && !steps.empty())
                at->erase(steps.back());
        }
        give(out, bag);
    });
    add("kql_bag_zip", "dynamic dynamic", "dynamic", [](const In& in, Out& out) {
        const Json keys = parse_json(in.text(0)), values = parse_json(in.text(1));
        if (!keys.is_array())
            return out.null();
        Json bag = Json::object();
        for (std::size_t i = 0; i < keys.size(); ++i)
            if (keys[i].is_string())
                bag[keys[i].get<std::string>()] = values.is_array() && i < values.size() ? values[i] : Json();
        give(out, bag);
    });
    add("kql_expandable", "dynamic bool", "dynamic",
        [](const In& in, Out& out) { out.text(dump_json(expandable(parse_json(in.text(0)), in.boolean(1)))); });
    add("kql_canonical_json", "dynamic", "string",
        [](const In& in, Out& out) { out.text(dump_json(sorted_by_key(parse_json(in.text(0))))); });
    add("kql_treepath", "dynamic", "dynamic", [](const In& in, Out& out) {
        Json paths = Json::array();
        const auto walk = [&](const auto& self, const Json& value, const std::string& path) -> void {
            if (!path.empty())
                paths.push_back(path);
            if (value.is_object())
                for (const auto& [key, member] : value.items())
                    self(self, member, path + "['" + key + "']");
            else if (value.is_array()) {
                bool first = true;
                for (const Json& member : value) {
                    if (first)
                        self(self, member, path + "[0]");
                    first = false;
                }
            }
        };
        walk(walk, parse_json(in.text(0)), "");
        give(out, paths);
    });
}

} // namespace sluice::kql
