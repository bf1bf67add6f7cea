#pragma once

#include "core/base/result.hpp"
#include "core/data/schema.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::data {

enum class MappingKind : std::uint8_t { Csv, Json, Avro, ApacheAvro, Parquet, Orc, W3cLogFile };

/// "csv"; any format name is an alias of its kind ("tsv", "multijson"). Case-insensitive.
std::optional<MappingKind> parse_mapping_kind(std::string_view name);
/// As in `.show ... mappings`: "Csv", "Json".
std::string_view to_string(MappingKind kind);
/// Kinds that serve each other: Avro and ApacheAvro.
bool compatible(MappingKind a, MappingKind b);

/// Formats-and-mappings 9.3.
enum class Transform : std::uint8_t {
    None,
    PropertyBagArrayToDictionary,
    SourceLocation,
    SourceLineNumber,
    DropMappedFields,
    BytesAsBase64,
    DateTimeFromUnixSeconds,
    DateTimeFromUnixMilliseconds,
    DateTimeFromUnixMicroseconds,
    DateTimeFromUnixNanoseconds,
};

/// One element of a mapping as the user wrote it, normalised (formats-and-mappings 9.1).
struct MappingElement {
    std::string column;
    std::optional<ScalarType> datatype;
    std::optional<std::string> path;      ///< json, avro, parquet, orc
    std::optional<std::uint32_t> ordinal; ///< csv
    std::optional<std::string> field;     ///< w3clogfile, avro
    std::optional<std::string> const_value;
    Transform transform = Transform::None;
};

/// A mapping as it is stored in the catalogue.
struct Mapping {
    std::string name;
    MappingKind kind = MappingKind::Csv;
    std::vector<MappingElement> elements;
};

/// Reads the JSON of `.create ... ingestion ... mapping` in any documented form. BadRequest_InvalidMapping with the
/// element and the reason otherwise (formats-and-mappings 9.6).
Result<Mapping> parse_mapping(std::string name, MappingKind kind, std::string_view json);
/// Normalised JSON, `Column/DataType/Properties` form.
std::string to_json(const Mapping& mapping);

/// Columns that the mapping names with their type and that `schema` lacks, in the order of the mapping. Queued
/// ingestion appends them first; a batch for which there are any does not go the streaming way (data-connections 1.6
/// row 4).
std::vector<ColumnSchema> columns_to_add(const Mapping& mapping, const Schema& schema);

/// A mapping made ready for one table schema: column indexes resolved, paths parsed. Immutable, shared between threads.
class BoundMapping;
/// BadRequest_InconsistentMapping when an element names a column that the schema lacks or whose type does not fit.
Result<std::shared_ptr<const BoundMapping>> bind_mapping(const Mapping& mapping, const Schema& schema);

} // namespace sluice::data
