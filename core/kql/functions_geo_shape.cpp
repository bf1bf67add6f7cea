#include "core/kql/functions_geo.hpp"
#include "core/kql/row_function.hpp"

#include <cctype>
#include <cmath>

/// Shapes with more or fewer points, and shapes written as well-known text.
namespace sluice::kql {
namespace {

using geo::Line;
using geo::Point;
using geo::Vector;

void give(Out& out, const Json& value) {
    out.text(dump_json(value));
}

constexpr std::size_t kMostPoints = 10'485'760;

/// Points between a and b on the straight line of the map, until the geodesics between them are as close as asked.
void densify_edge(const Point& a, const Point& b, double tolerance, int depth, Line& line) {
    const auto middle = geo::point((a.longitude + b.longitude) / 2, (a.latitude + b.latitude) / 2);
    if (!middle || depth > 20 || line.size() > kMostPoints ||
        geo::kEarthRadius * geo::angle(middle->at, geo::closest_on_edge(middle->at, a.at, b.at)) <= tolerance)
        return;
    densify_edge(a, *middle, tolerance, depth + 1, line);
    line.push_back(*middle);
    densify_edge(*middle, b, tolerance, depth + 1, line);
}

Line densified(const Line& points, double tolerance, bool closed) {
    Line line;
    for (std::size_t i = 0; i < points.size(); ++i) {
        line.push_back(points[i]);
        if (i + 1 < points.size())
            densify_edge(points[i], points[i + 1], tolerance, 0, line);
        else if (closed)
            densify_edge(points[i], points[0], tolerance, 0, line);
    }
    return line;
}

/// Keeps the points that lie further from the line between their neighbours than asked (Douglas and Peucker).
void simplify(const Line& line, std::size_t first, std::size_t last, double tolerance, std::vector<bool>& kept) {
    std::vector<std::pair<std::size_t, std::size_t>> open{{first, last}};
    while (!open.empty()) {
        const auto [from, to] = open.back();
        open.pop_back();
        double most = tolerance;
        std::size_t furthest = 0;
        for (std::size_t i = from + 1; i < to; ++i) {
            const Vector p = line[i].at;
            const double away = geo::kEarthRadius * geo::angle(p, geo::closest_on_edge(p, line[from].at, line[to].at));
            if (away > most) {
                most = away;
                furthest = i;
            }
        }
        if (furthest == 0)
            continue;
        kept[furthest] = true;
        open.emplace_back(from, furthest);
        open.emplace_back(furthest, to);
    }
}

/// Nothing when all of it lies within the tolerance of its first point.
std::optional<Line> simplified(const Line& line, double tolerance) {
    double reach = 0;
    std::size_t furthest = 0;
    for (std::size_t i = 0; i < line.size(); ++i)
        if (const double away = geo::kEarthRadius * geo::angle(line[0].at, line[i].at); away > reach) {
            reach = away;
            furthest = i;
        }
    if (reach <= tolerance)
        return std::nullopt;
    std::vector<bool> kept(line.size(), false);
    kept.front() = kept.back() = true;
    if (line.front() == line.back()) {
        kept[furthest] = true;
        simplify(line, 0, furthest, tolerance, kept);
        simplify(line, furthest, line.size() - 1, tolerance, kept);
    } else {
        simplify(line, 0, line.size() - 1, tolerance, kept);
    }
    Line result;
    for (std::size_t i = 0; i < line.size(); ++i)
        if (kept[i])
            result.push_back(line[i]);
    return result;
}

bool good_tolerance(double value, double least, double most) {
    return value >= least && value <= most;
}

void line_densify(const In& in, Out& out) {
    auto lines = geo::read_lines(in.text(0));
    if (!lines || !good_tolerance(in.real(1), 0.1, 10'000))
        return out.null();
    for (Line& line : *lines)
        line = densified(line, in.real(1), false);
    give(out, geo_lines_json(*lines));
}

/// The rings of GeoJSON as they are written, each with its first point once more at its end.
template <class Change> void change_rings(const In& in, Out& out, Change change) {
    const Json json = parse_json(in.text(0));
    if (!geo::read_polygons(in.text(0)))
        return out.null();
    bool good = true;
    const auto rings = [&](const Json& polygon) {
        Json result = Json::array();
        for (std::size_t k = 0; k < polygon.size(); ++k) {
            Line line;
            for (const Json& one : polygon[k])
                line.push_back(*geo::point(one[0].get<double>(), one[1].get<double>()));
            if (const auto changed = change(line))
                result.push_back(geo_coordinates_json(*changed));
            else
                good = good && k > 0; // a hole may vanish
        }
        return result;
    };
    Json coordinates = Json::array();
    if (json["type"] == "Polygon")
        coordinates = rings(json["coordinates"]);
    else
        for (const Json& polygon : json["coordinates"])
            coordinates.push_back(rings(polygon));
    if (!good)
        return out.null();
    give(out, {{"type", json["type"]}, {"coordinates", std::move(coordinates)}});
}

void polygon_densify(const In& in, Out& out) {
    if (!good_tolerance(in.real(1), 0.1, 10'000))
        return out.null();
    change_rings(in, out, [&](const Line& ring) { return std::optional(densified(ring, in.real(1), false)); });
}

void polygon_simplify(const In& in, Out& out) {
    if (!good_tolerance(in.real(1), 0, 7'800'000))
        return out.null();
    change_rings(in, out, [&](const Line& ring) {
        auto line = simplified(ring, in.real(1));
        return line && line->size() >= 4 ? std::move(line) : std::nullopt;
    });
}

void line_simplify(const In& in, Out& out) {
    const auto lines = geo::read_lines(in.text(0));
    if (!lines || !good_tolerance(in.real(1), 0, 7'800'000))
        return out.null();
    std::vector<Line> result;
    for (const Line& line : *lines)
        if (auto one = simplified(line, in.real(1)))
            result.push_back(std::move(*one));
    if (result.empty())
        return out.null();
    give(out, geo_lines_json(result));
}

// ---- well-known text ---------------------------------------------------------------------------------------------

class WktReader {
public:
    explicit WktReader(std::string_view text) : text_(text) {}

    /// Null when the text is none.
    Json run() {
        Json shape = read();
        skip();
        return text_.empty() ? shape : Json();
    }

private:
    void skip() {
        while (!text_.empty() && std::isspace(static_cast<unsigned char>(text_.front())))
            text_.remove_prefix(1);
    }
    bool accept(char c) {
        skip();
        if (text_.empty() || text_.front() != c)
            return false;
        text_.remove_prefix(1);
        return true;
    }
    std::string word() {
        skip();
        std::string result;
        while (!text_.empty() && std::isalpha(static_cast<unsigned char>(text_.front()))) {
            result += static_cast<char>(std::toupper(static_cast<unsigned char>(text_.front())));
            text_.remove_prefix(1);
        }
        return result;
    }
    std::optional<double> number() {
        skip();
        const std::string part(text_.substr(0, std::min(text_.find_first_of(" \t\n\r,()"), text_.size())));
        char* end = nullptr;
        const double value = std::strtod(part.c_str(), &end);
        if (part.empty() || *end || !std::isfinite(value))
            return std::nullopt;
        text_.remove_prefix(part.size());
        return value;
    }

    /// Lists as deep as asked, with coordinates innermost; null when something else is there.
    Json list(int depth, bool loose_points = false) {
        if (depth == 0) {
            const bool open = loose_points && accept('(');
            const auto x = number(), y = x ? number() : std::nullopt;
            if (!y || (open && !accept(')')))
                return {};
            return Json::array({*x, *y});
        }
        if (!accept('('))
            return {};
        Json result = Json::array();
        do {
            Json item = list(depth - 1, loose_points);
            if (item.is_null())
                return {};
            result.push_back(std::move(item));
        } while (accept(','));
        return accept(')') ? result : Json();
    }

    Json read() {
        struct Kind {
            std::string_view word;
            const char* type;
            int depth;
        };
        static constexpr Kind kKinds[] = {{"POINT", "Point", 1},
                                          {"LINESTRING", "LineString", 1},
                                          {"POLYGON", "Polygon", 2},
                                          {"MULTIPOINT", "MultiPoint", 1},
                                          {"MULTILINESTRING", "MultiLineString", 2},
                                          {"MULTIPOLYGON", "MultiPolygon", 3}};
        const std::string kind = word();
        if (kind == "GEOMETRYCOLLECTION")
            return collection();
        for (const Kind& one : kKinds) {
            if (one.word != kind)
                continue;
            Json coordinates = list(one.depth, kind == "MULTIPOINT");
            if (coordinates.is_null() || (kind == "POINT" && coordinates.size() != 1))
                return {};
            if (kind == "POINT")
                coordinates = Json(coordinates.front());
            return {{"type", one.type}, {"coordinates", std::move(coordinates)}};
        }
        return {};
    }

    Json collection() {
        if (++depth_ > 50 || !accept('('))
            return {};
        Json shapes = Json::array();
        do {
            Json shape = read();
            if (shape.is_null())
                return {};
            shapes.push_back(std::move(shape));
        } while (accept(','));
        if (!accept(')'))
            return {};
        return {{"type", "GeometryCollection"}, {"geometries", std::move(shapes)}};
    }

    std::string_view text_;
    int depth_ = 0;
};

void from_wkt(const In& in, Out& out) {
    const Json shape = WktReader(in.text(0)).run();
    if (shape.is_null())
        return out.null();
    give(out, shape);
}

} // namespace

void add_geo_shape_functions(FunctionList& list) {
    const auto add = [&](std::string name, std::string_view args, std::string_view result, RowFunction function) {
        list.push_back(row_function(std::move(name), args, result, function));
    };
    add("kql_geo_line_densify", "dynamic real", "dynamic", line_densify);
    add("kql_geo_line_simplify", "dynamic real", "dynamic", line_simplify);
    add("kql_geo_polygon_densify", "dynamic real", "dynamic", polygon_densify);
    add("kql_geo_polygon_simplify", "dynamic real", "dynamic", polygon_simplify);
    add("kql_geo_from_wkt", "string", "dynamic", from_wkt);
}

} // namespace sluice::kql
