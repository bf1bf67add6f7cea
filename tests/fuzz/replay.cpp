// Runs a fuzz target over the files of its corpus, as a test that needs no fuzzer:  fuzz_NAME_replay FOLDER-OR-FILE...
#include "tests/fuzz/fuzz.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <vector>

namespace {

std::vector<std::filesystem::path> files_of(const std::filesystem::path& path) {
    if (!std::filesystem::is_directory(path))
        return {path};
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(path))
        if (entry.is_regular_file())
            files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

/// Every start of the input as well: half an input is what a broken connection leaves.
void replay(const std::string& bytes) {
    const std::size_t step = std::max<std::size_t>(bytes.size() / 64, 1);
    for (std::size_t size = bytes.size();; size -= step) {
        // Memory of exactly this size, so that a sanitizer sees the first byte read beyond it.
        const std::unique_ptr<char[]> exact(new char[size]);
        std::memcpy(exact.get(), bytes.data(), size);
        sluice::fuzz::fuzz_one({exact.get(), size});
        if (size < step)
            return;
    }
}

} // namespace

int main(int argc, char** argv) {
    std::size_t replayed = 0;
    for (int i = 1; i < argc; ++i) {
        for (const auto& file : files_of(argv[i])) {
            std::ifstream in(file, std::ios::binary);
            const std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
            std::printf("%s: %zu bytes\n", file.c_str(), bytes.size());
            std::fflush(stdout); // the last line names the file when the next call aborts
            replay(bytes);
            ++replayed;
        }
    }
    if (replayed == 0) {
        std::fprintf(stderr, "usage: %s FOLDER-OR-FILE...   (nothing was found to replay)\n", argv[0]);
        return 2;
    }
    return 0;
}
