// parquet: whatever a file holds, reading it gives rows or a permanent error, the same each time, and an intact file is
// read all the same afterwards. What is mutated is a file itself; a plain choice of the table comes first.
#include "core/store/parquet.hpp"

#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/parse.hpp"

#include <string>

namespace sluice::fuzz {
namespace {

using data::Format;
using data::ScalarType;

const auto kTable = one_of_each_type();
constexpr std::string_view kMapping =
    R"([{"Column":"c","Path":"$"},{"Column":"a","Path":"$.a"},{"Column":"b","Path":"$.c[0]"},{"Column":"i","Path":"$.c.k"},
        {"Column":"d","Path":"$.i","Transform":"DateTimeFromUnixMilliseconds"},{"Column":"f","ConstValue":"1.5"}])";

/// A file with the texts "x" and null in column a.
constexpr std::string_view kIntact =
    "504152311500151615162c15041500150615061c00000002000000030101000000781504192c35001806736368656d611502"
    "00150c250218016125004c1c0000001604191c191c26001c150c192506001918016115001604163c163c2608491c15001500"
    "1502003c1602190619260202000000163c16042608163c002820706172717565742d6370702d6172726f772076657273696f"
    "6e2032362e302e31191c1c0000008200000050415231";

std::string bytes_of(std::string_view digits) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
        bytes += static_cast<char>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16));
    return bytes;
}

const bool kRegistered = [] {
    store::register_parquet();
    return true;
}();

} // namespace

void fuzz_one(std::string_view input) {
    Choices choices(input);
    data::ParserOptions options{.format = Format::Parquet, .schema = kTable};
    if (choices.next(2) == 1)
        options.mapping = *data::bind_mapping(*data::parse_mapping("M", data::MappingKind::Parquet, kMapping), *kTable);
    options.max_content = 4_MiB;
    const std::string_view file = choices.rest();

    const auto parser = parser_of(options);
    const std::string whole = outcome_of(*parser, options.schema, file, 0);
    require_equal(outcome_of(*parser, options.schema, file, 100), whole, "rows do not depend on blocks");

    const data::ParserOptions plain{
        .format = Format::Parquet,
        .schema = std::make_shared<const data::Schema>(data::Schema{{{"a", ScalarType::String}}})};
    static const std::string intact = bytes_of(kIntact);
    require_equal(outcome_of(*parser_of(plain), plain.schema, intact, 0),
                  "(x) () malformed 0 nulled 0 truncated 0 adjusted 0", "an intact file is read whatever came before");
}

} // namespace sluice::fuzz
