#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace sluice::fswatch {

/// Metadata of a blob: names as in data-connections.md 4.2.
using Metadata = std::vector<std::pair<std::string, std::string>>;

/// Takes metadata out of a relative path: `{database}/{table}/{*}` (data-connections.md 4.9.2).
class PathTemplate {
public:
    /// Throws std::invalid_argument with a sentence that names the fault and the way out.
    explicit PathTemplate(std::string_view text);

    /// Nothing when the path does not match.
    Metadata match(std::string_view path) const;

private:
    enum class Kind { Literal, Segment, Rest, Capture };
    struct Piece {
        Kind kind = Kind::Literal;
        std::string text; ///< the literal, or the metadata name
    };
    struct Search;
    bool match_from(std::size_t piece, std::string_view rest, Search& search) const;

    std::vector<Piece> pieces_;
};

/// `yyyy-MM-dd`, `yyyyMMdd` and `yyyy-MM-ddTHH` as full ISO 8601 in UTC; other text as it is.
std::string full_creation_time(std::string_view text);

} // namespace sluice::fswatch
