#include "core/data/text.hpp"
#include "core/kql/json_text.hpp"
#include "core/kql/kept.hpp"
#include "core/kql/row_function.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numbers>

/// Summaries that can be stored and merged: hll() for distinct counts, tdigest() for percentiles.
namespace sluice::kql {
namespace {

// ---- HyperLogLog -------------------------------------------------------------------------------------------------

/// Bits that choose the register, by the accuracy that a query asks for.
int register_bits(std::int64_t accuracy) {
    static constexpr std::array<int, 5> kBits = {12, 14, 16, 17, 18};
    if (accuracy < 0 || accuracy > 4)
        throw std::runtime_error("the accuracy of a distinct count is a number from 0 to 4");
    return kBits[static_cast<std::size_t>(accuracy)];
}

constexpr std::int64_t kRanks = 64;

/// Register and rank of a hash in one number.
std::int64_t hll_key(std::uint64_t hash, int bits) {
    const std::uint64_t rest = hash << bits;
    const int rank = std::min(std::countl_zero(rest), 64 - bits) + 1;
    return static_cast<std::int64_t>(hash >> (64 - bits)) * kRanks + rank;
}

/// The highest rank of each register; registers never met have rank 0.
struct Hll {
    int bits = 14;
    std::vector<std::uint8_t> ranks;
};

/// Registers of fewer bits, as if they had been counted that way from the start.
Hll narrowed(const Hll& hll, int bits) {
    Hll result{bits, std::vector<std::uint8_t>(std::size_t{1} << bits, 0)};
    const int drop = hll.bits - bits;
    for (std::size_t i = 0; i < hll.ranks.size(); ++i) {
        if (hll.ranks[i] == 0)
            continue;
        const std::size_t low = i & ((std::size_t{1} << drop) - 1);
        const int rank = low == 0 ? hll.ranks[i] + drop : drop - static_cast<int>(std::bit_width(low)) + 1;
        std::uint8_t& to = result.ranks[i >> drop];
        to = std::max(to, static_cast<std::uint8_t>(std::min(rank, 65 - bits)));
    }
    return result;
}

/// [[1024, bits], [register and rank, ...], []]
std::optional<Hll> read_hll(const Json& json) {
    if (!json.is_array() || json.size() < 2 || !json[0].is_array() || json[0].size() != 2 || !json[1].is_array() ||
        !json[0][1].is_number_integer())
        return std::nullopt;
    Hll hll;
    hll.bits = json[0][1].get<int>();
    if (hll.bits < 4 || hll.bits > 18)
        return std::nullopt;
    hll.ranks.assign(std::size_t{1} << hll.bits, 0);
    for (const Json& key : json[1]) {
        const std::int64_t value = key.is_number_integer() ? key.get<std::int64_t>() : -1;
        if (value < 0 || static_cast<std::size_t>(value / kRanks) >= hll.ranks.size())
            return std::nullopt;
        std::uint8_t& rank = hll.ranks[static_cast<std::size_t>(value / kRanks)];
        rank = std::max(rank, static_cast<std::uint8_t>(value % kRanks));
    }
    return hll;
}

std::string write_hll(const Hll& hll) {
    std::string text = "[[1024," + std::to_string(hll.bits) + "],[";
    bool first = true;
    for (std::size_t i = 0; i < hll.ranks.size(); ++i)
        if (hll.ranks[i]) {
            text += first ? "" : ",";
            text += std::to_string(static_cast<std::int64_t>(i) * kRanks + hll.ranks[i]);
            first = false;
        }
    return text + "],[]]";
}

/// Ertl's estimator: no tables of bias and no seams between small and large counts.
double estimate(const Hll& hll) {
    const auto m = static_cast<double>(hll.ranks.size());
    const int q = 64 - hll.bits;
    std::vector<double> counts(static_cast<std::size_t>(q) + 2, 0);
    for (const std::uint8_t rank : hll.ranks)
        ++counts[std::min<std::size_t>(rank, counts.size() - 1)];
    const auto sigma = [](double x) {
        if (x == 1)
            return std::numeric_limits<double>::infinity();
        double y = 1, z = x, before = 0;
        do {
            x *= x;
            before = z;
            z += x * y;
            y += y;
        } while (z != before);
        return z;
    };
    const auto tau = [](double x) {
        if (x == 0 || x == 1)
            return 0.0;
        double y = 1, z = 1 - x, before = 0;
        do {
            x = std::sqrt(x);
            before = z;
            y *= 0.5;
            z -= (1 - x) * (1 - x) * y;
        } while (z != before);
        return z / 3;
    };
    double z = m * tau(1 - counts.back() / m);
    for (int k = q; k >= 1; --k)
        z = 0.5 * (z + counts[static_cast<std::size_t>(k)]);
    z += m * sigma(counts[0] / m);
    return m * m / (2 * std::numbers::ln2 * z);
}

void merge_hlls(const In& in, Out& out) {
    std::optional<Hll> sum;
    for (const Json& item : parse_json(in.text(0))) {
        auto one = read_hll(item);
        if (!one)
            continue;
        if (!sum) {
            sum = std::move(one);
            continue;
        }
        if (one->bits > sum->bits)
            one = narrowed(*one, sum->bits);
        else if (sum->bits > one->bits)
            sum = narrowed(*sum, one->bits);
        for (std::size_t i = 0; i < sum->ranks.size(); ++i)
            sum->ranks[i] = std::max(sum->ranks[i], one->ranks[i]);
    }
    if (sum)
        out.text(write_hll(*sum));
    else
        out.null();
}

// ---- t-digest ----------------------------------------------------------------------------------------------------

struct Centroid {
    double value = 0, weight = 0;
};

/// Values with their weights, in order. `kind` is what the values are: 7 numbers, "datetime" or "timespan" ticks.
struct Digest {
    Json kind = 7;
    std::vector<Centroid> centroids;
    bool whole = true; ///< all values are whole numbers
    double weight() const {
        double sum = 0;
        for (const Centroid& one : centroids)
            sum += one.weight;
        return sum;
    }
};

constexpr std::size_t kMostCentroids = 1000;

/// In order and without double values; neighbours are put together, finest at the ends, when there are too many.
void settle(Digest& digest) {
    auto& list = digest.centroids;
    std::sort(list.begin(), list.end(), [](const Centroid& a, const Centroid& b) { return a.value < b.value; });
    std::size_t kept = 0;
    for (std::size_t i = 0; i < list.size(); ++i) {
        if (kept > 0 && list[kept - 1].value == list[i].value)
            list[kept - 1].weight += list[i].weight;
        else
            list[kept++] = list[i];
    }
    list.resize(kept);
    if (kept <= kMostCentroids)
        return;
    const double total = digest.weight();
    const auto place = [](double share) {
        return std::asin(2 * std::clamp(share, 0.0, 1.0) - 1) / std::numbers::pi + 0.5;
    };
    std::vector<Centroid> result;
    double before = 0;
    for (const Centroid& one : list) {
        const double first = result.empty() ? 0 : before - result.back().weight;
        const double width = (place((before + one.weight) / total) - place(first / total)) * kMostCentroids / 2;
        if (!result.empty() && width <= 1) {
            Centroid& last = result.back();
            last.value += (one.value - last.value) * one.weight / (last.weight + one.weight);
            last.weight += one.weight;
        } else {
            result.push_back(one);
        }
        before += one.weight;
    }
    digest.whole = false;
    list = std::move(result);
}

/// [[kind], [values], [weights]]
bool read_digest(const Json& json, Digest& digest) {
    if (!json.is_array() || json.size() != 3 || !json[0].is_array() || json[0].size() != 1 || !json[1].is_array() ||
        !json[2].is_array() || json[1].size() != json[2].size())
        return false;
    digest.kind = json[0][0];
    for (std::size_t i = 0; i < json[1].size(); ++i) {
        if (!json[1][i].is_number() || !json[2][i].is_number())
            return false;
        digest.whole = digest.whole && json[1][i].is_number_integer();
        digest.centroids.push_back({json[1][i].get<double>(), json[2][i].get<double>()});
    }
    return true;
}

std::string number(double value, bool whole) {
    return whole && std::abs(value) < 9e18 ? std::to_string(static_cast<std::int64_t>(value))
                                           : data::format_real(value);
}

std::string write_digest(const Digest& digest) {
    std::string values, weights;
    for (const Centroid& one : digest.centroids) {
        values += (values.empty() ? "" : ",") + number(one.value, digest.whole);
        weights += (weights.empty() ? "" : ",") + number(one.weight, one.weight == std::floor(one.weight));
    }
    return "[[" + dump_json(digest.kind) + "],[" + values + "],[" + weights + "]]";
}

/// The smallest value at which the weights reach the share of their sum.
std::optional<double> percentile(const Digest& digest, double percent) {
    if (digest.centroids.empty() || std::isnan(percent))
        return std::nullopt;
    const double wanted = digest.weight() * std::clamp(percent, 0.0, 100.0) / 100;
    double sum = 0;
    for (const Centroid& one : digest.centroids) {
        sum += one.weight;
        if (sum >= wanted * (1 - 1e-12))
            return one.value;
    }
    return digest.centroids.back().value;
}

Json value_of(const Digest& digest, std::optional<double> value) {
    if (!value)
        return {};
    if (digest.kind == "datetime")
        return data::format_datetime(static_cast<Ticks>(*value));
    if (digest.kind == "timespan")
        return data::format_timespan(static_cast<Ticks>(*value));
    return digest.whole ? Json(static_cast<std::int64_t>(*value)) : Json(*value);
}

/// How much weight lies at or below the value.
std::optional<double> rank(const Digest& digest, const Json& value) {
    std::optional<double> limit;
    if (value.is_number())
        limit = value.get<double>();
    else if (value.is_string() && digest.kind == "datetime")
        limit = data::parse_datetime(value.get<std::string>());
    else if (value.is_string() && digest.kind == "timespan")
        limit = data::parse_timespan(value.get<std::string>());
    if (!limit || digest.centroids.empty())
        return std::nullopt;
    double sum = 0;
    for (const Centroid& one : digest.centroids)
        if (one.value <= *limit)
            sum += one.weight;
    return sum;
}

/// Arguments: kind, number of values, the values if they are few, and quantiles at the shares of the third if not.
void build_digest(const In& in, Out& out) {
    Digest digest;
    digest.kind = parse_json(in.text(0));
    if (in.null(1) || in.integer(1) == 0)
        return out.null();
    const auto count = static_cast<double>(in.integer(1));
    const bool few = in.integer(1) <= static_cast<std::int64_t>(kMostCentroids);
    const Json values = parse_json(in.text(few ? 2 : 3));
    const Json& shares = kept<parse_json>(few ? std::string_view("null") : in.text(4));
    if (!values.is_array() || (!few && values.size() != shares.size()))
        return out.null();
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (!values[i].is_number())
            continue;
        digest.whole = digest.whole && values[i].is_number_integer();
        double weight = 1;
        if (!few) {
            const double from = i == 0 ? 0 : (shares[i - 1].get<double>() + shares[i].get<double>()) / 2;
            const double to = i + 1 == shares.size() ? 1 : (shares[i].get<double>() + shares[i + 1].get<double>()) / 2;
            weight = (to - from) * count;
        }
        digest.centroids.push_back({values[i].get<double>(), weight});
    }
    settle(digest);
    out.text(write_digest(digest));
}

/// Arguments: kind, [[value, weight], ...].
void build_weighted(const In& in, Out& out) {
    Digest digest;
    digest.kind = parse_json(in.text(0));
    for (const Json& pair : parse_json(in.text(1))) {
        if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number() || !pair[1].is_number() ||
            pair[1].get<double>() <= 0)
            continue;
        digest.whole = digest.whole && pair[0].is_number_integer();
        digest.centroids.push_back({pair[0].get<double>(), pair[1].get<double>()});
    }
    if (digest.centroids.empty())
        return out.null();
    settle(digest);
    out.text(write_digest(digest));
}

