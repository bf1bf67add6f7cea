// 10,000 random tables written as delimited text and as JSON lines: what we read is what DuckDB's readers read.
//
// Where the rules of formats-and-mappings differ from DuckDB's, the tables leave the case out or the query makes it
// equal:
//   - an empty text is "" here and NULL there, so texts are compared with NULL as ""
//   - a lone CR ends a line there and is data here, so a field with CR is quoted; so is one with a quote inside
//   - texts with NUL bytes and texts that are no UTF-8 are left out
//   - a value that does not fit is null here and an error there, so there all columns are texts, put through TRY_CAST
//   - 5.0, 1e3 and 1_000 are integers there and null here; 0x10 is one here only
//   - datetime keeps 100 ns in the years 1 to 9999 here, a TIMESTAMPTZ microseconds: at most six digits (a TIMESTAMP
//     leaves the zone out)
//   - timespan is read as a TIME there: no days, no sign
//   - JSON: comments, single quotes, NaN and repeated names differ; a decimal as a JSON number goes through a double
//   there, so
//     decimals are texts
#include "core/data/format.hpp"
#include "core/data/json_text.hpp"
#include "core/data/text.hpp"
#include "tests/core/data/differential/duckdb_reader.hpp"
#include "tests/core/data/shown.hpp"
#include "tests/support/temporary_folder.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <random>

namespace sluice::data {
namespace {

using enum ScalarType;

constexpr std::uint64_t kSeed = 20260311;
constexpr std::size_t kTables = 10'000;
/// Tables of one schema lie in one file for DuckDB, which would otherwise spend its time on opening files.
constexpr std::size_t kTablesOfASchema = 40;
constexpr ScalarType kTypes[] = {Bool,     Int,    Long, Real,    Decimal, DateTime,
                                 TimeSpan, String, Guid, Dynamic, String,  Long};

class Random {
public:
    explicit Random(std::uint64_t seed) : engine_(seed) {}

