#pragma once

#include "core/kql/constant.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::kql {

/// A bound expression: its type and the SQL that computes it from the columns of the relation it was bound in.
struct Scalar {
    ScalarType type = ScalarType::Long;
    std::string sql;
    std::optional<Constant> constant = {}; ///< value known while compiling
    bool never_null = false;               ///< SQL cannot give NULL
    /// Cheaper SQL that is true for the same rows but may be NULL where `sql` is false; empty: none. What `where` uses,
    /// so that DuckDB sees plain comparisons it can push into the scan.
    std::string filter = {};
    std::string name = {}; ///< of the column that an unnamed projection of it makes; empty: none

    const std::string& as_filter() const { return filter.empty() ? sql : filter; }
};

/// A column of a relation; `id` is its name in SQL.
struct Column {
    std::string name;
    ScalarType type;
    std::string id;

    /// Not a column of users: the number of the outer row inside of mv-apply, of the partition inside of partition.
    bool is_group() const { return name.starts_with('\x01'); }
};

/// One key of the order that rows of a relation are in; `id` is a column of the SQL, not always one of the relation's.
struct OrderKey {
    std::string id;
    bool descending = false;
    bool nulls_first = false;
};

struct Graph;

/// A bound table: `sql` is a SELECT that gives every column and every order key under its id.
struct Relation {
    std::string sql;
    std::vector<Column> columns;
    std::vector<OrderKey> order;
    bool serialized = false; ///< window functions may be used (prev, row_number)
    bool sorted = false;     ///< by a sort or top of the query
    /// `"$time"` and `"$part"` of the stored table are still columns of the SQL: ingestion_time() and extent_id() can
    /// be asked.
    bool has_row_facts = false;
    std::shared_ptr<const Graph> graph = {}; ///< set: no table but a graph (graph.hpp), for the graph operators only
    std::string table = {};                  ///< of the database, as long as each row is one of its rows
    /// A scan of a whole table, and SQL that counts its rows without reading them: for as long as `sql` is this scan.
    std::string scan = {}, scan_count = {};

    const Column* find(std::string_view name) const {
        for (const Column& column : columns)
            if (column.name == name)
                return &column;
        return nullptr;
    }
    bool is_scan() const { return !scan.empty() && sql == scan; }
    /// "k1 DESC NULLS LAST, k2"; empty: no order.
    std::string order_by() const;
};

} // namespace sluice::kql
