/// kql_eval [--sql | --plan] [--no-rewrites] [--tables FILE]: reads {"id", "query"} documents, one a line, from the
/// standard input and answers each with a line {"id", "tables": [...]} or {"id", "error"}. --sql shows the translation
/// instead of running it, --plan the columns of the result. --no-rewrites translates without optimisations. FILE holds
/// lines such as `.create-merge table T (a:long, b:string)`, for tables that start empty.

#include "tests/kql/query_database.hpp"

#include <fstream>
#include <iostream>

int main(int argc, char** argv) {
    using Json = nlohmann::ordered_json;
    sluice::testing::QueryDatabase database;
    bool sql = false, plan = false;
    for (int i = 1; i < argc; ++i) {
        const std::string_view option = argv[i];
        if (option == "--sql") {
            sql = true;
        } else if (option == "--plan") {
            plan = true;
        } else if (option == "--no-rewrites") {
            database.set_rewrites(false);
        } else if (option == "--tables" && i + 1 < argc) {
            std::ifstream file(argv[++i]);
            for (std::string line; std::getline(file, line);) {
                const std::size_t at = line.find(" table ");
                if (!line.starts_with(".create") || at == std::string::npos)
                    continue;
                if (const auto made = database.create_table(std::string_view(line).substr(at + 7)); !made)
                    std::cerr << made.error().message << '\n';
            }
        } else {
            std::cerr << "unknown option '" << option << "'; see the head of kql_eval.cpp\n";
            return 2;
        }
    }
    for (std::string line; std::getline(std::cin, line);) {
        const Json request = Json::parse(line, nullptr, false);
        if (!request.is_object() || !request.contains("query")) {
            std::cerr << "a line is no document with a query\n";
            return 2;
        }
        Json answer = {{"id", request.value("id", "")}};
        const std::string query = request["query"];
        if (sql) {
            const auto texts = database.translate(query);
            if (texts)
                answer["sql"] = *texts;
            else
                answer["error"] = texts.error().message;
        } else if (plan) {
            const auto columns = database.columns(query);
            if (columns)
                answer["columns"] = *columns;
            else
                answer["error"] = columns.error().message;
        } else {
            const auto result = database.run(query);
            if (result)
                answer.update(*result);
            else
                answer["error"] = result.error().message;
        }
        std::cout << answer.dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl;
    }
}
