#include "core/app/commands/result_text.hpp"

#include "core/data/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace sluice::app {
namespace {

// Ordered, so that JSON output keeps the order of the columns.
using Json = nlohmann::ordered_json;

constexpr std::size_t kWidestCell = 100;

std::string dump(const Json& value) {
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string cell_text(const Json& value) {
    if (value.is_null())
        return {};
    return value.is_string() ? value.get<std::string>() : dump(value);
}

std::string row_count(const TextTable& table, const Style& style) {
    if (!style.terminal)
        return {};
    return fmt::format("({} {})\n", table.rows.size(), table.rows.size() == 1 ? "row" : "rows");
}

/// One line, and on a terminal not too long.
std::string flat(std::string_view text, bool cut) {
    std::string out;
    std::size_t width = 0;
    for (const char c : text) {
        const bool begins = (c & 0xC0) != 0x80;
        if (cut && begins && ++width > kWidestCell)
            return out + "…";
        if (c == '\n')
            out += "\\n";
        else if (c == '\r')
            out += "\\r";
        else if (c == '\t')
            out += "\\t";
        else
            out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f
                       ? '?'
                       : c; // no control sequence of a stored text reaches the terminal
    }
    return out;
}

std::string quoted(std::string_view text) {
    if (text.find_first_of(",\"\r\n") == std::string_view::npos)
        return std::string(text);
    std::string out = "\"";
    for (const char c : text) {
        out += c;
        if (c == '"')
            out += c;
    }
    return out + '"';
}

std::string escaped(std::string_view text) {
    std::string out;
    data::append_tsv_escaped(out, text);
    return out;
}

template <class Cell> std::string joined(const TextTable& table, char separator, Cell cell) {
    std::string out;
    for (std::size_t i = 0; i < table.columns.size(); ++i)
        out += (i == 0 ? std::string() : std::string(1, separator)) + cell(table.columns[i].name);
    out += '\n';
    for (const auto& row : table.rows) {
        for (std::size_t i = 0; i < row.size(); ++i)
            out += (i == 0 ? std::string() : std::string(1, separator)) + cell(row[i]);
        out += '\n';
    }
    return out;
}

bool is_number(const std::string& type) {
    return type == "int" || type == "long" || type == "real" || type == "decimal" || type == "timespan";
}

TextTable to_text(const Json& table) {
    TextTable text;
    for (const Json& column : table.at("Columns")) {
        const std::string type = column.value("ColumnType", "");
        text.columns.push_back({column.at("ColumnName").get<std::string>(), is_number(type), type});
    }
    for (const Json& row : table.at("Rows")) {
        if (!row.is_array())
            continue;
        auto& cells = text.rows.emplace_back();
        for (const Json& cell : row)
            cells.push_back(cell_text(cell));
        cells.resize(text.columns.size());
    }
    return text;
}

std::string to_objects(const Json& table) {
    std::string out = "[";
    for (const Json& row : table.at("Rows")) {
        if (!row.is_array())
            continue;
        Json object = Json::object();
        for (std::size_t i = 0; i < row.size() && i < table.at("Columns").size(); ++i)
            object[table.at("Columns")[i].at("ColumnName").get<std::string>()] = row[i];
        out += (out.size() == 1 ? "\n" : ",\n") + dump(object);
    }
    return out + (out.size() == 1 ? "]\n" : "\n]\n");
}

std::string render(const Json& table, std::string_view format, const Style& style) {
    if (format == "json")
        return to_objects(table);
    const TextTable text = to_text(table);
    return format == "csv" ? render_csv(text) : format == "tsv" ? render_tsv(text) : render_table(text, style);
}

/// The members of the one cell of the extended properties that say something.
Visualization visualization_of(const Json& tables) {
    Visualization how;
    if (tables.size() < 4)
        return how;
    for (const Json& row : tables[tables.size() - 3].at("Rows")) {
        if (!row.is_array() || row.empty() || !row[0].is_string())
            continue;
        const Json properties = Json::parse(row[0].get<std::string>(), nullptr, false);
        if (!properties.is_object())
            continue;
        for (const auto& [name, value] : properties.items())
            if (const std::string text = cell_text(value); !text.empty())
                how[name] = text;
    }
    return how;
}

/// How many of the tables are results: the contents come last, when there are any.
std::size_t result_count(const Json& tables) {
    if (tables.size() < 4)
        return tables.size();
    std::size_t results = 0;
    for (const Json& row : tables.back().at("Rows"))
        results += row.is_array() && row.size() > 1 && row[1] == "QueryResult" ? 1 : 0;
    return results;
}

Error not_from_a_bridge() {
    return {ErrorCode::Internal, "the server's answer is not what a bridge sends; is that a bridge?"};
}

/// A document taken apart.
struct Parsed {
    Json json;
    std::size_t results = 0;
    std::string failure;

    const Json& tables() const { return json.at("Tables"); }
};

Result<Parsed> parse(std::string_view document) {
    try {
        Parsed parsed{Json::parse(document), 0, {}};
        parsed.results = result_count(parsed.tables());
        if (parsed.json.contains("Exceptions")) {
            parsed.failure = cell_text(parsed.json["Exceptions"].at(0));
            // A failed answer may end before its contents; its first table is a result for sure.
            parsed.results = std::min(std::max<std::size_t>(parsed.results, 1), parsed.tables().size());
        }
        return parsed;
    } catch (const Json::exception&) {
        return not_from_a_bridge();
    }
}

} // namespace

std::size_t display_width(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string render_table(const TextTable& table, const Style& style) {
    std::vector<std::vector<std::string>> cells;
    std::vector<std::size_t> widths;
    for (const auto& column : table.columns)
        widths.push_back(display_width(column.name));
    for (const auto& row : table.rows) {
        auto& line = cells.emplace_back();
        for (std::size_t i = 0; i < row.size(); ++i) {
            line.push_back(flat(row[i], style.terminal));
            widths[i] = std::max(widths[i], display_width(line.back()));
        }
    }
    const auto padded = [&](const std::string& text, std::size_t i) {
        const std::string blanks(widths[i] - display_width(text), ' ');
        if (table.columns[i].right)
            return blanks + text;
        return i + 1 == widths.size() ? text : text + blanks;
    };
    std::string out, rule;
    for (std::size_t i = 0; i < widths.size(); ++i) {
        out += (i == 0 ? "" : "  ") + padded(table.columns[i].name, i);
        rule += (i == 0 ? "" : "  ") + std::string(widths[i], '-');
    }
    out = style.color ? "\x1b[1m" + out + "\x1b[0m\n\x1b[2m" + rule + "\x1b[0m\n" : out + '\n' + rule + '\n';
    for (const auto& line : cells) {
        for (std::size_t i = 0; i < line.size(); ++i)
            out += (i == 0 ? "" : "  ") + padded(line[i], i);
        out += '\n';
    }
    return out + row_count(table, style);
}

std::string render_csv(const TextTable& table) {
    return joined(table, ',', quoted);
}
std::string render_tsv(const TextTable& table) {
    return joined(table, '\t', escaped);
}

std::string render_vertical(const TextTable& table, const Style& style) {
    std::size_t width = 0;
    for (const auto& column : table.columns)
        width = std::max(width, display_width(column.name));
    std::string out;
    for (std::size_t row = 0; row < table.rows.size(); ++row) {
        const std::string head = fmt::format("-- row {} ", row + 1) + std::string(width, '-');
        out += style.color ? "\x1b[2m" + head + "\x1b[0m\n" : head + '\n';
        for (std::size_t i = 0; i < table.columns.size(); ++i) {
            const std::string& name = table.columns[i].name;
            const std::string blanks(width - display_width(name), ' ');
            const std::string cell = flat(table.rows[row][i], false);
            out += style.color ? "\x1b[1m" + name + "\x1b[0m" : name;
            out += cell.empty() ? "\n" : blanks + "  " + cell + '\n';
        }
    }
    return out + row_count(table, style);
}

Result<Results> read_v1(std::string_view document) {
    SLUICE_TRY(const Parsed parsed, parse(document));
    try {
        Results results;
        results.failure = parsed.failure;
        for (std::size_t i = 0; i < parsed.results; ++i)
            results.tables.push_back(to_text(parsed.tables()[i]));
        results.visualization = visualization_of(parsed.tables());
        return results;
    } catch (const Json::exception&) {
        return not_from_a_bridge();
    }
}

Result<Rendered> render_v1(std::string_view document, std::string_view format, const Style& style) {
    SLUICE_TRY(const Parsed parsed, parse(document));
    try {
        Rendered rendered{{}, parsed.failure};
        for (std::size_t i = 0; i < parsed.results; ++i)
            rendered.text += (i == 0 || format != "table" ? "" : "\n") + render(parsed.tables()[i], format, style);
        return rendered;
    } catch (const Json::exception&) {
        return not_from_a_bridge();
    }
}

Error error_of(const HttpResponse& response) {
    const Json json = Json::parse(response.body, nullptr, false);
    if (json.is_object() && json.contains("error") && json["error"].is_object()) {
        const Json& error = json["error"];
        return Error{response.status == 404   ? ErrorCode::Unsupported
                     : response.status == 413 ? ErrorCode::TooLarge
                                              : ErrorCode::Invalid,
                     error.value("@message", error.value("message", "")), error.value("code", "")};
    }
    return Error{ErrorCode::Internal, fmt::format("the server answered {} without an explanation", response.status)};
}

} // namespace sluice::app