    std::uint64_t bits() { return engine_(); }
    std::size_t below(std::size_t limit) { return engine_() % limit; }
    bool one_in(std::size_t n) { return below(n) == 0; }
    std::int64_t integer(unsigned most_bits) {
        const auto magnitude = static_cast<std::int64_t>(bits() >> (64 - 1 - below(most_bits)));
        return one_in(2) ? magnitude : -magnitude;
    }
    template <std::size_t N> std::string_view pick(const std::string_view (&list)[N]) { return list[below(N)]; }

private:
    std::mt19937_64 engine_;
};

/// A cell as it stands in delimited text before quoting, and in JSON.
struct Cell {
    std::string text;
    std::string json; ///< empty: the member is missing
};

std::string random_text(Random& random) {
    static constexpr std::string_view kPieces[] = {"a",
                                                   "Z",
                                                   "07",
                                                   " ",
                                                   "  ",
                                                   "\"",
                                                   "\"\"",
                                                   "'",
                                                   ",",
                                                   ";",
                                                   "|",
                                                   "\t",
                                                   "\n",
                                                   "\r\n",
                                                   "\\",
                                                   "\\n",
                                                   "/",
                                                   "{",
                                                   "}",
                                                   "[",
                                                   "]",
                                                   ":",
                                                   "\xC3\xA4",
                                                   "\xE2\x82\xAC",
                                                   "null",
                                                   "x,y",
                                                   "\x01",
                                                   "#",
                                                   "//",
                                                   "-",
                                                   "=",
                                                   "\r",
                                                   "NaN",
                                                   "\xF0\x9F\x98\x80",
                                                   "a long piece of text that needs the arena"};
    std::string text;
    for (std::size_t pieces = random.one_in(4) ? 0 : random.below(6); pieces > 0; --pieces)
        text += random.pick(kPieces);
    return text;
}

/// As a JSON string, with more escapes than are needed.
std::string json_string(std::string_view text, Random& random) {
    if (random.one_in(2)) {
        std::string out;
        append_json_string(out, text);
        return out;
    }
    return nlohmann::json(text).dump(-1, ' ', true);
}

std::string random_json(Random& random, int depth) {
    switch (random.below(depth > 3 ? 4 : 6)) {
    case 0:
        return std::to_string(random.integer(40));
    case 1:
        return json_string(random_text(random), random);
    case 2:
        return random.one_in(2) ? "true" : "null";
    case 3:
        return fmt::format("{}", static_cast<double>(random.integer(20)) / 64);
    case 4: {
        std::string out = "[";
        for (std::size_t i = random.below(4); i > 0; --i)
            out += random_json(random, depth + 1) + (i > 1 ? ", " : "");
        return out + "]";
    }
    default: {
        std::string out = "{";
        for (std::size_t i = random.below(4); i > 0; --i)
            out += fmt::format("\"k{}\" : {}{}", i, random_json(random, depth + 1), i > 1 ? "," : "");
        return out + "}";
    }
    }
}

Cell quoted(std::string text, Random& random) {
    std::string json = json_string(text, random);
    return {std::move(text), std::move(json)};
}

std::string random_time(Random& random) {
    std::string text = fmt::format("{:02}:{:02}:{:02}", random.below(24), random.below(60), random.below(60));
    if (random.one_in(2))
        text += fmt::format(".{:0{}}", random.below(10), 1 + random.below(6));
    return text;
}

std::string random_datetime(Random& random) {
    static constexpr std::string_view kZones[] = {"", "Z", "+00:00", "+02:00", "-11:30"};
    const std::string date = fmt::format("{:04}-{:02}-{:02}", 1 + random.below(random.one_in(2) ? 9998 : 2300),
                                         1 + random.below(12), 1 + random.below(28));
    if (random.one_in(5))
        return date;
    return date + (random.one_in(2) ? "T" : " ") + random_time(random) + std::string(random.pick(kZones));
}

std::string random_real(Random& random) {
    const double value = static_cast<double>(random.integer(53)) / std::pow(2.0, static_cast<double>(random.below(60)));
    switch (random.below(4)) {
    case 0:
        return fmt::format("{:.17g}", value);
    case 1:
        return fmt::format("{:e}", value);
    case 2:
        return fmt::format("{}.{}e{}", random.integer(62), random.below(1'000'000), random.integer(8));
    default:
        return fmt::format("{}", value);
    }
}

Cell random_value(ScalarType type, Random& random) {
    const auto same = [](std::string text) { return Cell{text, text}; };
    switch (type) {
    case Bool:
        return same(random.one_in(2) ? "true" : "false");
    case Int:
        return same(std::to_string(random.integer(31)));
    case Long:
        return same(std::to_string(random.integer(63)));
    case Real:
        return same(random_real(random));
    case Decimal:
        return quoted(fmt::format("{}.{:0{}}", random.integer(59), random.below(1'000'000), 6 + random.below(10)),
                      random);
    case DateTime:
        return quoted(random_datetime(random), random);
    case TimeSpan:
        return quoted(random_time(random), random);
    case Guid:
        return quoted(format_guid({random.bits(), random.bits()}), random);
    case String:
        return quoted(random_text(random), random);
    case Dynamic:
        break;
    }
    return same(random_json(random, 0));
}

/// Mostly a value; else missing, null, or in delimited text something that no type takes.
Cell random_cell(ScalarType type, Random& random) {
    static constexpr std::string_view kMisfits[] = {"abc", "12x",  "1.2.3",    "--1",      "2026-13-01",
                                                    "1e",  "0b1.", "74be27de", "25:00:00", "maybe"};
    if (random.one_in(8))
        return {"", random.one_in(2) ? "null" : ""};
    Cell cell = random_value(type, random);
    if (type != String && type != Dynamic && random.one_in(8))
        cell.text = random.pick(kMisfits);
    return cell;
}

struct Dialect {
    Format format;
    char delimiter;
    std::string_view line_end;
};

std::string delimited_field(std::string_view text, const Dialect& dialect, bool always, Random& random) {
    if (!always && !random.one_in(4) &&
        text.find_first_of(std::string("\"\r\n") + dialect.delimiter) == std::string_view::npos)
        return std::string(text);
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"')
            out += '"';
        out += c;
    }
    return out + "\"";
}

/// One schema, the texts of its tables, and the rows we make of them.
struct Group {
    Schema schema;
    Dialect dialect;
    std::string delimited, json;
    std::vector<std::string> delimited_rows, json_rows;
};

void append_rows(std::vector<std::string>& out, Format format, const Schema& schema, std::string_view text) {
    auto shared = std::make_shared<const Schema>(schema);
    const auto parser = make_parser({.format = format, .schema = shared});
    Rows rows(shared);
    (*parser)->begin();
    ASSERT_TRUE((*parser)->feed(text, false, rows)) << text;
    const auto outcome = (*parser)->finish(rows);
    ASSERT_TRUE(outcome) << outcome.error().message << "\n" << text;
    for (const Chunk& chunk : rows.chunks()) {
        for (std::size_t row = 0; row < chunk.rows(); ++row) {
            std::string cells;
            for (std::size_t i = 0; i < chunk.columns(); ++i)
                cells += test::shown(chunk.column(i), row) + "\x1f";
            out.push_back(std::move(cells));
        }
    }
}

void add_table(Group& group, Random& random) {
    std::string delimited, json;
    const std::size_t width = group.schema.size();
    for (std::size_t rows = 1 + random.below(8); rows > 0; --rows) {
        std::string members;
        std::vector<std::string> fields;
        for (std::size_t i = 0; i < width; ++i) {
            const Cell cell = random_cell(group.schema[i].type, random);
            // A line with nothing on it would be no record.
            fields.push_back(delimited_field(cell.text, group.dialect, width == 1, random));
            if (!cell.json.empty())
                members += fmt::format("{}\"c{}\"{}:{}{}", members.empty() ? "" : ",", i, random.one_in(4) ? " " : "",
                                       random.one_in(4) ? "\t" : "", cell.json);
        }
        if (random.one_in(4))
            members += fmt::format("{}\"extra\":{}", members.empty() ? "" : " , ", random_json(random, 2));
        delimited += fmt::format("{}{}", fmt::join(fields, std::string_view(&group.dialect.delimiter, 1)),
                                 group.dialect.line_end);
        json += fmt::format("{{{}}}{}", members, group.dialect.line_end);
    }
    append_rows(group.delimited_rows, group.dialect.format, group.schema, delimited);
    append_rows(group.json_rows, Format::Json, group.schema, json);
    group.delimited += delimited;
    group.json += json;
}

Group random_group(Random& random) {
    static constexpr Dialect kDialects[] = {{Format::Csv, ',', "\n"},
                                            {Format::Csv, ',', "\r\n"},
                                            {Format::Tsv, '\t', "\n"},
                                            {Format::Psv, '|', "\n"},
                                            {Format::Scsv, ';', "\r\n"}};
    Group group;
    group.dialect = kDialects[random.below(std::size(kDialects))];
    for (std::size_t i = 0, width = 1 + random.below(7); i < width; ++i)
        group.schema.columns.push_back({fmt::format("c{}", i), kTypes[random.below(std::size(kTypes))]});
    for (std::size_t i = 0; i < kTablesOfASchema; ++i)
        add_table(group, random);
    return group;
}

std::string duckdb_value(const ColumnSchema& column) {
    const std::string& name = column.name;
    switch (column.type) {
    case Bool:
        return fmt::format("TRY_CAST({} AS BOOLEAN)", name);
    case Int:
        return fmt::format("TRY_CAST({} AS INTEGER)", name);
    case Long:
        return fmt::format("TRY_CAST({} AS BIGINT)", name);
    case Real:
        return fmt::format("TRY_CAST({} AS DOUBLE)", name);
    case Decimal:
        return fmt::format("CAST(TRY_CAST({} AS DECIMAL(38,18)) AS VARCHAR)", name);
    case DateTime:
        return fmt::format("epoch_us(TRY_CAST({} AS TIMESTAMPTZ))", name);
    case TimeSpan:
        return fmt::format("epoch_us(TRY_CAST({} AS TIME))", name);
    case Guid:
        return fmt::format("CAST(TRY_CAST({} AS UUID) AS VARCHAR)", name);
    case String:
        return fmt::format("coalesce({}, '')", name);
    case Dynamic:
        break;
    }
    return fmt::format("CAST({} AS VARCHAR)", name);
}

std::string json_type(ScalarType type) {
    switch (type) {
    case Bool:
        return "BOOLEAN";
    case Int:
        return "INTEGER";
    case Long:
        return "BIGINT";
    case Real:
        return "DOUBLE";
    case Dynamic:
        return "JSON";
    default:
        return "VARCHAR";
    }
}

std::string without_zeros(std::string text) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.')
        text.pop_back();
    return text == "-0" ? "0" : text;
}

