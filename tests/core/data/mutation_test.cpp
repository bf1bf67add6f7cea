#include "core/data/json_text.hpp"
#include "tests/core/data/parsing.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <random>

// Sources that are slightly wrong in random places: nothing may crash, read out of bounds (under asan), or depend on
// where blocks end, and what is JSON must not depend on who asks.
namespace sluice::data {
namespace {

constexpr std::uint64_t kSeed = 20260201;
constexpr std::string_view kPieces[] = {
    "\"",   "'",    "\\",  "\\u00e4", "\\ud83d",      ",",    ":", "{", "}", "[", "]",  "\n",
    "\r\n", "\r",   "//",  "/*",      "*/",           "\t",   " ", "0", "-", ".", "e5", "tru",
    "true", "null", "NaN", "\xC3",    "\xE2\x82\xAC", "\xFF", "|", ";"};

std::string mutated(std::string text, std::mt19937_64& random) {
    for (std::uint64_t edits = 1 + random() % 3; edits > 0; --edits) {
        const std::size_t at = random() % (text.size() + 1);
        switch (random() % 4) {
        case 0:
            text.erase(at, 1 + random() % 3);
            break;
        case 1:
            text.insert(at, text.substr(at / 2, random() % 8));
            break;
        default:
            text.insert(at, kPieces[random() % std::size(kPieces)]);
        }
    }
    return text;
}

class Mutation : public testing::TestWithParam<Format> {};

TEST_P(Mutation, RowsDoNotDependOnTheBlocks) {
    constexpr std::string_view kTable = "a:string, b:int, c:dynamic, d:datetime, e:real";
    const bool json = mapping_kind(GetParam()) == MappingKind::Json;
    const std::string good =
        json ? "{\"a\":\"x\\n\xC3\xA4\",\"b\":12,\"c\":{\"k\":[1, "
               "2.50,true]},\"d\":\"2026-01-02T03:04:05Z\",\"e\":1.5e3}\n"
               "{ \"e\":-0.5 , \"zz\":[{\"a\":null}] , 'a' : 'it\\'s' } // c\n{\"a\":7,\"b\":\"8\"}\n"
             : "x,12,\"{\"\"k\"\":[1,2]}\",2026-01-02T03:04:05Z,1.5e3\n\"l1\nl2\",13,[1],2026-01-02,.5\r\n\n\"q\"\"q\","
               ",,,\n";
    std::mt19937_64 random(kSeed);
    for (int round = 0; round < 3000; ++round) {
        const std::string input = mutated(good, random);
        for (const bool mapped : {false, true}) {
            if (mapped && !json)
                continue;
            const test::Source source{.format = GetParam(),
                                      .table = kTable,
                                      .mapping = mapped
                                                     ? R"([{"Column":"a","Path":"$.c.k[1]"},{"Column":"c","Path":"$"},
                                          {"Column":"b","Transform":"SourceLineNumber"}])"
                                                     : "",
                                      .validation = ValidationPolicy{ValidationPolicy::Options::DoNotValidate, {}}};
            const std::string whole = test::parsed(source, input);
            const std::size_t block = 1 + random() % 40;
            ASSERT_EQ(test::parsed(source, input, block), whole)
                << "seed " << kSeed << " round " << round << " block " << block << "\n"
                << input;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Formats, Mutation,
                         testing::Values(Format::Csv, Format::Psv, Format::Tsve, Format::Txt, Format::Raw, Format::Json,
                                         Format::MultiJson, Format::SingleJson),
                         [](const auto& test) { return std::string(to_string(test.param)); });

TEST(Mutation, WhatIsJsonIsAgreedOn) {
    const std::string good = R"({"a":"x\nä\u00e4","b":[1,-2.5e3,0,true,false,null,{}],"c":{"d":"","e":[[]]}} )";
    std::mt19937_64 random(kSeed);
    std::size_t valid = 0;
    for (int round = 0; round < 20'000; ++round) {
        const std::string input = mutated(good, random);
        // Lone surrogates and bytes that are no UTF-8 are errors there and replaced here
        // (formats-and-mappings 2.2, 4.2).
        if (!is_valid_utf8(input) || input.find("\\ud") != std::string::npos)
            continue;
        const bool accepted = nlohmann::json::accept(input);
        const auto compact = minify_json(input);
        ASSERT_EQ(compact.has_value(), accepted) << input;
        if (!accepted)
            continue;
        ++valid;
        ASSERT_EQ(nlohmann::json::parse(*compact), nlohmann::json::parse(input)) << input;
        ASSERT_EQ(minify_json(*compact), compact) << input;
    }
    EXPECT_GT(valid, 1000u);
}

} // namespace
} // namespace sluice::data
