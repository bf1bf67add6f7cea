#include "tests/fuzz/fuzz.hpp"

// The name that libFuzzer calls.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    sluice::fuzz::fuzz_one({reinterpret_cast<const char*>(data), size});
    return 0;
}
