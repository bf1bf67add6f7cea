#include "core/data/text.hpp"
#include "core/kql/row_function.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace sluice::kql {
namespace {

using Wide = __int128;
using Unsigned = unsigned __int128;
__extension__ typedef __int128 Units;

std::int64_t wrap(std::uint64_t value) {
    return static_cast<std::int64_t>(value);
}

/// Product of two fixed-point numbers, by way of a 256-bit product; nothing when it does not fit.
std::optional<data::Decimal> multiply(data::Decimal a, data::Decimal b) {
    const bool negative = (a.units < 0) != (b.units < 0);
    const Unsigned x = a.units < 0 ? -static_cast<Unsigned>(a.units) : static_cast<Unsigned>(a.units);
    const Unsigned y = b.units < 0 ? -static_cast<Unsigned>(b.units) : static_cast<Unsigned>(b.units);
    std::array<std::uint64_t, 4> product{};
    const std::uint64_t xs[2] = {static_cast<std::uint64_t>(x), static_cast<std::uint64_t>(x >> 64)};
    const std::uint64_t ys[2] = {static_cast<std::uint64_t>(y), static_cast<std::uint64_t>(y >> 64)};
    for (int i = 0; i < 2; ++i) {
        Unsigned carry = 0;
        for (int j = 0; j < 2; ++j) {
            const Unsigned sum =
                static_cast<Unsigned>(xs[i]) * ys[j] + product[static_cast<std::size_t>(i + j)] + carry;
            product[static_cast<std::size_t>(i + j)] = static_cast<std::uint64_t>(sum);
            carry = sum >> 64;
        }
        product[static_cast<std::size_t>(i + 2)] = static_cast<std::uint64_t>(carry);
    }
    // The digits of one scale away, half of them at a time; the last half rounds.
    constexpr std::uint64_t kHalf = 1'000'000'000;
    static_assert(data::Decimal::kScale == 18);
    std::uint64_t last = 0;
    for (const std::uint64_t divisor : {kHalf, kHalf}) {
        Unsigned rest = 0;
        for (int i = 3; i >= 0; --i) {
            const Unsigned part = rest << 64 | product[static_cast<std::size_t>(i)];
            product[static_cast<std::size_t>(i)] = static_cast<std::uint64_t>(part / divisor);
            rest = part % divisor;
        }
        last = static_cast<std::uint64_t>(rest);
    }
    if (product[2] || product[3] || product[1] >> 62)
        return std::nullopt;
    Units units = static_cast<Units>(static_cast<Unsigned>(product[1]) << 64 | product[0]);
    units += last >= kHalf / 2 ? 1 : 0;
    return data::Decimal{negative ? -units : units};
}

std::optional<data::Decimal> divide(data::Decimal a, data::Decimal b) {
    if (b.units == 0)
        return std::nullopt;
    const bool negative = (a.units < 0) != (b.units < 0);
    Unsigned x = a.units < 0 ? -static_cast<Unsigned>(a.units) : static_cast<Unsigned>(a.units);
    const Unsigned y = b.units < 0 ? -static_cast<Unsigned>(b.units) : static_cast<Unsigned>(b.units);
    // Long division, a digit at a time.
    Unsigned quotient = x / y;
    Unsigned rest = x % y;
    for (int i = 0; i < data::Decimal::kScale; ++i) {
        if (quotient > (static_cast<Unsigned>(1) << 120))
            return std::nullopt;
        unsigned digit = 0;
        // rest * 10 may not fit, so it is taken in ten additions.
        Unsigned next = 0;
        for (int k = 0; k < 10; ++k) {
            next += rest;
            if (next >= y) {
                next -= y;
                ++digit;
            }
        }
        rest = next;
        quotient = quotient * 10 + digit;
    }
    const auto units = static_cast<Units>(quotient);
    return data::Decimal{negative ? -units : units};
}

double rounded(double value, std::int64_t digits) {
    if (!std::isfinite(value))
        return value;
    if (digits > 15)
        return value;
    const double scale = std::pow(10.0, static_cast<double>(std::abs(digits)));
    return digits >= 0 ? std::round(value * scale) / scale : std::round(value / scale) * scale;
}

std::string format_bytes(double size, std::int64_t precision, std::string_view unit) {
    static constexpr std::array<std::string_view, 7> kUnits = {"Bytes", "KB", "MB", "GB", "TB", "PB", "EB"};
    std::size_t power = 0;
    if (unit.empty())
        while (std::abs(size) >= 1024 && power + 1 < kUnits.size()) {
            size /= 1024;
            ++power;
        }
    else
        for (; power + 1 < kUnits.size() && kUnits[power] != unit; ++power)
            size /= 1024;
    std::string text = fmt::format("{:.{}f}", rounded(size, precision),
                                   std::max<std::int64_t>(0, std::min<std::int64_t>(precision, 15)));
    if (text.find('.') != std::string::npos) {
        while (text.back() == '0')
            text.pop_back();
        if (text.back() == '.')
            text.pop_back();
    }
    return fmt::format("{} {}", text, kUnits[power]);
}

/// The regularised incomplete beta function by Lentz's continued fraction.
double beta_fraction(double a, double b, double x) {
    constexpr double kTiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (std::abs(d) < kTiny ? kTiny : d);
    double h = d;
    for (int m = 1; m <= 500; ++m) {
        double step = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d = 1 + step * d;
        c = 1 + step / c;
        d = 1 / (std::abs(d) < kTiny ? kTiny : d);
        h *= d * c;
        step = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 + step * d;
        c = 1 + step / c;
        d = 1 / (std::abs(d) < kTiny ? kTiny : d);
        h *= d * c;
        if (std::abs(d * c - 1) < 1e-16)
            break;
    }
    return h;
}

double beta_cdf(double x, double a, double b) {
    if (x <= 0)
        return 0;
    if (x >= 1)
        return 1;
    const double front =
        std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log(1 - x));
    return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a : 1 - front * beta_fraction(b, a, 1 - x) / b;
}

