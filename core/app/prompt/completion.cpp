#include "core/app/prompt/completion.hpp"

#include "core/kql/kql.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <set>

namespace sluice::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 7> kSources = {"datatable", "find",  "print", "range",
                                                      "search",    "table", "union"};
constexpr std::array<std::string_view, 5> kStatements = {"alias", "declare", "let", "restrict", "set"};
/// Words behind which a table is expected.
constexpr std::array<std::string_view, 6> kBeforeTable = {"from", "in", "join", "lookup", "table", "union"};

bool is_word(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || (c & 0x80) != 0;
}
bool is_space(char c) {
    return std::isspace(static_cast<unsigned char>(c)) != 0;
}

/// As KQL wants it: ['two words'].
std::string written(const std::string& name) {
    const bool plain = !name.empty() && !std::isdigit(static_cast<unsigned char>(name[0])) &&
                       std::all_of(name.begin(), name.end(), [](char c) { return is_word(c) && (c & 0x80) == 0; });
    if (plain)
        return name;
    std::string out = "['";
    for (const char c : name) {
        if (c == '\'' || c == '\\')
            out += '\\';
        out += c;
    }
    return out + "']";
}

/// The text as words, marks and strings, without comments; strings are left out but for their place.
struct Token {
    std::string_view text;
    bool is_name = false;
};
struct Tokens {
    std::vector<Token> list;
    bool in_string = false; ///< the text ends inside of a string or a comment
};

Tokens tokens_of(std::string_view text) {
    Tokens tokens;
    for (std::size_t at = 0; at < text.size();) {
        const char c = text[at];
        std::size_t end = at + 1;
        if (is_space(c)) {
            at = end;
            continue;
        }
        if (text.substr(at).starts_with("//")) {
            end = text.find('\n', at);
            tokens.in_string = end == std::string_view::npos;
        } else if (c == '\'' || c == '"') {
            while (end < text.size() && text[end] != c && text[end] != '\n')
                end += text[end] == '\\' ? 2 : 1;
            tokens.in_string = end >= text.size();
            tokens.list.push_back({text.substr(at, 1)});
            ++end;
        } else if (is_word(c)) {
            while (end < text.size() && is_word(text[end]))
                ++end;
            tokens.list.push_back({text.substr(at, end - at), true});
        } else {
            tokens.list.push_back({text.substr(at, 1)});
        }
        if (end >= text.size())
            break;
        at = end;
    }
    return tokens;
}

/// Names that the text gives values to: `x = ...`, and columns of `summarize` that were named so.
std::vector<std::string_view> defined_names(const Tokens& tokens) {
    std::vector<std::string_view> names;
    const auto& list = tokens.list;
    for (std::size_t i = 0; i + 1 < list.size(); ++i) {
        const bool compares = i + 2 < list.size() && (list[i + 2].text == "=" || list[i + 2].text == "~");
        if (list[i].is_name && list[i + 1].text == "=" && !compares)
            names.push_back(list[i].text);
    }
    return names;
}

class Choices {
public:
    explicit Choices(std::string_view start) : start_(start) {}

    void add(std::string_view name) {
        if (name.starts_with(start_))
            exact_.emplace(name);
        else if (fits_without_case(name))
            loose_.emplace(name);
    }
    template <class Names> void add_all(const Names& names) {
        for (const auto& name : names)
            add(name);
    }
    void add_functions(const std::vector<std::string>& names) {
        for (const std::string& name : names)
            add(name + "(");
    }
    std::vector<std::string> take() const {
        const auto& chosen = exact_.empty() ? loose_ : exact_;
        return {chosen.begin(), chosen.end()};
    }

private:
    bool fits_without_case(std::string_view name) const {
        const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
        return name.size() >= start_.size() && std::equal(start_.begin(), start_.end(), name.begin(),
                                                          [&](char a, char b) { return lower(a) == lower(b); });
    }

    std::string_view start_;
    std::set<std::string> exact_, loose_;
};

void add_tables(Choices& choices, const DatabaseNames& names) {
    for (const DatabaseNames::Table& table : names.tables)
        choices.add(written(table.name));
    for (const std::string& function : names.functions)
        choices.add(written(function));
}

void add_columns(Choices& choices, const Tokens& tokens, std::string_view text, const DatabaseNames& names) {
    const auto is_named = [&](const DatabaseNames::Table& table) {
        return std::any_of(tokens.list.begin(), tokens.list.end(),
                           [&](const Token& token) { return token.is_name && token.text == table.name; }) ||
               text.find(written(table.name)) != std::string_view::npos;
    };
    for (const DatabaseNames::Table& table : names.tables)
        if (is_named(table))
            for (const std::string& column : table.columns)
                choices.add(written(column));
    choices.add_all(defined_names(tokens));
}

