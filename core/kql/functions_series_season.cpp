#include "core/kql/row_function.hpp"
#include "core/kql/series.hpp"
#include "core/kql/series_math.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

/// Periods of series, and what series_decompose() and its relatives make of them.
namespace sluice::kql {
namespace {

bool read_values(const In& in, std::size_t i, std::vector<double>& values) {
    thread_local Series series;
    if (in.null(i) || !read_series(in.text(i), series))
        return false;
    values = series.values;
    return true;
}

/// Gaps become the average, so that they neither make nor hide a period.
std::vector<double> without_gaps(const std::vector<double>& values, std::size_t count) {
    std::vector<double> result(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(count));
    double sum = 0, known = 0;
    for (const double value : result)
        if (std::isfinite(value)) {
            sum += value;
            ++known;
        }
    for (double& value : result)
        if (!std::isfinite(value))
            value = known > 0 ? sum / known : 0;
    return result;
}

void periods_detect(const In& in, Out& out) {
    std::vector<double> values;
    if (!read_values(in, 0, values))
        return out.null();
    const auto most = static_cast<std::size_t>(std::clamp<std::int64_t>(in.null(3) ? 1 : in.integer(3), 0, 1000));
    const double least = in.null(1) ? 0 : in.real(1);
    const double longest = in.null(2) ? std::numeric_limits<double>::max() : in.real(2);
    std::vector<double> periods(most, 0), scores(most, 0);
    const auto found = find_periods(without_gaps(values, values.size()), least, longest);
    for (std::size_t i = 0; i < most && i < found.size(); ++i) {
        periods[i] = static_cast<double>(found[i].length);
        scores[i] = found[i].score;
    }
    out.text("{\"periods\":" + series_text(periods) + ",\"scores\":" + series_text(scores) + "}");
}

void periods_validate(const In& in, Out& out) {
    std::vector<double> values, periods, scores;
    if (!read_values(in, 0, values))
        return out.null();
    const auto correlation = autocorrelation(without_gaps(values, values.size()));
    for (std::size_t i = 1; i < in.size(); ++i) {
        const double period = in.null(i) ? 0 : in.real(i);
        periods.push_back(period);
        scores.push_back(period >= 1 && period < static_cast<double>(values.size())
                             ? period_score(correlation, static_cast<std::size_t>(std::lround(period)))
                             : 0);
    }
    out.text("{\"periods\":" + series_text(periods) + ",\"scores\":" + series_text(scores) + "}");
}

/// The best period when `wanted` is -1, if its score reaches the threshold; 0: none.
std::size_t period_of(const std::vector<double>& values, std::size_t count, std::int64_t wanted, double threshold) {
    if (wanted > 0)
        return static_cast<std::size_t>(wanted);
    if (wanted == 0)
        return 0;
    const auto found = find_periods(without_gaps(values, count), 0, std::numeric_limits<double>::max());
    return !found.empty() && found.front().score >= threshold ? found.front().length : 0;
}

/// The median of the points that stand at the same place of the period, for each place.
std::vector<double> seasonal_of(const std::vector<double>& values, std::size_t count, std::size_t period) {
    std::vector<double> result(values.size(), 0);
    if (period == 0 || period > count)
        return result;
    std::vector<double> same;
    for (std::size_t phase = 0; phase < period; ++phase) {
        same.clear();
        for (std::size_t i = phase; i < count; i += period)
            if (std::isfinite(values[i]))
                same.push_back(values[i]);
        const double median = same.empty() ? 0 : quantile(same, 0.5);
        for (std::size_t i = phase; i < values.size(); i += period)
            result[i] = median;
    }
    return result;
}

/// Points to learn from: all but the last `test`.
std::size_t learned(const std::vector<double>& values, const In& in, std::size_t argument) {
    const std::int64_t test = in.null(argument) ? 0 : in.integer(argument);
    return values.size() -
           static_cast<std::size_t>(std::clamp<std::int64_t>(test, 0, static_cast<std::int64_t>(values.size())));
}

void seasonal(const In& in, Out& out) {
    std::vector<double> values;
    if (!read_values(in, 0, values))
        return out.null();
    const std::size_t count = learned(values, in, 2);
    out.text(series_text(seasonal_of(values, count, period_of(values, count, in.null(1) ? -1 : in.integer(1), 0.7))));
}

struct Parts {
    std::vector<double> baseline, seasonal, trend, residual;
};

struct DecomposeOptions {
    std::int64_t period = -1;
    std::string_view trend = "avg";
    double threshold = 0.6;
};

Parts decompose(const std::vector<double>& values, std::size_t count, const DecomposeOptions& options) {
    Parts parts;
    parts.trend.assign(values.size(), 0);
    if (options.trend == "linefit") {
        const LineFit fit = fit_line(values, 0, count);
        for (std::size_t i = 0; i < values.size(); ++i)
            parts.trend[i] = fit.intercept + fit.slope * static_cast<double>(i);
    } else if (options.trend == "avg") {
        double sum = 0, known = 0;
        for (std::size_t i = 0; i < count; ++i)
            if (std::isfinite(values[i])) {
                sum += values[i];
                ++known;
            }
        parts.trend.assign(values.size(), known > 0 ? sum / known : 0);
    } else if (options.trend != "none") {
        throw std::runtime_error("the trend of a decomposition is \"avg\", \"linefit\" or \"none\"");
    }
    std::vector<double> rest(values.size());
    for (std::size_t i = 0; i < values.size(); ++i)
        rest[i] = values[i] - parts.trend[i];
    parts.seasonal = seasonal_of(rest, count, period_of(rest, count, options.period, options.threshold));
    for (std::size_t i = 0; i < values.size(); ++i) {
        parts.baseline.push_back(parts.seasonal[i] + parts.trend[i]);
        parts.residual.push_back(values[i] - parts.baseline[i]);
    }
    return parts;
}

DecomposeOptions options_of(const In& in, std::size_t period, std::size_t trend, std::size_t threshold) {
    DecomposeOptions options;
    if (!in.null(period))
        options.period = in.integer(period);
    if (!in.null(trend) && !in.text(trend).empty())
        options.trend = in.text(trend);
    if (!in.null(threshold))
        options.threshold = in.real(threshold);
    return options;
}

std::string with_nulls(const std::vector<double>& values) {
    SeriesWriter writer;
    for (const double value : values)
        std::isnan(value) ? writer.null() : writer.real(value);
    return writer.finish();
}

/// Arguments: series, period, trend, test points, threshold.
void decompose_row(const In& in, Out& out) {
    std::vector<double> values;
    if (!read_values(in, 0, values))
        return out.null();
    const Parts parts = decompose(values, learned(values, in, 3), options_of(in, 1, 2, 4));
    out.text("{\"baseline\":" + series_text(parts.baseline) + ",\"seasonal\":" + series_text(parts.seasonal) +
             ",\"trend\":" + series_text(parts.trend) + ",\"residual\":" + with_nulls(parts.residual) + "}");
}

/// Arguments: series, test points, period, trend, threshold.
void forecast_row(const In& in, Out& out) {
    std::vector<double> values;
    if (!read_values(in, 0, values))
        return out.null();
    out.text(series_text(decompose(values, learned(values, in, 1), options_of(in, 2, 3, 4)).baseline));
}

/// How far each point lies outside of the range between two quantiles, in lengths of that range.
std::vector<double> outlier_scores(const std::vector<double>& values, std::size_t count, double low, double high) {
    std::vector<double> known, scores(values.size(), 0);
    for (std::size_t i = 0; i < count; ++i)
        if (std::isfinite(values[i]))
            known.push_back(values[i]);
    if (known.empty())
        return scores;
    const double bottom = quantile(known, low / 100), top = quantile(known, high / 100);
    for (std::size_t i = 0; i < values.size(); ++i) {
        const double beyond = values[i] > top ? values[i] - top : values[i] < bottom ? values[i] - bottom : 0;
        if (std::isfinite(values[i]) && beyond != 0)
            scores[i] = beyond / (top - bottom);
    }
    return scores;
}

struct Quantiles {
    double low = 10, high = 90;
};

Quantiles quantiles_of(std::string_view kind) {
    if (kind == "tukey")
        return {25, 75};
    if (kind.empty() || kind == "ctukey")
        return {};
    throw std::runtime_error("the kind of outliers is \"tukey\" or \"ctukey\"");
}

/// Arguments: series, kind, value to ignore, percentiles, test points.
void outliers_row(const In& in, Out& out) {
    std::vector<double> values;
    if (!read_values(in, 0, values))
        return out.null();
    const std::string_view kind = in.null(1) ? std::string_view() : in.text(1);
    Quantiles range = quantiles_of(kind);
    if (kind != "tukey") {
        range.low = in.null(3) ? range.low : std::clamp(in.real(3), 2.0, 98.0);
        range.high = in.null(4) ? range.high : std::clamp(in.real(4), 2.0, 98.0);
    }
    if (!in.null(2))
        for (double& value : values)
            if (value == in.real(2))
                value = std::numeric_limits<double>::quiet_NaN();
    out.text(series_text(outlier_scores(values, learned(values, in, 5), range.low, range.high)));
}

/// Arguments: series, threshold, period, trend, test points, method, threshold of the period.
void anomalies_row(const In& in, Out& out) {
    std::vector<double> values;
    if (!read_values(in, 0, values))
        return out.null();
    const std::size_t count = learned(values, in, 4);
    const Parts parts = decompose(values, count, options_of(in, 2, 3, 6));
    const Quantiles range = quantiles_of(in.null(5) ? std::string_view() : in.text(5));
    const auto scores = outlier_scores(parts.residual, count, range.low, range.high);
    const double threshold = in.null(1) ? 1.5 : in.real(1);
    SeriesWriter flags;
    for (const double score : scores)
        flags.integer(score >= threshold ? 1 : score <= -threshold ? -1 : 0);
    out.text("{\"ad_flag\":" + flags.finish() + ",\"ad_score\":" + series_text(scores) +
             ",\"baseline\":" + series_text(parts.baseline) + "}");
}

} // namespace

void add_series_season_functions(FunctionList& list) {
    const auto add = [&](std::string name, std::string_view args, RowFunction function) {
        list.push_back(row_function(std::move(name), args, "dynamic", function, Nulls::See));
    };
    add("kql_series_periods_detect", "dynamic real real long", periods_detect);
    add("kql_series_periods_validate", "dynamic real*", periods_validate);
    add("kql_series_seasonal", "dynamic long long", seasonal);
    add("kql_series_decompose", "dynamic long string long real", decompose_row);
    add("kql_series_decompose_forecast", "dynamic long long string real", forecast_row);
    add("kql_series_decompose_anomalies", "dynamic real long string long string real", anomalies_row);
    add("kql_series_outliers", "dynamic string real real real long", outliers_row);
}

} // namespace sluice::kql
