#include "tests/core/store/sandbox.hpp"

namespace sluice::store {
namespace {

using namespace test;
using data::ScalarType;

ScalarFunction shout() {
    return {.name = "shout",
            .arguments = {ScalarType::String, ScalarType::Long},
            .result = ScalarType::String,
            .run = [](std::span<const FunctionInput> arguments, std::size_t rows, FunctionOutput& output) -> Result<> {
                for (std::size_t row = 0; row < rows; ++row) {
                    if (arguments[0].is_null(row)) {
                        output.set_text(row, "null seen");
                        continue;
                    }
                    if (arguments[1].is_null(row)) {
                        output.set_null(row);
                        continue;
                    }
                    std::string text;
                    for (std::int64_t i = 0; i < arguments[1].get<std::int64_t>(row); ++i)
                        text += arguments[0].text(row);
                    output.set_text(row, text);
                }
                return {};
            }};
}

ScalarFunction same_guid() {
    return {.name = "same_guid",
            .arguments = {ScalarType::Guid},
            .result = ScalarType::Guid,
            .run = [](std::span<const FunctionInput> arguments, std::size_t rows, FunctionOutput& output) -> Result<> {
                for (std::size_t row = 0; row < rows; ++row)
                    if (arguments[0].get<data::Guid>(row) == data::Guid{0xf123456789abcdefu, 0xfedcba9876543210u})
                        output.set(row, data::Guid{0xffffffffffffffffu, 1});
                    else
                        output.set_null(row);
                return {};
            }};
}

ScalarFunction count_arguments() {
    return {.name = "count_arguments",
            .arguments = {},
            .result = ScalarType::Long,
            .variadic = {ScalarType::Long},
            .run = [](std::span<const FunctionInput> arguments, std::size_t rows, FunctionOutput& output) -> Result<> {
                for (std::size_t row = 0; row < rows; ++row)
                    output.set(row, static_cast<std::int64_t>(arguments.size()));
                return {};
            }};
}

ScalarFunction refuse() {
    return {.name = "refuse",
            .arguments = {ScalarType::Decimal},
            .result = ScalarType::Bool,
            .run = [](std::span<const FunctionInput> arguments, std::size_t, FunctionOutput&) -> Result<> {
                if (arguments[0].get<data::Decimal>(0).units < 0)
                    return Error{ErrorCode::Invalid, "negative numbers are not taken"};
                return Error{ErrorCode::Invalid, "positive numbers are not taken"};
            }};
}

class Functions : public testing::Test {
protected:
    Sandbox sandbox_{"Harbor", {shout(), same_guid(), count_arguments(), refuse()}};
};

TEST_F(Functions, ComputeOverManyRows) {
    EXPECT_EQ(sandbox_.number(
                  "SELECT count(*) FROM range(10000) t(i) WHERE shout('ab', i % 20) = repeat('ab', (i % 20)::INTEGER)"),
              10000);
}

TEST_F(Functions, SeeNullsAndGiveNulls) {
    EXPECT_EQ(sandbox_.text("SELECT shout(NULL, 1)"), "null seen");
    EXPECT_EQ(sandbox_.number(
                  "SELECT count(*) FROM range(100) t(i) WHERE shout('a', CASE WHEN i % 2 = 0 THEN i END) IS NULL"),
              50);
}

TEST_F(Functions, TakeConstantsAsWellAsColumns) {
    EXPECT_EQ(sandbox_.text("SELECT shout('x', 3)"), "xxx");
    EXPECT_EQ(sandbox_.text("SELECT max(shout('x', i)) FROM range(3) t(i)"), "xx");
}

TEST_F(Functions, TakeAndGiveGuids) {
    EXPECT_EQ(sandbox_.text("SELECT same_guid('f1234567-89ab-cdef-fedc-ba9876543210'::UUID)::VARCHAR"),
              "ffffffff-ffff-ffff-0000-000000000001");
}

TEST_F(Functions, TakeAnyNumberOfArguments) {
    EXPECT_EQ(sandbox_.number("SELECT count_arguments(1, 2, 3)"), 3);
    EXPECT_EQ(sandbox_.number("SELECT count_arguments(1)"), 1);
}

TEST_F(Functions, EndTheQueryWithTheirError) {
    auto result = sandbox_.store().query("SELECT refuse((0 - i)::DECIMAL(38,18)) FROM range(1, 5) t(i)", {},
                                         {{{"b", ScalarType::Bool}}}, {});
    const Error error = result ? result->next().error() : result.error();
    EXPECT_EQ(error.code, ErrorCode::Invalid);
    EXPECT_NE(error.message.find("negative numbers are not taken"), std::string::npos) << error.message;
}

} // namespace
} // namespace sluice::store
