#include "core/host/describe.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace sluice::host {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kIndent = 2;

std::string dump(const Json& json) {
    return json.dump(kIndent, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json json_of(const std::optional<std::string>& text) {
    return text ? Json(*text) : Json(nullptr);
}

Json json_of(const Option& option) {
    Json json{{"name", option.name},
              {"type", to_string(option.type)},
              {"required", option.required},
              {"secret", option.secret},
              {"advanced", option.advanced},
              {"deprecated", option.deprecated},
              {"default", json_of(option.fallback)},
              {"min", json_of(option.least)},
              {"max", json_of(option.most)}};
    json["choices"] = option.choices;
    json["summary"] = option.summary;
    json["example"] = option.example;
    return json;
}

Json json_of(const Descriptor& plugin) {
    Json json{{"id", plugin.id},
              {"version", plugin.version},
              {"summary", plugin.summary},
              {"abi", fmt::format("1.{}", plugin.abi_minor)},
              {"capabilities", capability_names(plugin)},
              {"keepalive_ms", plugin.keepalive_ms}};
    json["options"] = Json::array();
    for (const auto& option : plugin.options)
        json["options"].push_back(json_of(option));
    return json;
}

/// Columns of a table as wide as their widest cell; the last one is as long as it is.
std::string aligned(const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows)
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths.resize(std::max(widths.size(), i + 1));
            widths[i] = std::max(widths[i], row[i].size());
        }
    std::string text;
    for (const auto& row : rows) {
        std::string line = " ";
        for (std::size_t i = 0; i < row.size(); ++i)
            line += i + 1 == row.size() ? " " + row[i] : fmt::format(" {:<{}} ", row[i], widths[i]);
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + "\n";
    }
    return text;
}

std::string allowed(const Option& option) {
    if (!option.choices.empty())
        return fmt::format("{}", fmt::join(option.choices, " | "));
    std::string text(to_string(option.type));
    if (option.least && option.most)
        return fmt::format("{}, {} to {}", text, *option.least, *option.most);
    if (option.least)
        return fmt::format("{}, at least {}", text, *option.least);
    return option.most ? fmt::format("{}, at most {}", text, *option.most) : text;
}

std::string meaning(const Option& option) {
    std::string text = option.summary;
    for (const auto& [set, word] : {std::pair{option.secret, "secret"}, std::pair{option.advanced, "advanced"},
                                    std::pair{option.deprecated, "deprecated"}})
        if (set)
            text += fmt::format(" ({})", word);
    return option.example.empty() ? text : fmt::format("{} Example: {}", text, option.example);
}

} // namespace

std::string describe_json(const Descriptor& plugin) {
    return dump(json_of(plugin));
}

std::string describe_text(const Descriptor& plugin) {
    const auto capabilities = capability_names(plugin);
    auto text = fmt::format("{} {} (source plugin ABI 1.{})\n{}\n", plugin.id, plugin.version, plugin.abi_minor,
                            plugin.summary);
    if (!capabilities.empty())
        text += fmt::format("Capabilities: {}\n", fmt::join(capabilities, ", "));
    if (plugin.options.empty())
        return text + "\nIt has no options.\n";
    text += fmt::format("\nKeys of a connection's source with plugin = \"{}\":\n", plugin.id);
    std::vector<std::vector<std::string>> rows{{"KEY", "DEFAULT", "VALUE", "MEANING"}};
    for (const auto& option : plugin.options)
        rows.push_back({option.name, option.required ? "required" : option.fallback.value_or("-"), allowed(option),
                        meaning(option)});
    return text + aligned(rows);
}

std::string list_text(const std::vector<Registry::Found>& plugins) {
    if (plugins.empty())
        return "No plugins were found in the folders of plugins.path.\n";
    std::vector<std::vector<std::string>> rows{{"ID", "VERSION", "FILE", "SUMMARY"}};
    for (const auto& [file, library] : plugins) {
        if (library)
            rows.push_back({(*library)->descriptor().id, (*library)->descriptor().version, file,
                            (*library)->descriptor().summary});
        else
            rows.push_back({"-", "-", file, "refused: " + library.error().message});
    }
    return aligned(rows);
}

std::string list_json(const std::vector<Registry::Found>& plugins) {
    auto json = Json::array();
    for (const auto& [file, library] : plugins) {
        Json entry{{"file", file}};
        if (library) {
            entry["id"] = (*library)->descriptor().id;
            entry["version"] = (*library)->descriptor().version;
            entry["summary"] = (*library)->descriptor().summary;
        } else {
            entry["error"] = library.error().message;
        }
        json.push_back(std::move(entry));
    }
    return dump(json);
}

} // namespace sluice::host
