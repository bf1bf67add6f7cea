#include "core/kql/row_function.hpp"
#include "core/kql/series.hpp"
#include "core/kql/series_math.hpp"

#include <cmath>
#include <stdexcept>

/// Lines, polynomials, filters and spectra of series.
namespace sluice::kql {
namespace {

/// Values with NaN for what is missing; false when the argument is no array.
bool read_values(const In& in, std::size_t i, std::vector<double>& values) {
    thread_local Series series;
    if (in.null(i) || !read_series(in.text(i), series))
        return false;
    values = series.values;
    return true;
}

std::string field(std::string_view name, double value) {
    std::string text = "\"";
    text.append(name).append("\":").append(real_json(value));
    return text;
}

std::size_t count_of(const std::vector<double>& values) {
    std::size_t count = 0;
    for (const double value : values)
        count += std::isnan(value) ? 0 : 1;
    return count;
}

void fit_line_row(const In& in, Out& out) {
    std::vector<double> values;
    if (!read_values(in, 0, values) || count_of(values) < 2)
        return out.null();
    // Positions count from 1 in what is told, as in the reference.
    const LineFit fit = fit_line(values, 0, values.size());
    for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = fit.intercept + fit.slope * static_cast<double>(i);
    out.text("{" + field("rsquare", fit.rsquare) + "," + field("slope", fit.slope) + "," +
             field("variance", fit.variance) + "," + field("rvariance", fit.rvariance) + "," +
             field("interception", fit.intercept - fit.slope) + ",\"line_fit\":" + series_text(values) + "}");
}

/// Squares that lines through [0, k) leave, for every k: the sums grow by one point at a time.
std::vector<double> rests(const std::vector<double>& values) {
    std::vector<double> result(values.size() + 1, 0);
    double n = 0, mean_x = 0, mean_y = 0, xx = 0, xy = 0, yy = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (!std::isnan(values[i])) {
            ++n;
            const double dx = static_cast<double>(i) - mean_x, dy = values[i] - mean_y;
            mean_x += dx / n;
            mean_y += dy / n;
            xx += dx * (static_cast<double>(i) - mean_x);
            xy += dx * (values[i] - mean_y);
            yy += dy * (values[i] - mean_y);
        }
        result[i + 1] = std::max(0.0, yy - (xx > 0 ? xy * xy / xx : 0));
    }
    return result;
}

std::string side(std::string_view prefix, const LineFit& fit) {
    const auto named = [&](std::string_view name) { return std::string(prefix).append(name); };
    return field(named("rsquare"), fit.rsquare) + "," + field(named("slope"), fit.slope) + "," +
           field(named("interception"), fit.intercept - fit.slope) + "," + field(named("variance"), fit.variance) +
           "," + field(named("rvariance"), fit.rvariance);
}

/// The two lines that leave least: the first point of the second is the split.
void fit_2lines_row(const In& in, Out& out) {
    std::vector<double> values;
    if (!read_values(in, 0, values) || count_of(values) < 4)
        return out.null();
    const std::vector<double> left = rests(values);
    std::vector<double> reversed(values.rbegin(), values.rend());
    const std::vector<double> right = rests(reversed);
    std::size_t split = 2;
    for (std::size_t k = 2; k + 2 <= values.size(); ++k)
        if (left[k] + right[values.size() - k] < left[split] + right[values.size() - split])
            split = k;
    const LineFit whole = fit_line(values, 0, values.size());
    const LineFit first = fit_line(values, 0, split), second = fit_line(values, split, values.size());
    const auto points = static_cast<double>(count_of(values));
    const double rest = left[split] + right[values.size() - split];
    const double total = whole.variance * (points - 1);
    std::vector<double> line(values.size());
    for (std::size_t i = 0; i < line.size(); ++i) {
        const LineFit& fit = i < split ? first : second;
        line[i] = fit.intercept + fit.slope * static_cast<double>(i);
    }
    out.text("{" + field("rsquare", total > 0 ? 1 - rest / total : 1) + ",\"split_idx\":" + std::to_string(split) +
             "," + field("variance", whole.variance) + "," + field("rvariance", rest / (points - 1)) +
             ",\"line_fit\":" + series_text(line) + "," + side("right_", second) + "," + side("left_", first) + "}");
}

/// Arguments: y, x (or null for 1, 2, 3 ...), degree.
void fit_poly_row(const In& in, Out& out) {
    std::vector<double> y, x, known_x, known_y;
    if (!read_values(in, 0, y))
        return out.null();
    if (!read_values(in, 1, x))
        for (std::size_t i = 0; i < y.size(); ++i)
            x.push_back(static_cast<double>(i + 1));
    const std::int64_t degree = in.null(2) ? 1 : in.integer(2);
    if (x.size() != y.size() || degree < 1 || degree > 20)
        return out.null();
    for (std::size_t i = 0; i < y.size(); ++i)
        if (!std::isnan(x[i]) && !std::isnan(y[i])) {
            known_x.push_back(x[i]);
            known_y.push_back(y[i]);
        }
    const std::vector<double> coefficients = fit_polynomial(known_x, known_y, static_cast<std::size_t>(degree));
    if (coefficients.empty())
        return out.null();
    double mean = 0, squares = 0, rest = 0;
    for (const double value : known_y)
        mean += value / static_cast<double>(known_y.size());
    for (std::size_t i = 0; i < known_y.size(); ++i) {
        const double left = known_y[i] - polynomial_at(coefficients, known_x[i]);
        squares += (known_y[i] - mean) * (known_y[i] - mean);
        rest += left * left;
    }
    std::vector<double> fitted;
    for (const double position : x)
        fitted.push_back(polynomial_at(coefficients, position));
    const double count = std::max(1.0, static_cast<double>(known_y.size()) - 1);
    out.text("{" + field("rsquare", squares > 0 ? 1 - rest / squares : 1) +
             ",\"coefficients\":" + series_text(coefficients) + "," + field("variance", squares / count) + "," +
             field("rvariance", rest / count) + ",\"poly_fit\":" + series_text(fitted) + "}");
}

/// A query cannot be stopped inside of a row, so a row must not take minutes.
void check_work(std::size_t points, std::size_t coefficients) {
    constexpr std::size_t kMost = 1'000'000'000;
    if (coefficients > 0 && points > kMost / coefficients)
        throw std::runtime_error("the series and its filter are too long together; a shorter filter is needed");
}

/// Arguments: series, filter, whether to divide by the sum of the filter (null: unless it has negative numbers),
/// whether the filter stands around the point. Outside of the series are zeros.
void fir(const In& in, Out& out) {
    std::vector<double> values, filter;
    if (!read_values(in, 0, values) || !read_values(in, 1, filter) || filter.empty() ||
        count_of(filter) != filter.size())
        return out.null();
    double sum = 0;
    bool negative = false;
    for (const double weight : filter) {
        sum += weight;
        negative = negative || weight < 0;
    }
    const bool normalize = in.null(2) ? !negative : in.boolean(2);
    if (normalize && (negative || sum == 0))
        return out.null();
    check_work(values.size(), filter.size());
    const std::size_t ahead = !in.null(3) && in.boolean(3) ? filter.size() / 2 : 0;
    std::vector<double> result(values.size(), 0);
    for (std::size_t i = 0; i < values.size(); ++i) {
        for (std::size_t k = 0; k < filter.size(); ++k)
            if (i + ahead >= k && i + ahead - k < values.size() && !std::isnan(values[i + ahead - k]))
                result[i] += filter[k] * values[i + ahead - k];
        if (normalize)
            result[i] /= sum;
    }
    out.text(series_text(result));
}

void iir(const In& in, Out& out) {
    std::vector<double> values, forward, back;
    if (!read_values(in, 0, values) || !read_values(in, 1, forward) || !read_values(in, 2, back) || back.empty() ||
        back[0] == 0 || std::isnan(back[0]))
        return out.null();
    check_work(values.size(), forward.size() + back.size());
    std::vector<double> result(values.size(), 0);
    for (std::size_t i = 0; i < values.size(); ++i) {
        double sum = 0;
        for (std::size_t k = 0; k < forward.size() && k <= i; ++k)
            sum += std::isnan(values[i - k]) ? 0 : forward[k] * values[i - k];
        for (std::size_t k = 1; k < back.size() && k <= i; ++k)
            sum -= back[k] * result[i - k];
        result[i] = sum / back[0];
    }
    out.text(series_text(result));
}

template <bool inverse> void spectrum(const In& in, Out& out) {
    std::vector<double> real, imaginary;
    if (!read_values(in, 0, real) || count_of(real) != real.size())
        return out.null();
    if (!in.null(1) &&
        (!read_values(in, 1, imaginary) || imaginary.size() != real.size() || count_of(imaginary) != real.size()))
        return out.null();
    imaginary.resize(real.size(), 0);
    std::vector<std::complex<double>> values(real.size());
    for (std::size_t i = 0; i < real.size(); ++i)
        values[i] = {real[i], imaginary[i]};
    transform(values, inverse);
    for (std::size_t i = 0; i < real.size(); ++i) {
        real[i] = values[i].real();
        imaginary[i] = values[i].imag();
    }
    out.text("{\"real\":" + series_text(real) + ",\"imag\":" + series_text(imaginary) + "}");
}

} // namespace

void add_series_model_functions(FunctionList& list) {
    const auto add = [&](std::string name, std::string_view args, RowFunction function) {
        list.push_back(row_function(std::move(name), args, "dynamic", function, Nulls::See));
    };
    add("kql_series_fit_line", "dynamic", fit_line_row);
    add("kql_series_fit_2lines", "dynamic", fit_2lines_row);
    add("kql_series_fit_poly", "dynamic dynamic long", fit_poly_row);
    add("kql_series_fir", "dynamic dynamic bool bool", fir);
    add("kql_series_iir", "dynamic dynamic dynamic", iir);
    add("kql_series_fft", "dynamic dynamic", spectrum<false>);
    add("kql_series_ifft", "dynamic dynamic", spectrum<true>);
}

} // namespace sluice::kql
