#include "core/kql/json_text.hpp"
#include "core/kql/row_function.hpp"
#include "core/kql/utf8.hpp"

#include <cctype>

namespace sluice::kql {
namespace {

void give(Out& out, const Json& value) {
    if (value.is_null() || value.is_discarded())
        out.null();
    else
        out.text(dump_json(value));
}

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_blank(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back()))
        text.remove_suffix(1);
    return text;
}

/// XML without document types: no entity but the five of the language and numbers is known, so nothing can expand.
class XmlReader {
public:
    explicit XmlReader(std::string_view text) : text_(text) {}

    /// Null when the text is not well formed.
    Json run() {
        Json document = Json::object();
        if (!skip_misc())
            return {};
        std::string name;
        Json value;
        if (!element(name, value, 0))
            return {};
        document[name] = std::move(value);
        return skip_misc() && at_ == text_.size() ? document : Json();
    }

private:
    static constexpr int kDeepest = 200;

    bool starts(std::string_view mark) const { return text_.substr(at_).starts_with(mark); }
    bool accept(std::string_view mark) {
        if (!starts(mark))
            return false;
        at_ += mark.size();
        return true;
    }
    void skip_blanks() {
        while (at_ < text_.size() && is_blank(text_[at_]))
            ++at_;
    }
    bool skip_past(std::string_view mark) {
        const std::size_t end = text_.find(mark, at_);
        if (end == std::string_view::npos)
            return false;
        at_ = end + mark.size();
        return true;
    }

    /// Comments, instructions and the document type that stand outside of the root.
    bool skip_misc() {
        accept("\xEF\xBB\xBF");
        for (;;) {
            skip_blanks();
            if (starts("<?")) {
                if (!skip_past("?>"))
                    return false;
            } else if (starts("<!--")) {
                if (!skip_past("-->"))
                    return false;
            } else if (starts("<!DOCTYPE") && text_.find('[', at_) > text_.find('>', at_)) {
                if (!skip_past(">"))
                    return false;
            } else {
                return true;
            }
        }
    }

    bool name(std::string& out) {
        const std::size_t begin = at_;
        while (at_ < text_.size() && !is_blank(text_[at_]) &&
               std::string_view("<>/=\"'&?!").find(text_[at_]) == std::string_view::npos)
            ++at_;
        out = text_.substr(begin, at_ - begin);
        return !out.empty() && !std::isdigit(static_cast<unsigned char>(out.front())) && out.front() != '-' &&
               out.front() != '.';
    }

    /// Text with its entities resolved. False for an unknown one.
    static bool resolve(std::string_view raw, std::string& out) {
        for (std::size_t i = 0; i < raw.size(); ++i) {
            if (raw[i] != '&') {
                out += raw[i];
                continue;
            }
            const std::size_t end = raw.find(';', i);
            if (end == std::string_view::npos || end - i > 12)
                return false;
            const std::string_view entity = raw.substr(i + 1, end - i - 1);
            if (entity == "lt")
                out += '<';
            else if (entity == "gt")
                out += '>';
            else if (entity == "amp")
                out += '&';
            else if (entity == "quot")
                out += '"';
            else if (entity == "apos")
                out += '\'';
            else if (entity.starts_with('#') && entity.size() > 1) {
                const bool hexadecimal = entity[1] == 'x';
                const std::string digits(entity.substr(hexadecimal ? 2 : 1));
                char* stop = nullptr;
                const unsigned long point = std::strtoul(digits.c_str(), &stop, hexadecimal ? 16 : 10);
                if (digits.empty() || *stop || point == 0 || point > 0x10FFFF)
                    return false;
                append_utf8(out, static_cast<char32_t>(point));
            } else {
                return false;
            }
            i = end;
        }
        return true;
    }

    bool attributes(Json& members) {
        for (;;) {
            skip_blanks();
            if (at_ >= text_.size())
                return false;
            if (starts("/>") || starts(">"))
                return true;
            std::string key, value;
            if (!name(key))
                return false;
            skip_blanks();
            if (!accept("="))
                return false;
            skip_blanks();
            if (at_ >= text_.size() || (text_[at_] != '"' && text_[at_] != '\''))
                return false;
            const char quote = text_[at_++];
            const std::size_t end = text_.find(quote, at_);
            if (end == std::string_view::npos || !resolve(text_.substr(at_, end - at_), value))
                return false;
            at_ = end + 1;
            if (members.contains("@" + key))
                return false;
            members["@" + key] = value;
        }
    }

    /// Children of one name become an array.
    static void add_child(Json& members, const std::string& key, Json value, std::vector<std::string>& lists) {
        if (!members.contains(key)) {
            members[key] = std::move(value);
            return;
        }
        if (std::find(lists.begin(), lists.end(), key) == lists.end()) {
            lists.push_back(key);
            members[key] = Json::array({members[key]});
        }
        members[key].push_back(std::move(value));
    }

    bool element(std::string& tag, Json& value, int depth) {
        if (depth > kDeepest || !accept("<") || !name(tag))
            return false;
        Json members = Json::object();
        if (!attributes(members))
            return false;
        std::string text;
        std::vector<std::string> lists;
        if (!accept("/>") && !(accept(">") && content(tag, members, text, lists, depth)))
            return false;
        if (members.empty())
            value = text.empty() ? Json() : Json(text);
        else
            value = std::move(members);
        return true;
    }

