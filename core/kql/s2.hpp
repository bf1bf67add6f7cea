#pragma once

#include "core/kql/geo.hpp"

/// Cells of S2: the six faces of a cube around the Earth, each cut into four up to thirty times, numbered along a
/// Hilbert curve.
namespace sluice::kql::s2 {

using Cell = std::uint64_t;
constexpr int kMaxLevel = 30;

Cell cell_at(geo::Vector at, int level);
/// Hexadecimal without trailing zeros.
std::string token(Cell cell);
/// Nothing for a text that names no cell.
std::optional<Cell> parse(std::string_view token);
int level(Cell cell);
geo::Vector center(Cell cell);
/// Counterclockwise.
std::vector<geo::Point> corners(Cell cell);
/// Cells of the same level around it, eight but for cells at a corner of the cube.
std::vector<Cell> neighbors(Cell cell);

/// Cells of the level that the shape meets, or comes closer to than `radius` (radians), in order. Nothing when there
/// are more than `most`.
std::optional<std::vector<Cell>> covering(const std::vector<geo::Line>& lines, int level, double radius,
                                          std::size_t most);
std::optional<std::vector<Cell>> covering(const std::vector<geo::Polygon>& polygons, int level, double radius,
                                          std::size_t most);

} // namespace sluice::kql::s2
