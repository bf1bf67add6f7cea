#pragma once

#include "core/base/result.hpp"

#include <memory>
#include <string_view>

namespace sluice::data {

/// The ingestion property `zipPattern` (formats-and-mappings 10.1): a regular expression (ECMAScript, case-sensitive)
/// that is found anywhere in the path of a member; a text that is none, such as `*.csv`, is a glob of `*`, `?` and
/// `[...]` for the last part of the path. Thread-safe.
class ZipPattern {
public:
    /// Matches everything.
    ZipPattern() = default;
    /// An empty text matches everything. BadRequest_MalformedIngestionProperty: longer than 256 characters, or a
    /// regular expression with back-references or of too many states, which could take for ever.
    static Result<ZipPattern> parse(std::string_view text);

    bool matches(std::string_view path) const;

private:
    struct Rule;
    std::shared_ptr<const Rule> rule_;
};

/// Case-sensitive. `[a-z]` is one of a range, `[!a]` and `[^a]` anything else; a bracket that is not closed means
/// itself.
bool matches_glob(std::string_view text, std::string_view glob);

} // namespace sluice::data
