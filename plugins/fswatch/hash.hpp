#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace sluice::fswatch {

/// A 64-bit fingerprint of what it was fed: ledger checksums, eTags and comparisons of file content.
/// Not for adversaries: who can write into the folder can also forge a fingerprint.
class Hash64 {
public:
    Hash64& add(std::uint64_t word) {
        state_ = (state_ ^ word) * kMultiplier;
        state_ ^= state_ >> 29;
        return *this;
    }

    Hash64& add(std::string_view bytes) {
        add(static_cast<std::uint64_t>(bytes.size()));
        while (bytes.size() >= sizeof(std::uint64_t)) {
            std::uint64_t word;
            std::memcpy(&word, bytes.data(), sizeof word);
            add(word);
            bytes.remove_prefix(sizeof word);
        }
        std::uint64_t rest = 0;
        std::memcpy(&rest, bytes.data(), bytes.size());
        return add(rest);
    }

    /// Never 0, so that 0 can stand for "none".
    std::uint64_t value() const {
        std::uint64_t mixed = state_ ^ (state_ >> 32);
        mixed *= kMultiplier;
        mixed ^= mixed >> 31;
        return mixed == 0 ? 1 : mixed;
    }

private:
    static constexpr std::uint64_t kMultiplier = 0x9FB21C651E98DF25ULL; // odd, with bits spread over the word
    std::uint64_t state_ = 0x5109E2B70C6D3F47ULL;
};

inline std::uint64_t hash_of(std::string_view bytes) {
    return Hash64{}.add(bytes).value();
}

} // namespace sluice::fswatch
