#include "core/host/describe.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <stdexcept>

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
    Json json{{"name", option.name},        {"type", to_string(option.type)},      {"required", option.required},
              {"secret", option.secret},    {"advanced", option.advanced},         {"deprecated", option.deprecated},
              {"path", option.path},        {"default", json_of(option.fallback)}, {"min", json_of(option.least)},
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

std::optional<std::string> text_or_nothing(const Json& json) {
    return json.is_null() ? std::nullopt : std::optional(json.get<std::string>());
}

Option::Type type_named(const std::string& name) {
    for (auto type = Option::Type::Bool; type <= Option::Type::TextMap;
         type = static_cast<Option::Type>(static_cast<int>(type) + 1))
        if (to_string(type) == name)
            return type;
    throw std::invalid_argument("unknown type " + name);
}

Option option_of(const Json& json) {
    return {.name = json.at("name").get<std::string>(),
            .type = type_named(json.at("type").get<std::string>()),
            .required = json.at("required").get<bool>(),
            .secret = json.at("secret").get<bool>(),
            .advanced = json.at("advanced").get<bool>(),
            .deprecated = json.at("deprecated").get<bool>(),
            .path = json.at("path").get<bool>(),
            .fallback = text_or_nothing(json.at("default")),
            .least = text_or_nothing(json.at("min")),
            .most = text_or_nothing(json.at("max")),
            .choices = json.at("choices").get<std::vector<std::string>>(),
            .summary = json.at("summary").get<std::string>(),
            .example = json.at("example").get<std::string>()};
}

std::uint32_t capability_bits(const std::vector<std::string>& names) {
    Descriptor all{.capabilities = ~0U};
    std::uint32_t bits = 0;
    for (const auto& name : names)
        for (std::uint32_t bit = 1; bit != 0; bit <<= 1) {
            all.capabilities = bit;
            if (const auto known = capability_names(all); !known.empty() && known.front() == name)
                bits |= bit;
        }
    return bits;
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

std::string in_cell(std::string text) {
    for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2)
        text.replace(at, 1, "\\|");
    return text;
}

std::string in_code(const std::string& text) {
    return text.empty() ? "(empty)" : "`" + in_cell(text) + "`";
}

/// A number of the option table as JSON, if it is one.
Json number_of(const std::string& text) {
    const auto json = Json::parse(text, nullptr, false);
    return json.is_number() ? json : Json(nullptr);
}

void add_limits(Json& schema, const Option& option) {
    for (const auto& [key, limit] : {std::pair{"minimum", option.least}, std::pair{"maximum", option.most}})
        if (const auto number = limit ? number_of(*limit) : Json(nullptr); !number.is_null())
            schema[key] = number;
}

/// The TOML forms of a value, as JSON types.
Json schema_of(const Option& option) {
    Json schema;
    switch (option.type) {
    case Option::Type::Bool:
        schema["type"] = "boolean";
        break;
    case Option::Type::Int:
    case Option::Type::Real:
        schema["type"] = option.type == Option::Type::Int ? "integer" : "number";
        add_limits(schema, option);
        break;
    case Option::Type::Text:
        schema["type"] = "string";
        break;
    case Option::Type::Duration:
        schema["type"] = "string";
        schema["pattern"] = "^[0-9.]+(ns|us|ms|s|m|h|d)$";
        break;
    case Option::Type::Size:
        schema["type"] = {"string", "integer"};
        schema["pattern"] = "^[0-9.]+([KMGT]i?B|B)?$";
        schema["minimum"] = 0;
        break;
    case Option::Type::Choice:
        schema["enum"] = option.choices;
        break;
    case Option::Type::TextList:
        schema["type"] = "array";
        schema["items"]["type"] = "string";
        break;
    case Option::Type::TextMap:
        schema["type"] = "object";
        break;
    }
    schema["description"] = meaning(option);
    if (option.fallback) {
        const bool is_text = option.type == Option::Type::Text || option.type == Option::Type::Choice;
        const auto value = is_text ? Json(*option.fallback) : Json::parse(*option.fallback, nullptr, false);
        schema["default"] = value.is_discarded() ? Json(*option.fallback) : value;
    }
    if (option.deprecated)
        schema["deprecated"] = true;
    if (option.secret)
        schema["writeOnly"] = true;
    return schema;
}

void require(Json& table, const Option& option, const std::string& name) {
    auto& required = table["required"];
    if (option.required && std::find(required.begin(), required.end(), Json(name)) == required.end())
        required.push_back(name);
    if (required.is_null())
        table.erase("required");
}

} // namespace

