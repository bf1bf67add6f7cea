#pragma once

#include "core/base/mutex.hpp"
#include "core/engine/engine.hpp"

#include <functional>
#include <utility>

namespace sluice::app::test {

/// A table of one long column with the rows `from`..`to` - 1, in chunks.
inline engine::ResultTable numbers(std::int64_t from, std::int64_t to, std::string column = "Count") {
    engine::ResultTable table;
    table.schema.columns.push_back({std::move(column), data::ScalarType::Long});
    table.next = [schema = table.schema, next = from, to]() mutable -> Result<std::optional<data::Chunk>> {
        if (next >= to)
            return std::optional<data::Chunk>();
        data::Chunk chunk(schema);
        std::size_t rows = 0;
        for (; next < to && rows < data::kChunkRows; ++next)
            chunk.column(0).set<std::int64_t>(rows++, next);
        chunk.set_rows(rows);
        return std::optional(std::move(chunk));
    };
    return table;
}

/// The table, and then the error instead of its end.
inline engine::ResultTable failing_after(engine::ResultTable table, Error error) {
    table.next = [inner = std::move(table.next), error]() -> Result<std::optional<data::Chunk>> {
        auto chunk = inner();
        if (chunk && !*chunk)
            return error;
        return chunk;
    };
    return table;
}

/// Answers what the test says; remembers the last request.
class FakeEngine final : public engine::Engine {
public:
    std::function<Result<engine::Answer>(const engine::Request&)> on_query, on_command;

    Result<engine::Answer> query(const engine::Request& request) override {
        remember(request);
        if (on_query)
            return on_query(request);
        engine::Answer answer;
        answer.tables.push_back(numbers(42, 43));
        return answer;
    }
    Result<engine::Answer> command(const engine::Request& request) override {
        remember(request);
        if (on_command)
            return on_command(request);
        engine::Answer answer;
        answer.is_command = true;
        answer.tables.push_back(numbers(1, 2));
        return answer;
    }
    engine::Request last() const {
        Lock lock(mutex_);
        return last_;
    }

private:
    void remember(const engine::Request& request) {
        Lock lock(mutex_);
        last_ = request;
    }
    mutable Mutex mutex_;
    engine::Request last_;
};

} // namespace sluice::app::test
