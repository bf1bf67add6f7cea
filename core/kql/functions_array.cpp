#include "core/data/text.hpp"
#include "core/kql/json_text.hpp"
#include "core/kql/row_function.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>

namespace sluice::kql {
namespace {

void give(Out& out, const Json& value) {
    if (value.is_null() || value.is_discarded())
        out.null();
    else
        out.text(dump_json(value));
}

Json array_at(const In& in, std::size_t i) {
    if (in.null(i))
        return Json();
    return parse_json(in.text(i));
}

std::string text_of(const Json& value) {
    if (value.is_null())
        return {};
    return value.is_string() ? value.get<std::string>() : dump_json(value);
}

/// [start, end] with negative numbers counted from the end.
Json slice(const Json& array, std::int64_t start, std::int64_t end) {
    const auto size = static_cast<std::int64_t>(array.size());
    start = start < 0 ? std::max<std::int64_t>(0, size + start) : start;
    end = end < 0 ? size + end : end;
    Json result = Json::array();
    for (std::int64_t i = start; i <= end && i < size; ++i)
        result.push_back(array[static_cast<std::size_t>(i)]);
    return result;
}

Json rotated(const Json& array, std::int64_t left) {
    const auto size = static_cast<std::int64_t>(array.size());
    Json result = Json::array();
    for (std::int64_t i = 0; i < size; ++i)
        result.push_back(array[static_cast<std::size_t>((((i + left) % size) + size) % size)]);
    return result;
}

Json shifted(const Json& array, std::int64_t left, const Json& fill) {
    const auto size = static_cast<std::int64_t>(array.size());
    Json result = Json::array();
    for (std::int64_t i = 0; i < size; ++i) {
        const std::int64_t from = i + left;
        result.push_back(from >= 0 && from < size ? array[static_cast<std::size_t>(from)] : fill);
    }
    return result;
}

bool holds(const Json& array, const Json& value) {
    return std::find(array.begin(), array.end(), value) != array.end();
}

/// Distinct elements of the first array that are in all, in none, or those of all together.
Json set_operation(const In& in, char operation) {
    Json result = Json::array();
    const Json first = array_at(in, 0);
    if (!first.is_array())
        return Json();
    std::vector<Json> others;
    for (std::size_t i = 1; i < in.size(); ++i)
        others.push_back(array_at(in, i));
    const auto add = [&](const Json& value) {
        if (!holds(result, value))
            result.push_back(value);
    };
    for (const Json& value : first) {
        const auto held = [&](const Json& other) { return other.is_array() && holds(other, value); };
        if (operation == 'u' || (operation == 'i' && std::all_of(others.begin(), others.end(), held)) ||
            (operation == 'd' && std::none_of(others.begin(), others.end(), held)))
            add(value);
    }
    if (operation == 'u')
        for (const Json& other : others)
            if (other.is_array())
                for (const Json& value : other)
                    add(value);
    return result;
}

/// Numbers and times come first, then texts, then the rest.
int kind_of(const Json& value, std::int64_t& ticks) {
    if (value.is_number())
        return 0;
    if (!value.is_string())
        return 3;
    const std::string& text = value.get_ref<const std::string&>();
    if (text.size() == 36 && data::parse_guid(text))
        return 2;
    const bool time = text.size() >= 8 && text.size() < 40 && (text.find(':') != std::string::npos) &&
                      std::isdigit(static_cast<unsigned char>(text.back() == 'Z' ? text.front() : text.back()));
    if (!time)
        return 1;
    const auto point = text.back() == 'Z' ? data::parse_datetime(text) : data::parse_timespan(text);
    ticks = point.value_or(0);
    return point ? 0 : 1;
}

bool less(const Json& a, const Json& b) {
    if (a.is_number_integer() && b.is_number_integer())
        return a.get<std::int64_t>() < b.get<std::int64_t>();
    std::int64_t x = 0, y = 0;
    const int kind_a = kind_of(a, x), kind_b = kind_of(b, y);
    if (kind_a != kind_b)
        return kind_a < kind_b;
    if (kind_a == 0)
        return (a.is_number() ? a.get<double>() : static_cast<double>(x)) <
               (b.is_number() ? b.get<double>() : static_cast<double>(y));
    if (a.is_string() && b.is_string())
        return a.get_ref<const std::string&>() < b.get_ref<const std::string&>();
    return a < b;
}

/// Nulls stand at the end, whatever the direction, unless asked otherwise.
std::vector<std::size_t> sorted_order(const Json& array, bool descending, bool nulls_last) {
    std::vector<std::size_t> order(array.size());
    for (std::size_t i = 0; i < order.size(); ++i)
        order[i] = i;
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        const Json &x = array[a], &y = array[b];
        if (x.is_null() || y.is_null())
            return nulls_last ? !x.is_null() && y.is_null() : x.is_null() && !y.is_null();
        return descending ? less(y, x) : less(x, y);
    });
    return order;
}

