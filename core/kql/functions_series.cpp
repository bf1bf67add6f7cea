#include "core/kql/row_function.hpp"
#include "core/kql/series.hpp"

#include <cmath>
#include <limits>

/// Series element by element, and what sums them up.
namespace sluice::kql {
namespace {

/// Buffers of the thread, so that rows do not allocate anew. Index 0 and 1 are different buffers.
Series& buffer(std::size_t which) {
    thread_local Series series[2];
    return series[which];
}

/// An array, or one number that counts for every element. False when it is neither.
struct Operand {
    const Series* series = nullptr;
    bool single = false;

    std::size_t size() const { return series->size(); }
    bool missing(std::size_t i) const { return single ? series->missing[0] : i >= size() || series->missing[i]; }
    double value(std::size_t i) const { return series->values[single ? 0 : i]; }
    std::string_view element(std::size_t i) const { return series->elements[single ? 0 : i]; }
};

bool read_operand(const In& in, std::size_t i, Operand& operand) {
    if (in.null(i))
        return false;
    Series& series = buffer(i);
    const std::string_view json = in.text(i);
    operand.single = !json.starts_with('[');
    if (operand.single) {
        // The number as an array of one.
        thread_local std::string text[2];
        text[i].assign("[").append(json).append("]");
        if (!read_series(text[i], series) || series.size() != 1 || series.missing[0])
            return false;
    } else if (!read_series(json, series)) {
        return false;
    }
    operand.series = &series;
    return true;
}

bool read_operands(const In& in, Operand& a, Operand& b) {
    return read_operand(in, 0, a) && read_operand(in, 1, b) && !(a.single && b.single);
}

std::size_t length(const Operand& a, const Operand& b) {
    return std::max(a.single ? 0 : a.size(), b.single ? 0 : b.size());
}

std::int64_t whole_number(std::string_view element) {
    std::int64_t value = 0;
    const bool negative = element.starts_with('-');
    for (const char c : element.substr(negative ? 1 : 0))
        value = static_cast<std::int64_t>(static_cast<std::uint64_t>(value) * 10 + static_cast<std::uint64_t>(c - '0'));
    return negative ? static_cast<std::int64_t>(0 - static_cast<std::uint64_t>(value)) : value;
}

bool is_digits(std::string_view element) {
    return !element.empty() && element.find_first_not_of("-0123456789") == std::string_view::npos;
}

/// Sums, differences and products of whole numbers are whole, everything else is real.
template <char op> void arithmetic(const In& in, Out& out) {
    Operand a, b;
    if (!read_operands(in, a, b))
        return out.null();
    SeriesWriter writer;
    const std::size_t count = length(a, b);
    const bool whole = a.series->whole && b.series->whole && op != '/' && op != '^';
    for (std::size_t i = 0; i < count; ++i) {
        if (a.missing(i) || b.missing(i)) {
            writer.null();
            continue;
        }
        if (whole && is_digits(a.element(i)) && is_digits(b.element(i))) {
            const auto x = static_cast<std::uint64_t>(whole_number(a.element(i)));
            const auto y = static_cast<std::uint64_t>(whole_number(b.element(i)));
            writer.integer(static_cast<std::int64_t>(op == '+' ? x + y : op == '-' ? x - y : x * y));
            continue;
        }
        const double x = a.value(i), y = b.value(i);
        writer.real(op == '+' ? x + y : op == '-' ? x - y : op == '*' ? x * y : op == '/' ? x / y : std::pow(x, y));
    }
    out.text(writer.finish());
}

/// 'l' <, 'L' <=, 'g' >, 'G' >=, '=' and '!'.
template <char op> void comparison(const In& in, Out& out) {
    Operand a, b;
    if (!read_operands(in, a, b))
        return out.null();
    SeriesWriter writer;
    const std::size_t count = length(a, b);
    for (std::size_t i = 0; i < count; ++i) {
        if (a.missing(i) || b.missing(i)) {
            writer.null();
            continue;
        }
        const double x = a.value(i), y = b.value(i);
        const bool holds = op == 'l'   ? x < y
                           : op == 'L' ? x <= y
                           : op == 'g' ? x > y
                           : op == 'G' ? x >= y
                           : op == '=' ? x == y
                                       : x != y;
        writer.element(holds ? "true" : "false");
    }
    out.text(writer.finish());
}

using Real = double (*)(double);

template <Real function> void each(const In& in, Out& out) {
    Series& series = buffer(0);
    if (!read_series(in.text(0), series))
        return out.null();
    SeriesWriter writer;
    for (std::size_t i = 0; i < series.size(); ++i)
        series.missing[i] ? writer.null() : writer.real(function(series.values[i]));
    out.text(writer.finish());
}

/// Like each(), but whole numbers stay whole.
template <Real function> void each_kept(const In& in, Out& out) {
    Series& series = buffer(0);
    if (!read_series(in.text(0), series))
        return out.null();
    SeriesWriter writer;
    for (std::size_t i = 0; i < series.size(); ++i) {
        if (series.missing[i])
            writer.null();
        else if (series.whole && is_digits(series.elements[i]) && std::abs(series.values[i]) < 9e15)
            writer.integer(static_cast<std::int64_t>(function(series.values[i])));
        else
            writer.real(function(series.values[i]));
    }
    out.text(writer.finish());
}

double absolute(double x) {
    return std::abs(x);
}
double signum(double x) {
    return x > 0 ? 1 : x < 0 ? -1 : 0;
}
double natural_log(double x) {
    return std::log(x);
}
double sine(double x) {
    return std::sin(x);
}
double cosine(double x) {
    return std::cos(x);
}
double tangent(double x) {
    return std::tan(x);
}
double arc_sine(double x) {
    return std::asin(x);
}
double arc_cosine(double x) {
    return std::acos(x);
}
double arc_tangent(double x) {
    return std::atan(x);
}
double power_of_e(double x) {
    return std::exp(x);
}
double upwards(double x) {
    return std::ceil(x);
}
double downwards(double x) {
    return std::floor(x);
}

void signs(const In& in, Out& out) {
    Series& series = buffer(0);
    if (!read_series(in.text(0), series))
        return out.null();
    SeriesWriter writer;
    for (std::size_t i = 0; i < series.size(); ++i)
        series.missing[i] ? writer.null() : writer.integer(static_cast<std::int64_t>(signum(series.values[i])));
    out.text(writer.finish());
}

/// Sum of the products of the elements that both have; elements that are no numbers do not count.
std::optional<double> dot_product(const Operand& a, const Operand& b) {
    const std::size_t count = a.single ? b.size() : b.single ? a.size() : std::min(a.size(), b.size());
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i)
        if (!a.missing(i) && !b.missing(i))
            sum += a.value(i) * b.value(i);
    return sum;
}

void cosine_similarity(const In& in, Out& out) {
    Operand a, b;
    if (!read_operands(in, a, b) || a.single || b.single)
        return out.null();
    const std::size_t count = std::min(a.size(), b.size());
    double squares[2] = {0, 0};
    for (std::size_t i = 0; i < count; ++i) {
        squares[0] += a.missing(i) ? 0 : a.value(i) * a.value(i);
        squares[1] += b.missing(i) ? 0 : b.value(i) * b.value(i);
    }
    const double x = in.null(2) ? std::sqrt(squares[0]) : in.real(2);
    const double y = in.null(3) ? std::sqrt(squares[1]) : in.real(3);
    out.real(dot_product(a, b).value_or(0) / (x * y));
}

void pearson(const In& in, Out& out) {
    Operand a, b;
    if (!read_operands(in, a, b) || a.single || b.single || a.size() != b.size() || a.size() == 0 ||
        a.series->has_missing() || b.series->has_missing())
        return out.null();
    const auto count = static_cast<double>(a.size());
    double mean_a = 0, mean_b = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        mean_a += a.value(i) / count;
        mean_b += b.value(i) / count;
    }
    double aa = 0, bb = 0, ab = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const double x = a.value(i) - mean_a, y = b.value(i) - mean_b;
        aa += x * x;
        bb += y * y;
        ab += x * y;
    }
    out.real(ab / std::sqrt(aa * bb));
}

} // namespace

