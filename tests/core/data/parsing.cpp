#include "tests/core/data/parsing.hpp"

#include <gtest/gtest.h>

namespace sluice::data::test {

Schema schema(std::string_view table) {
    Schema result;
    while (!table.empty()) {
        const std::size_t colon = table.find(':');
        const std::size_t comma = std::min(table.find(','), table.size());
        const auto type = parse_scalar_type(table.substr(colon + 1, comma - colon - 1));
        EXPECT_TRUE(type) << table;
        result.columns.push_back({std::string(table.substr(0, colon)), *type});
        table.remove_prefix(std::min(comma + 1, table.size()));
        while (table.starts_with(' '))
            table.remove_prefix(1);
    }
    return result;
}

std::unique_ptr<Parser> parser(const Source& source) {
    ParserOptions options{.format = source.format,
                          .schema = std::make_shared<const Schema>(schema(source.table)),
                          .mapping = nullptr,
                          .ignore_first_record = source.ignore_first_record,
                          .validation = source.validation,
                          .encoding = std::string(source.encoding),
                          .max_record = source.max_record,
                          .max_values = source.max_values,
                          .max_content = source.max_content,
                          .strict = source.strict};
    if (!source.mapping.empty()) {
        const auto mapping = parse_mapping("M", mapping_kind(source.format), source.mapping);
        EXPECT_TRUE(mapping) << mapping.error().message;
        auto bound = bind_mapping(*mapping, *options.schema);
        EXPECT_TRUE(bound) << bound.error().message;
        options.mapping = *bound;
    }
    auto made = make_parser(std::move(options));
    EXPECT_TRUE(made) << made.error().message;
    return std::move(*made);
}

std::string parsed(const Source& source, std::string_view bytes, std::size_t block) {
    const auto parser = test::parser(source);
    Rows rows(std::make_shared<const Schema>(schema(source.table)));
    const auto mark = rows.mark();
    const auto failed = [&](const Error& error) {
        EXPECT_TRUE(error.permanent()) << error.message;
        // Clients retry through the queue when a text holds one of these (spec engine 1.7).
        for (const std::string_view word : {"off", "schema", "update policy", "incompatible"})
            EXPECT_EQ(error.message.find(word), std::string::npos) << error.message;
        rows.rewind(mark);
        EXPECT_EQ(rows.size(), 0u);
        return error.reason;
    };
    parser->begin({.location = source.location, .embedded = source.embedded});
    const std::size_t step = block == 0 ? std::max<std::size_t>(bytes.size(), 1) : block;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
        // A copy of its own for each block: what is read beyond it or kept by reference shows under the sanitizers.
        const std::vector<char> copy(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                                     bytes.begin() + static_cast<std::ptrdiff_t>(std::min(at + step, bytes.size())));
        if (const auto fed = parser->feed({copy.data(), copy.size()}, false, rows); !fed)
            return failed(fed.error());
    }
    const auto outcome = parser->finish(rows);
    if (!outcome)
        return failed(outcome.error());
    EXPECT_EQ(outcome->rows, rows.size());
    std::string out = shown(rows);
    const auto count = [&](const char* what, std::uint64_t value) {
        if (value != 0)
            out += std::string(" ") + what + " " + std::to_string(value);
    };
    count("malformed", outcome->malformed);
    count("nulled", outcome->nulled);
    count("truncated", outcome->truncated);
    count("adjusted", outcome->adjusted);
    count("refused", outcome->refused);
    for (const RefusedRecord& record : parser->take_refused())
        out += " [" + std::to_string(record.number) + ":" + record.text + "]";
    return out;
}

} // namespace sluice::data::test