Json split(std::string_view text, std::string_view delimiter) {
    Json result = Json::array();
    if (delimiter.empty()) {
        result.push_back(std::string(text));
        return result;
    }
    for (;;) {
        const std::size_t at = text.find(delimiter);
        result.push_back(std::string(text.substr(0, at)));
        if (at == std::string_view::npos)
            return result;
        text.remove_prefix(at + delimiter.size());
    }
}

std::string joined(const Json& array, std::string_view delimiter) {
    std::string out;
    for (std::size_t i = 0; i < array.size(); ++i) {
        if (i > 0)
            out.append(delimiter);
        out += text_of(array[i]);
    }
    return out;
}

void zip(const In& in, Out& out) {
    std::vector<Json> arrays;
    std::size_t longest = 0;
    for (std::size_t i = 0; i < in.size(); ++i) {
        Json array = array_at(in, i);
        if (!array.is_array())
            array = Json::array({array});
        longest = std::max(longest, array.size());
        arrays.push_back(std::move(array));
    }
    Json result = Json::array();
    for (std::size_t i = 0; i < longest; ++i) {
        Json row = Json::array();
        for (const Json& array : arrays)
            row.push_back(i < array.size() ? array[i] : Json());
        result.push_back(std::move(row));
    }
    give(out, result);
}

void array_iff(const In& in, Out& out) {
    const Json tests = array_at(in, 0), yes = array_at(in, 1), no = array_at(in, 2);
    if (!tests.is_array())
        return out.null();
    const auto pick = [](const Json& from, std::size_t i) {
        return from.is_array() ? i < from.size() ? from[i] : Json() : from;
    };
    Json result = Json::array();
    for (std::size_t i = 0; i < tests.size(); ++i) {
        const Json& test = tests[i];
        if (!test.is_boolean() && !test.is_number())
            result.push_back(nullptr);
        else
            result.push_back(pick((test.is_boolean() ? test.get<bool>() : test.get<double>() != 0) ? yes : no, i));
    }
    give(out, result);
}

void array_split(const In& in, Out& out) {
    const Json array = array_at(in, 0), at = array_at(in, 1);
    if (!array.is_array())
        return out.null();
    std::vector<std::int64_t> borders;
    for (const Json& border : at.is_array() ? at : Json::array({at}))
        if (border.is_number_integer())
            borders.push_back(border.get<std::int64_t>());
    const auto size = static_cast<std::int64_t>(array.size());
    Json result = Json::array();
    std::int64_t from = 0;
    for (std::int64_t border : borders) {
        border = std::clamp<std::int64_t>(border < 0 ? size + border : border, from, size);
        Json part = Json::array();
        for (std::int64_t i = from; i < border; ++i)
            part.push_back(array[static_cast<std::size_t>(i)]);
        result.push_back(std::move(part));
        from = border;
    }
    Json rest = Json::array();
    for (std::int64_t i = from; i < size; ++i)
        rest.push_back(array[static_cast<std::size_t>(i)]);
    result.push_back(std::move(rest));
    give(out, result);
}

void weighted_percentile(const In& in, Out& out) {
    const Json list = array_at(in, 0);
    double total = 0;
    for (const Json& item : list)
        total += item[1].get<double>();
    double sum = 0;
    for (const Json& item : list) {
        sum += item[1].get<double>();
        if (sum >= total * in.real(1) / 100)
            return out.real(item[0].get<double>());
    }
    out.null();
}

} // namespace

