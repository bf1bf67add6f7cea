#include "core/app/prompt/line_editor.hpp"

#include "core/app/commands/result_text.hpp"
#include "core/app/commands/terminal.hpp"

#include <histedit.h>

#include <algorithm>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace sluice::app {
namespace {

constexpr int kKeptStatements = 1000;
constexpr std::size_t kListedChoices = 120;

bool is_blank(std::string_view text) {
    return text.find_first_not_of(" \t") == std::string_view::npos;
}

/// Choices in columns that fill the terminal.
std::string listed(const std::vector<std::string>& choices) {
    const std::size_t shown = std::min(choices.size(), kListedChoices);
    std::size_t width = 1;
    for (std::size_t i = 0; i < shown; ++i)
        width = std::max(width, display_width(choices[i]) + 2);
    const std::size_t columns = std::max<std::size_t>(terminal_size().columns / width, 1);
    const std::size_t rows = (shown + columns - 1) / columns;
    std::string out = "\n";
    for (std::size_t row = 0; row < rows; ++row) {
        for (std::size_t i = row; i < shown; i += rows)
            out += choices[i] + (i + rows < shown ? std::string(width - display_width(choices[i]), ' ') : "");
        out += '\n';
    }
    if (shown < choices.size())
        out += "and " + std::to_string(choices.size() - shown) + " more\n";
    return out;
}

} // namespace

std::filesystem::path history_file() {
    const char* state = std::getenv("XDG_STATE_HOME");
    // The XDG rules: what is no absolute path does not count.
    if (state && *state == '/')
        return std::filesystem::path(state) / "sluice/history";
    const char* home = std::getenv("HOME");
    return home && *home == '/' ? std::filesystem::path(home) / ".local/state/sluice/history" : std::filesystem::path();
}

struct LineEditor::Impl {
    std::filesystem::path file;
    Completer completer;
    std::string prompt;
    bool interrupted = false;
    History* history = nullptr;
    EditLine* line = nullptr;

    static Impl& of(EditLine* editor) {
        void* self = nullptr;
        el_get(editor, EL_CLIENTDATA, &self);
        return *static_cast<Impl*>(self);
    }
    static char* show_prompt(EditLine* editor) { return of(editor).prompt.data(); }
    static unsigned char interrupt(EditLine* editor, int) {
        of(editor).interrupted = true;
        return CC_EOF;
    }
    static unsigned char complete_word(EditLine* editor, int) { return of(editor).complete_here(); }

    unsigned char complete_here() {
        const LineInfo* const info = el_line(line);
        const std::string before(info->buffer, info->cursor);
        if (is_blank(before)) // indentation, also of what is pasted
            return el_insertstr(line, "    ") == 0 ? CC_REFRESH : CC_ERROR;
        const Completion completion = completer(before);
        if (completion.choices.empty())
            return CC_ERROR;
        const std::string word = before.substr(completion.begin);
        std::string replacement = common_start(completion.choices);
        if (completion.choices.size() == 1)
            replacement += replacement.ends_with('(') ? "" : " ";
        else if (replacement.size() < word.size() || replacement == word) {
            std::fputs(listed(completion.choices).c_str(), stdout);
            std::fflush(stdout);
            return CC_REDISPLAY;
        }
        el_deletestr(line, static_cast<int>(display_width(word)));
        return el_insertstr(line, replacement.c_str()) == 0 ? CC_REFRESH : CC_ERROR;
    }

    void load() {
        HistEvent event;
        history = history_init();
        ::history(history, &event, H_SETSIZE, kKeptStatements);
        ::history(history, &event, H_SETUNIQUE, 1);
        if (!file.empty())
            ::history(history, &event, H_LOAD, file.c_str());
    }

    void start() {
        line = el_init("sluice", stdin, stdout, stderr);
        el_set(line, EL_CLIENTDATA, this);
        el_set(line, EL_PROMPT, &show_prompt);
        el_set(line, EL_EDITOR, "emacs");
        el_set(line, EL_HIST, ::history, history);
        el_set(line, EL_SIGNAL, 1); // so that a resized window is drawn anew
        el_set(line, EL_ADDFN, "sluice-complete", "Complete the word", &complete_word);
        el_set(line, EL_ADDFN, "sluice-interrupt", "Give up the statement", &interrupt);
        el_set(line, EL_BIND, "^I", "sluice-complete", nullptr);
        // Ctrl-C is a key while a line is edited, and a signal while a query runs.
        el_set(line, EL_SETTY, "-d", "-isig", nullptr);
        el_set(line, EL_BIND, "^C", "sluice-interrupt", nullptr);
        el_set(line, EL_BIND, "^R", "em-inc-search-prev", nullptr);
        el_source(line, nullptr); // what the user set in ~/.editrc
    }
};

LineEditor::LineEditor(std::filesystem::path history, Completer completer) : impl_(std::make_unique<Impl>()) {
    // Only how bytes are read: numbers stay as they are.
    if (!std::setlocale(LC_CTYPE, "") || MB_CUR_MAX == 1)
        std::setlocale(LC_CTYPE, "C.UTF-8");
    impl_->file = std::move(history);
    impl_->completer = std::move(completer);
    impl_->load();
    impl_->start();
}

LineEditor::~LineEditor() {
    el_end(impl_->line);
    history_end(impl_->history);
}

LineEditor::Line LineEditor::read(const std::string& prompt) {
    impl_->prompt = prompt;
    impl_->interrupted = false;
    // el_gets would do it only after it has shown the prompt: a Ctrl-C in between would be a signal, and not a key.
    el_set(impl_->line, EL_PREP_TERM, 1);
    int size = 0;
    const char* text = el_gets(impl_->line, &size);
    if (text && size > 0) {
        std::string line(text, static_cast<std::size_t>(size));
        while (line.ends_with('\n'))
            line.pop_back();
        return {Line::Kind::Text, std::move(line)};
    }
    std::fputs(impl_->interrupted ? "^C\n" : "\n", stdout);
    return {impl_->interrupted ? Line::Kind::Interrupted : Line::Kind::End};
}

void LineEditor::remember(const std::string& statement) {
    HistEvent event;
    ::history(impl_->history, &event, H_ENTER, statement.c_str());
    if (impl_->file.empty())
        return;
    std::error_code ignored;
    std::filesystem::create_directories(impl_->file.parent_path(), ignored);
    ::history(impl_->history, &event, H_SAVE, impl_->file.c_str()); // readable by its owner alone
}

} // namespace sluice::app
