#pragma once

#include "core/base/bytes.hpp"
#include "core/config/raw.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

/// Reads the keys of one table into plain values. A key that is missing leaves the value as it is; whatever is wrong
/// goes to the problems, with its place and the way out, and reading goes on. One thread; the table must outlive the
/// reader.
class Reader {
public:
    struct Names {
        std::string subject = {}; ///< begins messages: `connection "orders"`; empty for the bridge's own keys
        std::string path = {};    ///< of the table, such as "source"; empty at the top
    };
    struct SizeRange {
        Bytes least = 1;
        Bytes most = Bytes{1} << 62;
    };
    struct DurationRange {
        std::chrono::milliseconds least{1};
        std::chrono::milliseconds most = std::chrono::hours(24 * 36'500);
    };

    Reader(const Raw& table, Names names, Problems& problems)
        : table_(table), names_(std::move(names)), problems_(problems) {}

    /// The value, if the key is there; from then on the key counts as known.
    const Raw* find(std::string_view key);
    const Raw& table() const { return table_; }

    void boolean(std::string_view key, bool& out);
    void text(std::string_view key, std::string& out);
    /// A file or folder; made absolute against `folder` when relative.
    void path(std::string_view key, std::string& out, const std::string& folder);
    void paths(std::string_view key, std::vector<std::string>& out, const std::string& folder);
    void texts(std::string_view key, std::vector<std::string>& out);
    void duration(std::string_view key, std::chrono::milliseconds& out, DurationRange range);
    void duration(std::string_view key, std::chrono::milliseconds& out) { duration(key, out, DurationRange{}); }
    void size(std::string_view key, Bytes& out, SizeRange range);
    void size(std::string_view key, Bytes& out) { size(key, out, SizeRange{}); }
    /// One of `choices`, in any case; stored as it stands there.
    void choice(std::string_view key, std::string& out, const std::vector<std::string>& choices);
    /// One of `choices`, in exactly that spelling.
    void exact_choice(std::string_view key, std::string& out, const std::vector<std::string>& choices);
    template <class Integer>
    void integer(std::string_view key, Integer& out, std::int64_t least = 1,
                 std::int64_t most = std::min<std::uint64_t>(std::numeric_limits<Integer>::max(),
                                                             std::numeric_limits<std::int64_t>::max())) {
        if (const auto value = whole_number(key, least, most))
            out = static_cast<Integer>(*value);
    }

    /// A table, or null after a problem or when the key is missing.
    const Raw* nested(std::string_view key);
    /// A list of tables, `[[key]]`; empty after a problem or when the key is missing.
    std::vector<const Raw*> tables(std::string_view key);
    /// Notes a problem when the key is missing. True: it is there.
    bool require(std::string_view key);
    /// A key that is known but has no place here; counts as known, and a problem when given.
    void reject(std::string_view key, std::string_view why);

    /// `subject: path.key is VALUE; way_out`, at the value.
    void wrong(std::string_view key, const Raw& value, std::string_view way_out, bool secret = false);
    void problem(const Place& at, std::string message);
    /// Call last: every key that nobody asked for is a problem.
    void finish();

    /// The key with the path of its table, such as "source.plugin".
    std::string named(std::string_view key) const;

private:
    std::optional<std::int64_t> whole_number(std::string_view key, std::int64_t least, std::int64_t most);
    const Raw* of_kind(std::string_view key, Raw::Kind kind, std::string_view expected);
    std::string prefix() const;

    const Raw& table_;
    const Names names_;
    Problems& problems_;
    std::vector<std::string> known_;
};

} // namespace sluice::config
