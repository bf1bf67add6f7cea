#include "core/host/options.hpp"

#include "core/config/parse.hpp"
#include "core/config/units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>

namespace sluice::host {
namespace {

using config::Raw;
using Type = Option::Type;

constexpr std::size_t kMostItems = 10'000;

Error wrong(std::string way_out) {
    return {ErrorCode::Invalid, std::move(way_out)};
}

/// A default or limit of the option table, which is written as in a configuration file; quotes around texts may be left
/// out.
Result<Raw> parse_declared(const Option& option, const std::string& text) {
    const bool is_text = option.type == Type::Text || option.type == Type::Choice || option.type == Type::Duration ||
                         (option.type == Type::Size && text.find_first_not_of("0123456789") != std::string::npos);
    Raw value{.kind = Raw::Kind::Text, .text = text};
    if (is_text && !text.starts_with('"'))
        return value;
    config::Problems problems;
    const auto nothing = [](const std::string&) { return std::nullopt; };
    const auto tree = config::parse("value = " + text, option.name, "", nothing, problems);
    if (!problems.empty() || !tree.find("value"))
        return wrong(fmt::format("\"{}\" in its declaration is not written as in a configuration file", text));
    return *tree.find("value");
}

/// A number as the option's type counts it: nanoseconds, bytes, or itself.
Result<double> measure(const Option& option, const Raw& value, std::int64_t& whole) {
    switch (option.type) {
    case Type::Int:
        if (value.kind != Raw::Kind::Integer)
            return wrong("it must be a whole number, without quotes");
        whole = value.integer;
        return static_cast<double>(whole);
    case Type::Real:
        if (value.kind == Raw::Kind::Integer)
            return static_cast<double>(value.integer);
        if (value.kind != Raw::Kind::Real || !std::isfinite(value.real))
            return wrong("it must be a number, without quotes");
        return value.real;
    case Type::Duration: {
        if (value.kind == Raw::Kind::Integer || value.kind == Raw::Kind::Real)
            return wrong(
                fmt::format("durations need a unit, such as \"{}s\"", value.hidden ? "5" : config::shown(value)));
        if (value.kind != Raw::Kind::Text)
            return wrong("it must be a duration, such as \"5s\"");
        const auto duration = config::parse_duration(value.text);
        if (!duration)
            return wrong(value.hidden ? "it must be a duration with a unit, such as \"5s\"" : duration.error().message);
        whole = duration->count();
        return static_cast<double>(whole);
    }
    default: {
        if (value.kind == Raw::Kind::Integer && value.integer >= 0) {
            whole = value.integer;
        } else if (value.kind == Raw::Kind::Text) {
            SLUICE_TRY(const auto size, config::parse_size(value.text));
            whole = static_cast<std::int64_t>(size);
        } else {
            return wrong("it must be a size, such as \"64MiB\", or a number of bytes");
        }
        return static_cast<double>(whole);
    }
    }
}

/// Measures a value and holds it against the limits of the table.
Result<double> measure_within(const Option& option, const Raw& value, std::int64_t& whole) {
    SLUICE_TRY(const auto number, measure(option, value, whole));
    const auto compare = [&](const std::string& limit) -> Result<int> {
        SLUICE_TRY(const auto declared, parse_declared(option, limit));
        std::int64_t whole_limit = 0;
        SLUICE_TRY(const auto number_limit, measure(option, declared, whole_limit));
        if (option.type == Type::Real)
            return number < number_limit ? -1 : (number > number_limit ? 1 : 0);
        return whole < whole_limit ? -1 : (whole > whole_limit ? 1 : 0);
    };
    if (option.least) {
        SLUICE_TRY(const auto order, compare(*option.least));
        if (order < 0)
            return wrong(fmt::format("it must be at least {}", *option.least));
    }
    if (option.most) {
        SLUICE_TRY(const auto order, compare(*option.most));
        if (order > 0)
            return wrong(fmt::format("it must be at most {}", *option.most));
    }
    return number;
}

std::string listed(const std::vector<std::string>& choices) {
    std::string text;
    for (std::size_t i = 0; i < choices.size(); ++i)
        text += fmt::format("{}\"{}\"", i == 0 ? "" : (i + 1 == choices.size() ? " or " : ", "), choices[i]);
    return text;
}

void hide(Raw& value) {
    value.hidden = true;
    for (auto& item : value.items)
        hide(item);
}

sluice_str view(const std::string& text) {
    return {text.data(), text.size()};
}

} // namespace

/// Turns values into what crosses the boundary; owns them until they are handed out.
class OptionBinder {
public:
    explicit OptionBinder(std::string folder) : folder_(std::move(folder)), out_(std::make_shared<OptionValues>()) {}

    void resize(std::size_t count) { out_->values_.resize(count); }
    std::shared_ptr<const OptionValues> take() { return std::move(out_); }

