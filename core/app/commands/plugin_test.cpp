#include "core/app/commands/commands.hpp"
#include "plugins/testkit/kit.hpp"

#include <cstdio>

namespace sluice::app {

int plugin_test_command(const PluginTestOptions& options, const GlobalOptions&) {
    testkit::Options kit{.file = options.file,
                         .config = options.config,
                         .only = options.only,
                         .seed = options.seed,
                         .in_process = options.in_process};
    const auto report = testkit::run(kit, [&](const testkit::CaseResult& result) {
        if (options.json)
            return;
        std::fputs(testkit::to_text(result).c_str(), stdout);
        std::fflush(stdout);
    });
    if (!report) {
        std::fprintf(stderr, "%s\n", report.error().message.c_str());
        return report.error().code == ErrorCode::Internal ? kExitFailed : kExitUsage;
    }
    std::fputs(options.json ? testkit::to_json(*report).c_str() : testkit::summary_text(*report).c_str(), stdout);
    return report->good() ? kExitDone : kExitFailed;
}

} // namespace sluice::app
