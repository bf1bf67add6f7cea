#include "core/data/json_reader.hpp"
#include "core/data/json_text.hpp"

#include <algorithm>

namespace sluice::data {
namespace {

/// FNV-1a: names are short, and equal hashes are compared as texts.
std::uint64_t hash_of(std::string_view text) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const char c : text)
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return hash;
}

const DropTree* find(const DropTree& tree, std::string_view name) {
    for (const DropTree& child : tree.children)
        if (child.name == name)
            return &child;
    return nullptr;
}

} // namespace

void JsonCompactor::string(const JsonString& string, std::string& out) {
    if (string.plain && (string.ascii || is_valid_utf8(string.raw))) {
        out += '"';
        out += string.raw;
        out += '"';
        return;
    }
    append_json_string(out, json_text(string, scratch_));
}

bool JsonCompactor::scalar(JsonReader& reader, std::string& out) {
    if (reader.at_string()) {
        JsonString text;
        if (!reader.string(text))
            return false;
        string(text, out);
        return true;
    }
    const char* const begin = reader.at();
    const char first = reader.peek();
    if (first == 't' || first == 'f' || first == 'n') {
        if (!reader.skip_value(0))
            return false;
        out.append(begin, reader.at());
        return true;
    }
    JsonNumber number;
    if (reader.done())
        return reader.fail("a value is expected");
    if (!reader.number(number))
        return false;
    if (!number.finite)
        out += '"';
    out += number.text;
    if (!number.finite)
        out += '"';
    return true;
}

bool JsonCompactor::value(JsonReader& reader, std::string& out, int depth, const DropTree* drop) {
    if (reader.peek() == '{') {
        const std::size_t first_member = members_.size();
        out += '{';
        if (!members(reader, out, depth, drop)) {
            members_.clear();
            return false;
        }
        resolve_repeated(out, first_member);
        members_.resize(first_member);
        out += '}';
        return true;
    }
    if (reader.peek() == '[') {
        out += '[';
        const bool complete = reader.array(depth, [&](std::size_t index) {
            if (index > 0)
                out += ',';
            return value(reader, out, depth + 1);
        });
        out += ']';
        return complete;
    }
    return scalar(reader, out);
}

bool JsonCompactor::members(JsonReader& reader, std::string& out, int depth, const DropTree* drop) {
    return reader.object(depth, [&](const JsonString& name) {
        const DropTree* below = nullptr;
        if (drop != nullptr) {
            below = find(*drop, json_text(name, scratch_));
            if (below != nullptr && below->children.empty())
                return reader.skip_value(depth + 1);
        }
        if (out.back() != '{')
            out += ',';
        Member member{};
        member.name_begin = out.size();
        string(name, out);
        member.name_end = out.size();
        member.hash = hash_of(std::string_view(out).substr(member.name_begin));
        out += ':';
        if (!value(reader, out, depth + 1, below))
            return false;
        member.end = out.size();
        members_.push_back(member);
        return true;
    });
}

bool JsonCompactor::merged_objects(JsonReader& reader, std::string& out) {
    const std::size_t first_member = members_.size();
    out += '{';
    const bool complete = reader.peek() == '{' ? members(reader, out, 0, nullptr) : reader.array(0, [&](std::size_t) {
        return reader.peek() == '{' ? members(reader, out, 1, nullptr) : reader.skip_value(1);
    });
    if (complete)
        resolve_repeated(out, first_member);
    members_.resize(complete ? first_member : 0);
    out += '}';
    return complete;
}

void JsonCompactor::resolve_repeated(std::string& out, std::size_t first_member) {
    const std::size_t count = members_.size() - first_member;
    const Member* const own = members_.data() + first_member;
    // Names repeat so rarely that finding out must be cheap and mending may be slow.
    bool repeated = false;
    if (count <= 16) {
        for (std::size_t i = 1; i < count; ++i)
            for (std::size_t j = 0; j < i; ++j)
                repeated |= own[i].hash == own[j].hash;
    } else {
        hashes_.clear();
        for (std::size_t i = 0; i < count; ++i)
            hashes_.push_back(own[i].hash);
        std::sort(hashes_.begin(), hashes_.end());
        repeated = std::adjacent_find(hashes_.begin(), hashes_.end()) != hashes_.end();
    }
    if (!repeated)
        return;
    const std::string text = out;
    const auto name = [&](const Member& member) {
        return std::string_view(text).substr(member.name_begin, member.name_end - member.name_begin);
    };
    // The first position of each name with the last member of it.
    std::vector<std::size_t> order(count);
    for (std::size_t i = 0; i < count; ++i)
        order[i] = i;
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return name(own[a]) < name(own[b]); });
    std::vector<std::pair<std::size_t, std::size_t>> kept;
    for (std::size_t i = 0; i < count;) {
        std::size_t next = i + 1;
        while (next < count && name(own[order[next]]) == name(own[order[i]]))
            ++next;
        kept.emplace_back(order[i], order[next - 1]);
        i = next;
    }
    std::sort(kept.begin(), kept.end());
    out.resize(own[0].name_begin);
    for (const auto& [first, last] : kept) {
        if (out.back() != '{')
            out += ',';
        out.append(text, own[last].name_begin, own[last].end - own[last].name_begin);
    }
}

std::optional<std::string> minify_json(std::string_view text, JsonDialect dialect) {
    std::string out;
    JsonReader reader(text, dialect);
    JsonCompactor compactor;
    if (!reader.space() || !compactor.value(reader, out) || !reader.space() || !reader.done())
        return std::nullopt;
    return out;
}

} // namespace sluice::data
