#include "core/kql/series_math.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace sluice::kql {

LineFit fit_line(const std::vector<double>& values, std::size_t begin, std::size_t end) {
    LineFit fit;
    double count = 0, mean_x = 0, mean_y = 0;
    for (std::size_t i = begin; i < end; ++i) {
        if (std::isnan(values[i]))
            continue;
        ++count;
        mean_x += (static_cast<double>(i) - mean_x) / count;
        mean_y += (values[i] - mean_y) / count;
    }
    double xx = 0, xy = 0, yy = 0;
    for (std::size_t i = begin; i < end; ++i) {
        if (std::isnan(values[i]))
            continue;
        const double x = static_cast<double>(i) - mean_x, y = values[i] - mean_y;
        xx += x * x;
        xy += x * y;
        yy += y * y;
    }
    fit.slope = xx > 0 ? xy / xx : 0;
    fit.intercept = mean_y - fit.slope * mean_x;
    const double rest = std::max(0.0, yy - fit.slope * xy);
    fit.variance = count > 1 ? yy / (count - 1) : 0;
    fit.rvariance = count > 1 ? rest / (count - 1) : 0;
    fit.rsquare = yy > 0 ? 1 - rest / yy : 1;
    return fit;
}

/// Householder's QR over positions scaled to [-1, 1], so that high powers stay comparable; then back to the real ones.
std::vector<double> fit_polynomial(const std::vector<double>& x, const std::vector<double>& y, std::size_t degree) {
    const std::size_t rows = x.size(), columns = degree + 1;
    if (rows < columns || y.size() != rows)
        return {};
    const auto [least, most] = std::minmax_element(x.begin(), x.end());
    const long double middle = (static_cast<long double>(*least) + *most) / 2;
    const long double half = *most > *least ? (static_cast<long double>(*most) - *least) / 2 : 1;
    std::vector<long double> a(rows * columns), b(y.begin(), y.end());
    for (std::size_t i = 0; i < rows; ++i) {
        long double power = 1;
        for (std::size_t j = 0; j < columns; ++j, power *= (x[i] - middle) / half)
            a[i * columns + j] = power;
    }
    for (std::size_t j = 0; j < columns; ++j) {
        long double norm = 0;
        for (std::size_t i = j; i < rows; ++i)
            norm += a[i * columns + j] * a[i * columns + j];
        norm = std::sqrt(norm);
        if (norm < 1e-15L)
            return {};
        const long double alpha = a[j * columns + j] > 0 ? -norm : norm;
        std::vector<long double> v(rows - j);
        long double vv = 0;
        for (std::size_t i = j; i < rows; ++i) {
            v[i - j] = a[i * columns + j] - (i == j ? alpha : 0);
            vv += v[i - j] * v[i - j];
        }
        if (vv == 0)
            return {};
        const auto reflect = [&](auto&& at) {
            long double dot = 0;
            for (std::size_t i = j; i < rows; ++i)
                dot += v[i - j] * at(i);
            for (std::size_t i = j; i < rows; ++i)
                at(i) -= 2 * dot / vv * v[i - j];
        };
        for (std::size_t k = j; k < columns; ++k)
            reflect([&](std::size_t i) -> long double& { return a[i * columns + k]; });
        reflect([&](std::size_t i) -> long double& { return b[i]; });
    }
    std::vector<long double> scaled(columns);
    for (std::size_t j = columns; j-- > 0;) {
        long double sum = b[j];
        for (std::size_t k = j + 1; k < columns; ++k)
            sum -= a[j * columns + k] * scaled[k];
        if (std::abs(a[j * columns + j]) < 1e-15L)
            return {};
        scaled[j] = sum / a[j * columns + j];
    }
    // Horner's scheme with (x - middle) / half for the variable.
    std::vector<long double> low(columns, 0);
    for (std::size_t j = columns; j-- > 0;) {
        std::vector<long double> next(columns, 0);
        for (std::size_t k = 0; k < columns; ++k) {
            next[k] += low[k] * (-middle / half);
            if (k + 1 < columns)
                next[k + 1] += low[k] / half;
        }
        next[0] += scaled[j];
        low = std::move(next);
    }
    return {low.rbegin(), low.rend()};
}

double polynomial_at(const std::vector<double>& coefficients, double x) {
    double value = 0;
    for (const double coefficient : coefficients)
        value = value * x + coefficient;
    return value;
}

