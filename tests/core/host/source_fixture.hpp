#pragma once

#include "core/host/instance.hpp"
#include "tests/core/host/fake_intake.hpp"
#include "tests/core/host/script.hpp"
#include "tests/support/fake_clock.hpp"

#include <gtest/gtest.h>

#include <map>

namespace sluice::test {

inline std::shared_ptr<host::Library> test_library(const std::string& name) {
    static std::map<std::string, std::shared_ptr<host::Library>> loaded;
    auto& library = loaded[name];
    if (!library)
        library = host::Library::load(std::string(SLUICE_TEST_PLUGINS) + "/" + name + ".so").value();
    return library;
}

/// A scripted source, its store and a clock of the test's.
class SourceTest : public testing::Test {
protected:
    SourceTest() { install("scripted"); }

    void install(const std::string& plugin) {
        setup_.connection = "orders";
        setup_.library = test_library(plugin);
        setup_.options = std::make_shared<host::OptionValues>();
        setup_.state_dir = testing::TempDir() + "/state";
        setup_.open_intake = [this]() -> Result<std::unique_ptr<router::Intake>> {
            return std::make_unique<FakeIntake>(store_);
        };
        // The extension hands out the plugin's own variable, so that its instances find this test's script.
        *static_cast<std::shared_ptr<Script>*>(
            const_cast<void*>(setup_.library->plugin().extension(kScriptExtension))) = script_;
    }

    std::vector<std::string> calls() {
        const std::lock_guard lock(script_->mutex);
        return script_->calls;
    }

    FakeClock clock_;
    std::shared_ptr<Script> script_ = std::make_shared<Script>();
    FakeStore store_;
    host::SourceSetup setup_;
};

} // namespace sluice::test
