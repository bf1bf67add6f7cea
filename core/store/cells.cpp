#include "core/store/cells.hpp"

#include "core/data/text.hpp"

#include <duckdb.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace sluice::store {
namespace {

using data::ScalarType;
using Int128 = decltype(data::Decimal::units);

static_assert(sizeof(data::StringCell) == sizeof(duckdb_string_t), "texts are handed over by copying cells");
static_assert(sizeof(data::Decimal) == sizeof(duckdb_hugeint));
constexpr std::uint64_t kSignBit = std::uint64_t{1} << 63;
constexpr Int128 kDecimalLimit = [] {
    Int128 limit = 1;
    for (int i = 0; i < data::Decimal::kPrecision; ++i)
        limit *= 10;
    return limit;
}();

/// The cells of a column whatever their type.
void* bytes_of(data::Column& column) {
    switch (data::cell_size(column.type())) {
    case 1:
        return column.cells<std::uint8_t>();
    case 4:
        return column.cells<std::int32_t>();
    case 8:
        return column.cells<std::int64_t>();
    default:
        return column.cells<data::Decimal>();
    }
}
const void* bytes_of(const data::Column& column) {
    return bytes_of(const_cast<data::Column&>(column));
}

/// The bits of `rows` rows in word `word`.
std::uint64_t rows_mask(std::size_t rows, std::size_t word) {
    const std::size_t left = rows - word * 64;
    return left >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << left) - 1;
}

bool bit(const std::uint64_t* words, std::size_t row) {
    return !words || (words[row / 64] >> (row % 64) & 1);
}

duckdb_type stored_type(ScalarType type) {
    switch (type) {
    case ScalarType::Bool:
        return DUCKDB_TYPE_BOOLEAN;
    case ScalarType::Int:
        return DUCKDB_TYPE_INTEGER;
    case ScalarType::Long:
    case ScalarType::DateTime:
    case ScalarType::TimeSpan:
        return DUCKDB_TYPE_BIGINT;
    case ScalarType::Real:
        return DUCKDB_TYPE_DOUBLE;
    case ScalarType::Decimal:
        return DUCKDB_TYPE_DECIMAL;
    case ScalarType::Guid:
        return DUCKDB_TYPE_UUID;
    case ScalarType::String:
    case ScalarType::Dynamic:
        break;
    }
    return DUCKDB_TYPE_VARCHAR;
}

const char* name_of(int type) {
    switch (type) {
    case DUCKDB_TYPE_BOOLEAN:
        return "BOOLEAN";
    case DUCKDB_TYPE_TINYINT:
        return "TINYINT";
    case DUCKDB_TYPE_SMALLINT:
        return "SMALLINT";
    case DUCKDB_TYPE_INTEGER:
        return "INTEGER";
    case DUCKDB_TYPE_BIGINT:
        return "BIGINT";
    case DUCKDB_TYPE_UTINYINT:
        return "UTINYINT";
    case DUCKDB_TYPE_USMALLINT:
        return "USMALLINT";
    case DUCKDB_TYPE_UINTEGER:
        return "UINTEGER";
    case DUCKDB_TYPE_UBIGINT:
        return "UBIGINT";
    case DUCKDB_TYPE_HUGEINT:
        return "HUGEINT";
    case DUCKDB_TYPE_UHUGEINT:
        return "UHUGEINT";
    case DUCKDB_TYPE_FLOAT:
        return "FLOAT";
    case DUCKDB_TYPE_DOUBLE:
        return "DOUBLE";
    case DUCKDB_TYPE_DECIMAL:
        return "DECIMAL";
    case DUCKDB_TYPE_VARCHAR:
        return "VARCHAR";
    case DUCKDB_TYPE_BLOB:
        return "BLOB";
    case DUCKDB_TYPE_UUID:
        return "UUID";
    case DUCKDB_TYPE_TIMESTAMP:
        return "TIMESTAMP";
    case DUCKDB_TYPE_INTERVAL:
        return "INTERVAL";
    case DUCKDB_TYPE_LIST:
        return "LIST";
    case DUCKDB_TYPE_STRUCT:
        return "STRUCT";
    default:
        return "another type";
    }
}

