#include "core/host/elf.hpp"
#include "plugins/testkit/subject.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>

namespace sluice::testkit {
namespace {

using namespace std::chrono_literals;

constexpr auto* kEntry = "sluice_source_plugin_v1";
constexpr auto kLongestScan = 100ms;

std::size_t entries_of(const char* folder) {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder))
        ++count;
    return count;
}

/// Calls of write so far, from the kernel's count of this process.
std::uint64_t writes() {
    std::ifstream io("/proc/self/io");
    std::string name;
    std::uint64_t value = 0, found = 0;
    while (io >> name >> value)
        if (name == "syscw:")
            found = value;
    return found;
}

void loads(Subject& subject) {
    subject.slate().enter("dlopen");
    if (!::dlopen(subject.file().c_str(), RTLD_NOW | RTLD_LOCAL))
        throw Failed{fmt::format("it does not bind fully: {}", ::dlerror())};
    subject.slate().leave();
    subject.library();
    const auto stem = std::filesystem::path(subject.file()).stem().string();
    if (stem != subject.descriptor().id)
        subject.warn(fmt::format("the file is called {}.so; a bridge finds the plugin as {}.so only", stem,
                                 subject.descriptor().id));
}

void exports_one_symbol(Subject& subject) {
    const auto symbols = host::exported_symbols(subject.file());
    if (!symbols)
        throw Failed{symbols.error().message};
    std::vector<std::string> extra;
    for (const auto& symbol : *symbols)
        if (symbol.name != kEntry)
            extra.push_back(symbol.name);
    if (extra.empty())
        return;
    const auto more = extra.size() > 3 ? fmt::format(" and {} more", extra.size() - 3) : std::string();
    extra.resize(std::min<std::size_t>(extra.size(), 3));
    throw Failed{fmt::format("it exports {}{} besides {}; build it with sluice_add_source_plugin, or with hidden "
                             "visibility and a version script",
                             fmt::join(extra, ", "), more, kEntry)};
}

void scans_quietly(Subject& subject) {
    // The fastest of three: what is measured is the plugin, not how busy the machine is.
    auto fastest = std::chrono::milliseconds::max();
    for (int round = 0; round < 3 && fastest > kLongestScan; ++round) {
        const SharedSlate outcome;
        Child child([&] {
            const auto threads = entries_of("/proc/self/task"), files = entries_of("/proc/self/fd");
            const auto written = writes();
            const auto begun = std::chrono::steady_clock::now();
            subject.slate().enter("dlopen");
            void* library = ::dlopen(subject.file().c_str(), RTLD_NOW | RTLD_LOCAL);
            subject.slate().enter(kEntry);
            const auto entry = reinterpret_cast<decltype(&sluice_source_plugin_v1)>(::dlsym(library, kEntry));
            entry();
            subject.slate().leave();
            const auto took =
                std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun);
            std::string flaw;
            if (entries_of("/proc/self/task") != threads)
                flaw = "it started a thread while it was loaded; start it in `start`";
            else if (entries_of("/proc/self/fd") != files)
                flaw = "it left a file or socket open while it was loaded; open it in `start`";
            else if (writes() != written)
                flaw = "it wrote something while it was loaded";
            outcome->finish(flaw.empty() ? Verdict::Pass : Verdict::Fail,
                            flaw.empty() ? std::to_string(took.count()) : flaw);
            return 0;
        });
        if (!child.wait(10s) || child.status() != 0)
            throw Failed{fmt::format("loading it ended with {}", describe_end(child.status()))};
        if (outcome->verdict() == Verdict::Fail)
            throw Failed{outcome->detail()};
        fastest = std::min(fastest, std::chrono::milliseconds(std::stoll(outcome->detail())));
    }
    if (fastest > kLongestScan)
        throw Failed{fmt::format("loading it takes {} ms, it may take {}; leave work to `start`", fastest.count(),
                                 kLongestScan.count())};
}

void copies_share_nothing(Subject& subject) {
    const auto symbols = host::exported_symbols(subject.file());
    for (const auto& symbol : symbols ? *symbols : std::vector<host::ExportedSymbol>())
        if (symbol.unique)
            throw Failed{fmt::format("{} is a symbol that all copies in a process share (STB_GNU_UNIQUE); compile with "
                                     "-fno-gnu-unique",
                                     symbol.name)};
    std::vector<std::shared_ptr<host::Library>> copies;
    for (const char* name : {"first.so", "second.so"}) {
        const auto file = subject.work() / name;
        std::filesystem::copy_file(subject.file(), file);
        auto loaded = host::Library::load(file.string());
        if (!loaded)
            throw Failed{loaded.error().message};
        copies.push_back(std::move(*loaded));
    }
    if (&copies[0]->plugin() == &copies[1]->plugin() || copies[0]->plugin().create == copies[1]->plugin().create)
        throw Failed{"two copies of the file share their code and state, so a hot reload would run the old one"};
}

void documented(Subject& subject) {
    const auto& plugin = subject.descriptor();
    if (plugin.summary.empty())
        throw Failed{"the plugin has no summary"};
    for (const auto& option : plugin.options) {
        if (option.summary.empty())
            throw Failed{fmt::format("option {} has no summary", option.name)};
        if (!option.example.empty())
            continue;
        if (option.required)
            subject.warn(fmt::format("option {} is required and has no example", option.name));
    }
    // That defaults lie within their limits was checked when the file was loaded.
    subject.library();
}

void known_capabilities(Subject& subject) {
    constexpr std::uint32_t kKnown =
        SLUICE_CAP_REPLAY | SLUICE_CAP_REDELIVER | SLUICE_CAP_UNORDERED_ACK | SLUICE_CAP_SINGLETON;
    if ((subject.descriptor().capabilities & ~kKnown) != 0)
        throw Failed{fmt::format("it claims capabilities that this ABI does not have: {:#x}",
                                 subject.descriptor().capabilities & ~kKnown)};
    if (subject.descriptor().has(SLUICE_CAP_REDELIVER) && !subject.library().plugin().ack)
        throw Failed{"it claims to take redelivery requests and has no ack that would take them"};
}

} // namespace

std::vector<Case> library_cases() {
    return {{"library.loads", 10s, loads},
            {"library.exports_one_symbol", 10s, exports_one_symbol},
            {"library.scans_quietly", 40s, scans_quietly},
            {"library.copies_share_nothing", 10s, copies_share_nothing},
            {"descriptor.documents_every_option", 10s, documented},
            {"descriptor.claims_known_capabilities", 10s, known_capabilities}};
}

} // namespace sluice::testkit
