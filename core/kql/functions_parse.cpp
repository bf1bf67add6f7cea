#include "core/kql/json_text.hpp"
#include "core/kql/row_function.hpp"

#include <re2/re2.h>

namespace sluice::kql {
namespace {

void give(Out& out, const Json& value) {
    if (value.is_null() || value.is_discarded())
        out.null();
    else
        out.text(dump_json(value));
}

/// Steps of a JSON path: $.a.b[0]['c'].
Json at_path(Json value, std::string_view path) {
    if (path.starts_with('$'))
        path.remove_prefix(1);
    while (!path.empty()) {
        std::string key;
        bool index = false;
        if (path.front() == '.') {
            path.remove_prefix(1);
            const std::size_t end = std::min(path.find_first_of(".["), path.size());
            key = path.substr(0, end);
            path.remove_prefix(end);
        } else if (path.front() == '[') {
            const std::size_t close = path.find(']');
            if (close == std::string_view::npos)
                return {};
            key = path.substr(1, close - 1);
            path.remove_prefix(close + 1);
            if (key.size() >= 2 && (key.front() == '\'' || key.front() == '"'))
                key = key.substr(1, key.size() - 2);
            else
                index = true;
        } else {
            return {};
        }
        if (index) {
            const std::size_t number = std::strtoul(key.c_str(), nullptr, 10);
            if (!value.is_array() || number >= value.size())
                return {};
            Json next = value[number];
            value = std::move(next);
        } else {
            if (!value.is_object() || !value.contains(key))
                return {};
            Json next = value[key];
            value = std::move(next);
        }
    }
    return value;
}

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

struct KeyValueSyntax {
    std::string_view pair, between, quotes, escape;
    bool greedy = false;
};

/// parse-kv: keys and values with delimiters and quotes. Without delimiters words are told apart by what is no letter
/// or digit.
class KeyValueReader {
public:
    KeyValueReader(std::string_view text, KeyValueSyntax syntax) : text_(text), syntax_(syntax) {}

    Json run() {
        Json bag = Json::object();
        while (at_ < text_.size()) {
            const std::size_t before = at_;
            std::string key = word(true);
            const bool has_value = between();
            std::string value = has_value ? word(false) : std::string();
            if (!key.empty() && has_value && !bag.contains(key))
                bag[key] = value;
            skip_pair();
            if (at_ == before)
                ++at_;
        }
        return bag;
    }

private:
    bool starts(std::string_view mark) const { return !mark.empty() && text_.substr(at_).starts_with(mark); }
    bool is_separator(char c) const {
        return !std::isalnum(static_cast<unsigned char>(c)) && static_cast<unsigned char>(c) < 0x80 && c != '_' &&
               c != '-' && c != '.';
    }

    bool between() {
        if (!syntax_.between.empty()) {
            if (!starts(syntax_.between))
                return false;
            at_ += syntax_.between.size();
            return true;
        }
        const std::size_t before = at_;
        while (at_ < text_.size() && is_separator(text_[at_]) &&
               syntax_.quotes.find(text_[at_]) == std::string_view::npos)
            ++at_;
        return at_ > before;
    }

    void skip_pair() {
        if (syntax_.pair.empty()) {
            while (at_ < text_.size() && is_separator(text_[at_]) &&
                   syntax_.quotes.find(text_[at_]) == std::string_view::npos)
                ++at_;
            return;
        }
        while (at_ < text_.size() && is_blank(text_[at_]) && !starts(syntax_.pair))
            ++at_;
        while (starts(syntax_.pair))
            at_ += syntax_.pair.size();
        while (at_ < text_.size() && is_blank(text_[at_]))
            ++at_;
    }

    /// In greedy mode a value runs on to the last pair delimiter before the next key.
    std::size_t greedy_end() const {
        const std::size_t next = text_.find(syntax_.between, at_);
        if (next == std::string_view::npos)
            return text_.size();
        const std::size_t last = text_.rfind(syntax_.pair, next);
        return last == std::string_view::npos || last < at_ ? next : last;
    }

