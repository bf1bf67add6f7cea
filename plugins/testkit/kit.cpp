#include "plugins/testkit/kit.hpp"

#include "core/host/describe.hpp"
#include "plugins/testkit/subject.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace sluice::testkit {
namespace {

using namespace std::chrono_literals;

constexpr auto kScanLimit = 10s;

std::vector<Case> all_cases() {
    std::vector<Case> cases;
    for (const auto& group :
         {library_cases(), config_cases(), lifecycle_cases(), poll_cases(), order_cases(), delivery_cases()})
        cases.insert(cases.end(), group.begin(), group.end());
    return cases;
}

/// The descriptor as a child sees it, so that a file which crashes or hangs while it is loaded leaves the kit alone.
Result<host::Descriptor> scan(const std::string& file) {
    constexpr std::size_t kRoom = std::size_t{4} << 20;
    void* memory = ::mmap(nullptr, kRoom, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return Error{ErrorCode::Internal, "no memory for the child that looks at the plugin"};
    char* text = static_cast<char*>(memory);
    const auto result = run_in_child(
        [&](Slate& slate) {
            slate.enter("dlopen");
            const auto library = host::Library::load(file);
            slate.leave();
            if (!library)
                throw Failed{library.error().message};
            const auto json = host::describe_json((*library)->descriptor());
            std::memcpy(text, json.data(), std::min(json.size(), kRoom - 1));
        },
        kScanLimit);
    const std::string json(text);
    ::munmap(memory, kRoom);
    if (result.verdict == Verdict::Fail)
        return Error{ErrorCode::Invalid, result.detail};
    if (result.verdict != Verdict::Pass)
        return Error{ErrorCode::Invalid, fmt::format("{} cannot be looked at: {}", file, result.detail)};
    return host::parse_descriptor(json);
}

struct WorkFolder {
    WorkFolder() {
        auto pattern = (std::filesystem::temp_directory_path() / "sluice-kit.XXXXXX").string();
        if (!::mkdtemp(pattern.data()))
            throw std::runtime_error("cannot make a folder like " + pattern);
        path = pattern;
    }
    ~WorkFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
    WorkFolder(const WorkFolder&) = delete;
    WorkFolder& operator=(const WorkFolder&) = delete;

    std::filesystem::path path;
};

bool wanted(std::string_view name, std::string_view only) {
    return only.empty() || name == only || (name.starts_with(only) && name.substr(only.size()).starts_with('.'));
}

std::string repeat_command(const Options& options, std::string_view name) {
    return fmt::format("{} plugin test {}{}{} --only {} --seed {} --in-process", options.program, options.file,
                       options.config.empty() ? "" : " --config ", options.config, name, options.seed);
}

} // namespace

std::vector<std::string> case_names() {
    std::vector<std::string> names;
    for (const auto& known : all_cases())
        names.emplace_back(known.name);
    return names;
}

Result<Report> run(const Options& options, const std::function<void(const CaseResult&)>& each) {
    const auto cases = all_cases();
    if (std::none_of(cases.begin(), cases.end(), [&](const Case& c) { return wanted(c.name, options.only); }))
        return Error{ErrorCode::Invalid, fmt::format("there is no case or group {}; cases: {}", options.only,
                                                     fmt::join(case_names(), ", "))};
    std::error_code failed;
    if (!std::filesystem::is_regular_file(options.file, failed))
        return Error{ErrorCode::NotFound, fmt::format("there is no plugin file {}", options.file)};
    // A name without a slash would be looked for where the system's libraries are.
    const auto file = std::filesystem::absolute(options.file).string();
    SLUICE_TRY(const auto descriptor, scan(file));
    SLUICE_TRY(const auto settings, Settings::load(options.config, descriptor));
    Report report{.file = options.file, .id = descriptor.id, .version = descriptor.version, .results = {}};
    for (const auto& known : cases) {
        if (!wanted(known.name, options.only))
            continue;
        const WorkFolder work;
        const auto body = [&](Slate& slate) {
            Subject subject(file, descriptor, settings, work.path, options.seed, slate);
            known.run(subject);
        };
        auto result = options.in_process ? run_here(body) : run_in_child(body, known.limit);
        result.name = known.name;
        result.repeat = repeat_command(options, known.name);
        each(result);
        report.results.push_back(std::move(result));
    }
    return report;
}

} // namespace sluice::testkit
