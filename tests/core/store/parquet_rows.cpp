/// parquet_rows: reads {"file", "table", "mapping", "strict"} documents, one a line, from the standard input and
/// answers each with a line: the rows of the file as a JSON string, or the reason why there are none.
#include "core/store/parquet.hpp"
#include "tests/core/data/parsing.hpp"

#include <nlohmann/json.hpp>

#include <fstream>
#include <iostream>
#include <sstream>

int main() {
    using namespace sluice;
    store::register_parquet();
    for (std::string line; std::getline(std::cin, line);) {
        const auto request = nlohmann::json::parse(line);
        const auto text = [&](const char* name) { return request.value(name, std::string()); };
        const std::string table = text("table"), mapping = text("mapping");
        std::ostringstream bytes;
        bytes << std::ifstream(text("file"), std::ios::binary).rdbuf();
        data::test::Source source{.format = data::Format::Parquet, .table = table, .mapping = mapping};
        source.strict = request.value("strict", false);
        std::cout << nlohmann::json(data::test::parsed(source, bytes.str())).dump() << '\n';
    }
}
