#include "plugins/fswatch/names.hpp"

#include <algorithm>
#include <array>

namespace sluice::fswatch {

namespace {

constexpr std::array<std::string_view, 7> kUnfinished = {".tmp",      ".partial", ".part", ".crdownload",
                                                         ".filepart", ".swp",     "~"};

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool equal(std::string_view left, std::string_view right, bool case_sensitive) {
    if (case_sensitive)
        return left == right;
    return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                      [](char a, char b) { return lower(a) == lower(b); });
}

void append_escaped(std::string& out, char c) {
    constexpr char digits[] = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += digits[byte >> 4];
    out += digits[byte & 15];
}

bool is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

} // namespace

bool is_ignored_name(std::string_view name) {
    if (name.empty() || name.front() == '.')
        return true;
    return std::any_of(kUnfinished.begin(), kUnfinished.end(), [&](std::string_view suffix) {
        return name.size() >= suffix.size() && equal(name.substr(name.size() - suffix.size()), suffix, false);
    });
}

std::string_view base_name(std::string_view path) {
    const auto slash = path.rfind('/');
    return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string join(std::string_view folder, std::string_view name) {
    std::string path(folder);
    if (!path.empty())
        path += '/';
    return path += name;
}

bool NameRules::is_watched_folder(std::string_view path) const {
    if (path.empty())
        return true;
    if (!recursive)
        return false;
    for (;;) {
        if (path.starts_with('.'))
            return false;
        const auto slash = path.find('/');
        if (slash == std::string_view::npos)
            return true;
        path.remove_prefix(slash + 1);
    }
}

bool NameRules::is_eligible(std::string_view path) const {
    const std::string_view name = base_name(path);
    if (is_ignored_name(name))
        return false;
    if (!sidecar_suffix.empty() && name.ends_with(sidecar_suffix))
        return false;
    const std::string_view folder = path.substr(0, path.size() - name.size());
    if (!is_watched_folder(folder.empty() ? folder : folder.substr(0, folder.size() - 1)))
        return false;
    const std::string full = subject(path);
    const std::string_view text = full;
    const std::string_view begin = subject_begins_with, end = subject_ends_with;
    if (text.size() < begin.size() || !equal(text.substr(0, begin.size()), begin, subject_case_sensitive))
        return false;
    return text.size() >= end.size() && equal(text.substr(text.size() - end.size()), end, subject_case_sensitive);
}

std::string NameRules::subject(std::string_view path) const {
    std::string text = "/blobServices/default/containers/";
    text += container;
    text += "/blobs/";
    return text += path;
}

std::string NameRules::url(std::string_view path) const {
    std::string text = "file://";
    for (const char c : container)
        is_unreserved(c) ? void(text += c) : append_escaped(text, c);
    text += '/';
    for (const char c : path)
        is_unreserved(c) || c == '/' ? void(text += c) : append_escaped(text, c);
    return text;
}

bool is_utf8(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const auto lead = static_cast<unsigned char>(text[at]);
        const std::size_t length = lead < 0x80                   ? 1
                                   : lead >= 0xC2 && lead < 0xE0 ? 2
                                   : (lead & 0xF0) == 0xE0       ? 3
                                   : lead >= 0xF0 && lead < 0xF5 ? 4
                                                                 : 0;
        if (length == 0 || at + length > text.size())
            return false;
        for (std::size_t i = 1; i < length; ++i)
            if ((static_cast<unsigned char>(text[at + i]) & 0xC0) != 0x80)
                return false;
        const auto second = length > 1 ? static_cast<unsigned char>(text[at + 1]) : 0;
        // Overlong forms, surrogates and what lies above U+10FFFF.
        if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) || (lead == 0xF0 && second < 0x90) ||
            (lead == 0xF4 && second > 0x8F))
            return false;
        at += length;
    }
    return true;
}

std::string printable(std::string_view text) {
    if (is_utf8(text))
        return std::string(text);
    std::string out;
    for (const char c : text)
        static_cast<unsigned char>(c) < 0x80 ? void(out += c) : append_escaped(out, c);
    return out;
}

} // namespace sluice::fswatch