    bool content(const std::string& tag, Json& members, std::string& text, std::vector<std::string>& lists, int depth) {
        for (;;) {
            const std::size_t next = text_.find('<', at_);
            if (next == std::string_view::npos)
                return false;
            std::string piece;
            if (!resolve(text_.substr(at_, next - at_), piece))
                return false;
            text += trimmed(piece);
            at_ = next;
            if (accept("</")) {
                std::string end;
                if (!name(end) || end != tag)
                    return false;
                skip_blanks();
                if (!accept(">"))
                    return false;
                if (!members.empty() && !text.empty())
                    members["#text"] = text;
                return true;
            }
            if (accept("<![CDATA[")) {
                const std::size_t begin = at_;
                if (!skip_past("]]>"))
                    return false;
                text += text_.substr(begin, at_ - 3 - begin);
            } else if (starts("<!--")) {
                if (!skip_past("-->"))
                    return false;
            } else if (starts("<?")) {
                if (!skip_past("?>"))
                    return false;
            } else {
                std::string child;
                Json value;
                if (!element(child, value, depth + 1))
                    return false;
                add_child(members, child, std::move(value), lists);
            }
        }
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

Json parsed_path(std::string_view path) {
    std::string_view scheme, root, stream;
    if (const std::size_t at = path.find("://"); at != std::string_view::npos) {
        scheme = path.substr(0, at);
        path.remove_prefix(at + 3);
    }
    const bool drive = path.size() >= 2 && std::isalpha(static_cast<unsigned char>(path[0])) && path[1] == ':';
    if (drive)
        root = path.substr(0, 2);
    const std::size_t last = path.find_last_of("/\\");
    std::string_view file = last == std::string_view::npos ? path.substr(drive ? 2 : 0) : path.substr(last + 1);
    const std::string_view directory = last == std::string_view::npos ? root : path.substr(0, last);
    if (const std::size_t colon = file.find(':'); colon != std::string_view::npos) {
        stream = file.substr(colon + 1);
        file = file.substr(0, colon);
    }
    const std::size_t parent = directory.find_last_of("/\\");
    std::string_view name = parent == std::string_view::npos ? directory : directory.substr(parent + 1);
    if (drive && name == root)
        name = {};
    const std::size_t dot = file.rfind('.');
    const auto text = [](std::string_view part) { return Json(std::string(part)); };
    return {{"Scheme", text(scheme)},
            {"RootPath", text(root)},
            {"DirectoryPath", text(directory)},
            {"DirectoryName", text(name)},
            {"Filename", text(file)},
            {"Extension", text(dot == std::string_view::npos ? std::string_view() : file.substr(dot + 1))},
            {"AlternateDataStreamName", text(stream)}};
}

/// Arguments as Windows splits them: quotes hold blanks together, backslashes count only before a quote.
Json command_line(std::string_view text) {
    Json arguments = Json::array();
    std::size_t i = 0;
    while (i < text.size()) {
        while (i < text.size() && is_blank(text[i]))
            ++i;
        if (i == text.size())
            break;
        std::string word;
        bool quoted = false;
        while (i < text.size() && (quoted || !is_blank(text[i]))) {
            std::size_t slashes = 0;
            while (i < text.size() && text[i] == '\\') {
                ++slashes;
                ++i;
            }
            if (i < text.size() && text[i] == '"') {
                word.append(slashes / 2, '\\');
                if (slashes % 2 == 1) {
                    word += '"';
                } else if (quoted && i + 1 < text.size() && text[i + 1] == '"') {
                    word += '"';
                    ++i;
                } else {
                    quoted = !quoted;
                }
                ++i;
                continue;
            }
            word.append(slashes, '\\');
            if (i < text.size() && (quoted || !is_blank(text[i])))
                word += text[i++];
        }
        arguments.push_back(word);
    }
    return arguments;
}

/// Four numbers of eight digits each, written as one; those that are missing count as zero. Empty when it is none.
std::string version(std::string_view text) {
    std::string digits;
    for (int part = 0; part < 4; ++part) {
        const std::string_view number = text.substr(0, text.find('.'));
        const bool more = number.size() < text.size();
        if (number.size() > 8 || number.find_first_not_of("0123456789") != std::string_view::npos)
            return {};
        if (number.empty() && (part == 0 || more))
            return {};
        digits.append(8 - number.size(), '0');
        digits += number;
        text.remove_prefix(number.size() + (more ? 1 : 0));
        if (more && text.empty())
            return {};
    }
    return text.empty() ? digits : std::string();
}

} // namespace

void add_document_functions(FunctionList& list) {
    const auto add = [&](std::string name, std::string_view args, std::string_view result, RowFunction function) {
        list.push_back(row_function(std::move(name), args, result, function));
    };
    add("kql_parse_xml", "string", "dynamic", [](const In& in, Out& out) { give(out, XmlReader(in.text(0)).run()); });
    add("kql_parse_path", "string", "dynamic", [](const In& in, Out& out) { give(out, parsed_path(in.text(0))); });
    add("kql_parse_command_line", "string string", "dynamic", [](const In& in, Out& out) {
        if (in.text(1) != "windows")
            throw std::runtime_error("parse_command_line(): the only parser is \"windows\"");
        if (in.text(0).empty())
            return out.null();
        give(out, command_line(in.text(0)));
    });
    add("kql_parse_version", "string", "string", [](const In& in, Out& out) { out.text(version(in.text(0))); });
}

} // namespace sluice::kql