void add_series_functions(FunctionList& list) {
    const auto add = [&](std::string name, std::string_view args, std::string_view result, RowFunction function,
                         Nulls nulls = Nulls::Skip) {
        list.push_back(row_function(std::move(name), args, result, function, nulls));
    };
    constexpr std::string_view kTwo = "dynamic dynamic";
    add("kql_series_add", kTwo, "dynamic", arithmetic<'+'>);
    add("kql_series_subtract", kTwo, "dynamic", arithmetic<'-'>);
    add("kql_series_multiply", kTwo, "dynamic", arithmetic<'*'>);
    add("kql_series_divide", kTwo, "dynamic", arithmetic<'/'>);
    add("kql_series_pow", kTwo, "dynamic", arithmetic<'^'>);
    add("kql_series_less", kTwo, "dynamic", comparison<'l'>);
    add("kql_series_less_equals", kTwo, "dynamic", comparison<'L'>);
    add("kql_series_greater", kTwo, "dynamic", comparison<'g'>);
    add("kql_series_greater_equals", kTwo, "dynamic", comparison<'G'>);
    add("kql_series_equals", kTwo, "dynamic", comparison<'='>);
    add("kql_series_not_equals", kTwo, "dynamic", comparison<'!'>);
    add("kql_series_abs", "dynamic", "dynamic", each_kept<absolute>);
    add("kql_series_ceiling", "dynamic", "dynamic", each_kept<upwards>);
    add("kql_series_floor", "dynamic", "dynamic", each_kept<downwards>);
    add("kql_series_sign", "dynamic", "dynamic", signs);
    add("kql_series_exp", "dynamic", "dynamic", each<power_of_e>);
    add("kql_series_log", "dynamic", "dynamic", each<natural_log>);
    add("kql_series_sin", "dynamic", "dynamic", each<sine>);
    add("kql_series_cos", "dynamic", "dynamic", each<cosine>);
    add("kql_series_tan", "dynamic", "dynamic", each<tangent>);
    add("kql_series_asin", "dynamic", "dynamic", each<arc_sine>);
    add("kql_series_acos", "dynamic", "dynamic", each<arc_cosine>);
    add("kql_series_atan", "dynamic", "dynamic", each<arc_tangent>);
    add("kql_series_sum", "dynamic", "real", [](const In& in, Out& out) {
        Series& series = buffer(0);
        if (!read_series(in.text(0), series))
            return out.null();
        double sum = 0;
        for (std::size_t i = 0; i < series.size(); ++i)
            sum += series.missing[i] ? 0 : series.values[i];
        out.real(sum);
    });
    add("kql_series_product", "dynamic", "real", [](const In& in, Out& out) {
        Series& series = buffer(0);
        if (!read_series(in.text(0), series))
            return out.null();
        double product = 1;
        for (std::size_t i = 0; i < series.size(); ++i)
            product *= series.missing[i] ? 1 : series.values[i];
        out.real(product);
    });
    add("kql_series_magnitude", "dynamic", "real", [](const In& in, Out& out) {
        Series& series = buffer(0);
        if (!read_series(in.text(0), series))
            return out.null();
        double sum = 0;
        for (std::size_t i = 0; i < series.size(); ++i)
            sum += series.missing[i] ? 0 : series.values[i] * series.values[i];
        out.real(std::sqrt(sum));
    });
    add("kql_series_dot_product", kTwo, "real", [](const In& in, Out& out) {
        Operand a, b;
        if (!read_operands(in, a, b))
            return out.null();
        out.optional(dot_product(a, b), &Out::real);
    });
    add("kql_series_cosine_similarity", "dynamic dynamic real real", "real", cosine_similarity, Nulls::See);
    add("kql_series_pearson", kTwo, "real", pearson);
}

} // namespace sluice::kql
