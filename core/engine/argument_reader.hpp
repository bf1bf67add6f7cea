#pragma once

#include "core/engine/command_lexer.hpp"
#include "core/engine/command_parser.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::engine {

/// Reads the arguments of a command, by kind, and notes what would have been accepted where it stopped. Internal to the
/// parser.
class ArgumentReader {
public:
    using Read = bool (ArgumentReader::*)(std::size_t& at, Argument& out);
    /// The reader of a kind of argument; null when there is no such kind.
    static Read find(std::string_view kind);

protected:
    explicit ArgumentReader(std::string_view text) : text_(text) {}

    /// Notes what would have been accepted at `offset`; the furthest place is what the user is told about.
    bool fail(std::size_t offset, std::string expected, std::string complaint = {}, std::string keyword = {});

    // The readers of the kinds. Each moves `at` behind what it read.

    bool symbol(char c, std::size_t& at, std::string_view meaning);

    bool name_text(std::size_t& at, std::string& out, bool wildcard);
    /// `['my table']`; the manuals also write `[my table]`.
    bool bracketed_name(std::size_t from, std::size_t& at, std::string& out);
    bool name(std::size_t& at, Argument& out);
    bool star(std::size_t& at, Argument& out);
    bool word(std::size_t& at, Argument& out);
    bool path_items(std::size_t& at, std::vector<std::string>& out);
    bool path(std::size_t& at, Argument& out);

    /// `( item, item )`.
    template <class Item> bool list(std::size_t& at, std::string_view meaning, Item item) {
        if (!symbol('(', at, meaning))
            return false;
        for (;;) {
            if (!item())
                return false;
            const Token token = next_token(text_, at);
            if (token.is(')')) {
                at = token.end;
                return true;
            }
            if (!token.is(','))
                return fail(at, "',' or ')'");
            at = token.end;
        }
    }
    bool names(std::size_t& at, Argument& out);

    bool literal_text(std::size_t& at, std::string& out);
    bool text(std::size_t& at, Argument& out);
    bool texts(std::size_t& at, Argument& out);
    /// One literal or a plain name. Not several literals: what follows a mapping's name is its JSON.
    bool label(std::size_t& at, Argument& out);

    bool column(std::size_t& at, std::vector<data::ColumnSchema>& out);
    bool columns(std::size_t& at, Argument& out);
    /// `A (x:int), B (y:string)`
    bool tables(std::size_t& at, Argument& out);
    /// `(c:'text', d:'text')`
    bool docs(std::size_t& at, Argument& out);
    /// `n1=[D.]T.c1, n2=[D.]T.c2`, `N=O ifexists, M=P`
    bool assignments(std::size_t& at, Argument& out);
    bool type_name(std::size_t& at, Argument& out);
    /// `version="v7.3"`
    bool version(std::size_t& at, Argument& out);
    /// A word that may hold '-' or '_', but is not `with`.
    bool keyword(std::size_t& at, Argument& out);

    /// Raw text of a property's value up to ',' or the closing bracket.
    bool property_value(std::size_t& at, std::string& out);
    bool properties(std::size_t& at, Argument& out);

    bool bracketed(char open, std::string_view meaning, std::size_t& at, Argument& out);
    bool parameters(std::size_t& at, Argument& out);
    bool body(std::size_t& at, Argument& out);

    /// Literals, or the raw text up to the end of the command.
    bool value(std::size_t& at, Argument& out);
    bool number(std::size_t& at, Argument& out);
    bool guid_text(std::size_t& at, std::string& out);
    bool guid(std::size_t& at, Argument& out);
    bool guids(std::size_t& at, Argument& out);
    /// `tags has 'x' and tags !contains 'y'`
    bool tag_filter(std::size_t& at, Argument& out);

    /// What stands behind `<|`, all of it.
    bool input(std::size_t& at, Argument& out);
    /// `[a,b] [c,d]`: raw text.
    bool records(std::size_t& at, Argument& out);
    bool anything(std::size_t& at, Argument& out);

    const std::string_view text_;
    Mismatch mismatch_;
};

} // namespace sluice::engine
