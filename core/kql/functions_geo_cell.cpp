#include "core/kql/functions_geo.hpp"
#include "core/kql/row_function.hpp"
#include "core/kql/s2.hpp"

#include <array>

/// Geohashes and S2 cells.
namespace sluice::kql {
namespace {

// ---- geohash -----------------------------------------------------------------------------------------------------

constexpr std::string_view kAlphabet = "0123456789bcdefghjkmnpqrstuvwxyz";
constexpr std::size_t kLongestHash = 18;

struct Box {
    double west = -180, east = 180, south = -90, north = 90;
};

std::string geohash(double longitude, double latitude, std::size_t size) {
    Box box;
    std::string hash;
    bool across = true;
    while (hash.size() < size) {
        std::size_t digit = 0;
        for (int bit = 0; bit < 5; ++bit, across = !across) {
            double& low = across ? box.west : box.south;
            double& high = across ? box.east : box.north;
            const double middle = (low + high) / 2;
            const bool upper = (across ? longitude : latitude) >= middle;
            digit = digit << 1 | (upper ? 1 : 0);
            (upper ? low : high) = middle;
        }
        hash += kAlphabet[digit];
    }
    return hash;
}

std::optional<Box> box_of(std::string_view hash) {
    if (hash.empty() || hash.size() > kLongestHash)
        return std::nullopt;
    Box box;
    bool across = true;
    for (const char c : hash) {
        const std::size_t digit = kAlphabet.find(c);
        if (digit == std::string_view::npos)
            return std::nullopt;
        for (int bit = 4; bit >= 0; --bit, across = !across) {
            double& low = across ? box.west : box.south;
            double& high = across ? box.east : box.north;
            ((digit >> bit & 1) ? low : high) = (low + high) / 2;
        }
    }
    return box;
}

Json ring_json(const std::vector<std::array<double, 2>>& points) {
    Json ring = Json::array();
    for (const auto& point : points)
        ring.push_back({point[0], point[1]});
    ring.push_back({points.front()[0], points.front()[1]});
    return {{"type", "Polygon"}, {"coordinates", Json::array({std::move(ring)})}};
}

/// Those beyond a pole do not exist; those beyond the date line are on its other side.
Json hash_neighbors(std::string_view hash, const Box& box) {
    const double width = box.east - box.west, height = box.north - box.south;
    Json list = Json::array();
    for (int dx = -1; dx <= 1; ++dx)
        for (int dy = -1; dy <= 1; ++dy) {
            const double latitude = (box.south + box.north) / 2 + dy * height;
            double longitude = (box.west + box.east) / 2 + dx * width;
            if ((dx == 0 && dy == 0) || latitude > 90 || latitude < -90)
                continue;
            longitude += longitude > 180 ? -360 : longitude < -180 ? 360 : 0;
            list.push_back(geohash(longitude, latitude, hash.size()));
        }
    return list;
}

void add_geohash_functions(FunctionList& list) {
    list.push_back(row_function("kql_geohash", "real real long", "string", [](const In& in, Out& out) {
        const auto point = geo::point(in.real(0), in.real(1));
        const bool good = point && in.integer(2) >= 1 && in.integer(2) <= static_cast<std::int64_t>(kLongestHash);
        out.text(good ? geohash(in.real(0), in.real(1), static_cast<std::size_t>(in.integer(2))) : std::string());
    }));
    list.push_back(row_function("kql_geohash_center", "string", "dynamic", [](const In& in, Out& out) {
        const auto box = box_of(in.text(0));
        if (!box)
            return out.null();
        out.text(dump_json(geo_point_json({(box->west + box->east) / 2, (box->south + box->north) / 2})));
    }));
    list.push_back(row_function("kql_geohash_polygon", "string", "dynamic", [](const In& in, Out& out) {
        const auto box = box_of(in.text(0));
        if (!box)
            return out.null();
        out.text(dump_json(ring_json(
            {{box->west, box->south}, {box->east, box->south}, {box->east, box->north}, {box->west, box->north}})));
    }));
    list.push_back(row_function("kql_geohash_neighbors", "string", "dynamic", [](const In& in, Out& out) {
        const auto box = box_of(in.text(0));
        if (!box)
            return out.null();
        out.text(dump_json(hash_neighbors(in.text(0), *box)));
    }));
}

// ---- S2 ----------------------------------------------------------------------------------------------------------

constexpr std::size_t kMostCells = 65'536;

Json tokens(const std::vector<s2::Cell>& cells) {
    Json list = Json::array();
    for (const s2::Cell cell : cells)
        list.push_back(s2::token(cell));
    return list;
}

template <class Shape> void cover(const std::optional<Shape>& shape, const In& in, Out& out) {
    if (!shape || in.integer(1) < 0 || in.integer(1) > s2::kMaxLevel || !(in.real(2) >= 0))
        return out.null();
    const auto cells =
        s2::covering(*shape, static_cast<int>(in.integer(1)), in.real(2) / geo::kEarthRadius, kMostCells);
    if (!cells)
        return out.null();
    out.text(dump_json(tokens(*cells)));
}

} // namespace

void add_geo_cell_functions(FunctionList& list) {
    add_geohash_functions(list);
    list.push_back(row_function("kql_s2cell", "real real long", "string", [](const In& in, Out& out) {
        const auto point = geo::point(in.real(0), in.real(1));
        const bool good = point && in.integer(2) >= 0 && in.integer(2) <= s2::kMaxLevel;
        out.text(good ? s2::token(s2::cell_at(point->at, static_cast<int>(in.integer(2)))) : std::string());
    }));
    list.push_back(row_function("kql_s2cell_center", "string", "dynamic", [](const In& in, Out& out) {
        const auto cell = s2::parse(in.text(0));
        if (!cell)
            return out.null();
        out.text(dump_json(geo_point_json(geo::point_of(s2::center(*cell)))));
    }));
    list.push_back(row_function("kql_s2cell_polygon", "string", "dynamic", [](const In& in, Out& out) {
        const auto cell = s2::parse(in.text(0));
        if (!cell)
            return out.null();
        std::vector<std::array<double, 2>> ring;
        for (const geo::Point& corner : s2::corners(*cell))
            ring.push_back({corner.longitude, corner.latitude});
        out.text(dump_json(ring_json(ring)));
    }));
    list.push_back(row_function("kql_s2cell_neighbors", "string", "dynamic", [](const In& in, Out& out) {
        const auto cell = s2::parse(in.text(0));
        if (!cell)
            return out.null();
        out.text(dump_json(tokens(s2::neighbors(*cell))));
    }));
    list.push_back(row_function("kql_polygon_s2cells", "dynamic long real", "dynamic",
                                [](const In& in, Out& out) { cover(geo::read_polygons(in.text(0)), in, out); }));
    list.push_back(row_function("kql_line_s2cells", "dynamic long real", "dynamic",
                                [](const In& in, Out& out) { cover(geo::read_lines(in.text(0)), in, out); }));
}

} // namespace sluice::kql
