#pragma once

#include "core/data/json_text.hpp"
#include "core/data/number_parts.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Internal to core/data: the one lexer of the JSON formats (formats-and-mappings 4.2).
/// It is ours and not simdjson, which takes neither the extensions of the formats nor a sparing look at what no column
/// takes: every line it refused would go through a second lexer, and both would have to agree. bench/format_bench shows
/// what that costs.
namespace sluice::data {

/// Objects and arrays inside each other; more is a syntax error.
constexpr int kMaxJsonDepth = 256;

/// A string or name as it stands in the text, without its quotes.
struct JsonString {
    std::string_view raw;
    bool plain = true; ///< nothing to unescape, and valid between double quotes as it is
    bool ascii = true;
};

/// A number, NaN or an infinity.
struct JsonNumber {
    std::string_view text;
    NumberParts parts;
    bool finite = true;
};

/// Walks over JSON text token by token. Every function that fails says why in `problem` and leaves `at` where it
/// happened. Does not own the text; copies nothing.
class JsonReader {
public:
    /// `readable` is the end of the memory that may be read (not used) beyond `end`; it saves the careful last bytes.
    JsonReader(const char* begin, const char* end, const char* readable, JsonDialect dialect)
        : at_(begin), end_(end), readable_(readable), relaxed_(dialect == JsonDialect::Relaxed) {}
    explicit JsonReader(std::string_view text, JsonDialect dialect = JsonDialect::Relaxed)
        : JsonReader(text.data(), text.data() + text.size(), text.data() + text.size(), dialect) {}

    const char* at() const { return at_; }
    bool done() const { return at_ == end_; }
    /// The next byte; 0 at the end.
    char peek() const { return at_ == end_ ? '\0' : *at_; }
    bool eat(char c) {
        if (at_ == end_ || *at_ != c)
            return false;
        ++at_;
        return true;
    }

    /// Steps over white space and comments.
    bool space() {
        if (at_ != end_ && static_cast<unsigned char>(*at_) > ' ' && *at_ != '/')
            return true;
        return slow_space();
    }
    /// At a quote of either kind.
    bool string(JsonString& out);
    bool at_string() const { return peek() == '"' || (relaxed_ && peek() == '\''); }
    /// At '-', a digit, 'N' or 'I'.
    bool number(JsonNumber& out);
    /// At 't', 'f' or 'n'.
    bool literal(std::string_view word);
    /// Steps over any value.
    bool skip_value(int depth);

    /// At '{': calls member(name) at each value, which steps over it; false ends the walk with failure.
    template <class Member> bool object(int depth, Member&& member);
    /// At '[': calls element(index) at each value.
    template <class Element> bool array(int depth, Element&& element);

    /// What is wrong; null when nothing failed.
    const char* problem() const { return problem_; }
    /// The failure is that the text ended: with more of it, it might be right.
    bool incomplete() const { return problem_ != nullptr && at_ == end_; }
    /// The text ended inside of a comment that runs to the end of its line.
    bool in_line_comment() const { return in_line_comment_; }
    bool fail(const char* problem) {
        problem_ = problem;
        return false;
    }

private:
    bool slow_space();
    bool escape();

    const char* at_;
    const char* end_;
    const char* readable_;
    bool relaxed_;
    bool in_line_comment_ = false;
    const char* problem_ = nullptr;
};

/// The text of `string`: what stands there if that is possible, else unescaped and repaired in `scratch`.
std::string_view json_text(const JsonString& string, std::string& scratch);

/// Members to leave out, by name; a member with children loses only those. An empty tree drops nothing.
struct DropTree {
    std::string name;
    std::vector<DropTree> children;
};

/// Writes values as compact JSON: no white space, first positions and last values of repeated names, numbers as they
/// stand, as few escapes as possible, NaN and infinities as strings. Keeps its buffers between calls.
class JsonCompactor {
public:
    /// At a value. Appends to `out`; on failure the reader knows why, and `out` holds rubbish at its end.
    bool value(JsonReader& reader, std::string& out, int depth = 0, const DropTree* drop = nullptr);
    /// At an array or object: the members of its objects as one object (PropertyBagArrayToDictionary).
    bool merged_objects(JsonReader& reader, std::string& out);

private:
    struct Member {
        std::uint64_t hash;
        std::size_t name_begin, name_end, end; ///< in `out`; the name is written with its quotes
    };

    bool scalar(JsonReader& reader, std::string& out);
    bool members(JsonReader& reader, std::string& out, int depth, const DropTree* drop);
    void string(const JsonString& string, std::string& out);
    void resolve_repeated(std::string& out, std::size_t first_member);

    std::string scratch_;
    std::vector<Member> members_; ///< of all objects that are open
    std::vector<std::uint64_t> hashes_;
};

template <class Member> bool JsonReader::object(int depth, Member&& member) {
    if (depth >= kMaxJsonDepth)
        return fail("more than 256 objects and arrays inside each other");
    ++at_;
    if (!space())
        return false;
    if (eat('}'))
        return true;
    for (;;) {
        JsonString name;
        if (!at_string())
            return fail("a member name in quotes is expected");
        if (!string(name) || !space())
            return false;
        if (!eat(':'))
            return fail("':' is expected after a member name");
        if (!space() || !member(name) || !space())
            return false;
        if (eat('}'))
            return true;
        if (!eat(','))
            return fail("',' or '}' is expected after a member");
        if (!space())
            return false;
    }
}

template <class Element> bool JsonReader::array(int depth, Element&& element) {
    if (depth >= kMaxJsonDepth)
        return fail("more than 256 objects and arrays inside each other");
    ++at_;
    if (!space())
        return false;
    if (eat(']'))
        return true;
    for (std::size_t index = 0;; ++index) {
        if (!element(index) || !space())
            return false;
        if (eat(']'))
            return true;
        if (!eat(','))
            return fail("',' or ']' is expected after an element");
        if (!space())
            return false;
    }
}

} // namespace sluice::data
