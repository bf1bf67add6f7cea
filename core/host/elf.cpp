#include "core/host/elf.hpp"

#include <elf.h>
#include <fmt/format.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
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

namespace {

/// A whole file, with bounds on everything that is read from it.
class Image {
public:
    explicit Image(std::string bytes) : bytes_(std::move(bytes)) {}

    template <class T> std::optional<T> at(std::uint64_t offset) const {
        if (offset > bytes_.size() || bytes_.size() - offset < sizeof(T))
            return std::nullopt;
        T value;
        std::memcpy(&value, bytes_.data() + offset, sizeof value);
        return value;
    }
    std::string text(std::uint64_t offset) const {
        if (offset >= bytes_.size())
            return {};
        return bytes_.substr(offset, bytes_.find('\0', offset) - offset);
    }

private:
    const std::string bytes_;
};

} // namespace

Result<std::vector<ExportedSymbol>> exported_symbols(const std::string& file) {
    SLUICE_CHECK(check_elf(file));
    std::ifstream stream(file, std::ios::binary);
    const Image image(std::string(std::istreambuf_iterator<char>(stream), {}));
    const auto header = image.at<Elf64_Ehdr>(0);
    std::vector<ExportedSymbol> symbols;
    bool found = false;
    for (unsigned i = 0; header && i < header->e_shnum; ++i) {
        const auto section = image.at<Elf64_Shdr>(header->e_shoff + std::uint64_t{i} * sizeof(Elf64_Shdr));
        if (!section || section->sh_type != SHT_DYNSYM)
            continue;
        const auto names = image.at<Elf64_Shdr>(header->e_shoff + std::uint64_t{section->sh_link} * sizeof(Elf64_Shdr));
        if (!names)
            return invalid("its table of symbols is broken");
        found = true;
        for (std::uint64_t at = 0; at + sizeof(Elf64_Sym) <= section->sh_size; at += sizeof(Elf64_Sym)) {
            const auto symbol = image.at<Elf64_Sym>(section->sh_offset + at);
            if (!symbol)
                return invalid("its table of symbols is broken");
            const auto binding = ELF64_ST_BIND(symbol->st_info);
            const auto visibility = ELF64_ST_VISIBILITY(symbol->st_other);
            // The names of versions are absolute symbols.
            if (symbol->st_shndx == SHN_UNDEF || symbol->st_shndx == SHN_ABS || binding == STB_LOCAL ||
                (visibility != STV_DEFAULT && visibility != STV_PROTECTED))
                continue;
            symbols.push_back(
                {.name = image.text(names->sh_offset + symbol->st_name), .unique = binding == STB_GNU_UNIQUE});
        }
    }
    if (!found)
        return invalid("it has no table of dynamic symbols");
    return symbols;
}

} // namespace sluice::host
