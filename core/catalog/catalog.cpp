#include "core/catalog/catalog.hpp"

#include "core/data/format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

namespace sluice::catalog {
namespace {

constexpr std::size_t kLongestName = 1024;

/// The next code point of UTF-8 text, taken off its front; nothing when the text is not UTF-8 there.
std::optional<char32_t> take_code_point(std::string_view& text) {
    const auto lead = static_cast<unsigned char>(text[0]);
    const std::size_t length = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
    if (length == 0 || length > text.size())
        return std::nullopt;
    char32_t code = length == 1 ? lead : lead & (0x7Fu >> length);
    for (std::size_t i = 1; i < length; ++i) {
        const auto next = static_cast<unsigned char>(text[i]);
        if (next >> 6 != 2)
            return std::nullopt;
        code = code << 6 | (next & 0x3Fu);
    }
    constexpr char32_t kShortest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < kShortest[length] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        return std::nullopt;
    text.remove_prefix(length);
    return code;
}

/// Letters of other scripts are taken as they come; of what is not ASCII only controls, white space, punctuation and
/// private code points are refused, because a reader could not tell such names apart.
bool may_stand_in_name(char32_t code) {
    if (code < 0x80) {
        const auto c = static_cast<unsigned char>(code);
        return std::isalnum(c) || c == '_' || c == ' ' || c == '.' || c == '-';
    }
    return code >= 0xAA && code != 0xAB && code != 0xAC && code != 0xAD && !(code >= 0x2000 && code <= 0x206F) &&
           !(code >= 0x3000 && code <= 0x3004) && !(code >= 0xE000 && code <= 0xF8FF) && code != 0xFEFF &&
           code != 0xFFFD && code < 0xF0000;
}

bool same_name(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

Error bad_name(std::string_view name, std::string_view why) {
    // The start is enough to recognise it, and an error message stays readable.
    constexpr std::size_t kShown = 64;
    const std::string shown = name.size() > kShown ? std::string(name.substr(0, kShown)) + "..." : std::string(name);
    return Error{ErrorCode::Invalid, fmt::format("The entity name '{}' is not valid: {}", shown, why),
                 "BadRequest_EntityNameIsNotValid"};
}

const data::Mapping* find_in(const Mappings& mappings, data::MappingKind kind, std::string_view name) {
    const StoredMapping* compatible = nullptr;
    for (const auto& [key, stored] : mappings) {
        if (key.second != name)
            continue;
        if (key.first == kind)
            return &stored.mapping;
        if (data::compatible(key.first, kind))
            compatible = &stored;
    }
    return compatible ? &compatible->mapping : nullptr;
}

} // namespace

std::shared_ptr<const data::Schema> Table::schema() const {
    auto schema = std::make_shared<data::Schema>();
    schema->columns.reserve(columns.size());
    for (const Column& column : columns)
        schema->columns.push_back({column.name, column.type});
    return schema;
}

bool Table::keeps_ingestion_time() const {
    const auto policy = policies.other.find("ingestiontime");
    return policy == policies.other.end() || policy->second != R"({"IsEnabled":false})";
}

const Column* Table::find_column(std::string_view column_name) const {
    const auto found =
        std::find_if(columns.begin(), columns.end(), [&](const Column& column) { return column.name == column_name; });
    return found == columns.end() ? nullptr : &*found;
}

std::shared_ptr<const Table> Database::find_table(std::string_view table_name) const {
    const auto found = tables.find(table_name);
    return found == tables.end() ? nullptr : found->second;
}

const data::Mapping* Database::find_mapping(const Table& table, data::MappingKind kind,
                                            std::string_view mapping) const {
    const data::Mapping* found = find_in(table.mappings, kind, mapping);
    return found ? found : find_in(mappings, kind, mapping);
}

std::optional<StreamingPolicy> Database::effective_streaming(const Table& table) const {
    return table.policies.streaming ? table.policies.streaming : policies.streaming;
}

BatchingPolicy Database::effective_batching(const Table& table) const {
    if (table.policies.batching)
        return *table.policies.batching;
    return policies.batching.value_or(BatchingPolicy{});
}

std::vector<Bytes> Database::max_value_sizes(const Table& table) const {
    const auto of_level = [](const Policies& level) {
        const auto policy = level.other.find("encoding");
        return policy == level.other.end() ? std::nullopt : max_value_size(policy->second);
    };
    const auto of_table = of_level(table.policies);
    const auto inherited = of_table ? of_table : of_level(policies);
    std::vector<Bytes> sizes;
    bool any = false;
    for (const Column& column : table.columns) {
        const auto own = column.encoding.empty() ? std::nullopt : max_value_size(column.encoding);
        any |= own || inherited;
        sizes.push_back(own ? *own : inherited.value_or(data::kMaxValue));
    }
    return any ? sizes : std::vector<Bytes>{};
}

bool Database::is_streaming_fed(const Table& table) const {
    std::set<TableId> seen{table.id};
    std::vector<const Table*> asked{&table};
    while (!asked.empty()) {
        const Table& target = *asked.back();
        asked.pop_back();
        if (const auto policy = effective_streaming(target); policy && policy->is_enabled)
            return true;
        for (const UpdatePolicy& entry : target.policies.update)
            for (const auto& [source_name, source] : tables)
                if (entry.is_enabled && is_triggered_by(entry, target.name, source_name) && seen.insert(source->id).second)
                    asked.push_back(source.get());
    }
    return false;
}

Result<> check_entity_name(std::string_view name) {
    if (name.empty())
        return bad_name(name, "a name has 1 to 1024 characters");
    if (name.starts_with("__") || name.ends_with("__"))
        return bad_name(name, "a name may neither start nor end with '__'");
    std::size_t characters = 0;
    for (std::string_view rest = name; !rest.empty();) {
        const auto code = take_code_point(rest);
        if (!code)
            return bad_name("", "it is not UTF-8");
        if (!may_stand_in_name(*code))
            return bad_name(name, "a name consists of letters, digits, '_', blanks, '.' and '-'");
        if (++characters > kLongestName)
            return bad_name(name, "a name has 1 to 1024 characters");
    }
    return {};
}

Snapshot Catalog::find(std::string_view database) const {
    Lock lock(mutex_);
    if (const auto exact = databases_.find(database); exact != databases_.end())
        return exact->second;
    for (const auto& [name, snapshot] : databases_)
        if (same_name(name, database))
            return snapshot;
    return nullptr;
}

Snapshot Catalog::find_exact(std::string_view database) const {
    Lock lock(mutex_);
    const auto found = databases_.find(database);
    return found == databases_.end() ? nullptr : found->second;
}

std::vector<Snapshot> Catalog::all() const {
    Lock lock(mutex_);
    std::vector<Snapshot> snapshots;
    snapshots.reserve(databases_.size());
    for (const auto& [name, snapshot] : databases_)
        snapshots.push_back(snapshot);
    return snapshots;
}

void Catalog::publish(Snapshot database) {
    Lock lock(mutex_);
    std::string name = database->name;
    databases_.insert_or_assign(std::move(name), std::move(database));
}

void Catalog::remove(std::string_view database) {
    Lock lock(mutex_);
    if (const auto found = databases_.find(database); found != databases_.end())
        databases_.erase(found);
}

} // namespace sluice::catalog
