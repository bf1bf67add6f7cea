// Mappings of every kind: what is accepted has a normal form that reads back as itself, binds to a table of its
// columns, and can be used.
#include "core/data/mapping.hpp"

#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/parse.hpp"

namespace sluice::fuzz {
namespace {

using data::MappingKind;

constexpr MappingKind kKinds[] = {MappingKind::Csv,        MappingKind::Json,    MappingKind::Avro,
                                  MappingKind::ApacheAvro, MappingKind::Parquet, MappingKind::Orc,
                                  MappingKind::W3cLogFile};

void use(const std::shared_ptr<const data::BoundMapping>& bound, const std::shared_ptr<const data::Schema>& schema,
         MappingKind kind) {
    const bool csv = kind == MappingKind::Csv;
    const auto parser =
        parser_of({.format = csv ? data::Format::Csv : data::Format::MultiJson, .schema = schema, .mapping = bound});
    const std::string_view source =
        csv ? "x,1,\"{\"\"a\"\":1}\",1700000000.5\ny,,,\n"
            : R"({"a":{"b":[1,{"c":"x"}],"":2},"l":[{"k":1},{"k":2}],"t":1700000000,"x y":"z"} {"a":[],"t":"x"})";
    const std::string whole = outcome_of(*parser, schema, source, 0, {.location = "kafka://c/t/0/1"});
    require_equal(outcome_of(*parser, schema, source, 7, {.location = "kafka://c/t/0/1"}), whole,
                  "rows do not depend on blocks");
}

} // namespace

void fuzz_one(std::string_view input) {
    Choices choices(input);
    const MappingKind kind = kKinds[choices.next(std::size(kKinds))];
    const auto mapping = data::parse_mapping("M", kind, choices.rest());
    if (!mapping) {
        require_equal(mapping.error().reason, "BadRequest_InvalidMapping", "a mapping is refused with this code");
        return;
    }
    const std::string normal = data::to_json(*mapping);
    const auto again = data::parse_mapping("M", kind, normal);
    require(again.has_value(), "the normal form is accepted", normal, again ? "" : again.error().message);
    require_equal(data::to_json(*again), normal, "the normal form reads back as itself");

    auto schema = std::make_shared<data::Schema>();
    for (const data::MappingElement& element : mapping->elements)
        schema->columns.push_back({element.column, element.datatype.value_or(data::ScalarType::String)});
    require(data::columns_to_add(*mapping, *schema).empty(), "a table with all columns lacks none");
    const auto bound = data::bind_mapping(*mapping, *schema);
    require(bound.has_value(), "a mapping binds to a table of its columns", normal, bound ? "" : bound.error().message);
    if (kind == MappingKind::Csv || kind == MappingKind::Json)
        use(*bound, schema, kind);
}

} // namespace sluice::fuzz
