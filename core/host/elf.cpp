#include "core/host/elf.hpp"

#include <elf.h>
#include <fmt/format.h>

#include <cstring>
#include <fstream>
#include <vector>

namespace sluice::host {
namespace {

#if defined(__x86_64__)
constexpr auto kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr auto kMachine = EM_AARCH64;
#else
#error "name the ELF machine of this processor"
#endif

constexpr unsigned kMostSegments = 1024;

Error invalid(std::string why) {
    return {ErrorCode::Invalid, std::move(why)};
}

} // namespace

Result<> check_elf(const std::string& file) {
    std::ifstream stream(file, std::ios::binary | std::ios::ate);
    if (!stream)
        return invalid("it cannot be opened; check its permissions");
    const auto size = static_cast<std::uint64_t>(stream.tellg());
    stream.seekg(0);
    Elf64_Ehdr header{};
    if (!stream.read(reinterpret_cast<char*>(&header), sizeof header) ||
        std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
        return invalid("it is no shared library");
    if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
        header.e_machine != kMachine)
        return invalid(fmt::format("it was built for another machine (ELF machine {}, this one is {})",
                                   header.e_machine, kMachine));
    if (header.e_type != ET_DYN || header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum > kMostSegments)
        return invalid("it is a program or an object file, not a shared library");
    std::vector<Elf64_Phdr> segments(header.e_phnum);
    const auto bytes = static_cast<std::streamsize>(segments.size() * sizeof(Elf64_Phdr));
    if (!stream.seekg(static_cast<std::streamoff>(header.e_phoff)) ||
        !stream.read(reinterpret_cast<char*>(segments.data()), bytes))
        return invalid("it is cut short; copy it again");
    for (const auto& segment : segments)
        if (segment.p_type == PT_LOAD && (segment.p_filesz > size || segment.p_offset > size - segment.p_filesz))
            return invalid("it is cut short; copy it again");
    return {};
}

} // namespace sluice::host
