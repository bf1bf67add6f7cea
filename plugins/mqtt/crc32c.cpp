#include "plugins/mqtt/crc32c.hpp"

#include <array>
#include <cstring>

namespace sluice::mqtt {

namespace {

constexpr std::uint32_t kReflectedPolynomial = 0x82F63B78;

constexpr std::array<std::uint32_t, 256> make_table() {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t value = byte;
        for (int bit = 0; bit < 8; ++bit)
            value = (value >> 1) ^ ((value & 1) != 0 ? kReflectedPolynomial : 0);
        table[byte] = value;
    }
    return table;
}
constexpr auto kTable = make_table();

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t crc32c_by_instruction(std::string_view bytes) {
    std::uint64_t state = 0xFFFFFFFF;
    for (; bytes.size() >= sizeof(std::uint64_t); bytes.remove_prefix(sizeof(std::uint64_t))) {
        std::uint64_t word;
        std::memcpy(&word, bytes.data(), sizeof word);
        state = __builtin_ia32_crc32di(state, word);
    }
    auto rest = static_cast<std::uint32_t>(state);
    for (const char c : bytes)
        rest = __builtin_ia32_crc32qi(rest, static_cast<unsigned char>(c));
    return ~rest;
}
#endif

} // namespace

std::uint32_t crc32c_portable(std::string_view bytes) {
    std::uint32_t state = 0xFFFFFFFF;
    for (const char c : bytes)
        state = (state >> 8) ^ kTable[(state ^ static_cast<unsigned char>(c)) & 0xFF];
    return ~state;
}

std::uint32_t crc32c(std::string_view bytes) {
#if defined(__x86_64__)
    static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
    if (has_instruction)
        return crc32c_by_instruction(bytes);
#endif
    return crc32c_portable(bytes);
}

} // namespace sluice::mqtt