namespace {

using Complex = std::complex<double>;

/// Length: a power of two. Not divided.
void transform_power(std::vector<Complex>& a, bool inverse) {
    const std::size_t n = a.size();
    for (std::size_t i = 1, j = 0; i < n; ++i) {
        std::size_t bit = n >> 1;
        for (; j & bit; bit >>= 1)
            j ^= bit;
        j ^= bit;
        if (i < j)
            std::swap(a[i], a[j]);
    }
    for (std::size_t length = 2; length <= n; length <<= 1) {
        const double angle = 2 * std::numbers::pi / static_cast<double>(length) * (inverse ? 1 : -1);
        for (std::size_t k = 0; k < length / 2; ++k) {
            const Complex w = std::polar(1.0, angle * static_cast<double>(k));
            for (std::size_t i = k; i < n; i += length) {
                const Complex u = a[i], v = a[i + length / 2] * w;
                a[i] = u + v;
                a[i + length / 2] = u - v;
            }
        }
    }
}

} // namespace

void transform(std::vector<Complex>& values, bool inverse) {
    const std::size_t n = values.size();
    if (n < 2)
        return;
    if ((n & (n - 1)) == 0) {
        transform_power(values, inverse);
    } else {
        // Bluestein: any length as a convolution of a power of two.
        std::size_t m = 1;
        while (m < 2 * n)
            m <<= 1;
        std::vector<Complex> chirp(n), a(m), b(m);
        for (std::size_t k = 0; k < n; ++k) {
            const double angle = std::numbers::pi * static_cast<double>(k * k % (2 * n)) / static_cast<double>(n);
            chirp[k] = std::polar(1.0, inverse ? angle : -angle);
            a[k] = values[k] * chirp[k];
        }
        b[0] = std::conj(chirp[0]);
        for (std::size_t k = 1; k < n; ++k)
            b[k] = b[m - k] = std::conj(chirp[k]);
        transform_power(a, false);
        transform_power(b, false);
        for (std::size_t k = 0; k < m; ++k)
            a[k] *= b[k];
        transform_power(a, true);
        for (std::size_t k = 0; k < n; ++k)
            values[k] = a[k] / static_cast<double>(m) * chirp[k];
    }
    if (inverse)
        for (Complex& value : values)
            value /= static_cast<double>(n);
}

std::vector<double> autocorrelation(const std::vector<double>& values) {
    const std::size_t n = values.size();
    double mean = 0;
    for (const double value : values)
        mean += value / static_cast<double>(n);
    std::size_t m = 1;
    while (m < 2 * n)
        m <<= 1;
    std::vector<Complex> spectrum(m);
    for (std::size_t i = 0; i < n; ++i)
        spectrum[i] = values[i] - mean;
    transform_power(spectrum, false);
    for (Complex& value : spectrum)
        value = std::norm(value);
    transform_power(spectrum, true);
    std::vector<double> result(n);
    const double whole = spectrum.empty() ? 0 : spectrum[0].real();
    // A constant series leaves rounding errors only; it has no period.
    if (n == 0 || whole / static_cast<double>(m) <= 1e-9 * (mean * mean + 1e-9))
        return result;
    for (std::size_t k = 0; k < n; ++k)
        result[k] = spectrum[k].real() / whole * static_cast<double>(n) / static_cast<double>(n - k);
    return result;
}

namespace {

/// Shorter ones cannot be told from noise between neighbours.
constexpr std::size_t kShortest = 4;

} // namespace

double period_score(const std::vector<double>& correlation, std::size_t period) {
    const std::size_t n = correlation.size();
    // A period has to be seen three times, and to come back after one and after two of its lengths.
    if (period < kShortest || 3 * period > n)
        return 0;
    const double one = correlation[period], two = correlation[2 * period];
    if (one < correlation[period - 1] || one < correlation[period + 1])
        return 0;
    const double score = std::min({one, two, 1.0});
    // Noise alone stays within this bound nineteen times in twenty.
    return score < 2 / std::sqrt(static_cast<double>(n)) ? 0 : score;
}

std::vector<Period> find_periods(const std::vector<double>& values, double least, double most) {
    const std::vector<double> correlation = autocorrelation(values);
    std::vector<Period> found;
    for (std::size_t length = kShortest; length * 3 <= values.size(); ++length) {
        const auto size = static_cast<double>(length);
        const double score = size < least || size > most ? 0 : period_score(correlation, length);
        if (score <= 0)
            continue;
        // What repeats after a length repeats after its multiples too.
        const bool multiple = std::any_of(found.begin(), found.end(), [&](const Period& shorter) {
            const std::size_t rest = (length + 1) % shorter.length;
            return rest <= 2 && shorter.score >= 0.9 * score;
        });
        if (!multiple)
            found.push_back({length, score});
    }
    std::stable_sort(found.begin(), found.end(), [](const Period& a, const Period& b) { return a.score > b.score; });
    return found;
}

double quantile(std::vector<double>& values, double share) {
    std::sort(values.begin(), values.end());
    const double at = share * static_cast<double>(values.size() - 1);
    const auto low = static_cast<std::size_t>(at);
    const std::size_t high = std::min(low + 1, values.size() - 1);
    return values[low] + (values[high] - values[low]) * (at - static_cast<double>(low));
}

} // namespace sluice::kql
