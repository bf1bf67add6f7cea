#include "core/kql/s2.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace sluice::kql::s2 {
namespace {

using geo::Point;
using geo::Vector;

constexpr int kSwap = 1, kInvert = 2;
/// Where the four quarters of a square lie along the curve, by the square's orientation, and how they are turned.
constexpr int kIjOfPosition[4][4] = {{0, 1, 3, 2}, {0, 2, 3, 1}, {3, 2, 0, 1}, {3, 1, 0, 2}};
constexpr int kTurn[4] = {kSwap, 0, 0, kInvert | kSwap};
constexpr std::int64_t kSize = std::int64_t{1} << kMaxLevel;

/// A square of a face: its corner with the lowest i and j, in units of the smallest cells.
struct Square {
    int face = 0;
    std::int64_t i = 0, j = 0;
    int level = 0;
    std::int64_t width() const { return kSize >> level; }
};

Vector face_point(int face, double u, double v) {
    switch (face) {
    case 0:
        return {1, u, v};
    case 1:
        return {-u, 1, v};
    case 2:
        return {-u, -v, 1};
    case 3:
        return {-1, -v, -u};
    case 4:
        return {v, -1, -u};
    default:
        return {v, u, -1};
    }
}

int face_of(Vector p) {
    const double x = std::abs(p.x), y = std::abs(p.y), z = std::abs(p.z);
    if (x >= y && x >= z)
        return p.x < 0 ? 3 : 0;
    if (y >= z)
        return p.y < 0 ? 4 : 1;
    return p.z < 0 ? 5 : 2;
}

void face_coordinates(int face, Vector p, double& u, double& v) {
    switch (face) {
    case 0:
        u = p.y / p.x, v = p.z / p.x;
        break;
    case 1:
        u = -p.x / p.y, v = p.z / p.y;
        break;
    case 2:
        u = -p.x / p.z, v = -p.y / p.z;
        break;
    case 3:
        u = p.z / p.x, v = p.y / p.x;
        break;
    case 4:
        u = p.z / p.y, v = -p.x / p.y;
        break;
    default:
        u = -p.y / p.z, v = -p.x / p.z;
    }
}

/// The projection that makes cells of one level nearly equal in size.
double curved(double s) {
    return s >= 0.5 ? (4 * s * s - 1) / 3 : (1 - 4 * (1 - s) * (1 - s)) / 3;
}
double uncurved(double u) {
    return u >= 0 ? 0.5 * std::sqrt(1 + 3 * u) : 1 - 0.5 * std::sqrt(1 - 3 * u);
}
std::int64_t cell_index(double s) {
    return std::clamp<std::int64_t>(static_cast<std::int64_t>(std::floor(s * static_cast<double>(kSize))), 0,
                                    kSize - 1);
}

Cell cell_of(int face, std::int64_t i, std::int64_t j, int level) {
    Cell position = 0;
    int orientation = face & 1;
    for (int k = kMaxLevel - 1; k >= kMaxLevel - level; --k) {
        const int ij = static_cast<int>((i >> k & 1) << 1 | (j >> k & 1));
        int at = 0;
        while (kIjOfPosition[orientation][at] != ij)
            ++at;
        position = position << 2 | static_cast<unsigned>(at);
        orientation ^= kTurn[at];
    }
    const int shift = 2 * (kMaxLevel - level);
    return static_cast<Cell>(face) << 61 | position << (shift + 1) | Cell{1} << shift;
}

Square square_of(Cell cell) {
    Square square{.face = static_cast<int>(cell >> 61), .level = level(cell)};
    int orientation = square.face & 1;
    for (int k = 0; k < square.level; ++k) {
        const auto at = static_cast<std::size_t>(cell >> (59 - 2 * k) & 3);
        const int ij = kIjOfPosition[orientation][at];
        square.i |= static_cast<std::int64_t>(ij >> 1) << (kMaxLevel - 1 - k);
        square.j |= static_cast<std::int64_t>(ij & 1) << (kMaxLevel - 1 - k);
        orientation ^= kTurn[at];
    }
    return square;
}

Vector place(const Square& square, double di, double dj) {
    const double width = static_cast<double>(square.width());
    return geo::unit(face_point(square.face, curved((static_cast<double>(square.i) + di * width) / kSize),
                                curved((static_cast<double>(square.j) + dj * width) / kSize)));
}

} // namespace

Cell cell_at(Vector at, int level) {
    const int face = face_of(at);
    double u = 0, v = 0;
    face_coordinates(face, at, u, v);
    return cell_of(face, cell_index(uncurved(u)), cell_index(uncurved(v)), level);
}

std::string token(Cell cell) {
    static constexpr char kHex[] = "0123456789abcdef";
    std::string text;
    for (int shift = 60; shift >= 0; shift -= 4)
        text += kHex[cell >> shift & 15];
    while (!text.empty() && text.back() == '0')
        text.pop_back();
    return text;
}

