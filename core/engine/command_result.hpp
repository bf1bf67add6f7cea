#pragma once

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "core/data/chunk.hpp"
#include "core/engine/engine.hpp"
#include "core/store/store.hpp"

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sluice::engine {

/// Null of any type; for a string column the wire then shows null, not "".
struct Null {};
struct DateTime {
    Ticks ticks = 0;
};
struct TimeSpan {
    Ticks ticks = 0;
};
/// JSON text.
struct Dynamic {
    std::string json;
};
/// One cell on its way into a result; its alternative has to be that of the column's type.
using Cell =
    std::variant<Null, bool, std::int32_t, std::int64_t, double, DateTime, TimeSpan, std::string, data::Guid, Dynamic>;

/// "TableName:string, DatabaseName:string" as the specification writes result shapes. The text must be right: it is
/// ours.
data::Schema schema_of(std::string_view shape);

/// The table a command answers with: rows at hand, or a SELECT over the store's own tables.
class CommandResult {
public:
    explicit CommandResult(std::string_view shape);
    explicit CommandResult(data::Schema schema);

    /// Adds a row; as many cells as columns.
    CommandResult& add(std::initializer_list<Cell> cells) { return add(std::vector<Cell>(cells)); }
    CommandResult& add(const std::vector<Cell>& cells);
    /// Takes over rows of the same schema.
    void append(data::Chunk chunk) { rows_.add_chunk(std::move(chunk)); }

    /// The same rows again; not for stored ones.
    CommandResult copy() const;

    const data::Schema& schema() const { return *schema_; }
    const data::Rows& rows() const { return rows_; }
    /// String columns that hold a null.
    const std::vector<std::size_t>& null_texts() const { return null_texts_; }

    /// Rows that are read from the database's store when they are asked for. `sql` yields the columns of `schema`.
    struct Stored {
        store::Store* store;
        std::string sql;
    };
    static CommandResult stored(std::string_view shape, Stored stored);
    const std::optional<Stored>& stored() const { return stored_; }

    /// As the one table of an answer; hands out its rows.
    ResultTable table() &&;
    /// A SELECT that yields the rows, for a query piped behind the command. Texts are escaped.
    std::string select() const;

private:
    std::shared_ptr<const data::Schema> schema_;
    data::Rows rows_;
    std::vector<std::size_t> null_texts_;
    std::optional<Stored> stored_;
};

} // namespace sluice::engine
