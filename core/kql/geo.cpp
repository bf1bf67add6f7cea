#include "core/kql/geo.hpp"

#include "core/kql/json_text.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace sluice::kql::geo {
namespace {

constexpr double kPi = std::numbers::pi;

double radians(double degrees) {
    return degrees * kPi / 180;
}

/// A list of coordinates; empty when one of them is none.
Line read_points(const Json& json) {
    Line line;
    if (!json.is_array())
        return {};
    for (const Json& item : json) {
        if (!item.is_array() || item.size() < 2 || !item[0].is_number() || !item[1].is_number())
            return {};
        const auto one = point(item[0].get<double>(), item[1].get<double>());
        if (!one)
            return {};
        line.push_back(*one);
    }
    return line;
}

/// Edges have to be shorter than half of the way around.
bool edges_fit(const Line& line) {
    for (std::size_t i = 0; i + 1 < line.size(); ++i)
        if (line[i] == line[i + 1] || angle(line[i].at, line[i + 1].at) > kPi - 1e-14)
            return false;
    return true;
}

bool read_polygon(const Json& rings, Polygon& polygon) {
    if (!rings.is_array() || rings.empty())
        return false;
    for (const Json& json : rings) {
        Line ring = read_points(json);
        if (ring.size() < 4 || !(ring.front() == ring.back()) || !edges_fit(ring))
            return false;
        ring.pop_back();
        for (std::size_t i = 0; i < ring.size(); ++i)
            for (std::size_t k = i + 1; ring.size() < 2000 && k < ring.size(); ++k)
                if (ring[i] == ring[k])
                    return false;
        const double area = signed_area(ring);
        if (area == 0)
            return false;
        if (area < 0)
            std::reverse(ring.begin() + 1, ring.end());
        polygon.push_back(std::move(ring));
    }
    return true;
}

} // namespace

