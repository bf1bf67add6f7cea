#pragma once

#include "core/app/prompt/completion.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace sluice::app {

/// Where the lines of former sessions are kept: $XDG_STATE_HOME/sluice/history, or below ~/.local/state. Empty: there
/// is no home.
std::filesystem::path history_file();

/// Reads lines at a terminal, with editing, history and completion. Sole user of libedit. At most one at a time; one
/// thread.
class LineEditor {
public:
    /// For the end of the line as far as the cursor; `begin` counts from the line's beginning.
    using Completer = std::function<Completion(std::string_view line)>;

    /// Loads the history; a file that cannot be read or written is as good as none.
    LineEditor(std::filesystem::path history, Completer completer);
    ~LineEditor();
    LineEditor(const LineEditor&) = delete;
    LineEditor& operator=(const LineEditor&) = delete;

    struct Line {
        enum class Kind {
            Text,
            Interrupted, ///< Ctrl-C
            End,         ///< Ctrl-D on an empty line, or the terminal is gone
        } kind = Kind::End;
        std::string text = {}; ///< without its end; several lines when it was recalled
    };
    Line read(const std::string& prompt);

    /// Adds a statement to the history, and to its file at once.
    void remember(const std::string& statement);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace sluice::app
