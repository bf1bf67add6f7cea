#include "core/host/registry.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>

namespace sluice::host {
namespace {

namespace fs = std::filesystem;

/// SHA-256 of a file in lower-case hexadecimal.
Result<std::string> hash_of(const std::string& file) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream)
        return Error{ErrorCode::Io, fmt::format("the plugin {} cannot be read; check its permissions", file)};
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    bool good = context && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1;
    std::vector<char> block(1 << 16);
    while (good && (stream.read(block.data(), static_cast<std::streamsize>(block.size())) || stream.gcount() > 0))
        good = EVP_DigestUpdate(context.get(), block.data(), static_cast<std::size_t>(stream.gcount())) == 1;
    if (!good || EVP_DigestFinal_ex(context.get(), digest.data(), &size) != 1)
        return Error{ErrorCode::Internal, fmt::format("the hash of {} could not be computed", file)};
    std::string text;
    for (unsigned i = 0; i < size; ++i)
        text += fmt::format("{:02x}", digest[i]);
    return text;
}

} // namespace

Result<std::string> Registry::locate(const std::string& id) const {
    std::string searched;
    for (const auto& folder : folders_) {
        const auto file = fs::path(folder) / (id + ".so");
        std::error_code failed;
        if (fs::is_regular_file(file, failed))
            return file.string();
        searched += fmt::format("{}{}", searched.empty() ? "" : ", ", folder);
    }
    return Error{ErrorCode::NotFound,
                 fmt::format("there is no plugin {}: {}.so is in none of the folders of plugins.path ({}); build or "
                             "install it there, or add its folder",
                             id, id, searched.empty() ? "none configured" : searched)};
}

Result<std::string> Registry::copy(const std::string& file, const std::string& hash) const {
    const auto target = fs::path(copies_) / (hash + ".so");
    std::error_code failed;
    if (const auto kept = hash_of(target.string()); kept && *kept == hash)
        return target.string();
    fs::create_directories(copies_, failed);
    const auto unfinished = fs::path(fmt::format("{}.{}", target.string(), ::getpid()));
    if (!failed)
        fs::copy_file(file, unfinished, fs::copy_options::overwrite_existing, failed);
    if (!failed)
        fs::rename(unfinished, target, failed);
    if (failed)
        return Error{ErrorCode::Io, fmt::format("the plugin {} could not be copied to {}: {}", file, target.string(),
                                                failed.message())};
    return target.string();
}

Result<std::shared_ptr<Library>> Registry::inspect(const std::string& id) const {
    SLUICE_TRY(const auto file, locate(id));
    return Library::load(file);
}

Result<std::shared_ptr<Library>> Registry::find(const std::string& id) {
    SLUICE_TRY(const auto file, locate(id));
    SLUICE_TRY(const auto hash, hash_of(file));
    // Held while loading, so that two connections of one plugin share it; loading is start-up work.
    Lock lock(mutex_);
    auto& known = by_hash_[hash];
    if (!known) {
        SLUICE_TRY(const auto kept, copy(file, hash));
        auto loaded = Library::load(kept);
        if (!loaded) {
            by_hash_.erase(hash);
            return Error{loaded.error().code, fmt::format("{} (copied from {})", loaded.error().message, file)};
        }
        known = std::move(*loaded);
    }
    if (known->descriptor().id != id)
        return Error{ErrorCode::Invalid, fmt::format("{} holds the plugin {}; rename the file to {}.so", file,
                                                     known->descriptor().id, known->descriptor().id)};
    return known;
}

std::vector<Registry::Found> Registry::list() const {
    std::vector<std::string> files;
    for (const auto& folder : folders_) {
        std::vector<std::string> in_folder;
        std::error_code failed;
        for (const auto& entry : fs::directory_iterator(folder, failed))
            if (entry.path().extension() == ".so")
                in_folder.push_back(entry.path().string());
        std::sort(in_folder.begin(), in_folder.end());
        files.insert(files.end(), in_folder.begin(), in_folder.end());
    }
    std::vector<Found> found;
    for (const auto& file : files)
        found.push_back({file, Library::load(file)});
    return found;
}

} // namespace sluice::host