std::optional<Cell> parse(std::string_view text) {
    if (text.empty() || text.size() > 16)
        return std::nullopt;
    Cell cell = 0;
    for (std::size_t i = 0; i < 16; ++i) {
        const char c = i < text.size() ? text[i] : '0';
        const int digit = c >= '0' && c <= '9'                 ? c - '0'
                          : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                               : -1;
        if (digit < 0)
            return std::nullopt;
        cell = cell << 4 | static_cast<unsigned>(digit);
    }
    const bool good = cell >> 61 < 6 && (cell & (~cell + 1) & 0x1555'5555'5555'5555ULL) != 0;
    return good ? std::optional(cell) : std::nullopt;
}

int level(Cell cell) {
    return kMaxLevel - std::countr_zero(cell) / 2;
}

Vector center(Cell cell) {
    return place(square_of(cell), 0.5, 0.5);
}

std::vector<Point> corners(Cell cell) {
    const Square square = square_of(cell);
    std::vector<Point> result;
    for (const auto& [di, dj] : {std::pair{0, 0}, {1, 0}, {1, 1}, {0, 1}})
        result.push_back(geo::point_of(place(square, di, dj)));
    return result;
}

std::vector<Cell> neighbors(Cell cell) {
    const Square square = square_of(cell);
    std::vector<Cell> result;
    for (int di = -1; di <= 1; ++di)
        for (int dj = -1; dj <= 1; ++dj) {
            if (di == 0 && dj == 0)
                continue;
            const std::int64_t i = square.i + di * square.width(), j = square.j + dj * square.width();
            const bool out_i = i < 0 || i >= kSize, out_j = j < 0 || j >= kSize;
            if (out_i && out_j)
                continue; // three faces meet at a corner of the cube, so there is no cell across it
            Cell next = 0;
            if (!out_i && !out_j) {
                next = cell_of(square.face, i, j, square.level);
            } else {
                // A little way past the edge; the plane of the face goes on straight there.
                const auto past = [&](std::int64_t index, bool out) {
                    const double s = (static_cast<double>(index) + 0.5 * static_cast<double>(square.width())) / kSize;
                    return out ? (index < 0 ? -1 : 1) * (1 + 1e-12) : curved(s);
                };
                next = cell_at(face_point(square.face, past(i, out_i), past(j, out_j)), square.level);
            }
            if (std::find(result.begin(), result.end(), next) == result.end())
                result.push_back(next);
        }
    return result;
}

namespace {

struct Edge {
    Point a, b;
};

double edge_distance(const Edge& x, const Edge& y) {
    if (geo::crossing(x.a, x.b, y.a, y.b))
        return 0;
    double least = 10;
    const auto from = [&](const Point& p, const Edge& to) {
        least = std::min(least, geo::angle(p.at, geo::closest_on_edge(p.at, to.a.at, to.b.at)));
    };
    from(x.a, y);
    from(x.b, y);
    from(y.a, x);
    from(y.b, x);
    return least;
}

/// Goes down from the six faces; below a cell only the edges matter that come near it.
class Coverer {
public:
    Coverer(const std::vector<geo::Polygon>* inside, int level, double radius, std::size_t most)
        : inside_(inside), level_(level), radius_(radius), most_(most) {}

    std::optional<std::vector<Cell>> run(const std::vector<Edge>& edges) {
        for (int face = 0; face < 6 && found_.size() <= most_; ++face)
            visit(cell_of(face, 0, 0, 0), edges);
        return found_.size() > most_ ? std::nullopt : std::optional(std::move(found_));
    }

private:
    void visit(Cell cell, const std::vector<Edge>& edges) {
        if (found_.size() > most_)
            return;
        const std::vector<Point> box = corners(cell);
        std::vector<Edge> near;
        for (const Edge& edge : edges)
            if (close(cell, box, edge))
                near.push_back(edge);
        if (near.empty()) {
            // Wholly inside or wholly outside.
            if (inside_ && geo::contains(*inside_, center(cell)))
                add_all(cell);
            return;
        }
        if (level(cell) == level_) {
            found_.push_back(cell);
            return;
        }
        const Cell step = (cell & (~cell + 1)) >> 2;
        for (int child = 0; child < 4; ++child)
            visit(cell - 3 * step + 2 * step * static_cast<Cell>(child), near);
    }

    bool close(Cell cell, const std::vector<Point>& box, const Edge& edge) const {
        const int depth = level(cell);
        if (cell_at(edge.a.at, depth) == cell || cell_at(edge.b.at, depth) == cell)
            return true;
        for (std::size_t i = 0; i < 4; ++i) {
            const Edge side{box[i], box[(i + 1) % 4]};
            if (radius_ > 0 ? edge_distance(side, edge) <= radius_
                            : geo::crossing(side.a, side.b, edge.a, edge.b).has_value())
                return true;
        }
        return false;
    }

    void add_all(Cell cell) {
        if (level(cell) == level_ || found_.size() > most_) {
            found_.push_back(cell);
            return;
        }
        const Cell step = (cell & (~cell + 1)) >> 2;
        for (int child = 0; child < 4; ++child)
            add_all(cell - 3 * step + 2 * step * static_cast<Cell>(child));
    }

    const std::vector<geo::Polygon>* inside_;
    int level_;
    double radius_;
    std::size_t most_;
    std::vector<Cell> found_;
};

template <class Shape> std::vector<Edge> edges_of(const Shape& shape) {
    std::vector<Edge> edges;
    geo::for_edges(shape, [&](const Point& a, const Point& b) { edges.push_back({a, b}); });
    return edges;
}

} // namespace

std::optional<std::vector<Cell>> covering(const std::vector<geo::Line>& lines, int level, double radius,
                                          std::size_t most) {
    return Coverer(nullptr, level, radius, most).run(edges_of(lines));
}

std::optional<std::vector<Cell>> covering(const std::vector<geo::Polygon>& polygons, int level, double radius,
                                          std::size_t most) {
    return Coverer(&polygons, level, radius, most).run(edges_of(polygons));
}

} // namespace sluice::kql::s2