/// DuckDB's cell in our words.
std::string in_our_words(ScalarType type, const std::string& cell) {
    if (cell == "null" && type != String)
        return cell;
    switch (type) {
    case Decimal:
        return without_zeros(cell);
    case DateTime:
        return format_datetime(kUnixEpochTicks + std::stoll(cell) * kTicksPerMicrosecond);
    case TimeSpan:
        return format_timespan(std::stoll(cell) * kTicksPerMicrosecond);
    case Dynamic: {
        const auto compact = minify_json(cell);
        return compact ? *compact : "null";
    }
    default:
        return cell;
    }
}

/// Numbers inside of dynamic values are kept as they stand here and rewritten there.
bool same_cell(ScalarType type, const std::string& ours, const std::string& theirs) {
    if (type != Dynamic || ours == "null" || theirs == "null")
        return ours == theirs;
    return nlohmann::json::parse(ours, nullptr, false) == nlohmann::json::parse(theirs, nullptr, false);
}

/// Adds the number of cells that hold a value to `compared`.
void compare(std::size_t& compared, const Group& group, const std::vector<std::string>& ours,
             const std::vector<std::vector<std::string>>& theirs, const char* what) {
    ASSERT_EQ(ours.size(), theirs.size()) << what;
    for (std::size_t row = 0; row < ours.size(); ++row) {
        std::string_view rest = ours[row];
        for (std::size_t i = 0; i < group.schema.size(); ++i) {
            const std::size_t end = rest.find('\x1f');
            const std::string cell(rest.substr(0, end));
            rest.remove_prefix(end + 1);
            const ScalarType type = group.schema[i].type;
            const std::string expected = in_our_words(type, theirs[row][i]);
            compared += cell != "null" && !cell.empty();
            ASSERT_TRUE(same_cell(type, cell, expected))
                << what << ", row " << row << ", column of type " << to_string(type) << ":\n  ours   " << cell
                << "\n  DuckDB " << expected << " (" << theirs[row][i] << ")";
        }
    }
}

