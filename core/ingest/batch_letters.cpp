#include "core/ingest/batch_letters.hpp"

#include "core/data/json_text.hpp"
#include "core/data/text.hpp"
#include "core/ingest/batch.hpp"

#include <fmt/format.h>

#include <cmath>

namespace sluice::ingest {
namespace {

using data::ScalarType;

/// A letter stays well below what a dead letter may hold (dead_letters.max_body_bytes).
constexpr Bytes kLetterBytes = 8_MiB;
constexpr auto kTimeout = std::chrono::minutes(10);

void append_cell(std::string& out, const data::Column& column, std::size_t row) {
    switch (column.type()) {
    case ScalarType::Bool:
        out += column.get<std::uint8_t>(row) != 0 ? "true" : "false";
        break;
    case ScalarType::Int:
        out += fmt::format("{}", column.get<std::int32_t>(row));
        break;
    case ScalarType::Long:
        out += fmt::format("{}", column.get<std::int64_t>(row));
        break;
    case ScalarType::Real: {
        const double value = column.get<double>(row);
        if (std::isfinite(value))
            out += data::format_real(value);
        else
            data::append_json_string(out, data::format_real(value));
        break;
    }
    case ScalarType::Decimal:
        data::append_json_string(out, data::format_decimal(column.decimal(row)));
        break;
    case ScalarType::DateTime:
        data::append_json_string(out, data::format_datetime(column.get<Ticks>(row)));
        break;
    case ScalarType::TimeSpan:
        data::append_json_string(out, data::format_timespan(column.get<Ticks>(row)));
        break;
    case ScalarType::Guid:
        data::append_json_string(out, data::format_guid(column.get<data::Guid>(row)));
        break;
    case ScalarType::String:
        data::append_json_string(out, column.text(row));
        break;
    case ScalarType::Dynamic:
        out += column.text(row); // JSON already
        break;
    }
}

} // namespace

void append_json_row(std::string& out, const data::Schema& schema, const data::Chunk& chunk, std::size_t row) {
    out += '{';
    bool first = true;
    for (std::size_t i = 0; i < chunk.columns(); ++i) {
        if (chunk.column(i).is_null(row))
            continue;
        if (!std::exchange(first, false))
            out += ',';
        data::append_json_string(out, schema[i].name);
        out += ':';
        append_cell(out, chunk.column(i), row);
    }
    out += "}\n";
}

Result<std::vector<store::DeadLetter>> make_batch_letters(store::Store& store, const catalog::Table& table,
                                                          const std::vector<store::Part>& parts, const Error& error,
                                                          unsigned attempts, Ticks now) {
    std::vector<store::DeadLetter> letters;
    const auto schema = table.schema();
    for (const store::Part& part : parts) {
        if (part.events.contains(std::string(kQueueConnection)))
            continue; // the blobs still hold these rows
        std::string columns;
        for (const catalog::Column& column : table.columns)
            columns += fmt::format("{}c{}", columns.empty() ? "" : ", ", column.id);
        SLUICE_TRY(auto rows, store.query(fmt::format("SELECT {} FROM ({})", columns,
                                                      store::Store::rows_of_parts(table, {part.id}, now)),
                                          {}, *schema, {.timeout = kTimeout}));
        const auto open = [&]() -> store::DeadLetter& {
            store::DeadLetter letter;
            letter.id = data::random_guid();
            letter.time = now;
            letter.first_seen = part.opened;
            if (!part.events.empty())
                letter.connection = part.events.begin()->first;
            letter.source = fmt::format("staging://{}/{}", table.name, part.id);
            letter.table = table.name;
            letter.format = "json";
            letter.error_code = error.permanent() ? error.reason : "General_RetryAttemptsExceeded";
            letter.failure_kind = "Permanent";
            letter.details = error.message;
            letter.attempts = attempts;
            return letters.emplace_back(std::move(letter));
        };
        store::DeadLetter* letter = nullptr;
        for (;;) {
            SLUICE_TRY(const auto chunk, rows.next());
            if (!chunk)
                break;
            for (std::size_t row = 0; row < chunk->rows(); ++row) {
                if (!letter || letter->body.size() >= kLetterBytes)
                    letter = &open();
                append_json_row(letter->body, *schema, *chunk, row);
            }
        }
    }
    return letters;
}

} // namespace sluice::ingest
