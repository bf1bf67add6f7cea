#pragma once

#include "core/base/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

/// What could be typed next.
namespace sluice::app {

/// Names that a database offers.
struct DatabaseNames {
    struct Table {
        std::string name;
        std::vector<std::string> columns;
    };
    std::string database;
    std::vector<Table> tables;
    std::vector<std::string> functions; ///< stored ones
    std::vector<std::string> databases; ///< of the server
};
/// From the text that `.show schema as json` answers; of the database of that name, or of the first one. Internal: it
/// is no such text.
Result<DatabaseNames> read_names(std::string_view schema_json, std::string_view database);

struct Completion {
    std::size_t begin = 0;            ///< where the word begins that is to be replaced
    std::vector<std::string> choices; ///< what it may become, sorted; functions come with their '('
};
/// For the end of `text`, a statement as far as it is written. Operators behind '|', tables at the beginning of a
/// query, databases inside of database("..."), else columns of the tables that the text names, names that it defines
/// itself, functions and string operators. Case matters when a name fits with it.
Completion complete(std::string_view text, const DatabaseNames& names);

/// What all choices begin with.
std::string common_start(const std::vector<std::string>& choices);

} // namespace sluice::app
