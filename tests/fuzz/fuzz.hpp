#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

/// What fuzz targets share. A target is a file that defines `fuzz_one` and nothing else that runs; sluice_fuzz_target
/// makes two programs of it: one under libFuzzer, and a test that replays the corpus (tests/fuzz/README.md).
namespace sluice::fuzz {

/// Feeds one input to what is tested. Any bytes are allowed; a promise that does not hold ends the program (require).
/// Must do the same every time: no clock, no randomness, no state left behind.
void fuzz_one(std::string_view input);

/// Ends the program unless `holds`; `what` says which promise was broken, `left` and `right` are shown for a
/// comparison.
inline void require(bool holds, const char* what, std::string_view left = "", std::string_view right = "") {
    if (holds)
        return;
    std::fprintf(stderr, "broken: %s\n  left:  %.*s\n  right: %.*s\n", what, static_cast<int>(left.size()), left.data(),
                 static_cast<int>(right.size()), right.data());
    std::abort();
}
inline void require_equal(std::string_view left, std::string_view right, const char* what) {
    require(left == right, what, left, right);
}

/// Choices come from the first bytes of an input, one byte each, so that corpus files can be written by hand: 'a' is
/// the first choice, 'b' the second. The rest is the text under test.
class Choices {
public:
    explicit Choices(std::string_view input) : rest_(input) {}

    /// 0 .. count - 1; 0 when the input is used up.
    std::size_t next(std::size_t count) {
        if (rest_.empty())
            return 0;
        const auto byte = static_cast<unsigned char>(rest_.front());
        rest_.remove_prefix(1);
        return (byte + 256u - 'a') % 256u % count;
    }
    std::string_view rest() const { return rest_; }

private:
    std::string_view rest_;
};

} // namespace sluice::fuzz