/// Distributions are defined for x from 0 to 1 and positive parameters.
bool beta_defined(double x, double a, double b) {
    return x >= 0 && x <= 1 && a > 0 && b > 0;
}

double beta_inv(double p, double a, double b) {
    double low = 0, high = 1;
    for (int i = 0; i < 200; ++i) {
        const double middle = (low + high) / 2;
        (beta_cdf(middle, a, b) < p ? low : high) = middle;
    }
    return (low + high) / 2;
}

double beta_pdf(double x, double a, double b) {
    return std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + (a - 1) * std::log(x) +
                    (b - 1) * std::log(1 - x));
}

/// Two-sided p-value of Welch's t-test.
double welch(double m1, double v1, double n1, double m2, double v2, double n2) {
    const double e1 = v1 / n1, e2 = v2 / n2;
    const double t = (m1 - m2) / std::sqrt(e1 + e2);
    const double freedom = (e1 + e2) * (e1 + e2) / (e1 * e1 / (n1 - 1) + e2 * e2 / (n2 - 1));
    return beta_cdf(freedom / (freedom + t * t), freedom / 2, 0.5);
}

/// Outside of what a function is defined for the result is null; what is no number stays none.
void real_or_null(Out& out, bool outside, double value) {
    outside ? out.null() : out.real(value);
}

} // namespace

