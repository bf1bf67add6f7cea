#include "core/kql/functions_geo.hpp"

#include "core/kql/geo.hpp"
#include "core/kql/json_text.hpp"
#include "core/kql/kept.hpp"
#include "core/kql/row_function.hpp"

#include <cmath>
#include <numbers>

/// geo_...() about points, lines and polygons; cells are in functions_geo_cell.cpp.
namespace sluice::kql {

Json geo_point_json(const geo::Point& point) {
    return {{"type", "Point"}, {"coordinates", {point.longitude, point.latitude}}};
}

Json geo_coordinates_json(const geo::Line& line) {
    Json list = Json::array();
    for (const geo::Point& one : line)
        list.push_back({one.longitude, one.latitude});
    return list;
}

Json geo_lines_json(const std::vector<geo::Line>& lines) {
    if (lines.size() == 1)
        return {{"type", "LineString"}, {"coordinates", geo_coordinates_json(lines.front())}};
    Json list = Json::array();
    for (const geo::Line& line : lines)
        list.push_back(geo_coordinates_json(line));
    return {{"type", "MultiLineString"}, {"coordinates", std::move(list)}};
}

namespace {

using geo::Line;
using geo::Point;
using geo::Polygon;
using geo::Vector;

constexpr double kPi = std::numbers::pi;

std::optional<Point> point_at(const In& in, std::size_t i) {
    return geo::point(in.real(i), in.real(i + 1));
}

void give(Out& out, const Json& value) {
    out.text(dump_json(value));
}

// ---- points ------------------------------------------------------------------------------------------------------

void distance_2points(const In& in, Out& out) {
    const auto a = point_at(in, 0), b = point_at(in, 2);
    if (!a || !b)
        return out.null();
    out.real(in.boolean(4) ? geo::spheroid_distance(*a, *b) : geo::kEarthRadius * geo::angle(a->at, b->at));
}

void azimuth(const In& in, Out& out) {
    const auto a = point_at(in, 0), b = point_at(in, 2);
    out.optional(a && b ? geo::azimuth(*a, *b) : std::nullopt, &Out::real);
}

/// Clockwise from the line p2 - p1 to the line p2 - p3.
void angle(const In& in, Out& out) {
    const auto a = point_at(in, 0), b = point_at(in, 2), c = point_at(in, 4);
    const auto first = a && b && c ? geo::azimuth(*b, *a) : std::nullopt;
    const auto second = first ? geo::azimuth(*b, *c) : std::nullopt;
    if (!second)
        return out.null();
    const double turn = *second - *first;
    out.real(turn < 0 ? turn + 2 * kPi : turn);
}

void point_in_circle(const In& in, Out& out) {
    const auto point = point_at(in, 0), centre = point_at(in, 2);
    if (!point || !centre || !(in.real(4) > 0))
        return out.null();
    out.boolean(geo::kEarthRadius * geo::angle(point->at, centre->at) <= in.real(4));
}

void point_in_polygon(const In& in, Out& out) {
    const auto point = point_at(in, 0);
    const auto& polygons = kept<geo::read_polygons>(in.text(2));
    if (!point || !polygons)
        return out.null();
    out.boolean(geo::contains(*polygons, point->at));
}

/// The closest point of the edges of a shape.
template <class Shape> Vector closest(const Shape& shape, Vector p) {
    Vector best;
    double least = 10;
    geo::for_edges(shape, [&](const Point& a, const Point& b) {
        const Vector found = geo::closest_on_edge(p, a.at, b.at);
        if (const double size = geo::length(found - p); size < least) {
            least = size;
            best = found;
        }
    });
    return best;
}

void distance_point_to_line(const In& in, Out& out) {
    const auto point = point_at(in, 0);
    const auto& lines = kept<geo::read_lines>(in.text(2));
    if (!point || !lines)
        return out.null();
    out.real(geo::kEarthRadius * geo::angle(point->at, closest(*lines, point->at)));
}

void distance_point_to_polygon(const In& in, Out& out) {
    const auto point = point_at(in, 0);
    const auto& polygons = kept<geo::read_polygons>(in.text(2));
    if (!point || !polygons)
        return out.null();
    out.real(geo::contains(*polygons, point->at)
                 ? 0
                 : geo::kEarthRadius * geo::angle(point->at, closest(*polygons, point->at)));
}

void closest_point_on_line(const In& in, Out& out) {
    const auto point = point_at(in, 0);
    const auto& lines = kept<geo::read_lines>(in.text(2));
    if (!point || !lines)
        return out.null();
    give(out, geo_point_json(geo::point_of(closest(*lines, point->at))));
}

void closest_point_on_polygon(const In& in, Out& out) {
    const auto point = point_at(in, 0);
    const auto& polygons = kept<geo::read_polygons>(in.text(2));
    if (!point || !polygons)
        return out.null();
    give(out,
         geo_point_json(geo::contains(*polygons, point->at) ? *point : geo::point_of(closest(*polygons, point->at))));
}

// ---- lines -------------------------------------------------------------------------------------------------------

bool same_edge(const Point& a, const Point& b, const Point& c, const Point& d) {
    return (a == c && b == d) || (a == d && b == c);
}

/// Lines that share edges count them once.
void line_length(const In& in, Out& out) {
    const auto lines = geo::read_lines(in.text(0));
    if (!lines)
        return out.null();
    std::vector<std::pair<Point, Point>> seen;
    double sum = 0;
    geo::for_edges(*lines, [&](const Point& a, const Point& b) {
        if (lines->size() > 1) {
            for (const auto& [c, d] : seen)
                if (same_edge(a, b, c, d))
                    return;
            seen.emplace_back(a, b);
        }
        sum += geo::angle(a.at, b.at);
    });
    out.real(geo::kEarthRadius * sum);
}

void line_centroid(const In& in, Out& out) {
    const auto lines = geo::read_lines(in.text(0));
    if (!lines)
        return out.null();
    Vector sum;
    // Of each edge its middle, as far from the centre as the mean of its points.
    geo::for_edges(*lines, [&](const Point& a, const Point& b) {
        const double apart = geo::length(a.at - b.at), together = geo::length(a.at + b.at);
        if (together > 0)
            sum = sum + apart / together * (a.at + b.at);
    });
    give(out, geo_point_json(geo::point_of(sum)));
}

double whole_length(const Line& line) {
    double sum = 0;
    for (std::size_t i = 0; i + 1 < line.size(); ++i)
        sum += geo::angle(line[i].at, line[i + 1].at);
    return sum;
}

void line_interpolate_point(const In& in, Out& out) {
    const auto lines = geo::read_lines(in.text(0));
    const double share = in.real(1);
    if (!lines || lines->size() != 1 || !(share >= 0 && share <= 1))
        return out.null();
    const Line& line = lines->front();
    double left = share * whole_length(line);
    for (std::size_t i = 0; i + 1 < line.size(); ++i) {
        const double size = geo::angle(line[i].at, line[i + 1].at);
        if (left <= size && i + 2 < line.size() + 1)
            return give(out, geo_point_json(left <= 0      ? line[i]
                                            : left == size ? line[i + 1]
                                                           : geo::point_of(geo::between(line[i].at, line[i + 1].at,
                                                                                        left / size))));
        left -= size;
    }
    give(out, geo_point_json(line.back()));
}

void line_locate_point(const In& in, Out& out) {
    const auto lines = geo::read_lines(in.text(0));
    const auto point = point_at(in, 1);
    if (!lines || lines->size() != 1 || !point)
        return out.null();
    const Line& line = lines->front();
    double before = 0, best = 0, least = 10;
    for (std::size_t i = 0; i + 1 < line.size(); ++i) {
        const Vector found = geo::closest_on_edge(point->at, line[i].at, line[i + 1].at);
        if (const double size = geo::length(found - point->at); size < least) {
            least = size;
            best = before + geo::angle(line[i].at, found);
        }
        before += geo::angle(line[i].at, line[i + 1].at);
    }
    out.real(std::min(1.0, best / before));
}

// ---- polygons ----------------------------------------------------------------------------------------------------

void polygon_area(const In& in, Out& out) {
    const auto polygons = geo::read_polygons(in.text(0));
    if (!polygons)
        return out.null();
    double sum = 0;
    for (const Polygon& polygon : *polygons)
        for (std::size_t i = 0; i < polygon.size(); ++i)
            sum += (i == 0 ? 1 : -1) * geo::signed_area(polygon[i]);
    out.real(geo::kEarthRadius * geo::kEarthRadius * sum);
}

void polygon_perimeter(const In& in, Out& out) {
    const auto polygons = geo::read_polygons(in.text(0));
    if (!polygons)
        return out.null();
    double sum = 0;
    geo::for_edges(*polygons, [&](const Point& a, const Point& b) { sum += geo::angle(a.at, b.at); });
    out.real(geo::kEarthRadius * sum);
}

void polygon_centroid(const In& in, Out& out) {
    const auto polygons = geo::read_polygons(in.text(0));
    if (!polygons)
        return out.null();
    Vector sum;
    // The mean of all points of a region comes from its edges: each adds its length across its plane.
    for (const Polygon& polygon : *polygons)
        for (std::size_t k = 0; k < polygon.size(); ++k)
            for (std::size_t i = 0; i < polygon[k].size(); ++i) {
                const Vector a = polygon[k][i].at, b = polygon[k][i + 1 == polygon[k].size() ? 0 : i + 1].at;
                sum = sum + (k == 0 ? 1 : -1) * geo::angle(a, b) * geo::unit(geo::cross(a, b));
            }
    give(out, geo_point_json(geo::point_of(sum)));
}

template <class A, class B> bool edges_meet(const A& first, const B& second) {
    bool met = false;
    geo::for_edges(first, [&](const Point& a, const Point& b) {
        if (!met)
            geo::for_edges(second, [&](const Point& c, const Point& d) { met = met || geo::crossing(a, b, c, d); });
    });
    return met;
}

void intersects_2lines(const In& in, Out& out) {
    const auto a = geo::read_lines(in.text(0)), b = geo::read_lines(in.text(1));
    if (!a || !b)
        return out.null();
    out.boolean(edges_meet(*a, *b));
}

void intersects_line_with_polygon(const In& in, Out& out) {
    const auto lines = geo::read_lines(in.text(0));
    const auto polygons = geo::read_polygons(in.text(1));
    if (!lines || !polygons)
        return out.null();
    bool inside = false;
    for (const Line& line : *lines)
        inside = inside || geo::contains(*polygons, line.front().at);
    out.boolean(inside || edges_meet(*lines, *polygons));
}

void intersects_2polygons(const In& in, Out& out) {
    const auto a = geo::read_polygons(in.text(0)), b = geo::read_polygons(in.text(1));
    if (!a || !b)
        return out.null();
    bool inside = false;
    for (const Polygon& polygon : *a)
        inside = inside || geo::contains(*b, polygon.front().front().at);
    for (const Polygon& polygon : *b)
        inside = inside || geo::contains(*a, polygon.front().front().at);
    out.boolean(inside || edges_meet(*a, *b));
}

/// What two lines have in common: edges that both have, and points where they meet otherwise.
void intersection_2lines(const In& in, Out& out) {
    const auto first = geo::read_lines(in.text(0)), second = geo::read_lines(in.text(1));
    if (!first || !second)
        return out.null();
    std::vector<Line> shared;
    std::vector<Point> points;
    geo::for_edges(*first, [&](const Point& a, const Point& b) {
        geo::for_edges(*second, [&](const Point& c, const Point& d) {
            if (!same_edge(a, b, c, d))
                return;
            if (!shared.empty() && shared.back().back() == a)
                shared.back().push_back(b);
            else
                shared.push_back({a, b});
        });
    });
    const auto known = [&](Vector at) {
        for (const Point& one : points)
            if (geo::length(one.at - at) < 1e-14)
                return true;
        for (const Line& line : shared)
            for (std::size_t i = 0; i + 1 < line.size(); ++i)
                if (geo::length(geo::closest_on_edge(at, line[i].at, line[i + 1].at) - at) < 1e-14)
                    return true;
        return false;
    };
    geo::for_edges(*first, [&](const Point& a, const Point& b) {
        geo::for_edges(*second, [&](const Point& c, const Point& d) {
            const auto at = geo::crossing(a, b, c, d);
            if (!at || known(*at))
                return;
            Point found = geo::point_of(*at);
            for (const Point& corner : {a, b, c, d})
                if (geo::length(corner.at - *at) < 1e-15)
                    found = corner;
            points.push_back(found);
        });
    });
    Json parts = Json::array();
    if (points.size() == 1)
        parts.push_back(geo_point_json(points.front()));
    else if (!points.empty())
        parts.push_back({{"type", "MultiPoint"}, {"coordinates", geo_coordinates_json(points)}});
    if (!shared.empty())
        parts.push_back(geo_lines_json(shared));
    give(out, parts.size() == 1 ? parts.front() : Json{{"type", "GeometryCollection"}, {"geometries", parts}});
}

} // namespace

void add_geo_functions(FunctionList& list) {
    const auto add = [&](std::string name, std::string_view args, std::string_view result, RowFunction function) {
        list.push_back(row_function(std::move(name), args, result, function));
    };
    add("kql_geo_distance_2points", "real real real real bool", "real", distance_2points);
    add("kql_geo_azimuth", "real real real real", "real", azimuth);
    add("kql_geo_angle", "real real real real real real", "real", angle);
    add("kql_geo_point_in_circle", "real real real real real", "bool", point_in_circle);
    add("kql_geo_point_in_polygon", "real real dynamic", "bool", point_in_polygon);
    add("kql_geo_distance_point_to_line", "real real dynamic", "real", distance_point_to_line);
    add("kql_geo_distance_point_to_polygon", "real real dynamic", "real", distance_point_to_polygon);
    add("kql_geo_closest_point_on_line", "real real dynamic", "dynamic", closest_point_on_line);
    add("kql_geo_closest_point_on_polygon", "real real dynamic", "dynamic", closest_point_on_polygon);
    add("kql_geo_line_length", "dynamic", "real", line_length);
    add("kql_geo_line_centroid", "dynamic", "dynamic", line_centroid);
    add("kql_geo_line_interpolate_point", "dynamic real", "dynamic", line_interpolate_point);
    add("kql_geo_line_locate_point", "dynamic real real", "real", line_locate_point);
    add("kql_geo_polygon_area", "dynamic", "real", polygon_area);
    add("kql_geo_polygon_perimeter", "dynamic", "real", polygon_perimeter);
    add("kql_geo_polygon_centroid", "dynamic", "dynamic", polygon_centroid);
    add("kql_geo_intersects_2lines", "dynamic dynamic", "bool", intersects_2lines);
    add("kql_geo_intersects_line_with_polygon", "dynamic dynamic", "bool", intersects_line_with_polygon);
    add("kql_geo_intersects_2polygons", "dynamic dynamic", "bool", intersects_2polygons);
    add("kql_geo_intersection_2lines", "dynamic dynamic", "dynamic", intersection_2lines);
}

} // namespace sluice::kql