bool is_integer(int type) {
    switch (type) {
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_UTINYINT:
    case DUCKDB_TYPE_USMALLINT:
    case DUCKDB_TYPE_UINTEGER:
    case DUCKDB_TYPE_UBIGINT:
    case DUCKDB_TYPE_HUGEINT:
        return true;
    default:
        return false;
    }
}

bool is_number(int type) {
    return is_integer(type) || type == DUCKDB_TYPE_FLOAT || type == DUCKDB_TYPE_DOUBLE || type == DUCKDB_TYPE_DECIMAL;
}

bool readable(ScalarType wanted, int found) {
    // An expression that is NULL whatever the row has no type of its own.
    if (found == DUCKDB_TYPE_SQLNULL)
        return true;
    switch (wanted) {
    case ScalarType::Int:
    case ScalarType::Long:
    case ScalarType::DateTime:
    case ScalarType::TimeSpan:
        return is_integer(found);
    case ScalarType::Real:
    case ScalarType::Decimal:
        return is_number(found);
    case ScalarType::String:
        // Positions and bodies are bytes; inside the store they are read as texts.
        return found == DUCKDB_TYPE_VARCHAR || found == DUCKDB_TYPE_BLOB;
    default:
        return found == stored_type(wanted);
    }
}

/// An integer cell of any width.
Int128 integer_at(int physical, const void* cells, std::size_t row) {
    const auto at = [&](auto sample) { return Int128{static_cast<const decltype(sample)*>(cells)[row]}; };
    switch (physical) {
    case DUCKDB_TYPE_TINYINT:
        return at(std::int8_t{});
    case DUCKDB_TYPE_SMALLINT:
        return at(std::int16_t{});
    case DUCKDB_TYPE_INTEGER:
        return at(std::int32_t{});
    case DUCKDB_TYPE_BIGINT:
        return at(std::int64_t{});
    case DUCKDB_TYPE_UTINYINT:
        return at(std::uint8_t{});
    case DUCKDB_TYPE_USMALLINT:
        return at(std::uint16_t{});
    case DUCKDB_TYPE_UINTEGER:
        return at(std::uint32_t{});
    case DUCKDB_TYPE_UBIGINT:
        return at(std::uint64_t{});
    default: {
        Int128 value;
        std::memcpy(&value, static_cast<const std::byte*>(cells) + row * sizeof value, sizeof value);
        return value;
    }
    }
}

double floating_at(int type, const void* cells, std::size_t row) {
    return type == DUCKDB_TYPE_FLOAT ? static_cast<double>(static_cast<const float*>(cells)[row])
                                     : static_cast<const double*>(cells)[row];
}

template <class T> bool narrow(Int128 value, T& out) {
    if (value < std::numeric_limits<T>::min() || value > std::numeric_limits<T>::max())
        return false;
    out = static_cast<T>(value);
    return true;
}

/// A decimal of any scale with that of stored ones, rounded half away from zero as DuckDB does; nothing when it needs
/// more than 38 digits.
std::optional<Int128> rescale(data::ScaledDecimal value) {
    Int128 units = value.units, last = 0;
    for (int scale = value.scale; scale > data::Decimal::kScale; --scale) {
        last = units % 10;
        units /= 10;
    }
    units += last >= 5 ? 1 : last <= -5 ? -1 : 0;
    for (int scale = value.scale; scale < data::Decimal::kScale; ++scale)
        if (__builtin_mul_overflow(units, Int128{10}, &units))
            return std::nullopt;
    return units < kDecimalLimit && units > -kDecimalLimit ? std::optional(units) : std::nullopt;
}

