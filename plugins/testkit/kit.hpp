#pragma once

#include "core/base/result.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

/// `sluice plugin test`: judges a plugin against the contract (plugin ABI 6), each case in a process of its own.
namespace sluice::testkit {

enum class Verdict : std::uint8_t {
    Pass,
    Fail,  ///< the plugin broke the contract
    Crash, ///< it ended the process
    Hang,  ///< a call did not return within the case's time
    Skip,  ///< could not be judged here; the detail says what it takes
    Warn,  ///< allowed, but worth a word
};
/// "pass".
std::string_view to_string(Verdict verdict);

struct CaseResult {
    std::string name;
    Verdict verdict = Verdict::Pass;
    std::string detail = {};
    std::chrono::milliseconds took{0};
    std::string repeat = {}; ///< of what is not good: the command that does it again, in one process
};

struct Options {
    std::string file;
    std::string config = {};        ///< kit.toml; empty: the plugin's defaults have to do
    std::string only = {};          ///< a case, or a group such as "order"
    std::uint64_t seed = 1;         ///< of everything random
    bool in_process = false;        ///< for a debugger: no child, no time limit
    std::string program = "sluice"; ///< how the commands that repeat a failure begin
};

struct Report {
    std::string file, id, version;
    std::vector<CaseResult> results;

    /// Nothing failed, crashed or hung.
    bool good() const;
};

/// All cases, in the order in which they are run.
std::vector<std::string> case_names();

/// Runs the cases; `each` sees every result as soon as it is there.
/// Invalid: the file is no plugin, `kit.toml` is wrong, or `only` names nothing; the message says which and why.
/// Call it while the process has one thread, because it forks.
Result<Report> run(const Options& options, const std::function<void(const CaseResult&)>& each);

/// One line for a result, one more with the command that repeats it when it is not good.
std::string to_text(const CaseResult& result);
/// The counts of all verdicts, in one line.
std::string summary_text(const Report& report);
std::string to_json(const Report& report);

} // namespace sluice::testkit
