#pragma once

#include "plugins/testkit/sandbox.hpp"
#include "plugins/testkit/settings.hpp"

#include <memory>

namespace sluice::testkit {

/// The command that brings messages into upstream, running while the plugin is polled. Ended by the destructor.
class Feed {
public:
    Feed(const Settings& settings, const Settings::Run& run);

    /// True once everything was published. Throws Failed when the command did not succeed.
    bool done();

private:
    std::string command_;
    std::unique_ptr<Child> child_;
};

} // namespace sluice::testkit