/// Decimals of a result as stored ones; what does not fit becomes null.
void write_rescaled(const data::Column& column, std::size_t rows, duckdb_vector vector) {
    auto* const cells = static_cast<Int128*>(duckdb_vector_get_data(vector));
    duckdb_vector_ensure_validity_writable(vector);
    std::uint64_t* const validity = duckdb_vector_get_validity(vector);
    for (std::size_t row = 0; row < rows; ++row) {
        const auto units = column.is_null(row) ? std::nullopt : rescale(column.decimal(row));
        cells[row] = units.value_or(0);
        duckdb_validity_set_row_validity(validity, row, units.has_value());
    }
}

/// A floating number by its digits: 0.1 is 0.1.
std::optional<data::Decimal> decimal_of(double value) {
    return data::parse_decimal(data::format_real(value));
}

} // namespace

TypeHandle logical_type(ScalarType type) {
    if (type == ScalarType::Decimal)
        return TypeHandle(duckdb_create_decimal_type(data::Decimal::kPrecision, data::Decimal::kScale));
    return TypeHandle(duckdb_create_logical_type(stored_type(type)));
}

std::string sql_type(ScalarType type, bool with_default) {
    if (type == ScalarType::Decimal)
        return fmt::format("DECIMAL({},{})", data::Decimal::kPrecision, data::Decimal::kScale);
    std::string name = name_of(stored_type(type));
    if (with_default && type == ScalarType::String)
        name += " DEFAULT ''";
    return name;
}

void write_guid(data::Guid guid, void* cells, std::size_t row) {
    // DuckDB flips the highest bit, so that its signed integers sort like the text.
    static_cast<duckdb_hugeint*>(cells)[row] = {.lower = guid.low,
                                                .upper = static_cast<std::int64_t>(guid.high ^ kSignBit)};
}

data::Guid read_guid(const void* cells, std::size_t row) {
    const duckdb_hugeint cell = static_cast<const duckdb_hugeint*>(cells)[row];
    return {.high = static_cast<std::uint64_t>(cell.upper) ^ kSignBit, .low = cell.lower};
}

void write_vector(const data::Column& column, std::size_t rows, duckdb_vector vector) {
    if (column.type() == ScalarType::Decimal && column.scale() != data::Decimal::kScale)
        return write_rescaled(column, rows, vector);
    void* cells = duckdb_vector_get_data(vector);
    if (column.type() == ScalarType::Guid)
        for (std::size_t row = 0; row < rows; ++row)
            write_guid(column.get<data::Guid>(row), cells, row);
    else
        std::memcpy(cells, bytes_of(column), rows * data::cell_size(column.type()));
    if (column.type() == ScalarType::String)
        return; // a string without value is "", and an unset cell is just that
    bool any_null = false;
    for (std::size_t word = 0; word * 64 < rows && !any_null; ++word)
        any_null = (~column.validity()[word] & rows_mask(rows, word)) != 0;
    if (any_null) {
        duckdb_vector_ensure_validity_writable(vector);
        std::memcpy(duckdb_vector_get_validity(vector), column.validity(), (rows + 63) / 64 * sizeof(std::uint64_t));
    }
}

Result<ResultReader> ResultReader::make(const RawResult& result, data::Schema types) {
    const std::size_t columns = result.columns();
    if (columns != types.size())
        return Error{ErrorCode::Internal,
                     fmt::format("a query was to give {} columns and gave {}", types.size(), columns)};
    ResultReader reader;
    for (std::size_t i = 0; i < columns; ++i) {
        const int type = result.column_type(i);
        if (!readable(types[i].type, type))
            return Error{ErrorCode::Internal,
                         fmt::format("column {} ('{}') of a query was to be {} ({}) and is {}", i + 1, types[i].name,
                                     data::to_string(types[i].type), sql_type(types[i].type), name_of(type))};
        Found found{type, type, 0};
        if (type == DUCKDB_TYPE_DECIMAL) {
            const TypeHandle logical = result.column_logical_type(i);
            found.physical = duckdb_decimal_internal_type(logical.get());
            found.scale = duckdb_decimal_scale(logical.get());
        }
        reader.found_.push_back(found);
    }
    reader.types_ = std::move(types);
    return reader;
}

