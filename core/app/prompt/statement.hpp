#pragma once

#include <string>
#include <string_view>

/// Where a statement ends that is typed line by line.
namespace sluice::app {

/// What a text of KQL, or of a command, leaves open at its end. Strings and comments are understood; nothing else has
/// to be right.
struct OpenEnds {
    bool blank = true;        ///< nothing but white space and comments
    bool in_string = false;   ///< inside of ``` or ~~~, or of @"...", which go on over lines
    int brackets = 0;         ///< ( [ { without their ends; negative when ends are too many
    bool pipe = false;        ///< the last thing is '|' or an operator that wants more
    bool semicolon = false;   ///< the last thing is ';' outside of brackets
    bool definition = false;  ///< the last statement begins with let, set, declare, ...: a query has to follow
    bool inline_data = false; ///< `.ingest inline ... <|`: what follows is data and no KQL

    bool inside() const { return in_string || brackets > 0; }
};
OpenEnds open_ends(std::string_view text);

/// Gathers the lines of one statement. A statement ends with a line that ends in ';', unless only definitions such as
/// `let` stand before it, or with an empty line. Neither counts inside of brackets and strings or behind '|', but a
/// second empty line always does, so that nobody gets caught in a bracket. Value.
class StatementLines {
public:
    /// The line is without its end. True: the statement is complete.
    bool add(std::string_view line);
    /// The text so far, without the empty lines behind it; empty when there is nothing to run.
    std::string take();
    bool empty() const { return text_.empty(); }
    const std::string& text() const { return text_; }

private:
    std::string text_;
    int empty_lines_ = 0;
};

} // namespace sluice::app