void add_array_functions(FunctionList& list) {
    const auto add = [&](std::string name, std::string_view args, std::string_view result, RowFunction function,
                         Nulls nulls = Nulls::Skip) {
        list.push_back(row_function(std::move(name), args, result, function, nulls));
    };
    add("kql_array_length", "dynamic", "long", [](const In& in, Out& out) {
        const Json array = array_at(in, 0);
        if (array.is_array())
            out.integer(static_cast<std::int64_t>(array.size()));
        else
            out.null();
    });
    add(
        "kql_array_concat", "dynamic*", "dynamic",
        [](const In& in, Out& out) {
            Json result = Json::array();
            for (std::size_t i = 0; i < in.size(); ++i) {
                const Json array = array_at(in, i);
                if (array.is_array())
                    result.insert(result.end(), array.begin(), array.end());
            }
            give(out, result);
        },
        Nulls::See);
    add("kql_array_slice", "dynamic long long", "dynamic", [](const In& in, Out& out) {
        const Json array = array_at(in, 0);
        give(out, array.is_array() ? slice(array, in.integer(1), in.integer(2)) : Json());
    });
    add("kql_array_split", "dynamic dynamic", "dynamic", array_split);
    add("kql_array_reverse", "dynamic", "dynamic", [](const In& in, Out& out) {
        Json array = array_at(in, 0);
        if (!array.is_array())
            return out.null();
        std::reverse(array.begin(), array.end());
        give(out, array);
    });
    add("kql_array_rotate", "dynamic long", "dynamic", [](const In& in, Out& out) {
        const Json array = array_at(in, 0);
        give(out, array.is_array() && !array.empty() ? rotated(array, in.integer(1)) : array);
    });
    add(
        "kql_array_shift", "dynamic long dynamic", "dynamic",
        [](const In& in, Out& out) {
            const Json array = array_at(in, 0);
            if (!array.is_array())
                return out.null();
            // What moves in is null where nothing else is given, and empty among strings.
            const bool strings =
                in.null(2) && !array.empty() &&
                std::all_of(array.begin(), array.end(), [](const Json& item) { return item.is_string(); });
            give(out, shifted(array, in.integer(1), strings ? Json("") : array_at(in, 2)));
        },
        Nulls::See);
    add("kql_array_sum", "dynamic", "real", [](const In& in, Out& out) {
        double sum = 0;
        for (const Json& item : array_at(in, 0)) {
            if (!item.is_number())
                return out.null();
            sum += item.get<double>();
        }
        out.real(sum);
    });
    add("kql_array_index_of", "dynamic dynamic long long long", "long", [](const In& in, Out& out) {
        const Json array = array_at(in, 0), value = array_at(in, 1);
        if (!array.is_array() || in.integer(3) < -1 || in.integer(4) < 0)
            return out.null();
        const auto size = static_cast<std::int64_t>(array.size());
        const std::int64_t start = in.integer(2) < 0 ? std::max<std::int64_t>(0, size + in.integer(2)) : in.integer(2);
        const std::int64_t end = in.integer(3) < 0 || in.integer(3) > size - start ? size : start + in.integer(3);
        std::int64_t occurrence = in.integer(4);
        for (std::int64_t i = start; i < end; ++i)
            if (array[static_cast<std::size_t>(i)] == value && --occurrence <= 0)
                return out.integer(i);
        out.integer(-1);
    });
    add("kql_array_iff", "dynamic dynamic dynamic", "dynamic", array_iff, Nulls::See);
    add("kql_array_sort", "dynamic bool bool", "dynamic", [](const In& in, Out& out) {
        const Json array = array_at(in, 0);
        if (!array.is_array())
            return out.null();
        Json result = Json::array();
        for (const std::size_t i : sorted_order(array, in.boolean(1), in.boolean(2)))
            result.push_back(array[i]);
        give(out, result);
    });
    add("kql_array_sort_by", "dynamic dynamic bool bool", "dynamic", [](const In& in, Out& out) {
        const Json keys = array_at(in, 0), array = array_at(in, 1);
        if (!keys.is_array() || !array.is_array() || keys.size() != array.size())
            return out.null();
        Json result = Json::array();
        for (const std::size_t i : sorted_order(keys, in.boolean(2), in.boolean(3)))
            result.push_back(array[i]);
        give(out, result);
    });
    add("kql_zip", "dynamic*", "dynamic", zip, Nulls::See);
    add(
        "kql_repeat", "dynamic long", "dynamic",
        [](const In& in, Out& out) {
            constexpr std::int64_t kMost = 1'048'576;
            if (in.null(1) || in.integer(1) < 0)
                return out.null();
            const std::string value(in.null(0) ? "null" : in.text(0));
            std::string text = "[";
            for (std::int64_t i = 0; i < std::min(in.integer(1), kMost); ++i)
                text += (i > 0 ? "," : "") + value;
            out.text(text + "]");
        },
        Nulls::See);
    add(
        "kql_set_union", "dynamic*", "dynamic", [](const In& in, Out& out) { give(out, set_operation(in, 'u')); },
        Nulls::See);
    add(
        "kql_set_intersect", "dynamic*", "dynamic", [](const In& in, Out& out) { give(out, set_operation(in, 'i')); },
        Nulls::See);
    add(
        "kql_set_difference", "dynamic*", "dynamic", [](const In& in, Out& out) { give(out, set_operation(in, 'd')); },
        Nulls::See);
    add("kql_jaccard_index", "dynamic dynamic", "real", [](const In& in, Out& out) {
        const double both = static_cast<double>(set_operation(in, 'i').size());
        out.real(both / static_cast<double>(set_operation(in, 'u').size()));
    });
    add("kql_set_equals", "dynamic dynamic", "bool", [](const In& in, Out& out) {
        const Json first = array_at(in, 0), second = array_at(in, 1);
        const auto within = [](const Json& a, const Json& b) {
            return std::all_of(a.begin(), a.end(), [&](const Json& value) { return holds(b, value); });
        };
        if (!first.is_array() || !second.is_array())
            return out.null();
        out.boolean(within(first, second) && within(second, first));
    });
    add("kql_split", "string string", "dynamic",
        [](const In& in, Out& out) { give(out, split(in.text(0), in.text(1))); });
    add("kql_split_at", "string string long", "dynamic", [](const In& in, Out& out) {
        const Json parts = split(in.text(0), in.text(1));
        const std::int64_t at = in.integer(2);
        give(out, at >= 0 && at < static_cast<std::int64_t>(parts.size())
                      ? Json::array({parts[static_cast<std::size_t>(at)]})
                      : Json::array());
    });
    add("kql_strcat_array", "dynamic string", "string", [](const In& in, Out& out) {
        const Json array = array_at(in, 0);
        out.text(array.is_array() ? joined(array, in.text(1)) : std::string());
    });
    add("kql_weighted_percentile", "dynamic real", "real", weighted_percentile);
}

} // namespace sluice::kql
