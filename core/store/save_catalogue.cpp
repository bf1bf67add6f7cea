#include "core/store/transaction_impl.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::store {
namespace {

std::map<catalog::TableId, const catalog::Table*> by_id(const catalog::Database& database) {
    std::map<catalog::TableId, const catalog::Table*> tables;
    for (const auto& [name, table] : database.tables)
        tables.emplace(table->id, table.get());
    return tables;
}

/// With the dropped ones: their rows are still kept.
std::map<catalog::TableId, const catalog::Table*> stored_by_id(const catalog::Database& database) {
    auto tables = by_id(database);
    for (const catalog::DroppedTable& dropped : database.dropped)
        tables.emplace(dropped.table->id, dropped.table.get());
    return tables;
}

/// The database without the tables that the other one shares with it, so that only changes are compared.
catalog::Database without_common(const catalog::Database& database, const catalog::Database& other) {
    catalog::Database rest = database;
    std::erase_if(rest.tables, [&](const auto& entry) { return other.find_table(entry.first) == entry.second; });
    return rest;
}

std::map<std::pair<std::string, std::string>, std::string> documents_of(const catalog::Database& database) {
    std::map<std::pair<std::string, std::string>, std::string> documents;
    for (catalog::Document& document : catalog::to_documents(database))
        documents.emplace(std::pair(std::move(document.kind), std::move(document.name)), std::move(document.text));
    return documents;
}

} // namespace

Result<> Transaction::Impl::change_tables(const catalog::Database& before, const catalog::Database& after) {
    const auto old_tables = stored_by_id(before);
    const auto new_tables = stored_by_id(after);
    for (const auto& [id, table] : old_tables) {
        if (new_tables.contains(id))
            continue;
        SLUICE_CHECK(once("DROP TABLE " + stored_table(id)));
        SLUICE_CHECK(forget_parts(id, ""));
        for (const auto& [part, facts] : store.open_parts)
            if (facts.table == id)
                parts.insert_or_assign(part, std::nullopt);
        for (auto& [part, facts] : parts)
            if (facts && facts->table == id)
                facts.reset();
    }
    for (const auto& [id, table] : new_tables) {
        const auto old = old_tables.find(id);
        if (old == old_tables.end()) {
            SLUICE_CHECK(once(create_table(*table)));
        } else if (old->second != table) {
            for (const std::string& statement : alter_table(*old->second, *table))
                SLUICE_CHECK(once(statement));
        }
    }
    return {};
}

Result<> Transaction::Impl::change_documents(const catalog::Database& before, const catalog::Database& after) {
    const auto old_documents = documents_of(without_common(before, after));
    const auto new_documents = documents_of(without_common(after, before));
    for (const auto& [key, text] : old_documents) {
        const auto kept = new_documents.find(key);
        if (kept == new_documents.end() || kept->second != text)
            SLUICE_CHECK(
                execute("DELETE FROM db.sluice.catalogue WHERE kind = ? AND name = ?", {key.first, key.second}));
    }
    for (const auto& [key, text] : new_documents) {
        const auto had = old_documents.find(key);
        if (had != old_documents.end() && had->second == text)
            continue;
        // `before` may be a database that was never stored, so what is there is not known: replaced is replaced.
        SLUICE_CHECK(execute("DELETE FROM db.sluice.catalogue WHERE kind = ? AND name = ?", {key.first, key.second}));
        SLUICE_CHECK(execute("INSERT INTO db.sluice.catalogue VALUES (?, ?, ?)", {key.first, key.second, text}));
    }
    return {};
}

Result<> Transaction::Impl::change_views(const catalog::Database& before, const catalog::Database& after) {
    const auto old_names = view_names(before);
    const auto new_names = view_names(after);
    const auto old_tables = by_id(before);
    const auto new_tables = by_id(after);
    const auto same = [&](catalog::TableId id) {
        const auto old = old_tables.find(id);
        const auto now = new_tables.find(id);
        return old != old_tables.end() && now != new_tables.end() && old_names.at(id) == new_names.at(id) &&
               (old->second == now->second ||
                plain_view(*old->second, "").create == plain_view(*now->second, "").create);
    };
    // All old ones first: a new view may take the name that another table gave up.
    for (const auto& [id, name] : old_names)
        if (!same(id))
            SLUICE_CHECK(once("DROP VIEW db.main." + identifier(name)));
    for (const auto& [id, name] : new_names)
        if (!same(id))
            SLUICE_CHECK(once(plain_view(*new_tables.at(id), name).create));
    return {};
}

Result<> Transaction::save_catalogue(const catalog::Database& before, const catalog::Database& after) {
    SLUICE_CHECK(impl_->insert_later());
    SLUICE_CHECK(impl_->change_tables(before, after));
    SLUICE_CHECK(impl_->change_documents(before, after));
    SLUICE_CHECK(impl_->change_views(before, after));
    std::map<catalog::TableId, catalog::Table> tables;
    for (const auto& [name, table] : after.tables)
        tables.emplace(table->id, *table);
    // Rows that this transaction appends from here on are those of the new tables.
    impl_->store.set_slots(tables);
    impl_->tables = std::move(tables);
    return {};
}

} // namespace sluice::store
