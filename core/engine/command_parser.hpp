#pragma once

#include "core/base/result.hpp"
#include "core/data/schema.hpp"

#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// From the text of a management command to the arguments of a pattern. Patterns are written as users read them:
///
///     create|create-merge table <table:path> <columns:columns> [ with <with:properties> ]
///
/// `a|b` is a choice of keywords, `[ ... ]` may be left out, `<name:kind>` is an argument. See kKinds in the .cpp for
/// the kinds.
namespace sluice::engine {

/// `with (name = value, ...)`.
struct Property {
    std::string name, value;
};
class Properties {
public:
    void add(Property property) { list_.push_back(std::move(property)); }
    /// By name, case-insensitively; null when not given.
    const std::string* find(std::string_view name) const;
    std::optional<std::string> get(std::string_view name) const;
    /// True for `name = true`, `name = 'true'`; false when not given. Anything else is an error that names the
    /// property.
    Result<bool> flag(std::string_view name) const;
    /// Refuses any property that is not among `names`.
    Result<> only(std::initializer_list<std::string_view> names) const;
    const std::vector<Property>& list() const { return list_; }

private:
    std::vector<Property> list_;
};

struct TableDeclaration {
    std::string name;
    std::vector<data::ColumnSchema> columns;
};
struct Assignment {
    std::string name;
    std::vector<std::string> path; ///< dotted name, or one literal
};

/// The value of one argument; which member is set follows from its kind.
struct Argument {
    std::string text;               ///< names, literals, raw text
    std::vector<std::string> items; ///< parts of a path, members of a list
    std::vector<data::ColumnSchema> columns;
    std::vector<TableDeclaration> tables;
    std::vector<Assignment> assignments;
    Properties properties;
    bool literal = false;           ///< kind value: written as string literals
    std::size_t begin = 0, end = 0; ///< bytes of the command's text
};

class Arguments {
public:
    /// A keyword of the pattern that the user wrote: for choices and optional words.
    bool said(std::string_view word) const { return words_.count(word) != 0; }
    bool has(std::string_view name) const { return values_.count(name) != 0; }
    /// The argument, or an empty one when an optional argument was left out.
    const Argument& get(std::string_view name) const;
    const std::string& text(std::string_view name) const { return get(name).text; }
    const Properties& properties() const { return get("with").properties; }

private:
    friend class Matcher;
    std::set<std::string, std::less<>> words_;
    std::map<std::string, Argument, std::less<>> values_;
};

/// A pattern made ready for matching.
class Pattern {
public:
    explicit Pattern(std::string_view text);

    struct Element {
        enum class Kind { Keywords, Open, Close, Argument } kind = Kind::Close;
        std::vector<std::string> words; ///< of Keywords
        std::string name, type;         ///< of Argument
        std::size_t close = 0;          ///< of Open: index of its Close
    };
    const std::vector<Element>& elements() const { return elements_; }
    /// What users are shown: ".show table T details".
    std::string display() const;

private:
    std::vector<Element> elements_;
};

/// How far a text got in a pattern and what was expected there.
struct Mismatch {
    std::size_t offset = 0;
    std::vector<std::string> expected; ///< "'table'", "a name", ...
    std::string complaint;             ///< a better sentence than "expected ...", when there is one
    std::string keyword;               ///< a keyword that was expected, for finding the nearest command
};

struct Match {
    Arguments arguments;
    /// The query behind the first top-level '|', or the statement behind ';' that begins with $command_results.
    std::optional<std::size_t> pipe; ///< offset of the '|' or ';'
};

/// Matches the whole text (which begins with '.') against one pattern.
std::variant<Match, Mismatch> match(const Pattern& pattern, std::string_view text);

/// "Syntax error: SYN0002: <what> [line:position=1:7]": 400 General_BadRequest.
Error syntax_error(std::string_view text, std::size_t offset, const std::string& what);

} // namespace sluice::engine