void write(const std::filesystem::path& file, const std::string& text) {
    std::ofstream out(file, std::ios::binary);
    out << text;
    ASSERT_TRUE(out.flush().good()) << file;
}

void compare_with_duckdb(std::size_t& compared, sluice::test::DuckDbReader& duckdb, const Group& group,
                         const std::filesystem::path& folder) {
    std::vector<std::string> texts, types, values;
    for (const ColumnSchema& column : group.schema.columns) {
        texts.push_back(fmt::format("'{}':'VARCHAR'", column.name));
        types.push_back(fmt::format("'{}':'{}'", column.name, json_type(column.type)));
        values.push_back(duckdb_value(column));
    }
    const std::filesystem::path delimited = folder / "table.txt", json = folder / "table.json";
    ASSERT_NO_FATAL_FAILURE(write(delimited, group.delimited));
    ASSERT_NO_FATAL_FAILURE(write(json, group.json));
    const char* const line_end = group.dialect.line_end == "\n" ? "\\n" : "\\r\\n";
    ASSERT_NO_FATAL_FAILURE(compare(
        compared, group, group.delimited_rows,
        duckdb.rows(fmt::format(
            "SELECT {} FROM read_csv('{}', auto_detect=false, header=false, delim='{}', quote='\"', escape='\"', "
            "new_line='{}', columns={{{}}})",
            fmt::join(values, ", "), delimited.string(), group.dialect.delimiter, line_end, fmt::join(texts, ", "))),
        "delimited"));
    ASSERT_NO_FATAL_FAILURE(
        compare(compared, group, group.json_rows,
                duckdb.rows(fmt::format("SELECT {} FROM read_json('{}', format='newline_delimited', columns={{{}}})",
                                        fmt::join(values, ", "), json.string(), fmt::join(types, ", "))),
                "json"));
}

TEST(Differential, RowsAreThoseOfDuckDbsReaders) {
    RecordProperty("seed", std::to_string(kSeed));
    Random random(kSeed);
    const sluice::test::TemporaryFolder folder;
    sluice::test::DuckDbReader duckdb;
    std::size_t compared = 0;
    for (std::size_t tables = 0; tables < kTables; tables += kTablesOfASchema) {
        SCOPED_TRACE(fmt::format("seed {}, tables from {} on", kSeed, tables));
        const Group group = random_group(random);
        ASSERT_FALSE(HasFatalFailure());
        ASSERT_NO_FATAL_FAILURE(compare_with_duckdb(compared, duckdb, group, folder.path()));
    }
    EXPECT_GT(compared, 200'000u) << "the tables hold too few values to say anything";
}

} // namespace
} // namespace sluice::data
