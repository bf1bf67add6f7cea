#pragma once

#include "core/app/http_types.hpp"
#include "core/base/result.hpp"

#include <string>
#include <string_view>
#include <vector>

/// Results of the bridge as text for people and scripts.
namespace sluice::app {

struct TextTable {
    struct Column {
        std::string name;
        bool right = false; ///< numbers stand to the right
    };
    std::vector<Column> columns;
    std::vector<std::vector<std::string>> rows;
};

struct Style {
    bool terminal = false; ///< long cells are cut to what can be read; a row count follows
    bool color = false;
};
std::string render_table(const TextTable& table, const Style& style);
/// With a head line; cells are quoted where RFC 4180 says so.
std::string render_csv(const TextTable& table);
/// With a head line; tabs, line breaks and backslashes are escaped.
std::string render_tsv(const TextTable& table);

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
