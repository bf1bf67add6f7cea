#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::testkit {

/// A message as the kit's host saw it.
struct Seen {
    std::string lane;
    std::uint64_t sequence = 0;
    std::uint64_t hash = 0; ///< of payload, key and headers
    std::string position;

    bool operator==(const Seen&) const = default;
};

/// What was committed, in memory that survives the death of the process that commits. A commit is whole or absent. One
/// process at a time.
class Ledger {
public:
    Ledger();
    ~Ledger();
    Ledger(const Ledger&) = delete;
    Ledger& operator=(const Ledger&) = delete;

    void append(const std::vector<Seen>& messages);
    std::vector<Seen> all() const;
    /// The lane's last message.
    std::optional<Seen> last_of(std::string_view lane) const;
    std::uint64_t size() const;

private:
    struct Header {
        std::atomic<std::uint64_t> bytes;
    };
    Header* header_;
    char* body_;
};

} // namespace sluice::testkit
