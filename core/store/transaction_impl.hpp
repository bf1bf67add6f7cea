#pragma once

#include "core/store/impl.hpp"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

/// A transaction under way. Internal to core/store.
namespace sluice::store {

struct Transaction::Impl {
    explicit Impl(Store::Impl& owner) : store(owner) {}
    ~Impl();

    Store::Impl& store;
    bool open = false;           ///< BEGIN succeeded and neither COMMIT nor ROLLBACK was sent
    bool holds_turn = true;      ///< nobody else writes; given back with the end
    std::optional<Error> failed; ///< the first error of a statement: DuckDB refuses all further ones
    /// Number of the next entry. Later entries beat earlier ones; those of one kind and key that a transaction writes
    /// at its end are at or above everything else it wrote.
    std::int64_t entry = 0;

    std::map<std::pair<std::string_view, std::string>, std::string> journal; ///< body by kind and key
    std::map<std::int64_t, data::Rows> pending;                              ///< rows of system tables by slot
    std::map<PartId, std::optional<Part>> parts;                             ///< saved, or dropped, by this transaction
    std::set<PartId> appended;
    /// Rows to be inserted together, by table, part and time.
    std::map<std::tuple<catalog::TableId, PartId, Ticks>, std::vector<const data::Rows*>> later;
    std::optional<std::map<catalog::TableId, catalog::Table>> tables; ///< after save_catalogue
    PartId highest_part = 0;

    duckdb_connection connection() const { return store.writer.get(); }
    Result<std::uint64_t> execute(const std::string& sql, const std::vector<Parameter>& parameters = {});
    Result<> once(const std::string& sql);
    /// The same for what changes rows; answers how many.
    Result<std::uint64_t> once_counted(const std::string& sql);
    template <class T> Result<T> keep(Result<T> result);

    data::Rows& rows_of(SystemSlot slot);
    Result<> flush(SystemSlot slot);
    Result<> write_journal();

    /// Error: the rows were made for another version of the table.
    Result<> check_version(const catalog::Table& table, const data::Rows& rows) const;
    Result<> insert(catalog::TableId table, PartId part, Ticks time, const std::vector<const data::Rows*>& rows);
    /// Inserts what append_later took; before whatever looks at rows or changes their table.
    Result<> insert_later();

    const catalog::Table* find_table(catalog::TableId id) const;
    std::map<PartId, Part> hidden_parts(catalog::TableId table) const;
    std::optional<Part> stored_part(PartId id) const;
    void queue_part(const Part& part);
    Result<> replace_part(const Part& part);
    Result<> check_appended();
    Result<> forget_parts(catalog::TableId table, const std::string& condition);
    Result<> change_tables(const catalog::Database& before, const catalog::Database& after);
    Result<> change_documents(const catalog::Database& before, const catalog::Database& after);
    Result<> change_views(const catalog::Database& before, const catalog::Database& after);
    void adopt();
    void end_turn();
};

template <class T> Result<T> Transaction::Impl::keep(Result<T> result) {
    if (!result && !failed)
        failed = result.error();
    return result;
}

} // namespace sluice::store
