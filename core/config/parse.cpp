#include "core/config/parse.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace sluice::config {
namespace {

constexpr std::uintmax_t kLongestReferencedFile = 1 << 20;

bool is_name(std::string_view text) {
    const auto letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; };
    if (text.empty() || !letter(text.front()))
        return false;
    return std::all_of(text.begin(), text.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

class Converter {
public:
    Converter(const std::string& name, const std::string& folder, const Variables& variables, Problems& problems)
        : name_(name), folder_(folder), variables_(variables), problems_(problems) {}

    Place place(const toml::source_region& region) const {
        return {.file = name_, .line = std::max(region.begin.line, 1U), .column = std::max(region.begin.column, 1U)};
    }

    Raw convert(const toml::node& node) {
        Raw raw;
        raw.at = place(node.source());
        if (const auto* table = node.as_table())
            convert_table(*table, raw);
        else if (const auto* list = node.as_array())
            convert_list(*list, raw);
        else
            convert_value(node, raw);
        return raw;
    }

private:
    void convert_table(const toml::table& table, Raw& raw) {
        raw.kind = Raw::Kind::Table;
        for (const auto& [key, value] : table) {
            auto& item = raw.items.emplace_back(convert(value));
            item.key = std::string(key.str());
            item.key_at = place(key.source());
        }
    }

    void convert_list(const toml::array& list, Raw& raw) {
        raw.kind = Raw::Kind::List;
        for (const auto& value : list)
            raw.items.push_back(convert(value));
    }

    void convert_value(const toml::node& node, Raw& raw) {
        if (const auto* flag = node.as_boolean()) {
            raw.kind = Raw::Kind::Boolean;
            raw.boolean = flag->get();
        } else if (const auto* whole = node.as_integer()) {
            raw.kind = Raw::Kind::Integer;
            raw.integer = whole->get();
        } else if (const auto* real = node.as_floating_point()) {
            raw.kind = Raw::Kind::Real;
            raw.real = real->get();
        } else if (const auto* text = node.as_string()) {
            raw.kind = Raw::Kind::Text;
            expand(text->get(), raw);
        } else {
            // TOML's own dates and times: the text is what every reader of times takes.
            std::ostringstream text_of_time;
            if (const auto* date = node.as_date())
                text_of_time << date->get();
            else if (const auto* time = node.as_time())
                text_of_time << time->get();
            else if (const auto* date_time = node.as_date_time())
                text_of_time << date_time->get();
            raw.kind = Raw::Kind::Text;
            raw.text = text_of_time.str();
        }
    }

    void expand(const std::string& text, Raw& raw) {
        std::size_t begin = 0;
        while (begin < text.size()) {
            const auto found = text.find("${", begin);
            if (found == std::string::npos)
                break;
            if (found > begin && text[found - 1] == '$') { // "$${" stands for "${"
                raw.text += text.substr(begin, found - 1 - begin) + "${";
                begin = found + 2;
                continue;
            }
            raw.text += text.substr(begin, found - begin);
            const auto end = text.find('}', found);
            raw.hidden = true;
            if (end == std::string::npos) {
                refuse(
                    raw,
                    "a reference begins with ${ and is not closed; add }, or write $${ for the characters themselves");
                return;
            }
            resolve(text.substr(found + 2, end - found - 2), raw);
            begin = end + 1;
        }
        raw.text += begin < text.size() ? text.substr(begin) : "";
    }

    void resolve(const std::string& reference, Raw& raw) {
        constexpr std::string_view kFile = "file:";
        if (reference.starts_with(kFile))
            return read_file(reference.substr(kFile.size()), raw);
        if (!is_name(reference))
            return refuse(raw,
                          fmt::format("${{{}}} is no reference; write ${{NAME}} for a variable of the environment, "
                                      "${{file:PATH}} for a file, $${{ for the characters themselves",
                                      reference));
        const auto value = variables_(reference);
        if (!value)
            return refuse(raw, fmt::format("the environment has no variable {}; set it before the start", reference));
        raw.text += *value;
    }

    void read_file(const std::string& path, Raw& raw) {
        const auto full = (std::filesystem::path(folder_) / path).lexically_normal();
        std::error_code failed;
        const auto size = std::filesystem::file_size(full, failed);
        if (!failed && size > kLongestReferencedFile)
            return refuse(
                raw, fmt::format("{} is larger than 1 MiB; ${{file:}} is for secrets and short texts", full.string()));
        std::ifstream file(full, std::ios::binary);
        if (failed || !file)
            return refuse(raw, fmt::format("{} cannot be read: {}; create it or correct the path", full.string(),
                                           failed ? failed.message() : "permission denied"));
        std::string content((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
        if (content.ends_with('\n'))
            content.pop_back();
        if (content.ends_with('\r'))
            content.pop_back();
        raw.text += content;
    }

    void refuse(const Raw& raw, std::string message) { problems_.push_back({raw.at, std::move(message)}); }

    const std::string& name_;
    const std::string& folder_;
    const Variables& variables_;
    Problems& problems_;
};

} // namespace

Raw parse(std::string_view text, const std::string& name, const std::string& folder, const Variables& variables,
          Problems& problems) {
    Converter converter(name, folder, variables, problems);
    try {
        return converter.convert(toml::parse(text, std::string_view(name)));
    } catch (const toml::parse_error& error) {
        problems.push_back({converter.place(error.source()), std::string(error.description())});
        return Raw{.at = {.file = name}};
    }
}

} // namespace sluice::config
