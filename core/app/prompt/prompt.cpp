#include "core/app/prompt/prompt.hpp"

#include "core/app/commands/query_session.hpp"
#include "core/app/commands/result_text.hpp"
#include "core/app/commands/terminal.hpp"
#include "core/app/prompt/completion.hpp"
#include "core/app/prompt/line_editor.hpp"
#include "core/app/prompt/statement.hpp"
#include "core/base/thread.hpp"

#include <unistd.h>

#include <array>
#include <atomic>
#include <cctype>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <optional>
#include <thread>

namespace sluice::app {
namespace {

using namespace std::chrono_literals;

constexpr auto kNamesAreGoodFor = 30s;

constexpr std::array<std::string_view, 11> kMetaCommands = {"\\?",      "\\q", "\\x",    "\\charts", "\\d", "\\db",
                                                            "\\format", "\\h", "\\help", "\\quit",   "\\c"};
constexpr auto kHelp =
    R"(A statement is KQL, or a management command that begins with '.'. It ends with ';' at the end of a line or with
an empty line; neither counts inside of brackets or behind '|', but a second empty line always does.

  \q               leave (or Ctrl-D)
  \x               rows as blocks of lines, on and off
  \charts          draw what `render` asks for, on and off
  \d [TABLE]       tables, or the columns of one
  \db NAME         another database
  \format NAME     table, csv, json or tsv
  \?               this text

Tab completes tables, columns, functions and operators. Up and Down recall statements, Ctrl-R searches them.
Ctrl-C gives up a statement that is not complete, and cancels a query that runs; twice, it no longer waits for it.
)";

std::atomic<int> interrupts = 0;
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler counts here");

/// While it lives, Ctrl-C is counted rather than the end of the program.
class CountedInterrupts {
public:
    CountedInterrupts() {
        struct sigaction counted{};
        counted.sa_handler = [](int) { interrupts.fetch_add(1); };
        counted.sa_flags = SA_RESTART;
        ::sigaction(SIGINT, &counted, &before_);
    }
    ~CountedInterrupts() { ::sigaction(SIGINT, &before_, nullptr); }
    CountedInterrupts(const CountedInterrupts&) = delete;
    CountedInterrupts& operator=(const CountedInterrupts&) = delete;

private:
    struct sigaction before_{};
};

std::string_view trimmed(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos)
        return {};
    return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

/// Literals that the reference keeps out of logs, h'...', are kept out of the history too.
bool has_secret(std::string_view text) {
    for (const std::string_view mark : {"h'", "h\"", "H'", "H\"", "h@", "H@", "h`", "h~"})
        for (std::size_t at = text.find(mark); at != std::string_view::npos; at = text.find(mark, at + 1))
            if (at == 0 || !std::isalnum(static_cast<unsigned char>(text[at - 1])))
                return true;
    return false;
}

class Prompt {
public:
    Prompt(ServerAddress server, const QueryOptions& options, bool color)
        : session_(std::move(server), options.database),
          shown_{.format = options.format, .style = terminal_style(color)} {}

    int interactive();
    int lines();

private:
    int run(const std::string& statement);
    Result<std::string> ask(const std::string& statement);
    Result<> greet();
    Completion complete_line(std::string_view line);
    const DatabaseNames& names();
    /// False: leave.
    bool meta(std::string_view line);
    void describe(std::string_view table);
    bool toggled(std::string_view what, std::string_view value, bool now) const;
    bool is_meta(std::string_view line) const;

