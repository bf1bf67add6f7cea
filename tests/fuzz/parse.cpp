#include "tests/fuzz/parse.hpp"

#include "core/data/json_text.hpp"
#include "tests/core/data/shown.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <memory>

namespace sluice::fuzz {
namespace {

void check_cells(const data::Rows& rows) {
    for (const data::Chunk& chunk : rows.chunks()) {
        for (std::size_t i = 0; i < chunk.columns(); ++i) {
            const data::Column& column = chunk.column(i);
            for (std::size_t row = 0; row < chunk.rows(); ++row) {
                if (column.type() == data::ScalarType::String)
                    require(data::is_valid_utf8(column.text(row)), "texts are UTF-8", column.text(row));
                else if (column.type() == data::ScalarType::Dynamic && !column.is_null(row))
                    require_equal(data::minify_json(column.text(row), data::JsonDialect::Strict).value_or("no JSON"),
                                  column.text(row), "dynamic cells are compact JSON");
            }
        }
    }
}

} // namespace

std::string outcome_of(data::Parser& parser, const std::shared_ptr<const data::Schema>& schema, std::string_view bytes,
                       std::size_t block, const data::SourceFacts& facts) {
    data::Rows rows(schema);
    const auto failed = [](const Error& error) {
        require(error.permanent() && !error.reason.empty(), "errors of data are permanent and have a reason",
                error.message, error.reason);
        return error.reason;
    };
    parser.begin(facts);
    const std::size_t step = block == 0 ? bytes.size() + 1 : block;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
        const std::string_view piece = bytes.substr(at, step);
        // Memory of its own and of exactly this size: what is read beyond it or kept by reference shows under the
        // sanitizers.
        const std::unique_ptr<char[]> exact(new char[piece.size()]);
        piece.copy(exact.get(), piece.size());
        if (const auto fed = parser.feed({exact.get(), piece.size()}, false, rows); !fed)
            return failed(fed.error());
    }
    const auto outcome = parser.finish(rows);
    if (!outcome)
        return failed(outcome.error());
    require(outcome->rows == rows.size() && outcome->rows > 0, "a source that succeeds has rows, and they are counted");
    check_cells(rows);
    std::string refused;
    for (const data::RefusedRecord& record : parser.take_refused())
        refused += " [" + std::to_string(record.number) + ":" + record.text + ":" + record.why + "]";
    return data::test::shown(rows) + " malformed " + std::to_string(outcome->malformed) + " nulled " +
           std::to_string(outcome->nulled) + " truncated " + std::to_string(outcome->truncated) + " adjusted " +
           std::to_string(outcome->adjusted) + refused;
}

std::shared_ptr<const data::Schema> one_of_each_type() {
    using data::ScalarType;
    return std::make_shared<const data::Schema>(data::Schema{{{"a", ScalarType::String},
                                                              {"b", ScalarType::Int},
                                                              {"c", ScalarType::Dynamic},
                                                              {"d", ScalarType::DateTime},
                                                              {"e", ScalarType::Real},
                                                              {"f", ScalarType::Decimal},
                                                              {"g", ScalarType::Guid},
                                                              {"h", ScalarType::TimeSpan},
                                                              {"i", ScalarType::Long},
                                                              {"j", ScalarType::Bool}}});
}

std::unique_ptr<data::Parser> parser_of(data::ParserOptions options) {
    auto parser = data::make_parser(std::move(options));
    require(parser.has_value(), "the options of the target are right", parser ? "" : parser.error().message);
    return std::move(*parser);
}

} // namespace sluice::fuzz
