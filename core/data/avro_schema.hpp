#pragma once

#include "core/base/result.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Internal to core/data: the schema that an Avro container carries (formats-and-mappings 5).
namespace sluice::data {

struct AvroType {
    enum class Kind : std::uint8_t {
        Null,
        Boolean,
        Int,
        Long,
        Float,
        Double,
        Bytes,
        String,
        Fixed,
        Enum,
        Array,
        Map,
        Record,
        Union
    };
    /// What a value means beyond its form; only the format apacheavro asks for it.
    enum class Logical : std::uint8_t {
        None,
        Decimal,
        Uuid,
        Date,
        TimeMillis,
        TimeMicros,
        TimestampMillis,
        TimestampMicros,
        TimestampNanos,
        Duration
    };
    struct Field {
        std::string name;
        const AvroType* type;
    };

    Kind kind = Kind::Null;
    Logical logical = Logical::None;
    std::uint32_t size = 0; ///< of a fixed
    int scale = 0;          ///< of a decimal
    std::vector<std::string> symbols = {};
    std::vector<Field> fields = {};
    const AvroType* items = nullptr; ///< of an array, values of a map
    std::vector<const AvroType*> branches = {};
};

/// Owns its types; they may refer to each other in circles.
class AvroSchema {
public:
    /// BadRequest_InvalidBlob with the place when it is no schema.
    static Result<AvroSchema> parse(std::string_view json);

    const AvroType& root() const { return *root_; }

private:
    friend class AvroSchemaReader;

    std::vector<std::unique_ptr<AvroType>> types_;
    const AvroType* root_ = nullptr;
};

} // namespace sluice::data