    QuerySession session_;
    Presentation shown_;
    StatementLines statement_;
    DatabaseNames names_;
    std::optional<std::chrono::steady_clock::time_point> names_from_;
};

/// Asks in a thread of its own, so that Ctrl-C is seen meanwhile.
Result<std::string> Prompt::ask(const std::string& statement) {
    interrupts = 0;
    Mutex mutex;
    Condition done;
    std::optional<Result<std::string>> answer;
    std::jthread asking([&] {
        name_this_thread("query");
        auto got = session_.ask(statement);
        Lock lock(mutex);
        answer.emplace(std::move(got));
        done.notify_one();
    });
    int seen = 0;
    for (;;) {
        {
            Lock lock(mutex);
            if (answer)
                return *std::move(answer);
            done.wait_for(lock, 50ms);
        }
        if (const int now = interrupts; now != seen) {
            std::fputs(seen == 0 ? "\nCancelling; Ctrl-C again no longer waits.\n" : "\n", stderr);
            if (seen > 0 || !session_.cancel())
                session_.abort();
            seen = now;
        }
    }
}

int Prompt::run(const std::string& statement) {
    const auto answer = ask(statement);
    if (!answer) {
        std::fflush(stdout);
        std::fprintf(stderr, "%s\n", answer.error().message.c_str());
        return exit_code_of(answer.error());
    }
    // Whatever a command did, names may be new.
    if (statement.starts_with('.') && !statement.starts_with(".show"))
        names_from_.reset();
    return print_answer(*answer, shown_);
}

/// Finds out whether the bridge answers, and how the database is called.
Result<> Prompt::greet() {
    SLUICE_TRY(const auto document, session_.ask("print current_database()"));
    SLUICE_TRY(const Results results, read_v1(document));
    if (!results.tables.empty() && !results.tables[0].rows.empty() && !results.tables[0].rows[0].empty())
        session_.use(results.tables[0].rows[0][0]);
    return {};
}

const DatabaseNames& Prompt::names() {
    const auto now = std::chrono::steady_clock::now();
    if (names_from_ && now - *names_from_ < kNamesAreGoodFor && names_.database == session_.database())
        return names_;
    names_from_ = now;
    names_ = {.database = session_.database(), .tables = {}, .functions = {}, .databases = {}};
    const auto document = session_.ask(".show schema as json");
    const auto results = document ? read_v1(*document) : Result<Results>(document.error());
    if (!results || results->tables.empty() || results->tables[0].rows.empty() || results->tables[0].rows[0].empty())
        return names_; // completion knows less then; what is typed still works
    if (auto read = read_names(results->tables[0].rows[0][0], session_.database()))
        names_ = *std::move(read);
    return names_;
}

Completion Prompt::complete_line(std::string_view line) {
    if (line.starts_with('\\')) {
        Completion completion;
        for (const std::string_view command : kMetaCommands)
            if (command.starts_with(line))
                completion.choices.emplace_back(command);
        return completion;
    }
    const std::size_t before = statement_.text().size();
    Completion completion = complete(statement_.text() + std::string(line), names());
    completion.begin -= std::min(completion.begin, before);
    return completion;
}

bool Prompt::toggled(std::string_view what, std::string_view value, bool now) const {
    const bool on = value.empty() ? !now : value == "on";
    std::printf("%.*s %s\n", static_cast<int>(what.size()), what.data(), on ? "on" : "off");
    return on;
}

void Prompt::describe(std::string_view table) {
    if (table.empty()) {
        run(".show tables | project TableName, Folder, DocString");
        return;
    }
    std::string name;
    for (const char c : table)
        name += c == '\'' || c == '\\' ? std::string{'\\', c} : std::string(1, c);
    run("['" + name + "'] | getschema | project ColumnName, ColumnType");
}

bool Prompt::meta(std::string_view line) {
    const std::size_t space = std::min(line.find_first_of(" \t"), line.size());
    const std::string_view command = line.substr(0, space), value = trimmed(line.substr(space));
    if (command == "\\q" || command == "\\quit")
        return false;
    if (command == "\\?" || command == "\\h" || command == "\\help") {
        std::fputs(kHelp, stdout);
    } else if (command == "\\x") {
        shown_.vertical = toggled("vertical rows", value, shown_.vertical);
    } else if (command == "\\charts") {
        shown_.charts = toggled("charts", value, shown_.charts);
    } else if (command == "\\d") {
        describe(value);
    } else if ((command == "\\db" || command == "\\c") && !value.empty()) {
        const std::string before = session_.database();
        session_.use(std::string(value));
        if (const auto known = greet(); !known) {
            std::fprintf(stderr, "%s\n", known.error().message.c_str());
            session_.use(before);
        }
    } else if (command == "\\format" && (value == "table" || value == "csv" || value == "json" || value == "tsv")) {
        shown_.format = value;
    } else {
        std::fprintf(stderr, "'%.*s' is not understood; \\? shows what is\n", static_cast<int>(line.size()),
                     line.data());
    }
    return true;
}

bool Prompt::is_meta(std::string_view line) const {
    const OpenEnds ends = open_ends(statement_.text());
    return line.starts_with('\\') && !ends.in_string && !ends.inline_data;
}

int Prompt::interactive() {
    const CountedInterrupts counted;
    shown_.stop = [] { return interrupts > 0; };
    if (const auto known = greet(); !known) {
        std::fprintf(stderr, "%s\n", known.error().message.c_str());
        return exit_code_of(known.error());
    }
    std::printf(
        "KQL, or commands that begin with '.'. ';' or an empty line ends a statement; \\? helps, \\q leaves.\n");
    LineEditor editor(history_file(), [this](std::string_view line) { return complete_line(line); });
    for (;;) {
        const std::string name = session_.database();
        const auto line = editor.read(statement_.empty() ? name + "> " : std::string(display_width(name), '.') + "> ");
        if (line.kind == LineEditor::Line::Kind::End)
            return kExitDone;
        if (line.kind == LineEditor::Line::Kind::Interrupted) {
            statement_ = {};
            continue;
        }
        if (is_meta(trimmed(line.text))) {
            if (!meta(trimmed(line.text)))
                return kExitDone;
            continue;
        }
        // A recalled statement comes with all its lines.
        for (std::string_view rest = line.text;;) {
            const std::size_t end = rest.find('\n');
            if (statement_.add(rest.substr(0, end)))
                if (const std::string statement = statement_.take(); !statement.empty()) {
                    if (!has_secret(statement))
                        editor.remember(statement);
                    run(statement);
                }
            if (end == std::string_view::npos)
                break;
            rest.remove_prefix(end + 1);
        }
    }
}

/// Statements of a file or a pipe. The first that finds no bridge is the last one.
int Prompt::lines() {
    int last = kExitDone;
    const auto run_taken = [&] {
        if (const std::string statement = statement_.take(); !statement.empty())
            last = run(statement);
    };
    for (std::string line; last != kExitUnreachable && std::getline(std::cin, line);) {
        if (is_meta(trimmed(line))) {
            if (!meta(trimmed(line)))
                return last;
        } else if (statement_.add(line)) {
            run_taken();
        }
    }
    if (last != kExitUnreachable)
        run_taken();
    return last;
}

} // namespace

int prompt_command(const QueryOptions& options, const GlobalOptions& global) {
    auto server = parse_server(options.server);
    if (!server) {
        std::fprintf(stderr, "%s\n", server.error().message.c_str());
        return kExitUsage;
    }
    Prompt prompt(std::move(*server), options, global.color);
    return ::isatty(STDIN_FILENO) && ::isatty(STDOUT_FILENO) ? prompt.interactive() : prompt.lines();
}

} // namespace sluice::app
