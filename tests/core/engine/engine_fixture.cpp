#include "tests/core/engine/engine_fixture.hpp"

#include "core/data/text.hpp"
#include "core/kql/functions.hpp"
#include "core/kql/kql.hpp"

#include <algorithm>
#include <sstream>

namespace sluice::engine {
namespace {

std::string cell_text(const data::Column& column, std::size_t row, bool null_text) {
    using data::ScalarType;
    const bool set = (column.validity()[row / 64] >> (row % 64)) & 1;
    if (column.is_null(row) || (null_text && !set))
        return "∅";
    switch (column.type()) {
    case ScalarType::Bool:
        return column.get<std::uint8_t>(row) ? "true" : "false";
    case ScalarType::Int:
        return std::to_string(column.get<std::int32_t>(row));
    case ScalarType::Long:
        return std::to_string(column.get<std::int64_t>(row));
    case ScalarType::Real:
        return data::format_real(column.get<double>(row));
    case ScalarType::Decimal:
        return data::format_decimal(column.get<data::Decimal>(row));
    case ScalarType::DateTime:
        return data::format_datetime(column.get<Ticks>(row));
    case ScalarType::TimeSpan:
        return data::format_timespan(column.get<Ticks>(row));
    case ScalarType::Guid:
        return column.get<data::Guid>(row) == data::Guid{} ? "zero" : "<guid>";
    case ScalarType::String:
    case ScalarType::Dynamic:
        break;
    }
    return std::string(column.text(row));
}

} // namespace

void EngineFixture::open(EngineOptions options, bool streaming) {
    engine_.reset();
    databases_.reset();
    ingest::Databases::Options where;
    where.data_dir = folder_.path();
    where.streaming_enabled = streaming;
    where.expected_databases = 2;
    where.functions = kql::scalar_functions();
    databases_ = std::make_unique<ingest::Databases>(std::move(where), clock_);
    for (const char* name : {"Harbor", "Pier"}) {
        const auto opened = databases_->open(name);
        ASSERT_TRUE(opened) << opened.error().message;
    }
    engine_ = make_engine(*databases_, std::move(options));
}

Request EngineFixture::request(const std::string& database, const std::string& text) {
    Request made;
    made.database = database;
    made.text = text;
    return made;
}

std::string EngineFixture::run_in(const std::string& database, const std::string& text) {
    const Request asked = request(database, text);
    return answer_text(kql::is_command(text) ? engine_->command(asked) : engine_->query(asked));
}

std::string EngineFixture::columns(const std::string& text, const std::string& names) {
    std::vector<std::string> only;
    std::istringstream words(names);
    for (std::string word; words >> word;)
        only.push_back(word);
    return answer_text(engine_->command(request("Harbor", text)), only);
}

std::string EngineFixture::answer_text(Result<Answer> answer, const std::vector<std::string>& only) {
    if (!answer)
        return "error: " + answer.error().message;
    ResultTable& table = answer->tables.front();
    std::vector<std::size_t> shown;
    for (std::size_t i = 0; i < table.schema.size(); ++i)
        if (only.empty() || std::find(only.begin(), only.end(), table.schema[i].name) != only.end())
            shown.push_back(i);
    std::string out;
    for (;;) {
        auto chunk = table.next();
        if (!chunk)
            return out + "error: " + chunk.error().message;
        if (!*chunk)
            return out;
        for (std::size_t row = 0; row < (*chunk)->rows(); ++row) {
            if (!out.empty())
                out += '\n';
            std::string line;
            for (const std::size_t i : shown) {
                const bool null_text = std::count(table.null_texts.begin(), table.null_texts.end(), i) > 0;
                line += (i == shown.front() ? "" : " | ") + cell_text((*chunk)->column(i), row, null_text);
            }
            out += line;
        }
    }
}

} // namespace sluice::engine
