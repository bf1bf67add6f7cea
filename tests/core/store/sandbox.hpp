#pragma once

#include "core/store/store.hpp"
#include "tests/support/temporary_folder.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

/// A store in a folder of its own, and short ways to fill and read it.
namespace sluice::store::test {

template <class T> T must(Result<T> result) {
    if (!result)
        throw std::runtime_error(result.error().message);
    return *std::move(result);
}
inline void must(Result<> result) {
    if (!result)
        throw std::runtime_error(result.error().message);
}

inline std::shared_ptr<catalog::Table> make_table(catalog::TableId id, std::string name,
                                                  std::vector<catalog::Column> columns) {
    auto table = std::make_shared<catalog::Table>();
    table->id = id;
    table->name = std::move(name);
    table->guid = {id, id};
    table->columns = std::move(columns);
    return table;
}

inline catalog::Database with(catalog::Database database, std::shared_ptr<const catalog::Table> table) {
    database.tables.insert_or_assign(table->name, table);
    return database;
}

/// A store that can be closed and opened again on the same file.
class Sandbox {
public:
    explicit Sandbox(std::string name = "Harbor", std::vector<ScalarFunction> functions = {})
        : name_(std::move(name)), functions_(std::move(functions)) {
        reopen();
    }

    std::filesystem::path file() const { return folder_.path() / (name_ + ".duckdb"); }
    StoreOptions options() const { return {.file = file(), .database = name_, .functions = functions_}; }
    void close() { store_.reset(); }
    void reopen() {
        close();
        store_ = must(Store::open(options()));
        loaded = must(store_->load());
        database = loaded.catalogue;
    }
    Store& store() { return *store_; }

    void save(const catalog::Database& next) {
        Transaction transaction = must(store_->begin());
        must(transaction.save_catalogue(database, next));
        must(transaction.commit());
        database = next;
    }
    const catalog::Table& table(std::string_view name) const { return *database.find_table(name); }

    /// All rows of a query as chunks.
    std::vector<data::Chunk> read(std::string_view sql, data::Schema types,
                                  const std::vector<Parameter>& parameters = {}) {
        QueryResult result = must(store_->query(sql, parameters, std::move(types), {}));
        std::vector<data::Chunk> chunks;
        while (auto chunk = must(result.next()))
            chunks.push_back(std::move(*chunk));
        return chunks;
    }
    std::int64_t number(std::string_view sql, const std::vector<Parameter>& parameters = {}) {
        const auto chunks = read(sql, {{{"n", data::ScalarType::Long}}}, parameters);
        return chunks.at(0).column(0).get<std::int64_t>(0);
    }
    std::string text(std::string_view sql) {
        const auto chunks = read(sql, {{{"t", data::ScalarType::String}}});
        return std::string(chunks.at(0).column(0).text(0));
    }
    std::int64_t count(std::string_view table_name) {
        return number("SELECT count(*) FROM (" + Store::visible_rows(table(table_name)) + ")");
    }

    Store::Loaded loaded;
    catalog::Database database;

private:
    sluice::test::TemporaryFolder folder_;
    std::string name_;
    std::vector<ScalarFunction> functions_;
    std::unique_ptr<Store> store_;
};

/// Rows of one long column: first, first + 1, ...
inline data::Rows numbers(const catalog::Table& table, std::int64_t first, std::size_t count) {
    data::Rows rows(table.schema());
    for (std::size_t i = 0; i < count; ++i) {
        data::Chunk& chunk = rows.next_row();
        chunk.column(0).set(chunk.rows(), first + static_cast<std::int64_t>(i));
        rows.finish_row();
    }
    return rows;
}

inline std::shared_ptr<catalog::Table> numbers_table(catalog::TableId id = 1, std::string name = "T") {
    return make_table(id, std::move(name), {{"n", data::ScalarType::Long, id * 10, ""}});
}

} // namespace sluice::store::test
