#include "core/data/type.hpp"

#include "core/base/random.hpp"

#include <array>

namespace sluice::data {
namespace {

struct TypeFacts {
    std::string_view name, net, v1;
    std::size_t cell;
};

// In the order of ScalarType.
constexpr std::array<TypeFacts, 10> kFacts{{
    {"bool", "System.SByte", "SByte", 1},
    {"int", "System.Int32", "Int32", 4},
    {"long", "System.Int64", "Int64", 8},
    {"real", "System.Double", "Double", 8},
    {"decimal", "System.Data.SqlTypes.SqlDecimal", "SqlDecimal", 16},
    {"datetime", "System.DateTime", "DateTime", 8},
    {"timespan", "System.TimeSpan", "TimeSpan", 8},
    {"string", "System.String", "String", 16},
    {"guid", "System.Guid", "Guid", 16},
    {"dynamic", "System.Object", "Object", 16},
}};

struct Alias {
    std::string_view name;
    ScalarType type;
};

constexpr std::array<Alias, 11> kAliases{{
    {"boolean", ScalarType::Bool},
    {"int32", ScalarType::Int},
    {"int64", ScalarType::Long},
    {"double", ScalarType::Real},
    {"date", ScalarType::DateTime},
    {"time", ScalarType::TimeSpan},
    {"uuid", ScalarType::Guid},
    {"uniqueid", ScalarType::Guid},
    {"System.Boolean", ScalarType::Bool},
    {"System.TimeSpan", ScalarType::TimeSpan},
    {"System.Data.SqlTypes.SqlDecimal", ScalarType::Decimal},
}};

const TypeFacts& facts(ScalarType type) { return kFacts[static_cast<std::size_t>(type)]; }

} // namespace

Guid random_guid() {
    const auto [high, low] = random_uuid_bits();
    return {high, low};
}

std::size_t cell_size(ScalarType type) { return facts(type).cell; }
std::string_view to_string(ScalarType type) { return facts(type).name; }
std::string_view net_name(ScalarType type) { return facts(type).net; }
std::string_view v1_name(ScalarType type) { return facts(type).v1; }

std::optional<ScalarType> parse_scalar_type(std::string_view name) {
    for (std::size_t i = 0; i < kFacts.size(); ++i)
        if (name == kFacts[i].name || name == kFacts[i].net)
            return static_cast<ScalarType>(i);
    for (const Alias& alias : kAliases)
        if (name == alias.name)
            return alias.type;
    return std::nullopt;
}

} // namespace sluice::data
