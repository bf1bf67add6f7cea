#pragma once

#include <filesystem>
#include <fstream>
#include <string>

namespace sluice::fswatch {

inline void write_file(const std::filesystem::path& path, const std::string& text) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

} // namespace sluice::fswatch
