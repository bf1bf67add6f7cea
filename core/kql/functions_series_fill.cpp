#include "core/kql/row_function.hpp"
#include "core/kql/series.hpp"

#include <cmath>

/// Missing values of series, and series_stats().
namespace sluice::kql {
namespace {

Series& buffer() {
    thread_local Series series;
    return series;
}

/// Marks what the second argument names as missing: nulls when it is null, otherwise the elements equal to it.
bool read_with_placeholder(const In& in, Series& series) {
    if (in.null(0) || !read_series(in.text(0), series))
        return false;
    if (!in.null(1))
        for (std::size_t i = 0; i < series.size(); ++i)
            series.missing[i] = !series.missing[i] && series.values[i] == in.real(1) ? 1 : 0;
    return true;
}

void fill_forward(const In& in, Out& out) {
    Series& series = buffer();
    if (!read_with_placeholder(in, series))
        return out.null();
    SeriesWriter writer;
    std::optional<std::string_view> last;
    for (std::size_t i = 0; i < series.size(); ++i) {
        if (!series.missing[i])
            last = series.elements[i];
        writer.element(last.value_or(series.elements[i]));
    }
    out.text(writer.finish());
}

void fill_backward(const In& in, Out& out) {
    Series& series = buffer();
    if (!read_with_placeholder(in, series))
        return out.null();
    for (std::size_t i = series.size(); i-- > 1;)
        if (series.missing[i - 1] && !series.missing[i]) {
            series.elements[i - 1] = series.elements[i];
            series.missing[i - 1] = 0;
        }
    SeriesWriter writer;
    for (const std::string_view element : series.elements)
        writer.element(element);
    out.text(writer.finish());
}

void fill_const(const In& in, Out& out) {
    Series& series = buffer();
    if (!read_with_placeholder(in, series))
        return out.null();
    SeriesWriter writer;
    for (std::size_t i = 0; i < series.size(); ++i)
        writer.element(series.missing[i] ? in.null(2) ? "null" : in.text(2) : series.elements[i]);
    out.text(writer.finish());
}

/// Arguments: the series, the placeholder, whether to fill the ends, what to fill a series without values with.
void fill_linear(const In& in, Out& out) {
    Series& series = buffer();
    if (!read_with_placeholder(in, series))
        return out.null();
    const bool edges = in.null(2) || in.boolean(2);
    const std::size_t count = series.size();
    SeriesWriter writer;
    std::optional<std::size_t> last;
    std::size_t next = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (!series.missing[i]) {
            last = i;
            writer.element(series.elements[i]);
            continue;
        }
        for (next = std::max(next, i); next < count && series.missing[next];)
            ++next;
        if (!last && next == count) {
            writer.element(in.null(3) ? "null" : in.text(3));
        } else if (!last || next == count) {
            writer.element(edges ? series.elements[last ? *last : next] : series.elements[i]);
        } else {
            const double share = static_cast<double>(i - *last) / static_cast<double>(next - *last);
            const double value = series.values[*last] + (series.values[next] - series.values[*last]) * share;
            if (series.whole)
                writer.integer(static_cast<std::int64_t>(value));
            else
                writer.real(value);
        }
    }
    out.text(writer.finish());
}

void stats(const In& in, Out& out) {
    Series& series = buffer();
    if (in.null(0) || !read_series(in.text(0), series))
        return out.null();
    const bool ignore = !in.null(1) && in.boolean(1);
    std::size_t count = 0, least = 0, most = 0;
    double sum = 0;
    bool known = true;
    for (std::size_t i = 0; i < series.size(); ++i) {
        if (series.missing[i] || !std::isfinite(series.values[i])) {
            known = known && ignore;
            series.missing[i] = 1;
            continue;
        }
        if (count == 0 || series.values[i] < series.values[least])
            least = i;
        if (count == 0 || series.values[i] > series.values[most])
            most = i;
        sum += series.values[i];
        ++count;
    }
    if (!known || count == 0)
        return out.text("{\"min\":null,\"min_idx\":null,\"max\":null,\"max_idx\":null,\"avg\":null,\"stdev\":null,"
                        "\"variance\":null,\"sum\":null,\"len\":" +
                        std::to_string(series.size()) + "}");
    const double average = sum / static_cast<double>(count);
    double squares = 0;
    for (std::size_t i = 0; i < series.size(); ++i)
        squares += series.missing[i] ? 0 : (series.values[i] - average) * (series.values[i] - average);
    const double variance = count > 1 ? squares / static_cast<double>(count - 1) : 0;
    out.text("{\"min\":" + real_json(series.values[least]) + ",\"min_idx\":" + std::to_string(least) +
             ",\"max\":" + real_json(series.values[most]) + ",\"max_idx\":" + std::to_string(most) +
             ",\"avg\":" + real_json(average) + ",\"stdev\":" + real_json(std::sqrt(variance)) + ",\"variance\":" +
             real_json(variance) + ",\"sum\":" + real_json(sum) + ",\"len\":" + std::to_string(series.size()) + "}");
}

} // namespace

void add_series_fill_functions(FunctionList& list) {
    const auto add = [&](std::string name, std::string_view args, RowFunction function) {
        list.push_back(row_function(std::move(name), args, "dynamic", function, Nulls::See));
    };
    add("kql_series_fill_forward", "dynamic real", fill_forward);
    add("kql_series_fill_backward", "dynamic real", fill_backward);
    add("kql_series_fill_const", "dynamic real dynamic", fill_const);
    add("kql_series_fill_linear", "dynamic real bool dynamic", fill_linear);
    add("kql_series_stats", "dynamic bool", stats);
}

} // namespace sluice::kql
