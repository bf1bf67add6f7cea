#include "core/config/units.hpp"
#include "plugins/testkit/subject.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <deque>
#include <limits>

namespace sluice::testkit {
namespace {

using namespace std::chrono_literals;
using Type = host::Option::Type;

constexpr std::size_t kLongText = 70'000;
constexpr auto* kMarker = "s3cr3t-m4rker-of-the-kit";

/// Values with the memory they point to.
struct Values {
    std::vector<sluice_value> table;
    std::deque<std::string> texts;
    std::deque<std::vector<sluice_str>> lists;
    std::deque<std::vector<sluice_property>> maps;

    sluice_str keep(std::string text) {
        const auto& kept = texts.emplace_back(std::move(text));
        return {kept.data(), kept.size()};
    }
};

Values copy_of(Subject& subject) {
    Values values;
    const auto* from = subject.values();
    values.table.assign(from, from + subject.descriptor().options.size());
    return values;
}

const std::vector<std::string>& odd_texts() {
    using namespace std::string_literals;
    static const std::vector<std::string> texts{"",
                                                " ",
                                                "\0"s,
                                                "a\0b"s,
                                                "\xff\xfe\xc3\x28",
                                                "../../../../etc/passwd",
                                                "%s%n%d",
                                                "://::::[",
                                                "\r\nHost: x",
                                                std::string(kLongText, 'x')};
    return texts;
}

/// The limits of a number, and its neighbours within them.
std::vector<std::int64_t> odd_numbers(const host::Option& option) {
    const auto read = [&](const std::optional<std::string>& text, std::int64_t open) -> std::int64_t {
        if (!text)
            return open;
        if (option.type == Type::Duration) {
            const auto duration = config::parse_duration(*text);
            return duration ? duration->count() : open;
        }
        if (option.type == Type::Size) {
            const auto size = config::parse_size(*text);
            return size ? static_cast<std::int64_t>(*size) : open;
        }
        return std::strtoll(text->c_str(), nullptr, 10);
    };
    const bool is_signed = option.type == Type::Int;
    const auto least = read(option.least, is_signed ? std::numeric_limits<std::int64_t>::min() : 0);
    const auto most = read(option.most, std::numeric_limits<std::int64_t>::max());
    return {least, most};
}

std::string printable(const std::string& text) {
    std::string out;
    for (const char c : text)
        out += c >= ' ' && c <= '~' ? std::string(1, c) : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    return out;
}

std::string shown(const std::string& text) {
    return text.size() > 40 ? fmt::format("a text of {} bytes", text.size()) : fmt::format("\"{}\"", printable(text));
}

/// Creates an instance with the values and lets it go. It may answer with any status.
void try_values(Subject& subject, const Values& values, const std::string& what) {
    subject.slate().enter("create with " + what);
    KitHost host(subject.library(), values.table.data(), nullptr, (subject.work() / "odd").string(), subject.slate());
    try {
        const auto status = host.create();
        if (status != SLUICE_OK && host.last_failure().empty())
            throw Failed{fmt::format("create answered {} without a reason; use host->fail", status_name(status))};
        host.end();
    } catch (const Failed& failed) {
        throw Failed{fmt::format("with {}: {}", what, failed.why)};
    }
}

void try_texts(Subject& subject, const host::Option& option, std::size_t index) {
    for (const auto& text : odd_texts()) {
        if (text.empty() && option.required)
            continue; // the host refuses it
        auto values = copy_of(subject);
        auto& value = values.table[index];
        value.is_set = 1;
        if (option.type == Type::Text) {
            value.as.text = values.keep(text);
        } else if (option.type == Type::TextList) {
            auto& list = values.lists.emplace_back();
            list.assign(text.empty() ? 0 : 3, values.keep(text));
            value.as.list = {list.data(), list.size()};
        } else {
            auto& map = values.maps.emplace_back();
            const auto key = values.keep(text);
            map.push_back({key, {reinterpret_cast<const std::uint8_t*>(key.data), key.size}});
            value.as.map = {map.data(), map.size()};
        }
        try_values(subject, values, fmt::format("{} = {}", option.name, shown(text)));
    }
}

void bears_odd_values(Subject& subject) {
    const auto& options = subject.descriptor().options;
    for (std::size_t i = 0; i < options.size(); ++i) {
        const auto& option = options[i];
        if (!option.required) {
            auto values = copy_of(subject);
            values.table[i] = {};
            try_values(subject, values, option.name + " not set");
        }
        if (option.type == Type::Text || option.type == Type::TextList || option.type == Type::TextMap) {
            try_texts(subject, option, i);
            continue;
        }
        std::vector<std::int64_t> numbers{0, 1};
        if (option.type == Type::Choice)
            numbers = {0, static_cast<std::int64_t>(option.choices.size()) - 1};
        else if (option.type != Type::Bool && option.type != Type::Real)
            numbers = odd_numbers(option);
        for (const auto number : numbers) {
            auto values = copy_of(subject);
            values.table[i].is_set = 1;
            if (option.type == Type::Real)
                values.table[i].as.real = static_cast<double>(number) * 1e300;
            else
                values.table[i].as.integer = number;
            try_values(subject, values, fmt::format("{} = {}", option.name, number));
        }
    }
}

void keeps_secrets(Subject& subject) {
    const auto& options = subject.descriptor().options;
    auto values = copy_of(subject);
    std::size_t secrets = 0;
    for (std::size_t i = 0; i < options.size(); ++i) {
        if (!options[i].secret)
            continue;
        ++secrets;
        auto& value = values.table[i];
        value.is_set = 1;
        const auto marker = values.keep(fmt::format("{}-{}", kMarker, i));
        if (options[i].type == Type::TextMap) {
            auto& map = values.maps.emplace_back();
            map.push_back(
                {values.keep("kit.secret"), {reinterpret_cast<const std::uint8_t*>(marker.data), marker.size}});
            value.as.map = {map.data(), map.size()};
        } else {
            value.as.text = marker;
        }
    }
    if (secrets == 0)
        throw Skipped{"it has no secret option"};
    KitHost host(subject.library(), values.table.data(), nullptr, (subject.work() / "state").string(), subject.slate());
    if (host.create() == SLUICE_OK) {
        static_cast<void>(host.check());
        if (host.start() == SLUICE_OK)
            for (int i = 0; i < 10; ++i)
                host.poll();
        host.end();
    }
    if (host.everything_said().find(kMarker) != std::string::npos)
        throw Failed{"the value of a secret option appears in what it says (logs, failures, health)"};
    for (const auto& entry : std::filesystem::recursive_directory_iterator(subject.work() / "state")) {
        if (entry.path().string().find(kMarker) != std::string::npos)
            throw Failed{"the value of a secret option appears in the name of a file that it wrote"};
    }
}

} // namespace

std::vector<Case> config_cases() {
    return {{"config.bears_odd_values", 120s, bears_odd_values}, {"config.keeps_secrets", 120s, keeps_secrets}};
}

} // namespace sluice::testkit