    /// The error is the second half of a sentence.
    Result<> bind(const Option& option, std::size_t index, const Raw& value) {
        auto& target = out_->values_[index];
        target.is_set = 1;
        switch (option.type) {
        case Type::Bool:
            if (value.kind != Raw::Kind::Boolean)
                return wrong("it must be true or false, without quotes");
            target.as.integer = value.boolean ? 1 : 0;
            return {};
        case Type::Real: {
            std::int64_t ignored = 0;
            SLUICE_TRY(target.as.real, measure_within(option, value, ignored));
            return {};
        }
        case Type::Int:
        case Type::Duration:
        case Type::Size:
            SLUICE_CHECK(measure_within(option, value, target.as.integer));
            return {};
        case Type::Choice:
            return bind_choice(option, value, target);
        case Type::Text:
            return bind_text(option, value, target);
        case Type::TextList:
            return bind_list(option, value, target);
        case Type::TextMap:
            return bind_map(value, target);
        }
        return wrong("its type is unknown");
    }

private:
    Result<> bind_choice(const Option& option, const Raw& value, sluice_value& target) {
        const auto found = std::find(option.choices.begin(), option.choices.end(), value.text);
        if (value.kind != Raw::Kind::Text || found == option.choices.end())
            return wrong("it must be " + listed(option.choices));
        target.as.integer = found - option.choices.begin();
        return {};
    }

    Result<> bind_text(const Option& option, const Raw& value, sluice_value& target) {
        if (value.kind != Raw::Kind::Text)
            return wrong("it must be a text in quotes");
        if (option.required && value.text.empty())
            return wrong("it must not be empty");
        target.as.text = keep(option.path ? absolute(value.text) : value.text);
        return {};
    }

    Result<> bind_list(const Option& option, const Raw& value, sluice_value& target) {
        if (value.kind != Raw::Kind::List)
            return wrong("it must be a list of texts, such as [\"a\", \"b\"]");
        if (value.items.size() > kMostItems)
            return wrong(fmt::format("it must have at most {} items", kMostItems));
        if (option.required && value.items.empty())
            return wrong("it must have at least one item");
        auto& list = out_->lists_.emplace_back();
        for (const auto& item : value.items) {
            if (item.kind != Raw::Kind::Text)
                return wrong(fmt::format("every item must be a text in quotes, and one is {}", config::shown(item)));
            list.push_back(keep(option.path ? absolute(item.text) : item.text));
        }
        target.as.list = {list.data(), list.size()};
        return {};
    }

    Result<> bind_map(const Raw& value, sluice_value& target) {
        if (value.kind != Raw::Kind::Table)
            return wrong("it must be a table, such as { key = \"value\" }");
        auto& map = out_->maps_.emplace_back();
        SLUICE_CHECK(add_to_map(value, "", map));
        target.as.map = {map.data(), map.size()};
        return {};
    }

    /// Keys with dots may be written with quotes or without: both name the same setting.
    Result<> add_to_map(const Raw& table, const std::string& prefix, std::vector<sluice_property>& map) {
        for (const auto& item : table.items) {
            const auto key = prefix + item.key;
            if (map.size() >= kMostItems)
                return wrong(fmt::format("it must have at most {} entries", kMostItems));
            if (item.kind == Raw::Kind::Table) {
                SLUICE_CHECK(add_to_map(item, key + ".", map));
                continue;
            }
            if (item.kind == Raw::Kind::List)
                return wrong(fmt::format("its entry {} must be a text, a number, true or false", key));
            const auto text = keep(item.kind == Raw::Kind::Text ? item.text : plain(item));
            map.push_back({keep(key), {reinterpret_cast<const std::uint8_t*>(text.data), text.size}});
        }
        return {};
    }

    static std::string plain(Raw value) {
        value.hidden = false;
        return config::shown(value);
    }

    std::string absolute(const std::string& path) const {
        return path.empty()
                   ? path
                   : std::filesystem::absolute(std::filesystem::path(folder_) / path).lexically_normal().string();
    }

    sluice_str keep(std::string text) { return view(out_->texts_.emplace_back(std::move(text))); }

    const std::string folder_;
    std::shared_ptr<OptionValues> out_;
};

namespace {

/// Finds the values that a source table has for a plugin's options; what belongs to none is a problem.
class SourceTable {
public:
    SourceTable(const Descriptor& plugin, const config::Connection& connection, config::Problems& problems)
        : plugin_(plugin), subject_(fmt::format("connection \"{}\"", connection.name)), problems_(problems) {
        for (const auto& option : plugin.options)
            names_.push_back(option.name);
        walk(connection.source, "");
    }

    const Raw* find(const std::string& option) const {
        const auto found = values_.find(option);
        return found == values_.end() ? nullptr : found->second;
    }

