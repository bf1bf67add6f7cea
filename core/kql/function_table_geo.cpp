#include "core/kql/functions.hpp"

namespace sluice::kql {
namespace {

constexpr FunctionRow kRows[] = {
    {"geo_distance_2points", "real real real real bool?", "real",
     "kql_geo_distance_2points($1, $2, $3, $4, ${5|FALSE})"},
    {"geo_distance_2points", "real real real real long", "real", "kql_geo_distance_2points($1, $2, $3, $4, $5 <> 0)"},
    {"geo_azimuth", "real real real real", "real", "kql_geo_azimuth($1, $2, $3, $4)"},
    {"geo_angle", "real real real real real real", "real", "kql_geo_angle($1, $2, $3, $4, $5, $6)"},
    {"geo_point_in_circle", "real real real real real", "bool", "kql_geo_point_in_circle($1, $2, $3, $4, $5)"},
    {"geo_point_in_polygon", "real real dynamic", "bool", "kql_geo_point_in_polygon($1, $2, $3)"},
    {"geo_distance_point_to_line", "real real dynamic", "real", "kql_geo_distance_point_to_line($1, $2, $3)"},
    {"geo_distance_point_to_polygon", "real real dynamic", "real", "kql_geo_distance_point_to_polygon($1, $2, $3)"},
    {"geo_closest_point_on_line", "real real dynamic", "dynamic", "kql_geo_closest_point_on_line($1, $2, $3)"},
    {"geo_closest_point_on_polygon", "real real dynamic", "dynamic", "kql_geo_closest_point_on_polygon($1, $2, $3)"},
    {"geo_line_length", "dynamic", "real", "kql_geo_line_length($1)"},
    {"geo_line_centroid", "dynamic", "dynamic", "kql_geo_line_centroid($1)"},
    {"geo_line_interpolate_point", "dynamic real", "dynamic", "kql_geo_line_interpolate_point($1, $2)"},
    {"geo_line_locate_point", "dynamic real real", "real", "kql_geo_line_locate_point($1, $2, $3)"},
    {"geo_line_densify", "dynamic real?", "dynamic", "kql_geo_line_densify($1, ${2|10})"},
    {"geo_line_simplify", "dynamic real?", "dynamic", "kql_geo_line_simplify($1, ${2|10})"},
    {"geo_polygon_area", "dynamic", "real", "kql_geo_polygon_area($1)"},
    {"geo_polygon_perimeter", "dynamic", "real", "kql_geo_polygon_perimeter($1)"},
    {"geo_polygon_centroid", "dynamic", "dynamic", "kql_geo_polygon_centroid($1)"},
    {"geo_polygon_densify", "dynamic real?", "dynamic", "kql_geo_polygon_densify($1, ${2|10})"},
    {"geo_polygon_simplify", "dynamic real?", "dynamic", "kql_geo_polygon_simplify($1, ${2|10})"},
    {"geo_intersects_2lines", "dynamic dynamic", "bool", "kql_geo_intersects_2lines($1, $2)"},
    {"geo_intersects_line_with_polygon", "dynamic dynamic", "bool", "kql_geo_intersects_line_with_polygon($1, $2)"},
    {"geo_intersects_2polygons", "dynamic dynamic", "bool", "kql_geo_intersects_2polygons($1, $2)"},
    {"geo_intersection_2lines", "dynamic dynamic", "dynamic", "kql_geo_intersection_2lines($1, $2)"},
    {"geo_from_wkt", "string", "dynamic", "kql_geo_from_wkt($1)"},
    {"geo_point_to_geohash", "real real long?", "string", "kql_geohash($1, $2, ${3|5})"},
    {"geo_geohash_to_central_point", "string", "dynamic", "kql_geohash_center($1)"},
    {"geo_geohash_to_polygon", "string", "dynamic", "kql_geohash_polygon($1)"},
    {"geo_geohash_neighbors", "string", "dynamic", "kql_geohash_neighbors($1)"},
    {"geo_point_to_s2cell", "real real long?", "string", "kql_s2cell($1, $2, ${3|11})"},
    {"geo_s2cell_to_central_point", "string", "dynamic", "kql_s2cell_center($1)"},
    {"geo_s2cell_to_polygon", "string", "dynamic", "kql_s2cell_polygon($1)"},
    {"geo_s2cell_neighbors", "string", "dynamic", "kql_s2cell_neighbors($1)"},
    {"geo_polygon_to_s2cells", "dynamic long? real?", "dynamic", "kql_polygon_s2cells($1, ${2|11}, ${3|0})"},
    {"geo_line_to_s2cells", "dynamic long? real?", "dynamic", "kql_line_s2cells($1, ${2|11}, ${3|0})"},
};

} // namespace

std::span<const FunctionRow> geo_function_rows() {
    return kRows;
}

} // namespace sluice::kql
