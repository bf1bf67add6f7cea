#pragma once

#include <span>
#include <string_view>

namespace sluice::app {

/// One file of a project that `sluice plugin new` writes; `@NAME@` and `@SOURCE@` stand for what differs.
struct TemplateFile {
    std::string_view language; ///< "cpp", "c", "rust"; "common": part of all of them
    std::string_view path, text;
};

/// The files of plugins/sdk/template, put into the program when it was built.
std::span<const TemplateFile> template_files();

} // namespace sluice::app
