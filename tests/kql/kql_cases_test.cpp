#include "tests/kql/query_database.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <ostream>

namespace sluice::testing {
namespace {

/// One case of a *.test file; README.md describes the format.
struct Case {
    std::string file, name, query, columns, error;
    std::vector<std::string> rows;
    bool ordered = false;
    std::vector<std::string> setup;
    std::map<std::string, std::string> parameters; ///< JSON texts
    friend std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.file << ": " << c.name; }
};

std::vector<Case> load(const std::filesystem::path& path) {
    std::vector<Case> cases;
    std::vector<std::string> setup;
    std::ifstream file(path);
    bool in_query = false;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("== ")) {
            cases.push_back({.file = path.stem().string(), .name = line.substr(3), .setup = setup});
            in_query = true;
        } else if (cases.empty()) {
            if (line.starts_with("table ") || line.starts_with("function "))
                setup.push_back(line);
        } else if (line.starts_with("->")) {
            cases.back().ordered = line.starts_with("->>");
            cases.back().columns =
                line.substr(std::min(line.size(), cases.back().ordered ? std::size_t{4} : std::size_t{3}));
            in_query = false;
        } else if (line.starts_with("!! ")) {
            cases.back().error = line.substr(3);
            in_query = false;
        } else if (in_query && line.starts_with("@ ") && cases.back().query.empty()) {
            const std::size_t equals = line.find(" = ");
            cases.back().parameters[line.substr(2, equals - 2)] = line.substr(equals + 3);
        } else if (in_query) {
            cases.back().query += line + "\n";
        } else if (!line.empty() && !line.starts_with('#')) {
            cases.back().rows.push_back(line);
        }
    }
    return cases;
}

std::vector<Case> all_cases() {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator("tests/kql"))
        if (entry.path().extension() == ".test")
            files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    std::vector<Case> cases;
    for (const auto& file : files)
        for (Case& one : load(file))
            cases.push_back(std::move(one));
    return cases;
}

std::string shown(const nlohmann::ordered_json& cell) {
    if (cell.is_null())
        return "null";
    if (cell.is_string())
        return cell.get<std::string>().empty() ? "\"\"" : cell.get<std::string>();
    return cell.dump();
}

class KqlCase : public ::testing::TestWithParam<Case> {
protected:
    /// The database of the file, made by its first case.
    static QueryDatabase& database(const Case& of) {
        static std::string file;
        static std::unique_ptr<QueryDatabase> open;
        if (!open || file != of.file) {
            open = std::make_unique<QueryDatabase>();
            file = of.file;
            for (const std::string& line : of.setup) {
                if (line.starts_with("table ")) {
                    const auto made = open->create_table(std::string_view(line).substr(6));
                    EXPECT_TRUE(made) << made.error().message;
                } else {
                    const std::size_t begin = line.find('('), equals = line.find(" = ");
                    open->add_function(line.substr(9, begin - 9), line.substr(begin, equals - begin),
                                       line.substr(equals + 3));
                }
            }
        }
        return *open;
    }
};

TEST_P(KqlCase, AnswersAsWritten) {
    const Case& expected = GetParam();
    const auto answer = database(expected).run(expected.query, expected.parameters);
    if (!expected.error.empty()) {
        ASSERT_FALSE(answer) << answer->dump();
        EXPECT_NE(answer.error().message.find(expected.error), std::string::npos) << answer.error().message;
        return;
    }
    ASSERT_TRUE(answer) << answer.error().message;
    const auto& table = (*answer)["tables"].back();
    std::string columns;
    for (const auto& column : table["columns"])
        columns += fmt::format("{}{}:{}", columns.empty() ? "" : ", ", column["ColumnName"].get<std::string>(),
                               column["ColumnType"].get<std::string>());
    EXPECT_EQ(columns, expected.columns);
    std::vector<std::string> rows;
    for (const auto& row : table["rows"]) {
        std::string text;
        for (const auto& cell : row)
            text += (text.empty() ? "" : " | ") + shown(cell);
        rows.push_back(text);
    }
    std::vector<std::string> wanted = expected.rows;
    if (!expected.ordered) {
        std::sort(rows.begin(), rows.end());
        std::sort(wanted.begin(), wanted.end());
    }
    EXPECT_EQ(rows, wanted);
}

INSTANTIATE_TEST_SUITE_P(Kql, KqlCase, ::testing::ValuesIn(all_cases()));

} // namespace
} // namespace sluice::testing