    std::string word(bool key) {
        if (at_ < text_.size() && syntax_.quotes.find(text_[at_]) != std::string_view::npos)
            return quoted();
        if (!key && syntax_.greedy && !syntax_.between.empty() && !syntax_.pair.empty()) {
            const std::size_t end = greedy_end();
            std::string value(text_.substr(at_, end - at_));
            at_ = end;
            return value;
        }
        const std::size_t begin = at_;
        while (at_ < text_.size()) {
            if (key && starts(syntax_.between))
                break;
            if (starts(syntax_.pair))
                break;
            if (((syntax_.between.empty() && key) || syntax_.pair.empty()) && is_separator(text_[at_]))
                break;
            ++at_;
        }
        return std::string(text_.substr(begin, at_ - begin));
    }

    std::string quoted() {
        // Two quotation marks may be given, for the beginning and the end.
        const char open = text_[at_];
        const char close = syntax_.quotes.size() > 1 && open == syntax_.quotes[0] ? syntax_.quotes[1] : open;
        std::string value;
        for (++at_; at_ < text_.size() && text_[at_] != close; ++at_) {
            if (starts(syntax_.escape) && at_ + 1 < text_.size())
                ++at_;
            value += text_[at_];
        }
        if (at_ < text_.size())
            ++at_;
        return value;
    }

    std::string_view text_;
    KeyValueSyntax syntax_;
    std::size_t at_ = 0;
};

void parse_kv_regex(const In& in, Out& out) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    const re2::RE2 regex(re2::StringPiece(in.text(1).data(), in.text(1).size()), options);
    if (!regex.ok() || regex.NumberOfCapturingGroups() < 2)
        throw std::runtime_error("parse-kv: the regular expression needs two groups, for the key and the value");
    Json bag = Json::object();
    re2::StringPiece input(in.text(0).data(), in.text(0).size());
    std::string key, value;
    while (!input.empty() && re2::RE2::FindAndConsume(&input, regex, &key, &value))
        if (!bag.contains(key))
            bag[key] = value;
    give(out, bag);
}

/// The first record of a text in CSV.
Json csv_record(std::string_view text) {
    Json fields = Json::array();
    std::size_t at = 0;
    for (;;) {
        std::string field;
        if (at < text.size() && text[at] == '"') {
            for (++at; at < text.size(); ++at) {
                if (text[at] != '"')
                    field += text[at];
                else if (at + 1 < text.size() && text[at + 1] == '"')
                    field += text[at++];
                else
                    break;
            }
            if (at < text.size())
                ++at;
        }
        while (at < text.size() && text[at] != ',' && text[at] != '\n' && text[at] != '\r')
            field += text[at++];
        fields.push_back(std::move(field));
        if (at == text.size() || text[at] != ',')
            return fields;
        ++at;
    }
}

Json query_parameters(std::string_view query);

std::string url_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && std::isxdigit(static_cast<unsigned char>(text[i + 1])) &&
            std::isxdigit(static_cast<unsigned char>(text[i + 2]))) {
            out += static_cast<char>(std::strtol(std::string(text.substr(i + 1, 2)).c_str(), nullptr, 16));
            i += 2;
        } else {
            out += text[i] == '+' ? ' ' : text[i];
        }
    }
    return out;
}

std::string url_encoded(std::string_view text, bool component) {
    static constexpr char kHex[] = "0123456789abcdef";
    std::string out;
    for (const char c : text) {
        if (std::isalnum(static_cast<unsigned char>(c)) ||
            std::string_view("-_.!*()~").find(c) != std::string_view::npos) {
            out += c;
        } else if (c == ' ' && !component) {
            out += '+';
        } else {
            out += '%';
            out += kHex[static_cast<unsigned char>(c) >> 4];
            out += kHex[static_cast<unsigned char>(c) & 15];
        }
    }
    return out;
}