double dot(Vector a, Vector b) {
    return a.x * b.x + a.y * b.y + a.z * b.z;
}
Vector cross(Vector a, Vector b) {
    return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
double length(Vector a) {
    return std::sqrt(dot(a, a));
}
Vector unit(Vector a) {
    const double size = length(a);
    return size > 0 ? 1 / size * a : a;
}

std::optional<Point> point(double longitude, double latitude) {
    if (!(longitude >= -180 && longitude <= 180 && latitude >= -90 && latitude <= 90))
        return std::nullopt;
    const double lambda = radians(longitude), phi = radians(latitude);
    return Point{
        longitude, latitude, {std::cos(phi) * std::cos(lambda), std::cos(phi) * std::sin(lambda), std::sin(phi)}};
}

Point point_of(Vector at) {
    return {std::atan2(at.y, at.x) * 180 / kPi, std::atan2(at.z, std::hypot(at.x, at.y)) * 180 / kPi, unit(at)};
}

std::optional<std::vector<Line>> read_lines(std::string_view text) {
    const Json json = parse_json(text);
    if (!json.is_object() || !json.contains("type") || !json.contains("coordinates"))
        return std::nullopt;
    const Json& coordinates = json["coordinates"];
    std::vector<Line> lines;
    if (json["type"] == "LineString") {
        lines.push_back(read_points(coordinates));
    } else if (json["type"] == "MultiLineString" && coordinates.is_array()) {
        for (const Json& line : coordinates)
            lines.push_back(read_points(line));
    }
    const bool good = !lines.empty() && std::all_of(lines.begin(), lines.end(), [](const Line& line) {
        return line.size() >= 2 && edges_fit(line);
    });
    return good ? std::optional(std::move(lines)) : std::nullopt;
}

std::optional<std::vector<Polygon>> read_polygons(std::string_view text) {
    const Json json = parse_json(text);
    if (!json.is_object() || !json.contains("type") || !json.contains("coordinates"))
        return std::nullopt;
    const Json& coordinates = json["coordinates"];
    std::vector<Polygon> polygons;
    if (json["type"] == "Polygon") {
        polygons.emplace_back();
        if (!read_polygon(coordinates, polygons.back()))
            return std::nullopt;
    } else if (json["type"] == "MultiPolygon" && coordinates.is_array()) {
        for (const Json& polygon : coordinates) {
            polygons.emplace_back();
            if (!read_polygon(polygon, polygons.back()))
                return std::nullopt;
        }
    }
    return polygons.empty() ? std::nullopt : std::optional(std::move(polygons));
}

double angle(Vector a, Vector b) {
    return std::atan2(length(cross(a, b)), dot(a, b));
}

/// Vincenty's inverse formula. Nearly opposite points, where it does not settle, are measured on the sphere.
double spheroid_distance(const Point& a, const Point& b) {
    constexpr double kMajor = 6378137, kFlattening = 1 / 298.257223563, kMinor = kMajor * (1 - kFlattening);
    const double l = radians(b.longitude - a.longitude);
    const double u1 = std::atan((1 - kFlattening) * std::tan(radians(a.latitude)));
    const double u2 = std::atan((1 - kFlattening) * std::tan(radians(b.latitude)));
    const double sin1 = std::sin(u1), cos1 = std::cos(u1), sin2 = std::sin(u2), cos2 = std::cos(u2);
    double lambda = l;
    for (int i = 0; i < 200; ++i) {
        const double sin_lambda = std::sin(lambda), cos_lambda = std::cos(lambda);
        const double sin_sigma = std::hypot(cos2 * sin_lambda, cos1 * sin2 - sin1 * cos2 * cos_lambda);
        if (sin_sigma == 0)
            return 0;
        const double cos_sigma = sin1 * sin2 + cos1 * cos2 * cos_lambda;
        const double sigma = std::atan2(sin_sigma, cos_sigma);
        const double sin_alpha = cos1 * cos2 * sin_lambda / sin_sigma;
        const double cos_sq_alpha = 1 - sin_alpha * sin_alpha;
        const double cos_2m = cos_sq_alpha > 0 ? cos_sigma - 2 * sin1 * sin2 / cos_sq_alpha : 0;
        const double c = kFlattening / 16 * cos_sq_alpha * (4 + kFlattening * (4 - 3 * cos_sq_alpha));
        const double before = lambda;
        lambda = l + (1 - c) * kFlattening * sin_alpha *
                         (sigma + c * sin_sigma * (cos_2m + c * cos_sigma * (2 * cos_2m * cos_2m - 1)));
        if (std::abs(lambda - before) > 1e-13)
            continue;
        const double u_sq = cos_sq_alpha * (kMajor * kMajor - kMinor * kMinor) / (kMinor * kMinor);
        const double big_a = 1 + u_sq / 16384 * (4096 + u_sq * (-768 + u_sq * (320 - 175 * u_sq)));
        const double big_b = u_sq / 1024 * (256 + u_sq * (-128 + u_sq * (74 - 47 * u_sq)));
        const double delta =
            big_b * sin_sigma *
            (cos_2m + big_b / 4 *
                          (cos_sigma * (2 * cos_2m * cos_2m - 1) -
                           big_b / 6 * cos_2m * (4 * sin_sigma * sin_sigma - 3) * (4 * cos_2m * cos_2m - 3)));
        return kMinor * big_a * (sigma - delta);
    }
    return kEarthRadius * angle(a.at, b.at);
}

std::optional<double> azimuth(const Point& from, const Point& to) {
    if (length(cross(from.at, to.at)) < 1e-15)
        return std::nullopt;
    const double phi1 = radians(from.latitude), phi2 = radians(to.latitude);
    const double delta = radians(to.longitude - from.longitude);
    const double y = std::sin(delta) * std::cos(phi2);
    const double x = std::cos(phi1) * std::sin(phi2) - std::sin(phi1) * std::cos(phi2) * std::cos(delta);
    const double result = std::atan2(y, x);
    return result < 0 ? result + 2 * kPi : result;
}

Vector closest_on_edge(Vector p, Vector a, Vector b) {
    const Vector normal = unit(cross(a, b));
    if (dot(normal, normal) > 0) {
        const Vector on_circle = p - dot(p, normal) * normal;
        // Within the edge: past a in the direction of b, and before b.
        if (dot(cross(normal, a), on_circle) > 0 && dot(cross(b, normal), on_circle) > 0)
            return unit(on_circle);
    }
    return dot(p - a, p - a) <= dot(p - b, p - b) ? a : b;
}

Vector between(Vector a, Vector b, double share) {
    const double whole = angle(a, b);
    if (whole == 0)
        return a;
    return unit(std::sin((1 - share) * whole) / std::sin(whole) * a + std::sin(share * whole) / std::sin(whole) * b);
}

std::optional<Vector> crossing(const Point& a, const Point& b, const Point& c, const Point& d) {
    constexpr double kTouch = 1e-15;
    const auto touches = [&](const Point& p, const Point& from, const Point& to) {
        return p == from || p == to || length(p.at - closest_on_edge(p.at, from.at, to.at)) < kTouch;
    };
    const Vector n1 = cross(a.at, b.at), n2 = cross(c.at, d.at);
    const double s1 = dot(n1, c.at), s2 = dot(n1, d.at), s3 = dot(n2, a.at), s4 = dot(n2, b.at);
    if (s1 * s2 < 0 && s3 * s4 < 0) {
        Vector x = unit(cross(n1, n2));
        if (dot(x, a.at + b.at) < 0)
            x = -1 * x;
        if (dot(x, c.at + d.at) > 0)
            return x;
        return std::nullopt;
    }
    for (const Point* p : {&c, &d})
        if (touches(*p, a, b))
            return p->at;
    for (const Point* p : {&a, &b})
        if (touches(*p, c, d))
            return p->at;
    return std::nullopt;
}

double signed_area(const Ring& ring) {
    double area = 0;
    for (std::size_t i = 1; i + 1 < ring.size(); ++i) {
        const Vector a = ring[0].at, b = ring[i].at, c = ring[i + 1].at;
        // From the differences, so that small triangles keep their digits.
        const double volume = dot(a, cross(b - a, c - a));
        area += 2 * std::atan2(volume, 1 + dot(a, b) + dot(b, c) + dot(c, a));
    }
    while (area > 2 * kPi)
        area -= 4 * kPi;
    while (area < -2 * kPi)
        area += 4 * kPi;
    return area;
}

/// How often the ring turns around the point, as the point sees it.
bool contains(const Ring& ring, Vector p) {
    double turn = 0;
    for (std::size_t i = 0; i < ring.size(); ++i) {
        const Vector a = ring[i].at, b = ring[i + 1 == ring.size() ? 0 : i + 1].at;
        const Vector from = a - dot(a, p) * p, to = b - dot(b, p) * p;
        turn += std::atan2(dot(p, cross(from, to)), dot(from, to));
    }
    return turn > kPi;
}

bool contains(const Polygon& polygon, Vector p) {
    if (polygon.empty() || !contains(polygon.front(), p))
        return false;
    return std::none_of(polygon.begin() + 1, polygon.end(), [&](const Ring& hole) { return contains(hole, p); });
}

bool contains(const std::vector<Polygon>& polygons, Vector p) {
    return std::any_of(polygons.begin(), polygons.end(), [&](const Polygon& one) { return contains(one, p); });
}

} // namespace sluice::kql::geo