void merge_digests(const In& in, Out& out) {
    Digest sum;
    for (const Json& item : parse_json(in.text(0)))
        read_digest(item, sum);
    if (sum.centroids.empty())
        return out.null();
    settle(sum);
    out.text(write_digest(sum));
}

template <class Function> void with_digest(const In& in, Out& out, Function function) {
    Digest digest;
    if (read_digest(parse_json(in.text(0)), digest))
        function(digest);
    else
        out.null();
}

void give(Out& out, const Json& value) {
    if (value.is_null())
        out.null();
    else
        out.text(dump_json(value));
}

} // namespace

void add_sketch_functions(FunctionList& list) {
    const auto add = [&](std::string name, std::string_view args, std::string_view result, RowFunction function,
                         Nulls nulls = Nulls::Skip) {
        list.push_back(row_function(std::move(name), args, result, function, nulls));
    };
    add("kql_hll_key", "long long", "long", [](const In& in, Out& out) {
        out.integer(hll_key(static_cast<std::uint64_t>(in.integer(0)), register_bits(in.integer(1))));
    });
    add(
        "kql_hll", "string long", "dynamic",
        [](const In& in, Out& out) {
            if (in.null(0)) // no rows
                return out.null();
            const std::string keys(in.text(0));
            const auto hll =
                read_hll(parse_json("[[1024," + std::to_string(register_bits(in.integer(1))) + "],[" + keys + "]]"));
            hll ? out.text(write_hll(*hll)) : out.null();
        },
        Nulls::See);
    add("kql_hll_merge", "string", "dynamic", merge_hlls);
    add("kql_dcount_hll", "dynamic", "long", [](const In& in, Out& out) {
        const auto hll = read_hll(parse_json(in.text(0)));
        hll ? out.integer(std::llround(estimate(*hll))) : out.null();
    });
    add("kql_tdigest", "dynamic long dynamic dynamic dynamic", "dynamic", build_digest, Nulls::See);
    add("kql_tdigest_weighted", "dynamic dynamic", "dynamic", build_weighted);
    add("kql_tdigest_merge", "string", "dynamic", merge_digests);
    add("kql_tdigest_percentile", "dynamic real", "dynamic", [](const In& in, Out& out) {
        with_digest(in, out,
                    [&](const Digest& digest) { give(out, value_of(digest, percentile(digest, in.real(1)))); });
    });
    add("kql_tdigest_percentiles", "dynamic dynamic", "dynamic", [](const In& in, Out& out) {
        with_digest(in, out, [&](const Digest& digest) {
            Json result = Json::array();
            for (const Json& percent : parse_json(in.text(1)))
                result.push_back(percent.is_number() ? value_of(digest, percentile(digest, percent.get<double>()))
                                                     : Json());
            give(out, result);
        });
    });
    add("kql_tdigest_rank", "dynamic dynamic", "real", [](const In& in, Out& out) {
        with_digest(in, out,
                    [&](const Digest& digest) { out.optional(rank(digest, parse_json(in.text(1))), &Out::real); });
    });
    add("kql_tdigest_percentrank", "dynamic dynamic", "real", [](const In& in, Out& out) {
        with_digest(in, out, [&](const Digest& digest) {
            auto below = rank(digest, parse_json(in.text(1)));
            if (below)
                *below *= 100 / digest.weight();
            out.optional(below, &Out::real);
        });
    });
}

} // namespace sluice::kql
