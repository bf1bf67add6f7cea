#pragma once

#include "core/kql/geo.hpp"
#include "core/kql/json_text.hpp"

namespace sluice::kql {

/// {"type":"Point","coordinates":[...]}
Json geo_point_json(const geo::Point& point);
/// [[longitude, latitude], ...]
Json geo_coordinates_json(const geo::Line& line);
/// One line as LineString, more as MultiLineString.
Json geo_lines_json(const std::vector<geo::Line>& lines);

} // namespace sluice::kql
