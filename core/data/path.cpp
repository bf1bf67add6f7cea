#include "core/data/path.hpp"

#include "core/data/text_scan.hpp"

#include <algorithm>

namespace sluice::data {
namespace {

Error bad(std::string message) {
    return Error{ErrorCode::Invalid, std::move(message), "BadRequest_InvalidMapping"};
}

bool ends_name(char c) {
    return c == '.' || c == '[' || c == ']' || static_cast<unsigned char>(c) < 0x20;
}

/// What follows the point of ".name".
Result<std::string> read_name(Scanner& in) {
    const char* const begin = in.at;
    while (!in.done() && !ends_name(*in.at))
        ++in.at;
    std::string name(begin, in.at);
    if (name.empty() && !in.done() && *in.at == '.')
        return bad("recursive descent '..' is not supported; name each member on the way");
    if (name.empty())
        return bad("a member name is missing after '.'");
    if (name == "*")
        return bad("'*' is not supported; a path leads to one value");
    return name;
}

/// What stands between the quotes of ['name'] and the closing bracket.
Result<std::string> read_quoted(Scanner& in) {
    const char quote = *in.at++;
    std::string name;
    while (!in.done() && *in.at != quote) {
        if (*in.at == '\\' && in.left() > 1)
            ++in.at;
        name += *in.at++;
    }
    if (!in.eat(quote))
        return bad("the quote after '[' is not closed");
    if (!in.done() && *in.at == ',')
        return bad("several names in one bracket are not supported");
    if (!in.eat(']'))
        return bad("']' is missing after the quoted name");
    return name;
}

Result<std::uint32_t> read_index(Scanner& in) {
    std::int64_t index = 0;
    if (!in.digits(1, 10, index) || index > INT32_MAX)
        return bad("'[' must be followed by a quoted name or by a position counted from 0; filters, slices, unions, "
                   "'*' and negative positions are not supported");
    if (!in.eat(']'))
        return bad("']' is missing after the position; slices and unions are not supported");
    return static_cast<std::uint32_t>(index);
}

} // namespace

bool Path::encloses(const Path& other) const {
    return other.steps.size() > steps.size() && std::equal(steps.begin(), steps.end(), other.steps.begin());
}

Result<Path> parse_path(std::string_view text) {
    Scanner in(trim(text));
    if (!in.eat('$'))
        return bad("a path begins with '$'");
    Path path;
    while (!in.done()) {
        const bool point = in.eat('.');
        const bool bracket = !in.done() && *in.at == '[';
        if (!bracket) {
            if (!point)
                return bad("'.' or '[' is expected after '$' and after each step");
            SLUICE_TRY(std::string name, read_name(in));
            path.steps.push_back({.name = std::move(name)});
            continue;
        }
        ++in.at;
        if (!in.done() && (*in.at == '\'' || *in.at == '"')) {
            SLUICE_TRY(std::string name, read_quoted(in));
            path.steps.push_back({.name = std::move(name)});
        } else if (point) {
            return bad("'.[' must be followed by a quoted name");
        } else {
            SLUICE_TRY(const std::uint32_t index, read_index(in));
            path.steps.push_back({.is_index = true, .index = index});
        }
    }
    return path;
}

} // namespace sluice::data