Result<data::Chunk> ResultReader::read(duckdb_data_chunk chunk) const {
    const std::size_t rows = duckdb_data_chunk_get_size(chunk);
    if (rows > data::kChunkRows)
        return Error{ErrorCode::Internal, fmt::format("a chunk of {} rows is larger than {}", rows, data::kChunkRows)};
    data::Chunk out(types_);
    for (std::size_t i = 0; i < found_.size(); ++i)
        SLUICE_CHECK(read_column(i, duckdb_data_chunk_get_vector(chunk, i), rows, out));
    out.set_rows(rows);
    return out;
}

Result<> ResultReader::read_column(std::size_t index, duckdb_vector vector, std::size_t rows, data::Chunk& out) const {
    const Found& found = found_[index];
    data::Column& column = out.column(index);
    if (found.type == DUCKDB_TYPE_SQLNULL)
        return {};
    const void* cells = duckdb_vector_get_data(vector);
    const std::uint64_t* validity = duckdb_vector_get_validity(vector);
    const bool same_cells = found.type == stored_type(column.type()) &&
                            (found.type != DUCKDB_TYPE_DECIMAL || found.physical == DUCKDB_TYPE_HUGEINT);
    const bool floating = found.type == DUCKDB_TYPE_FLOAT || found.type == DUCKDB_TYPE_DOUBLE;
    if (column.type() == ScalarType::Decimal && !floating)
        column.set_scale(found.scale); // integers have none

    if (column.type() == ScalarType::String || column.type() == ScalarType::Dynamic) {
        const auto* texts = static_cast<const data::StringCell*>(cells);
        for (std::size_t row = 0; row < rows; ++row)
            if (bit(validity, row))
                column.set(row, out.arena().cell(texts[row].view()));
            else if (column.type() == ScalarType::String)
                column.set(row, data::StringCell());
        return {};
    }
    if (column.type() == ScalarType::Guid) {
        for (std::size_t row = 0; row < rows; ++row)
            if (bit(validity, row))
                column.set(row, read_guid(cells, row));
        return {};
    }
    if (same_cells) {
        std::memcpy(bytes_of(column), cells, rows * data::cell_size(column.type()));
        for (std::size_t word = 0; word * 64 < rows; ++word)
            column.validity()[word] = (validity ? validity[word] : ~std::uint64_t{0}) & rows_mask(rows, word);
        return {};
    }
    for (std::size_t row = 0; row < rows; ++row) {
        if (!bit(validity, row))
            continue;
        bool fits = true;
        if (column.type() == ScalarType::Real) {
            double value = 0;
            if (floating)
                value = floating_at(found.type, cells, row);
            else if (found.type == DUCKDB_TYPE_DECIMAL)
                value = static_cast<double>(integer_at(found.physical, cells, row)) / std::pow(10.0, found.scale);
            else
                value = static_cast<double>(integer_at(found.physical, cells, row));
            column.set(row, value);
        } else if (column.type() == ScalarType::Decimal) {
            if (!floating)
                column.set(row, data::Decimal{integer_at(found.physical, cells, row)});
            else if (const auto value = decimal_of(floating_at(found.type, cells, row)))
                column.set(row, *value);
        } else if (column.type() == ScalarType::Int) {
            std::int32_t value = 0;
            fits = narrow(integer_at(found.physical, cells, row), value);
            column.set(row, value);
        } else {
            std::int64_t value = 0;
            fits = narrow(integer_at(found.physical, cells, row), value);
            column.set(row, value);
        }
        if (!fits)
            return Error{ErrorCode::Invalid, fmt::format("a value of column '{}' does not fit the type {}",
                                                         types_[index].name, data::to_string(column.type()))};
    }
    return {};
}

} // namespace sluice::store
