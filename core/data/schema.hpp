#pragma once

#include "core/data/type.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::data {

struct ColumnSchema {
    std::string name;
    ScalarType type;
    friend bool operator==(const ColumnSchema&, const ColumnSchema&) = default;
};

/// Names and types of the columns of a table or result, in order.
struct Schema {
    std::vector<ColumnSchema> columns;

    std::size_t size() const { return columns.size(); }
    const ColumnSchema& operator[](std::size_t i) const { return columns[i]; }
    /// Case-sensitive, as all names of columns are.
    std::optional<std::size_t> find(std::string_view name) const {
        for (std::size_t i = 0; i < columns.size(); ++i)
            if (columns[i].name == name)
                return i;
        return std::nullopt;
    }
    friend bool operator==(const Schema&, const Schema&) = default;
};

} // namespace sluice::data