void add_number_functions(FunctionList& list) {
    const auto add = [&](std::string name, std::string_view args, std::string_view result, RowFunction function) {
        list.push_back(row_function(std::move(name), args, result, function));
    };
    add("kql_add", "long long", "long", [](const In& in, Out& out) {
        out.integer(wrap(static_cast<std::uint64_t>(in.integer(0)) + static_cast<std::uint64_t>(in.integer(1))));
    });
    add("kql_subtract", "long long", "long", [](const In& in, Out& out) {
        out.integer(wrap(static_cast<std::uint64_t>(in.integer(0)) - static_cast<std::uint64_t>(in.integer(1))));
    });
    add("kql_multiply", "long long", "long", [](const In& in, Out& out) {
        out.integer(wrap(static_cast<std::uint64_t>(in.integer(0)) * static_cast<std::uint64_t>(in.integer(1))));
    });
    add("kql_add_int", "int int", "int", [](const In& in, Out& out) {
        out.int32(static_cast<std::int32_t>(static_cast<std::uint32_t>(in.int32(0)) +
                                            static_cast<std::uint32_t>(in.int32(1))));
    });
    add("kql_subtract_int", "int int", "int", [](const In& in, Out& out) {
        out.int32(static_cast<std::int32_t>(static_cast<std::uint32_t>(in.int32(0)) -
                                            static_cast<std::uint32_t>(in.int32(1))));
    });
    add("kql_multiply_int", "int int", "int", [](const In& in, Out& out) {
        out.int32(static_cast<std::int32_t>(static_cast<std::uint32_t>(in.int32(0)) *
                                            static_cast<std::uint32_t>(in.int32(1))));
    });
    add("kql_decimal_multiply", "decimal decimal", "decimal",
        [](const In& in, Out& out) { out.optional(multiply(in.decimal(0), in.decimal(1)), &Out::decimal); });
    add("kql_decimal_divide", "decimal decimal", "decimal",
        [](const In& in, Out& out) { out.optional(divide(in.decimal(0), in.decimal(1)), &Out::decimal); });
    add("kql_decimal_modulo", "decimal decimal", "decimal", [](const In& in, Out& out) {
        Units by = in.decimal(1).units;
        by = by < 0 ? -by : by;
        if (by == 0)
            return out.null();
        Units rest = in.decimal(0).units % by;
        out.decimal({rest < 0 ? rest + by : rest});
    });
    add("kql_round", "real long", "real", [](const In& in, Out& out) { out.real(rounded(in.real(0), in.integer(1))); });
    add("kql_shift_left", "long long", "long", [](const In& in, Out& out) {
        if (in.integer(1) < 0)
            return out.null();
        out.integer(wrap(static_cast<std::uint64_t>(in.integer(0)) << (in.integer(1) & 63)));
    });
    add("kql_format_bytes", "real long string", "string",
        [](const In& in, Out& out) { out.text(format_bytes(in.real(0), in.integer(1), in.text(2))); });
    add("kql_tohex", "long long", "string", [](const In& in, Out& out) {
        const std::string digits = fmt::format("{:x}", static_cast<std::uint64_t>(in.integer(0)));
        const auto width = static_cast<std::size_t>(std::clamp<std::int64_t>(in.integer(1), 0, 16));
        out.text(std::string(digits.size() < width ? width - digits.size() : 0, '0') + digits);
    });
    add("kql_erf", "real", "real", [](const In& in, Out& out) { out.real(std::erf(in.real(0))); });
    add("kql_erfc", "real", "real", [](const In& in, Out& out) { out.real(std::erfc(in.real(0))); });
    add("kql_gamma", "real", "real", [](const In& in, Out& out) { out.real(std::tgamma(in.real(0))); });
    add("kql_loggamma", "real", "real", [](const In& in, Out& out) { out.real(std::lgamma(in.real(0))); });
    add("kql_asin", "real", "real",
        [](const In& in, Out& out) { real_or_null(out, std::abs(in.real(0)) > 1, std::asin(in.real(0))); });
    add("kql_acos", "real", "real",
        [](const In& in, Out& out) { real_or_null(out, std::abs(in.real(0)) > 1, std::acos(in.real(0))); });
    add("kql_log", "real", "real",
        [](const In& in, Out& out) { real_or_null(out, in.real(0) < 0, std::log(in.real(0))); });
    add("kql_log2", "real", "real",
        [](const In& in, Out& out) { real_or_null(out, in.real(0) < 0, std::log2(in.real(0))); });
    add("kql_log10", "real", "real",
        [](const In& in, Out& out) { real_or_null(out, in.real(0) < 0, std::log10(in.real(0))); });
    add("kql_sqrt", "real", "real",
        [](const In& in, Out& out) { real_or_null(out, in.real(0) < 0, std::sqrt(in.real(0))); });
    add("kql_pow", "real real", "real", [](const In& in, Out& out) { out.real(std::pow(in.real(0), in.real(1))); });
    add("kql_exp", "real", "real", [](const In& in, Out& out) { out.real(std::exp(in.real(0))); });
    add("kql_cot", "real", "real", [](const In& in, Out& out) { out.real(1 / std::tan(in.real(0))); });
    add("kql_beta_cdf", "real real real", "real", [](const In& in, Out& out) {
        out.real(beta_defined(in.real(0), in.real(1), in.real(2)) ? beta_cdf(in.real(0), in.real(1), in.real(2))
                                                                  : std::nan(""));
    });
    add("kql_beta_inv", "real real real", "real", [](const In& in, Out& out) {
        if (in.real(0) < 0 || in.real(0) > 1)
            return out.null();
        out.real(beta_defined(in.real(0), in.real(1), in.real(2)) ? beta_inv(in.real(0), in.real(1), in.real(2))
                                                                  : std::nan(""));
    });
    add("kql_beta_pdf", "real real real", "real", [](const In& in, Out& out) {
        out.real(beta_defined(in.real(0), in.real(1), in.real(2)) ? beta_pdf(in.real(0), in.real(1), in.real(2))
                                                                  : std::nan(""));
    });
    add("kql_welch_test", "real real real real real real", "real", [](const In& in, Out& out) {
        out.real(welch(in.real(0), in.real(1), in.real(2), in.real(3), in.real(4), in.real(5)));
    });
}

} // namespace sluice::kql
