#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::data {

/// Azure Data Explorer's scalar types (spec engine 6.1), with the cell each has in a Column.
enum class ScalarType : std::uint8_t {
    Bool,     ///< std::uint8_t, 0 or 1
    Int,      ///< std::int32_t
    Long,     ///< std::int64_t
    Real,     ///< double
    Decimal,  ///< Decimal
    DateTime, ///< Ticks since 0001-01-01T00:00:00Z, UTC
    TimeSpan, ///< Ticks, signed
    String,   ///< StringCell, UTF-8; never null: what is missing reads ""
    Guid,     ///< Guid
    Dynamic,  ///< StringCell holding compact JSON text
};

/// Fixed-point number, value = units / 10^18: DuckDB's DECIMAL(38,18). 20 digits before the point, so that every
/// integer of 64 bits has a place, and 18 behind it (docs/decisions/0009).
struct Decimal {
    static constexpr int kScale = 18;
    static constexpr int kPrecision = 38;
    __extension__ __int128 units = 0;
    friend bool operator==(const Decimal&, const Decimal&) = default;
};

/// A decimal with a scale of its own, value = units / 10^scale, for literals and results of queries: they may have more
/// digits before or behind the point than a Decimal.
struct ScaledDecimal {
    static constexpr int kSignificant = 34; ///< digits that are kept of a number, as in Azure Data Explorer
    __extension__ __int128 units = 0;
    int scale = Decimal::kScale;

    ScaledDecimal() = default;
    ScaledDecimal(Decimal value) : units(value.units) {}
    __extension__ ScaledDecimal(__int128 digits, int places) : units(digits), scale(places) {}
    friend bool operator==(const ScaledDecimal&, const ScaledDecimal&) = default;
};

/// 128 bits in the order they are written: `high` holds the first 16 hexadecimal digits.
struct Guid {
    std::uint64_t high = 0, low = 0;
    friend bool operator==(const Guid&, const Guid&) = default;
};

/// A new random (version 4) guid. Thread-safe.
Guid random_guid();

/// Size of a cell in bytes.
std::size_t cell_size(ScalarType type);

/// The name as in `ColumnType` and table schemas: "datetime".
std::string_view to_string(ScalarType type);
/// Name of the .NET type in schemas, "System.DateTime" (engine 6.1).
std::string_view net_name(ScalarType type);
/// `DataType` of V1 answers, "DateTime" (rest-api 6).
std::string_view v1_name(ScalarType type);
/// Any documented spelling, aliases included ("date", "int64", "double"). Case-sensitive, as in the reference.
std::optional<ScalarType> parse_scalar_type(std::string_view name);

} // namespace sluice::data
