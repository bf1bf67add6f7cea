#pragma once

#include "core/engine/local_engine.hpp"
#include "core/ingest/databases.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/temporary_folder.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace sluice::engine {

/// An engine over real databases in a temporary folder; answers come as text: cells joined by " | ", rows by line
/// feeds, null as ∅, guids that are not all zeros as <guid>, errors as "error: <text>".
class EngineFixture : public testing::Test {
protected:
    void SetUp() override { open(EngineOptions{}, true); }

    void open(EngineOptions options, bool streaming);
    std::string run(const std::string& text) { return run_in("Harbor", text); }
    std::string run_in(const std::string& database, const std::string& text);
    /// Only the named columns of the answer's first table.
    std::string columns(const std::string& text, const std::string& names);
    std::string answer_text(Result<Answer> answer, const std::vector<std::string>& only = {});
    Request request(const std::string& database, const std::string& text);

    /// Runs commands that have to succeed.
    void set_up(std::initializer_list<const char*> commands) {
        for (const char* command : commands)
            ASSERT_EQ(run(command).rfind("error: ", 0), std::string::npos) << command << "\n" << run(command);
    }

    test::TemporaryFolder folder_;
    test::FakeClock clock_;
    std::unique_ptr<ingest::Databases> databases_;
    std::unique_ptr<Engine> engine_;
};

} // namespace sluice::engine
