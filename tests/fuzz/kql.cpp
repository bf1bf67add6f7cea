// The KQL front end: whatever the bytes are, compile() answers; what it accepts is one SELECT in which no text of the
// query has escaped its quotes; what it refuses has a place inside of the text.
#include "core/kql/kql.hpp"

#include "core/data/json_text.hpp"
#include "core/kql/parser.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <algorithm>
#include <cctype>
#include <memory>

namespace sluice::fuzz {
namespace {

using data::ScalarType;

/// Longer texts only take longer.
constexpr std::size_t kLongestText = 4096;

std::shared_ptr<const catalog::Table> table(catalog::TableId id, std::string name,
                                            std::vector<std::pair<std::string, ScalarType>> columns) {
    auto made = std::make_shared<catalog::Table>();
    made->id = id;
    made->name = std::move(name);
    catalog::ColumnId column = id * 100;
    for (auto& [column_name, type] : columns)
        made->columns.push_back({std::move(column_name), type, column++});
    return made;
}

catalog::Snapshot make_database(std::string name) {
    auto made = std::make_shared<catalog::Database>();
    made->name = std::move(name);
    const auto add = [&](std::shared_ptr<const catalog::Table> one) { made->tables[one->name] = std::move(one); };
    add(table(1, "T",
              {{"b", ScalarType::Bool},
               {"i", ScalarType::Int},
               {"l", ScalarType::Long},
               {"r", ScalarType::Real},
               {"e", ScalarType::Decimal},
               {"d", ScalarType::DateTime},
               {"t", ScalarType::TimeSpan},
               {"s", ScalarType::String},
               {"g", ScalarType::Guid},
               {"x", ScalarType::Dynamic}}));
    // Names that would mean something to SQL.
    add(table(2, "U'\"; --", {{"a\"b", ScalarType::String}, {"c'd", ScalarType::Long}, {"/*", ScalarType::Dynamic}}));
    add(table(3, "Empty", {}));
    made->functions["f"] = {.name = "f", .parameters = "(n:long=2)", .body = "{ T | where l > n | project l, s }"};
    made->functions["g"] = {.name = "g", .parameters = "(a:real, b:string)", .body = "{ strcat(b, a * 2) }"};
    made->functions["h"] = {.name = "h", .parameters = "(A:(l:long))", .body = "{ A | summarize sum(l) }"};
    made->functions["loop"] = {.name = "loop", .parameters = "()", .body = "{ loop() }"};
    return made;
}

kql::CompileOptions options_for(std::size_t way) {
    static const catalog::Snapshot database = make_database("D");
    static const std::unique_ptr<catalog::Catalog> catalogue = [] {
        auto made = std::make_unique<catalog::Catalog>();
        made->publish(database);
        made->publish(make_database("Other"));
        return made;
    }();
    kql::CompileOptions options;
    options.database = database;
    options.catalog = catalogue.get();
    options.now = kUnixEpochTicks;
    options.parameters = {{"n", "\"long(10)\""}, {"p", R"("O'\\'\"")"}};
    if (way == 1)
        options.extra_tables.push_back(
            {"New", "SELECT 1 AS a, 'x' AS b", {{{"a", ScalarType::Long}, {"b", ScalarType::String}}}});
    if (way == 2) // the columns that data gives are as hostile as names can be
        options.probe = [](const std::string&) -> Result<std::vector<std::string>> {
            return std::vector<std::string>{"a", "\"; --", "'", "\xC3\xA4", ""};
        };
    return options;
}

/// Whether the text is one statement once strings and quoted names are left out: balanced, without comments or ends.
bool is_one_statement(std::string_view sql) {
    long open = 0;
    for (std::size_t i = 0; i < sql.size(); ++i) {
        const char c = sql[i];
        const std::string_view two = sql.substr(i, 2);
        if (c == '\'' || c == '"') {
            const bool escapes = c == '\'' && i > 0 && (sql[i - 1] == 'E' || sql[i - 1] == 'e') &&
                                 (i == 1 || !std::isalnum(static_cast<unsigned char>(sql[i - 2])));
            for (++i; i < sql.size() && sql[i] != c; ++i)
                if (escapes && sql[i] == '\\')
                    ++i;
            if (i >= sql.size())
                return false;
        } else if (c == '(') {
            ++open;
        } else if (c == ')' && --open < 0) {
            return false;
        } else if (c == ';' || c == '\0' || two == "--" || two == "/*" || two == "$$") {
            return false;
        }
    }
    return open == 0;
}

bool same_columns(const data::Schema& left, const data::Schema& right) {
    return std::equal(left.columns.begin(), left.columns.end(), right.columns.begin(), right.columns.end(),
                      [](const auto& a, const auto& b) { return a.name == b.name && a.type == b.type; });
}

void check_plan(const kql::QueryPlan& plan, std::string_view text) {
    require(!plan.results.empty(), "a query has a result", text);
    for (const kql::ResultPlan& result : plan.results) {
        require(result.sql.starts_with("SELECT") || result.sql.starts_with("WITH") || result.sql.starts_with("(SELECT"),
                "a query becomes a SELECT", result.sql, text);
        require(is_one_statement(result.sql), "a query becomes one statement", result.sql, text);
        if (data::is_valid_utf8(text))
            require(data::is_valid_utf8(result.sql), "SQL is UTF-8", result.sql, text);
    }
}

void check_places(const std::vector<kql::Diagnostic>& found, std::string_view text) {
    std::size_t last = 0;
    for (const kql::Diagnostic& one : found) {
        require(one.offset <= text.size(), "an error is inside of the text", one.message, text);
        require(one.offset >= last, "errors are in the order of the text", one.message, text);
        require(one.line >= 1 && one.column >= 1, "lines and columns count from 1", one.message, text);
        require(!one.message.empty(), "an error says something", one.code, text);
        last = one.offset;
    }
}

void compile_query(std::string_view text, kql::CompileOptions options) {
    const auto plan = kql::compile(text, options);
    const auto found = kql::diagnose(text, options);
    require(plan.has_value() == found.empty(), "compile and diagnose agree", plan ? "compiled" : plan.error().message,
            text);
    check_places(found, text);
    if (!plan)
        return;
    check_plan(*plan, text);
    const auto again = kql::compile(text, options);
    require(again && again->results.back().sql == plan->results.back().sql, "the same text gives the same SQL", text);
    options.rewrites = false;
    const auto plain = kql::compile(text, options);
    require(plain.has_value(), "without rewrites a query compiles as well",
            plain ? std::string_view() : plain.error().message, text);
    require(plain->results.size() == plan->results.size(), "rewrites keep the results", text);
    for (std::size_t i = 0; i < plan->results.size(); ++i)
        require(same_columns(plain->results[i].schema, plan->results[i].schema), "rewrites keep the columns", text);
}

} // namespace

void fuzz_one(std::string_view input) {
    Choices choices(input);
    const std::size_t way = choices.next(4);
    const std::string_view text = choices.rest().substr(0, kLongestText);
    kql::is_command(text);
    if (way == 3) {
        try {
            kql::parse_parameters(text);
        } catch (const kql::Failure& failure) {
            require(failure.at <= text.size(), "an error is inside of the text", failure.message, text);
        }
        return;
    }
    compile_query(text, options_for(way));
}

} // namespace sluice::fuzz
