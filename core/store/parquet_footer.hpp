#pragma once

#include "core/base/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

/// What a Parquet file says of its columns and DuckDB does not pass on. Internal to core/store.
namespace sluice::store {

/// An element of the schema: a column, or a group of elements.
struct ParquetElement {
    enum class Physical {
        Other,      ///< numbers, and BSON, which nothing reads
        FixedBytes, ///< FIXED_LEN_BYTE_ARRAY
        Bytes       ///< BYTE_ARRAY
    };
    std::string name;
    Physical physical = Physical::Other;
    /// A decimal of more than 38 digits, here or in a part: DuckDB gives numbers that are not in the file.
    bool misread = false;
    std::vector<ParquetElement> children = {};

    /// Of a group; null when there is none.
    const ParquetElement* child(std::string_view child_name) const;
    /// Of a list or a map: what its elements or values are; null when it is neither.
    const ParquetElement* item() const;
    const ParquetElement* map_value() const;
};

struct ParquetFooter {
    ParquetElement root; ///< its children are the columns
    /// Where in the footer it says that a timestamp of nanoseconds counts from 1970 in UTC; see local().
    std::vector<std::size_t> utc_nanoseconds = {};
    /// Written there, it says that the zone is unknown, which is the same to us (formats-and-mappings 6), and DuckDB
    /// keeps the nanoseconds, which it otherwise cuts to microseconds. Differs from what stands there in one bit field.
    static char local(char flag) { return static_cast<char>((flag & 0xF0) | 0x02); }
};

/// Reads the schema of `metadata`, which lies between the pages and the last eight bytes of a file. Invalid: it is not
/// what the format says.
Result<ParquetFooter> read_parquet_footer(std::string_view metadata);

} // namespace sluice::store
