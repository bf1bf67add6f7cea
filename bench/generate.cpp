// Writes benchmark rows to standard output, one a line:  bench_generate json|csv COUNT [SEED]
#include "bench/rows.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fprintf(stderr, "usage: bench_generate json|csv COUNT [SEED]\n");
        return 2;
    }
    const bool json = std::string_view(argv[1]) == "json";
    const std::uint64_t count = std::strtoull(argv[2], nullptr, 10);
    sluice::bench::Rows rows(argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 7);
    std::string block;
    for (std::uint64_t i = 0; i < count; ++i) {
        const auto& row = rows.next();
        if (json)
            sluice::bench::Rows::append_json(block, row);
        else
            sluice::bench::Rows::append_csv(block, row);
        block += '\n';
        if (block.size() > 1 << 20 || i + 1 == count) {
            if (std::fwrite(block.data(), 1, block.size(), stdout) != block.size())
                return 1;
            block.clear();
        }
    }
    return 0;
}
