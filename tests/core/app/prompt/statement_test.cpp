#include "core/app/prompt/statement.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace sluice::app::test {
namespace {

/// How many of the lines it takes until the statement is complete; 0: it is not.
std::size_t lines_until_complete(const std::vector<std::string>& lines) {
    StatementLines statement;
    for (std::size_t i = 0; i < lines.size(); ++i)
        if (statement.add(lines[i]))
            return i + 1;
    return 0;
}

TEST(Statement, EndsWhereItsTextSays) {
    struct Case {
        const char* name;
        std::vector<std::string> lines;
        std::size_t complete_after;
    };
    const std::vector<Case> cases = {
        {"a semicolon at the end of a line", {"T | count;"}, 1},
        {"blanks and a comment behind it", {"T | count ;  // done"}, 1},
        {"an empty line", {"T", "| count", ""}, 3},
        {"a line of blanks", {"T | count", "  \t"}, 2},
        {"empty lines before it do not count", {"", "", "T;"}, 3},
        {"no end yet", {"T", "| count"}, 0},
        {"a pipe goes on over one empty line", {"T |", "", "count;"}, 3},
        {"an open bracket goes on over a semicolon", {"let f = () { T;", "};", "f;"}, 3},
        {"an open bracket goes on over one empty line", {"T | where (a", "", "or b);"}, 3},
        {"a second empty line ends whatever is open", {"T | where (a", "", ""}, 3},
        {"let wants a query", {"let x = 5;", "print x;"}, 2},
        {"all definitions want a query", {"set notruncation; declare query_parameters(a:long);", "print a;"}, 2},
        {"an empty line ends definitions too", {"let x = 5;", ""}, 2},
        {"a query before a let is not the last statement", {"print 1; let x = 1;", "print x;"}, 2},
        {"a semicolon in a string", {"print ';'", "| take 1;"}, 2},
        {"a semicolon in a comment", {"T // one;", "| count;"}, 2},
        {"a fenced string goes on over lines", {"print ```a;", "", "b```;"}, 3},
        {"a verbatim string goes on over lines", {"print @'a;", "b';"}, 2},
        {"a plain string ends with its line", {"print 'a", "| take 1;"}, 2},
        {"an escaped quote does not end a string", {"print 'a\\';' ", "| take 1;"}, 2},
        {"a command", {".show tables;"}, 1},
        {"a command with a query behind it", {".set T <| print 1;"}, 1},
        {"inline data may end in semicolons", {".ingest inline into table T <|", "1,a;", "2,(;", ""}, 4},
        {"a table that is called like a definition", {"lettuce | count;"}, 1},
    };
    for (const Case& one : cases)
        EXPECT_EQ(lines_until_complete(one.lines), one.complete_after) << one.name;
}

TEST(Statement, IsHandedOutWithoutWhatStandsBehindIt) {
    StatementLines statement;
    EXPECT_FALSE(statement.add("T\r"));
    EXPECT_TRUE(statement.add(""));
    EXPECT_EQ(statement.take(), "T");
    EXPECT_TRUE(statement.empty());
}

TEST(Statement, OfCommentsAloneIsNothingToRun) {
    StatementLines statement;
    EXPECT_FALSE(statement.add("// only a note"));
    EXPECT_TRUE(statement.add(""));
    EXPECT_EQ(statement.take(), "");
}

} // namespace
} // namespace sluice::app::test