    void problem(const config::Place& at, const std::string& text) {
        problems_.push_back({at, fmt::format("{}: {}", subject_, text)});
    }

private:
    void walk(const Raw& table, const std::string& prefix) {
        for (const auto& item : table.items) {
            const auto name = prefix + item.key;
            if (std::find(names_.begin(), names_.end(), name) != names_.end())
                values_[name] = &item;
            else if (item.kind == Raw::Kind::Table && is_group(name))
                walk(item, name + ".");
            else
                refuse_unknown(name, item.key_at);
        }
    }

    bool is_group(const std::string& name) const {
        return std::any_of(names_.begin(), names_.end(),
                           [&](const std::string& option) { return option.starts_with(name + "."); });
    }

    void refuse_unknown(const std::string& name, const config::Place& at) {
        const auto meant = config::nearest(name, names_);
        problem(at, fmt::format("unknown key source.{}; {}", name,
                                meant.empty() ? fmt::format("`sluice plugin describe {}` lists the keys of this plugin",
                                                            plugin_.id)
                                              : fmt::format("did you mean source.{}?", meant)));
    }

    const Descriptor& plugin_;
    const std::string subject_;
    config::Problems& problems_;
    std::vector<std::string> names_;
    std::map<std::string, const Raw*> values_;
};

} // namespace

HostDefaults host_defaults(const config::Connection& connection, const config::Store& store,
                           const std::string& created) {
    HostDefaults defaults;
    const auto& start = connection.properties.retrieval_start_date;
    defaults["start_at"] = start && created != "beginning" ? config::format_time(*start) : created;
    const auto& group = connection.properties.consumer_group;
    defaults["group_id"] = group.empty() || group == "$Default" ? "sluice-" + connection.name : group;
    defaults["client_id"] = "sluice-" + connection.name;
    if (store.durability != "sync") {
        defaults["spool.sync"] = "interval";
        defaults["spool.sync_interval"] = fmt::format("{}ms", store.sync_interval.count());
    }
    return defaults;
}

std::shared_ptr<const OptionValues> bind_options(const Descriptor& plugin, const config::Connection& connection,
                                                 const std::string& folder, const HostDefaults& defaults,
                                                 config::Problems& problems) {
    const auto problems_before = problems.size();
    SourceTable table(plugin, connection, problems);
    if (connection.isolation != "none")
        table.problem(
            connection.at,
            fmt::format("source.isolation is \"{}\"; plugins run in the bridge's own process so far, write \"none\"",
                        connection.isolation));
    OptionBinder binder(folder);
    binder.resize(plugin.options.size());
    for (std::size_t i = 0; i < plugin.options.size(); ++i) {
        const auto& option = plugin.options[i];
        if (const auto* found = table.find(option.name)) {
            auto given = *found;
            if (option.secret)
                hide(given);
            if (auto bound = binder.bind(option, i, given); !bound)
                table.problem(given.at, fmt::format("source.{} is {}; {}", option.name, config::shown(given),
                                                    bound.error().message));
            continue;
        }
        const auto known = defaults.find(option.name);
        const auto fallback = known != defaults.end() ? std::optional(known->second) : option.fallback;
        if (fallback) {
            auto value = known != defaults.end() ? Result<Raw>(Raw{.kind = Raw::Kind::Text, .text = *fallback})
                                                 : parse_declared(option, *fallback);
            if (auto bound = value ? binder.bind(option, i, *value) : Result<>(value.error()); !bound)
                table.problem(connection.source.at,
                              fmt::format("source.{} is not set and its default {} does not fit; {}", option.name,
                                          *fallback, bound.error().message));
        } else if (option.required) {
            table.problem(connection.source.at,
                          fmt::format("source.{} is missing; it is required: {}", option.name, option.summary));
        }
    }
    return problems.size() == problems_before ? binder.take() : nullptr;
}

Result<> check_declaration(const Option& option) {
    OptionBinder binder("");
    binder.resize(1);
    for (const auto& [what, text] : {std::pair{"minimum", option.least}, std::pair{"maximum", option.most}})
        if (text) {
            if (option.type != Type::Int && option.type != Type::Real && option.type != Type::Duration &&
                option.type != Type::Size)
                return wrong(fmt::format("a {} has a {}, which only numbers can have", to_string(option.type), what));
            SLUICE_TRY(const auto value, parse_declared(option, *text));
            std::int64_t ignored = 0;
            SLUICE_CHECK(measure(option, value, ignored));
        }
    if (option.fallback) {
        SLUICE_TRY(const auto value, parse_declared(option, *option.fallback));
        if (auto bound = binder.bind(option, 0, value); !bound)
            return wrong(fmt::format("its default {} does not fit; {}", *option.fallback, bound.error().message));
    }
    return {};
}

} // namespace sluice::host
