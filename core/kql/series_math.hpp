#pragma once

#include <complex>
#include <cstdint>
#include <string_view>
#include <vector>

/// Numerics of series: lines, polynomials, spectra, periods.
namespace sluice::kql {

struct LineFit {
    double slope = 0, intercept = 0;
    double variance = 0;  ///< of the values
    double rvariance = 0; ///< of what the line leaves
    double rsquare = 0;
};
/// The least squares line through values[begin, end) over their positions. NaN values do not count.
LineFit fit_line(const std::vector<double>& values, std::size_t begin, std::size_t end);

/// The least squares polynomial, highest power first. Empty when there are not more points than the degree.
std::vector<double> fit_polynomial(const std::vector<double>& x, const std::vector<double>& y, std::size_t degree);
double polynomial_at(const std::vector<double>& coefficients, double x);

/// The discrete Fourier transform of any length; the inverse is divided by the length.
void transform(std::vector<std::complex<double>>& values, bool inverse);

/// How surely the series repeats after `period` points: 0 (does not) to 1.
double period_score(const std::vector<double>& correlation, std::size_t period);
/// Autocorrelation by lag, corrected for the shorter overlap of longer lags. Values without NaN.
std::vector<double> autocorrelation(const std::vector<double>& values);
struct Period {
    std::size_t length;
    double score;
};
/// The periods of a series within the limits, best first.
std::vector<Period> find_periods(const std::vector<double>& values, double least, double most);

/// With linear interpolation between neighbours; share from 0 to 1. `values` are sorted on the way, without NaN.
double quantile(std::vector<double>& values, double share);

} // namespace sluice::kql
