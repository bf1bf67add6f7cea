#pragma once

#include "core/app/http_types.hpp"
#include "core/base/result.hpp"

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

/// Results of the bridge as text for people and scripts.
namespace sluice::app {

struct TextTable {
    struct Column {
        std::string name;
        bool right = false;    ///< numbers stand to the right
        std::string type = {}; ///< "long"; empty: not known
    };
    std::vector<Column> columns;
    std::vector<std::vector<std::string>> rows;
};

struct Style {
    bool terminal = false; ///< long cells are cut to what can be read; a row count follows
    bool color = false;
};
std::string render_table(const TextTable& table, const Style& style);
/// A block for each row, a line for each cell: for rows that are wider than the terminal. Cells are whole.
std::string render_vertical(const TextTable& table, const Style& style);
/// With a head line; cells are quoted where RFC 4180 says so.
std::string render_csv(const TextTable& table);
/// With a head line; tabs, line breaks and backslashes are escaped.
std::string render_tsv(const TextTable& table);

/// How a result wants to be drawn, by the names of rest-api 5.1: "Visualization", "Title". Empty: as it likes.
using Visualization = std::map<std::string, std::string, std::less<>>;

/// What a V1 document holds for people: its results, without the tables about the request.
struct Results {
    std::vector<TextTable> tables;
    Visualization visualization;
    std::string failure; ///< what ended the answer early; empty: complete
};
/// The error of a document that no bridge sends.
Result<Results> read_v1(std::string_view document);

/// A V1 document, its results rendered as `format`: table, csv, tsv, json (one array of objects for each result).
/// The message of an error in it, or of an error document, becomes the error; what stands before it is in `rendered`.
struct Rendered {
    std::string text;
    std::string failure; ///< empty: complete
};
Result<Rendered> render_v1(std::string_view document, std::string_view format, const Style& style);

/// The error that an answer with a status other than 200 carries.
Error error_of(const HttpResponse& response);

/// Width of a text on a terminal: code points.
std::size_t display_width(std::string_view text);

} // namespace sluice::app
