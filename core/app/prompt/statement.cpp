#include "core/app/prompt/statement.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace sluice::app {
namespace {

/// Statements that give no result: a query follows behind their ';'.
constexpr std::array<std::string_view, 5> kDefinitions = {"let", "set", "declare", "alias", "restrict"};

bool is_blank(std::string_view text) {
    return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

/// Reads a text once, from its beginning to its end.
class Reader {
public:
    explicit Reader(std::string_view text) : text_(text) {}

    OpenEnds read() {
        while (at_ < text_.size() && !ends_.inline_data && !ends_.in_string)
            step();
        return ends_;
    }

private:
    std::string_view rest() const { return text_.substr(at_); }

    void step() {
        const char c = text_[at_];
        if (std::isspace(static_cast<unsigned char>(c))) {
            ++at_;
        } else if (rest().starts_with("//")) {
            at_ = std::min(text_.find('\n', at_), text_.size());
        } else if (rest().starts_with("```") || rest().starts_with("~~~")) {
            fenced();
        } else if (c == '\'' || c == '"') {
            quoted(c);
        } else if (std::isalpha(static_cast<unsigned char>(c)) || c == '_') {
            word();
        } else {
            mark(c);
        }
    }

    void seen() {
        ends_.blank = ends_.pipe = ends_.semicolon = false;
        if (std::exchange(begins_, false))
            ends_.definition = false;
    }

    void fenced() {
        const std::string_view fence = text_.substr(at_, 3);
        seen();
        const std::size_t end = text_.find(fence, at_ + 3);
        ends_.in_string = end == std::string_view::npos;
        at_ = ends_.in_string ? text_.size() : end + 3;
    }

    void quoted(char quote) {
        const bool verbatim = at_ > 0 && text_[at_ - 1] == '@';
        seen();
        for (++at_; at_ < text_.size(); ++at_) {
            const char c = text_[at_];
            if (c == '\\' && !verbatim) {
                ++at_;
            } else if (c == '\n' && !verbatim) {
                return; // such a string ends with its line, closed or not
            } else if (c == quote) {
                ++at_;
                return;
            }
        }
        at_ = text_.size();
        ends_.in_string = verbatim;
    }

    void word() {
        const std::size_t begin = at_;
        while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) || text_[at_] == '_'))
            ++at_;
        const std::string_view word = text_.substr(begin, at_ - begin);
        const bool first = begins_;
        seen();
        if (first)
            ends_.definition = std::find(kDefinitions.begin(), kDefinitions.end(), word) != kDefinitions.end();
        is_ingest_ = is_ingest_ || (command_ && word == "inline");
    }

    void mark(char c) {
        const bool first = ends_.blank;
        if (rest().starts_with("<|") && is_ingest_) {
            ends_.inline_data = true;
            return;
        }
        const bool ends_statement = c == ';' && ends_.brackets <= 0;
        seen();
        command_ = command_ || (first && c == '.');
        ends_.brackets += c == '(' || c == '[' || c == '{' ? 1 : c == ')' || c == ']' || c == '}' ? -1 : 0;
        ends_.pipe = c == '|';
        ends_.semicolon = ends_statement;
        begins_ = ends_statement;
        ++at_;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    OpenEnds ends_;
    bool begins_ = true;     ///< the next thing is the first of a statement
    bool command_ = false;   ///< the text begins with '.'
    bool is_ingest_ = false; ///< of a command: the word inline was said
};

} // namespace

OpenEnds open_ends(std::string_view text) {
    return Reader(text).read();
}

bool StatementLines::add(std::string_view line) {
    if (line.ends_with('\r'))
        line.remove_suffix(1);
    const bool empty = is_blank(line);
    if (text_.empty() && empty)
        return false;
    text_ += line;
    text_ += '\n';
    empty_lines_ = empty ? empty_lines_ + 1 : 0;
    const OpenEnds ends = open_ends(text_);
    if (ends.blank)
        return empty;
    if (empty)
        return empty_lines_ >= 2 || !(ends.inside() || ends.pipe);
    return ends.semicolon && !ends.inside() && !ends.definition && !ends.inline_data;
}

std::string StatementLines::take() {
    std::string text = std::exchange(text_, {});
    empty_lines_ = 0;
    const std::size_t last = text.find_last_not_of(" \t\r\n");
    text.resize(last == std::string::npos ? 0 : last + 1);
    return open_ends(text).blank ? std::string() : text;
}

} // namespace sluice::app