void add_expression(Choices& choices, const Tokens& tokens, std::string_view text, const DatabaseNames& names) {
    const kql::Vocabulary& words = kql::vocabulary();
    add_columns(choices, tokens, text, names);
    choices.add_functions(words.functions);
    choices.add_functions(words.aggregates);
    choices.add_all(words.string_operators);
    choices.add_functions(names.functions);
    for (const std::string_view word : {"and", "asc", "between", "by", "desc", "in", "kind", "on", "or", "step"})
        choices.add(word);
}

/// Where the word begins that the text ends in. Behind '|' a '-' belongs to it, as in mv-expand.
std::size_t word_begin(std::string_view text) {
    std::size_t begin = text.size();
    while (begin > 0 && is_word(text[begin - 1]))
        --begin;
    std::size_t with_dashes = begin;
    while (with_dashes > 0 && (is_word(text[with_dashes - 1]) || text[with_dashes - 1] == '-'))
        --with_dashes;
    std::size_t before = with_dashes;
    while (before > 0 && is_space(text[before - 1]))
        --before;
    return before > 0 && text[before - 1] == '|' ? with_dashes : begin;
}

template <std::size_t size> bool is_one_of(const std::array<std::string_view, size>& words, std::string_view word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

} // namespace

Result<DatabaseNames> read_names(std::string_view schema_json, std::string_view database) {
    try {
        const Json schema = Json::parse(schema_json);
        const Json& databases = schema.at("Databases");
        DatabaseNames names;
        for (const auto& [name, content] : databases.items())
            names.databases.push_back(name);
        if (names.databases.empty())
            return names;
        names.database = databases.contains(database) ? std::string(database) : names.databases.front();
        const Json& chosen = databases.at(names.database);
        for (const auto& [name, table] : chosen.at("Tables").items()) {
            auto& added = names.tables.emplace_back();
            added.name = name;
            for (const Json& column : table.at("OrderedColumns"))
                added.columns.push_back(column.at("Name").get<std::string>());
        }
        for (const auto& [name, function] : chosen.at("Functions").items())
            names.functions.push_back(name);
        return names;
    } catch (const Json::exception&) {
        return Error{ErrorCode::Internal, "the server's schema is not what a bridge sends"};
    }
}

Completion complete(std::string_view text, const DatabaseNames& names) {
    Completion completion;
    completion.begin = word_begin(text);
    const Tokens tokens = tokens_of(text.substr(0, completion.begin));
    Choices choices(text.substr(completion.begin));
    const auto behind = [&](std::size_t back) {
        return tokens.list.size() < back ? std::string_view() : tokens.list[tokens.list.size() - back].text;
    };
    if (tokens.in_string) {
        // Only database("... is known to want a name.
        if ((behind(1) == "\"" || behind(1) == "'") && behind(2) == "(" && behind(3) == "database")
            choices.add_all(names.databases);
    } else if (behind(1) == "|") {
        choices.add_all(kql::vocabulary().operators);
    } else if (behind(1).empty() || behind(1) == ";") {
        add_tables(choices, names);
        choices.add_all(kSources);
        choices.add_all(kStatements);
    } else if (behind(1) == "evaluate") {
        choices.add_functions(kql::vocabulary().plugins);
    } else if (is_one_of(kBeforeTable, behind(1)) || (behind(1) == "(" && is_one_of(kBeforeTable, behind(2)))) {
        add_tables(choices, names);
        if (behind(1) == "in")
            add_columns(choices, tokens, text, names);
    } else if (behind(1) == "render") {
        for (const std::string_view chart : {"barchart", "columnchart", "linechart", "piechart", "table", "timechart"})
            choices.add(chart);
    } else {
        add_expression(choices, tokens, text, names);
        if (tokens.list.front().text == "." || behind(1) == "=" || behind(1) == "(")
            add_tables(choices, names);
    }
    completion.choices = choices.take();
    return completion;
}

std::string common_start(const std::vector<std::string>& choices) {
    if (choices.empty())
        return {};
    std::string_view start = choices.front();
    for (const std::string& choice : choices)
        start = start.substr(
            0, static_cast<std::size_t>(std::mismatch(start.begin(), start.end(), choice.begin(), choice.end()).first -
                                        start.begin()));
    return std::string(start);
}

} // namespace sluice::app
