#include "core/data/zip_pattern.hpp"

#include <fmt/format.h>

#include <optional>
#include <regex>
#include <string>
#include <variant>

namespace sluice::data {
namespace {

constexpr std::size_t kMaxPattern = 256; ///< nested brackets are compiled by recursion

Error malformed(std::string_view why) {
    return Error{ErrorCode::Invalid, fmt::format("zipPattern: {}", why), "BadRequest_MalformedIngestionProperty"};
}

/// How many bytes the character at the start of a text that is not empty takes; 1 where it is no UTF-8.
std::size_t character(std::string_view text) {
    std::size_t size = 1;
    while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80)
        ++size;
    return (static_cast<unsigned char>(text.front()) & 0x80) == 0 ? 1 : size;
}

/// Whether the set at the start of `glob` has the character; takes the set off. Nothing: it is no set.
std::optional<bool> in_set(std::string_view& glob, std::string_view one) {
    std::size_t at = 1;
    const bool negated = at < glob.size() && (glob[at] == '!' || glob[at] == '^');
    at += negated ? 1 : 0;
    const std::size_t first = at; // a ']' here is an element
    bool found = false;
    while (at < glob.size() && (glob[at] != ']' || at == first)) {
        const std::string_view low = glob.substr(at, character(glob.substr(at)));
        at += low.size();
        if (at + 1 < glob.size() && glob[at] == '-' && glob[at + 1] != ']') {
            const std::string_view high = glob.substr(at + 1, character(glob.substr(at + 1)));
            at += 1 + high.size();
            found |= low <= one && one <= high; // UTF-8 sorts as its characters do
        } else {
            found |= low == one;
        }
    }
    if (at >= glob.size())
        return std::nullopt;
    glob.remove_prefix(at + 1);
    return found != negated;
}

/// Takes what matches one character off the glob; false: nothing does.
bool takes(std::string_view& glob, std::string_view one) {
    if (glob.empty() || glob.front() == '*')
        return false;
    if (glob.front() == '?') {
        glob.remove_prefix(1);
        return true;
    }
    if (glob.front() == '[')
        if (const auto found = in_set(glob, one))
            return *found;
    if (!glob.starts_with(one))
        return false;
    glob.remove_prefix(one.size());
    return true;
}

} // namespace

bool matches_glob(std::string_view text, std::string_view glob) {
    // Only the last star can have to take more: whatever an earlier one took more would do no better.
    std::optional<std::string_view> behind_star;
    std::string_view retry;
    while (!text.empty()) {
        if (glob.starts_with('*')) {
            glob.remove_prefix(1);
            behind_star = glob;
            retry = text;
            continue;
        }
        const std::string_view one = text.substr(0, character(text));
        if (takes(glob, one)) {
            text.remove_prefix(one.size());
        } else if (behind_star) {
            retry.remove_prefix(character(retry));
            text = retry;
            glob = *behind_star;
        } else {
            return false;
        }
    }
    return glob.find_first_not_of('*') == std::string_view::npos;
}

struct ZipPattern::Rule {
    std::variant<std::regex, std::string> pattern; ///< a glob is a text
};

Result<ZipPattern> ZipPattern::parse(std::string_view text) {
    ZipPattern parsed;
    if (text.empty())
        return parsed;
    if (text.size() > kMaxPattern)
        return malformed(fmt::format("{} characters are more than the {} that are allowed", text.size(), kMaxPattern));
    try {
        // With this flag of libstdc++ the time of a match does not grow with the ways to match. A search from every
        // character would still take the square of the path's length, so the expression itself passes over its start.
        const auto flags = std::regex::ECMAScript | std::regex_constants::__polynomial;
        const std::regex alone(text.begin(), text.end(), flags); // what is wrong in it must not become right below
        parsed.rule_ = std::make_shared<Rule>(Rule{std::regex(fmt::format("[^]*?(?:{})", text), flags)});
    } catch (const std::regex_error& error) {
        using namespace std::regex_constants;
        if (error.code() == error_complexity || error.code() == error_space || error.code() == error_stack)
            return malformed(fmt::format("'{}' is too complex, or has back-references, which are not supported", text));
        parsed.rule_ = std::make_shared<Rule>(Rule{std::string(text)});
    }
    return parsed;
}

bool ZipPattern::matches(std::string_view path) const {
    if (!rule_)
        return true;
    if (const auto* regex = std::get_if<std::regex>(&rule_->pattern))
        return std::regex_search(path.begin(), path.end(), *regex, std::regex_constants::match_continuous);
    return matches_glob(path.substr(path.rfind('/') + 1), std::get<std::string>(rule_->pattern));
}

} // namespace sluice::data
