#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Points, lines and polygons on the Earth, taken as a sphere. Edges are geodesics.
namespace sluice::kql::geo {

constexpr double kEarthRadius = 6371010; ///< meters

/// A point as a unit vector.
struct Vector {
    double x = 0, y = 0, z = 0;
    friend Vector operator+(Vector a, Vector b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
    friend Vector operator-(Vector a, Vector b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
    friend Vector operator*(double k, Vector a) { return {k * a.x, k * a.y, k * a.z}; }
};
double dot(Vector a, Vector b);
Vector cross(Vector a, Vector b);
double length(Vector a);
Vector unit(Vector a);

/// A coordinate as it is written, in degrees, and as a vector.
struct Point {
    double longitude = 0, latitude = 0;
    Vector at = {};
    friend bool operator==(const Point& a, const Point& b) {
        return a.longitude == b.longitude && a.latitude == b.latitude;
    }
};
/// Nothing when a coordinate is out of range.
std::optional<Point> point(double longitude, double latitude);
Point point_of(Vector at);

using Line = std::vector<Point>;
/// A closed ring without its repeated last point, counterclockwise around the smaller of its two sides.
using Ring = std::vector<Point>;
/// The shell and its holes.
using Polygon = std::vector<Ring>;

/// GeoJSON: a LineString or MultiLineString. Nothing when it is none, or breaks a rule of lines.
std::optional<std::vector<Line>> read_lines(std::string_view json);
/// A Polygon or MultiPolygon.
std::optional<std::vector<Polygon>> read_polygons(std::string_view json);

/// Radians.
double angle(Vector a, Vector b);
/// Meters on the ellipsoid WGS-84.
double spheroid_distance(const Point& a, const Point& b);
/// Clockwise from north, 0 to 2 pi. Nothing for equal or opposite points.
std::optional<double> azimuth(const Point& from, const Point& to);
/// The point of the edge that is closest to `p`.
Vector closest_on_edge(Vector p, Vector a, Vector b);
/// The point at a share of the way from a to b.
Vector between(Vector a, Vector b, double share);
/// Where two edges cross or touch; nothing when they do not, or lie on one great circle.
std::optional<Vector> crossing(const Point& a, const Point& b, const Point& c, const Point& d);

/// Steradians around which the ring turns counterclockwise; negative for clockwise, the smaller side.
double signed_area(const Ring& ring);
bool contains(const Ring& ring, Vector p);
bool contains(const Polygon& polygon, Vector p);
bool contains(const std::vector<Polygon>& polygons, Vector p);

/// Calls `edge(a, b)` for every edge.
template <class Function> void for_edges(const std::vector<Line>& lines, Function edge) {
    for (const Line& line : lines)
        for (std::size_t i = 0; i + 1 < line.size(); ++i)
            edge(line[i], line[i + 1]);
}
template <class Function> void for_edges(const std::vector<Polygon>& polygons, Function edge) {
    for (const Polygon& polygon : polygons)
        for (const Ring& ring : polygon)
            for (std::size_t i = 0; i < ring.size(); ++i)
                edge(ring[i], ring[i + 1 == ring.size() ? 0 : i + 1]);
}

} // namespace sluice::kql::geo