Json query_parameters(std::string_view query) {
    Json bag = Json::object();
    while (!query.empty()) {
        const std::string_view pair = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(query.size(), pair.size() + 1));
        const std::size_t equals = std::min(pair.find('='), pair.size());
        if (!pair.empty())
            bag[std::string(pair.substr(0, equals))] =
                equals < pair.size() ? std::string(pair.substr(equals + 1)) : std::string();
    }
    return bag;
}

Json parsed_url(std::string_view url) {
    Json parts = {{"Scheme", ""},
                  {"Host", ""},
                  {"Port", ""},
                  {"Path", ""},
                  {"Username", ""},
                  {"Password", ""},
                  {"Query Parameters", Json::object()},
                  {"Fragment", ""}};
    const auto take = [&](const char* name, std::string_view value) { parts[name] = std::string(value); };
    if (const std::size_t at = url.find("://"); at != std::string_view::npos) {
        take("Scheme", url.substr(0, at));
        url.remove_prefix(at + 3);
    }
    if (const std::size_t at = url.find('#'); at != std::string_view::npos) {
        take("Fragment", url.substr(at + 1));
        url = url.substr(0, at);
    }
    if (const std::size_t at = url.find('?'); at != std::string_view::npos) {
        parts["Query Parameters"] = query_parameters(url.substr(at + 1));
        url = url.substr(0, at);
    }
    const std::size_t slash = std::min(url.find('/'), url.size());
    take("Path", url.substr(slash));
    std::string_view authority = url.substr(0, slash);
    if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
        const std::string_view user = authority.substr(0, at);
        const std::size_t colon = std::min(user.find(':'), user.size());
        take("Username", user.substr(0, colon));
        take("Password", colon < user.size() ? user.substr(colon + 1) : std::string_view());
        authority.remove_prefix(at + 1);
    }
    const std::size_t colon = std::min(authority.rfind(':'), authority.size());
    take("Host", authority.substr(0, colon));
    take("Port", colon < authority.size() ? authority.substr(colon + 1) : std::string_view());
    return parts;
}

} // namespace

void add_parse_functions(FunctionList& list) {
    const auto add = [&](std::string name, std::string_view args, std::string_view result, RowFunction function) {
        list.push_back(row_function(std::move(name), args, result, function));
    };
    add("kql_extract_json", "string string", "string", [](const In& in, Out& out) {
        const Json found = at_path(parse_json(in.text(1)), in.text(0));
        out.text(found.is_null() || found.is_discarded() ? std::string()
                 : found.is_string()                     ? found.get<std::string>()
                                                         : dump_json(found));
    });
    add("kql_parse_kv", "string string string string string string", "dynamic", [](const In& in, Out& out) {
        give(out,
             KeyValueReader(in.text(0), {in.text(1), in.text(2), in.text(3), in.text(4), in.text(5) == "true"}).run());
    });
    add("kql_parse_kv_regex", "string string", "dynamic", parse_kv_regex);
    add("kql_parse_csv", "string", "dynamic", [](const In& in, Out& out) { give(out, csv_record(in.text(0))); });
    add("kql_parse_url", "string", "dynamic", [](const In& in, Out& out) { give(out, parsed_url(in.text(0))); });
    add("kql_parse_urlquery", "string", "dynamic", [](const In& in, Out& out) {
        give(out, Json{{"Query Parameters",
                        query_parameters(in.text(0).starts_with('?') ? in.text(0).substr(1) : in.text(0))}});
    });
    add("kql_url_decode", "string", "string", [](const In& in, Out& out) { out.text(url_decoded(in.text(0))); });
    add("kql_url_encode", "string bool", "string",
        [](const In& in, Out& out) { out.text(url_encoded(in.text(0), in.boolean(1))); });
}

} // namespace sluice::kql
