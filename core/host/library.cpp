#include "core/host/library.hpp"

#include "core/base/mutex.hpp"
#include "core/host/elf.hpp"
#include "core/host/options.hpp"

#include <fmt/format.h>

#define BOOST_DLL_USE_STD_FS
#include <boost/dll/shared_library.hpp>

#include <algorithm>
#include <cstddef>
#include <set>
#include <vector> // before Boost.DLL 1.74, which forgets it

namespace sluice::host {
namespace {

constexpr auto* kEntry = "sluice_source_plugin_v1";
constexpr int kNewestProbed = 9;
constexpr std::size_t kMostOptions = 1000;
constexpr std::uint32_t kLargestTable = 1 << 16;

Error refused(const std::string& file, std::string_view reason) {
    return {ErrorCode::Invalid, fmt::format("{} is no plugin that can be used: {}", file, reason)};
}

std::string text_of(const char* text) {
    return text ? text : "";
}
std::optional<std::string> maybe(const char* text) {
    return text ? std::optional<std::string>(text) : std::nullopt;
}

bool is_id(std::string_view text) {
    return !text.empty() && text.front() >= 'a' && text.front() <= 'z' &&
           text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

bool is_option_name(std::string_view text) {
    return !text.empty() && text.front() >= 'a' && text.front() <= 'z' && text.back() != '.' &&
           text.find("..") == std::string_view::npos &&
           text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_.") == std::string_view::npos;
}

Result<Option> copy_option(const sluice_option& raw, std::size_t index) {
    const auto name = text_of(raw.name);
    if (!is_option_name(name) || name == "plugin" || name == "isolation")
        return Error{
            ErrorCode::Invalid,
            fmt::format("option {} is called \"{}\"; names are dotted snake_case and not the host's own", index, name)};
    if (raw.type < SLUICE_BOOL || raw.type > SLUICE_TEXT_MAP)
        return Error{ErrorCode::Invalid,
                     fmt::format("option {} has type {}, which this ABI version does not have", name, raw.type)};
    Option option{.name = name,
                  .type = static_cast<Option::Type>(raw.type),
                  .required = (raw.flags & SLUICE_REQUIRED) != 0,
                  .secret = (raw.flags & SLUICE_SECRET) != 0,
                  .advanced = (raw.flags & SLUICE_ADVANCED) != 0,
                  .deprecated = (raw.flags & SLUICE_DEPRECATED) != 0,
                  .path = (raw.flags & SLUICE_PATH) != 0,
                  .fallback = maybe(raw.fallback),
                  .least = maybe(raw.min),
                  .most = maybe(raw.max),
                  .summary = text_of(raw.summary),
                  .example = text_of(raw.example)};
    if (option.type == Option::Type::Choice) {
        for (const char* const* choice = raw.choices; choice && *choice && option.choices.size() < kMostOptions;
             ++choice)
            option.choices.emplace_back(*choice);
        if (option.choices.empty())
            return Error{ErrorCode::Invalid, fmt::format("option {} is a choice among nothing", name)};
    }
    if (auto sound = check_declaration(option); !sound)
        return Error{ErrorCode::Invalid, fmt::format("option {}: {}", name, sound.error().message)};
    return option;
}

/// Everything a descriptor must be before one of its functions may be called.
Result<Descriptor> copy_descriptor(const sluice_plugin& plugin) {
    const auto invalid = [](std::string why) { return Error{ErrorCode::Invalid, std::move(why)}; };
    // `extension` is the one function that came after the first complete table, so it may be missing.
    constexpr auto kLeastSize = offsetof(sluice_plugin, extension);
    if (plugin.size < kLeastSize || plugin.size > kLargestTable)
        return invalid(
            fmt::format("its descriptor has size {}, at least {} is needed; set .size = sizeof(sluice_plugin)",
                        plugin.size, kLeastSize));
    Descriptor out{.id = text_of(plugin.id),
                   .version = text_of(plugin.version),
                   .summary = text_of(plugin.summary),
                   .abi_minor = plugin.abi_minor,
                   .capabilities = plugin.capabilities,
                   .keepalive_ms = plugin.keepalive_ms};
    if (!is_id(out.id))
        return invalid(fmt::format("its id is \"{}\"; ids have lower-case letters, digits and _", out.id));
    if (out.version.empty())
        return invalid("it has no version");
    if (!plugin.create || !plugin.start || !plugin.poll || !plugin.destroy)
        return invalid("create, start, poll and destroy are required, and one of them is missing");
    constexpr auto kLeastStride = sizeof(sluice_option);
    if (plugin.option_count > kMostOptions || (plugin.option_count > 0 && !plugin.options))
        return invalid(fmt::format("its table of {} options cannot be right", plugin.option_count));
    if (plugin.option_count > 0 &&
        (plugin.option_stride < kLeastStride || plugin.option_stride % alignof(sluice_option) != 0))
        return invalid(
            fmt::format("its option stride is {}, at least {} is needed; set .option_stride = sizeof(sluice_option)",
                        plugin.option_stride, kLeastStride));
    std::set<std::string> names;
    for (std::size_t i = 0; i < plugin.option_count; ++i) {
        const auto* at = reinterpret_cast<const char*>(plugin.options) + i * plugin.option_stride;
        SLUICE_TRY(auto option, copy_option(*reinterpret_cast<const sluice_option*>(at), i));
        if (!names.insert(option.name).second)
            return invalid(fmt::format("it declares the option {} twice", option.name));
        out.options.push_back(std::move(option));
    }
    return out;
}

/// Why a file that loaded has no entry of ours.
std::string why_no_entry(const boost::dll::shared_library& library) {
    for (int version = 0; version <= kNewestProbed; ++version)
        if (library.has(fmt::format("sluice_source_plugin_v{}", version)))
            return fmt::format(
                "it speaks version {} of the source plugin ABI, this host speaks version 1; build it against the "
                "SDK of this release",
                version);
    return fmt::format("it does not export {}; is it a sluice source plugin?", kEntry);
}

/// One more reference that nobody gives back keeps the code in memory for the life of the process.
void keep_for_ever(const boost::dll::shared_library& loaded) {
    static Mutex mutex;
    static auto* const kept = new std::vector<boost::dll::shared_library>;
    Lock lock(mutex);
    kept->push_back(loaded);
}

} // namespace

std::string_view to_string(Option::Type type) {
    constexpr std::string_view kNames[] = {"",         "bool", "int",    "real",      "text",
                                           "duration", "size", "choice", "text list", "text map"};
    return kNames[static_cast<std::size_t>(type)];
}

std::vector<std::string> capability_names(const Descriptor& descriptor) {
    std::vector<std::string> names;
    for (const auto& [bit, name] :
         {std::pair{SLUICE_CAP_REPLAY, "replay"}, std::pair{SLUICE_CAP_REDELIVER, "redeliver"},
          std::pair{SLUICE_CAP_UNORDERED_ACK, "unordered_ack"}, std::pair{SLUICE_CAP_SINGLETON, "singleton"}})
        if (descriptor.has(bit))
            names.emplace_back(name);
    return names;
}

Result<std::shared_ptr<Library>> Library::load(const std::string& file) {
    std::error_code failed;
    if (!std::filesystem::is_regular_file(file, failed))
        return Error{ErrorCode::NotFound,
                     fmt::format("there is no plugin file {}{}", file, failed ? ": " + failed.message() : "")};
    if (auto sound = check_elf(file); !sound)
        return refused(file, sound.error().message);
    try {
        // Absolute, because the loader searches other places for a name without a folder.
        boost::dll::shared_library loaded(std::filesystem::absolute(file),
                                          boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
        if (!loaded.has(kEntry))
            return refused(file, why_no_entry(loaded));
        const auto* plugin = loaded.get<const sluice_plugin*()>(kEntry)();
        if (!plugin)
            return refused(file, "its entry returned nothing");
        auto descriptor = copy_descriptor(*plugin);
        if (!descriptor)
            return refused(file, descriptor.error().message);
        keep_for_ever(loaded);
        return std::shared_ptr<Library>(new Library(file, plugin, std::move(*descriptor)));
    } catch (const std::exception& error) {
        return refused(file, error.what()); // the loader's own words: truncated, wrong machine, missing library
    }
}

bool Library::try_enter() {
    return !descriptor_.has(SLUICE_CAP_SINGLETON) || !occupied_.exchange(true);
}

void Library::leave() {
    occupied_ = false;
}

} // namespace sluice::host
