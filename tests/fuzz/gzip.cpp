// gzip: blocks of any size give the same bytes or the same error, and what is compressed comes back.
#include "core/data/gzip.hpp"

#include "tests/fuzz/fuzz.hpp"

namespace sluice::fuzz {
namespace {

constexpr Bytes kLimit = 1_MiB;

std::string inflated(std::string_view bytes, std::size_t block) {
    std::string out;
    data::GzipReader reader(kLimit);
    const auto sink = [&](std::string_view piece) -> Result<> {
        out += piece;
        return {};
    };
    for (std::size_t at = 0; at < bytes.size(); at += block)
        if (const auto fed = reader.feed(bytes.substr(at, block), sink); !fed)
            return fed.error().reason;
    if (const auto finished = reader.finish(); !finished)
        return finished.error().reason;
    require(reader.produced() == out.size(), "what was produced is counted");
    return out;
}

} // namespace

void fuzz_one(std::string_view input) {
    Choices choices(input);
    const std::size_t block = 1 + choices.next(64);
    const std::string_view bytes = choices.rest();
    const auto whole = data::gunzip(bytes, kLimit);
    require_equal(inflated(bytes, block), whole ? *whole : whole.error().reason, "bytes do not depend on blocks");
    require_equal(inflated(data::gzip(bytes), block), bytes, "what is compressed comes back");
}

} // namespace sluice::fuzz