std::string describe_json(const Descriptor& plugin) {
    return dump(json_of(plugin));
}

Result<Descriptor> parse_descriptor(const std::string& text) {
    try {
        const auto json = Json::parse(text);
        Descriptor plugin{.id = json.at("id").get<std::string>(),
                          .version = json.at("version").get<std::string>(),
                          .summary = json.at("summary").get<std::string>()};
        const auto abi = json.at("abi").get<std::string>();
        plugin.abi_minor = static_cast<std::uint32_t>(std::stoul(abi.substr(abi.find('.') + 1)));
        plugin.capabilities = capability_bits(json.at("capabilities").get<std::vector<std::string>>());
        plugin.keepalive_ms = json.at("keepalive_ms").get<std::uint32_t>();
        for (const auto& option : json.at("options"))
            plugin.options.push_back(option_of(option));
        return plugin;
    } catch (const std::exception& error) {
        return Error{ErrorCode::Invalid, fmt::format("this describes no plugin: {}", error.what())};
    }
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

std::string describe_markdown(const Descriptor& plugin) {
    auto text = fmt::format("# {}\n\n{} Version {}, source plugin ABI 1.{}.\n", plugin.id, plugin.summary,
                            plugin.version, plugin.abi_minor);
    const auto names = capability_names(plugin);
    text += fmt::format("\n{}\n", plugin.has(SLUICE_CAP_REPLAY)
                                      ? "It replays: after any checkpoint come the same messages again, so every "
                                        "message that it has taken over is stored exactly once in the embedded engine."
                                      : "It does not replay: every message is stored at least once if upstream sends "
                                        "again what was not acknowledged, else at most once.");
    if (!names.empty())
        text += fmt::format("Capabilities: {}.\n", fmt::join(names, ", "));
    if (plugin.options.empty())
        return text + "\nIt has no options.\n";
    text += fmt::format("\nKeys of a connection's `source` with `plugin = \"{}\"`. How to write a plugin: "
                        "[plugins.md](../plugins.md).\n\n| key | default | value | meaning |\n|---|---|---|---|\n",
                        plugin.id);
    for (const auto& option : plugin.options)
        text += fmt::format("| `{}` | {} | {} | {} |\n", option.name,
                            option.required ? "required" : (option.fallback ? in_code(*option.fallback) : "-"),
                            in_cell(allowed(option)), in_cell(meaning(option)));
    return text;
}

std::string describe_schema(const Descriptor& plugin) {
    Json schema{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                {"title", fmt::format("source of the plugin {} {}", plugin.id, plugin.version)},
                {"description", plugin.summary},
                {"type", "object"},
                {"additionalProperties", false}};
    schema["properties"]["plugin"] = {{"const", plugin.id}};
    schema["properties"]["isolation"] = {{"enum", {"none"}}, {"default", "none"}};
    schema["required"] = {"plugin"};
    for (const auto& option : plugin.options) {
        auto* table = &schema;
        std::string name = option.name;
        for (auto dot = name.find('.'); dot != std::string::npos; dot = name.find('.')) {
            require(*table, option, name.substr(0, dot));
            table = &(*table)["properties"][name.substr(0, dot)];
            (*table)["type"] = "object";
            (*table)["additionalProperties"] = false;
            name.erase(0, dot + 1);
        }
        require(*table, option, name);
        (*table)["properties"][name] = schema_of(option);
    }
    return dump(schema);
}

std::string list_text(const std::vector<Registry::Found>& plugins) {
    if (plugins.empty())
        return "No plugins were found in the folders of plugins.path.\n";
    std::vector<std::vector<std::string>> rows{{"ID", "VERSION", "STATE", "FILE", "SUMMARY"}};
    for (const auto& [file, library] : plugins) {
        if (library)
            rows.push_back({(*library)->descriptor().id, (*library)->descriptor().version, "ready", file,
                            (*library)->descriptor().summary});
        else
            rows.push_back({"-", "-", "refused", file, library.error().message});
    }
    return aligned(rows);
}

std::string list_json(const std::vector<Registry::Found>& plugins) {
    auto json = Json::array();
    for (const auto& [file, library] : plugins) {
        Json entry{{"file", file}};
        if (library) {
            entry["state"] = "ready";
            entry["id"] = (*library)->descriptor().id;
            entry["version"] = (*library)->descriptor().version;
            entry["summary"] = (*library)->descriptor().summary;
        } else {
            entry["state"] = "refused";
            entry["error"] = library.error().message;
        }
        json.push_back(std::move(entry));
    }
    return dump(json);
}

} // namespace sluice::host
