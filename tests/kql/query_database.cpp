#include "tests/kql/query_database.hpp"

#include "core/data/text.hpp"
#include "core/kql/functions.hpp"

#include <fmt/format.h>

#include <cmath>
#include <random>

namespace sluice::testing {
namespace {

using Json = nlohmann::ordered_json;

Json cell(const data::Column& column, std::size_t row) {
    using enum data::ScalarType;
    if (column.is_null(row))
        return nullptr;
    switch (column.type()) {
    case Bool:
        return column.get<std::uint8_t>(row) != 0;
    case Int:
        return column.get<std::int32_t>(row);
    case Long:
        return column.get<std::int64_t>(row);
    case Real: {
        const double value = column.get<double>(row);
        return std::isfinite(value) ? Json(value) : Json(data::format_real(value));
    }
    case Decimal:
        return data::format_decimal(column.decimal(row));
    case DateTime:
        return data::format_datetime(column.get<Ticks>(row));
    case TimeSpan:
        return data::format_timespan(column.get<Ticks>(row));
    case Guid:
        return data::format_guid(column.get<data::Guid>(row));
    case String:
    case Dynamic:
        return std::string(column.text(row));
    }
    return nullptr;
}

} // namespace

QueryDatabase::QueryDatabase() {
    std::random_device random;
    folder_ = std::filesystem::temp_directory_path() / fmt::format("sluice-kql-{:08x}{:08x}", random(), random());
    std::filesystem::create_directories(folder_);
    store::StoreOptions options{.file = folder_ / "kql.duckdb", .database = "conformance"};
    options.functions = kql::scalar_functions();
    auto opened = store::Store::open(std::move(options));
    if (!opened)
        throw std::runtime_error(opened.error().message);
    store_ = std::move(*opened);
    catalogue_.name = "conformance";
    catalog_.publish(std::make_shared<const catalog::Database>(catalogue_));
}

QueryDatabase::~QueryDatabase() {
    store_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

Result<> QueryDatabase::create_table(std::string_view declaration) {
    const catalog::Database before = catalogue_;
    const std::size_t open = declaration.find('('), close = declaration.rfind(')');
    if (open == std::string_view::npos || close == std::string_view::npos)
        return Error{ErrorCode::Invalid, "a table is declared as Name (column:type, ...)"};
    auto table = std::make_shared<catalog::Table>();
    const auto trim = [](std::string_view text) {
        while (!text.empty() && text.front() == ' ')
            text.remove_prefix(1);
        while (!text.empty() && text.back() == ' ')
            text.remove_suffix(1);
        return text;
    };
    table->id = catalogue_.next_table++;
    table->name = trim(declaration.substr(0, open));
    std::string_view columns = declaration.substr(open + 1, close - open - 1);
    while (!columns.empty()) {
        const std::size_t comma = columns.find(',');
        const std::string_view one = columns.substr(0, comma);
        columns.remove_prefix(comma == std::string_view::npos ? columns.size() : comma + 1);
        const std::size_t colon = one.find(':');
        const auto type = data::parse_scalar_type(trim(one.substr(colon + 1)));
        if (!type)
            return Error{ErrorCode::Invalid, fmt::format("unknown type in '{}'", one)};
        table->columns.push_back({std::string(trim(one.substr(0, colon))), *type, catalogue_.next_column++});
    }
    catalogue_.tables[table->name] = table;
    SLUICE_TRY(auto transaction, store_->begin());
    SLUICE_CHECK(transaction.save_catalogue(before, catalogue_));
    SLUICE_CHECK(transaction.commit());
    catalog_.publish(std::make_shared<const catalog::Database>(catalogue_));
    return {};
}

void QueryDatabase::add_function(std::string name, std::string parameters, std::string body) {
    catalogue_.functions[name] = {.name = name, .parameters = std::move(parameters), .body = std::move(body)};
    catalog_.publish(std::make_shared<const catalog::Database>(catalogue_));
}

kql::CompileOptions QueryDatabase::options(const std::map<std::string, std::string>& parameters) const {
    kql::CompileOptions options;
    options.database = catalog_.find("conformance");
    options.catalog = &catalog_;
    options.now = SystemClock().now();
    options.parameters = parameters;
    options.probe = kql::probe_of(*store_, std::chrono::seconds(20));
    options.rewrites = rewrites_;
    return options;
}

namespace {

Json columns_of(const kql::ResultPlan& result) {
    Json columns = Json::array();
    for (const data::ColumnSchema& column : result.schema.columns)
        columns.push_back({{"ColumnName", column.name}, {"ColumnType", data::to_string(column.type)}});
    return columns;
}

} // namespace

Result<Json> QueryDatabase::columns(std::string_view query) {
    SLUICE_TRY(auto plan, kql::compile(query, options({})));
    return columns_of(plan.results.back());
}

Result<std::vector<std::string>> QueryDatabase::translate(std::string_view query) {
    SLUICE_TRY(auto plan, kql::compile(query, options({})));
    std::vector<std::string> texts;
    for (const kql::ResultPlan& result : plan.results)
        texts.push_back(result.sql);
    return texts;
}

Result<Json> QueryDatabase::run(std::string_view query, const std::map<std::string, std::string>& parameters) {
    SLUICE_TRY(auto plan, kql::compile(query, options(parameters)));
    Json answer = {{"tables", Json::array()}, {"visualization", plan.visualization}};
    for (const kql::ResultPlan& result : plan.results) {
        Json table = {{"name", result.name}, {"columns", columns_of(result)}, {"rows", Json::array()}};
        store::QueryOptions limits;
        limits.timeout = std::chrono::milliseconds(20'000);
        data::Schema types = result.schema;
        const bool nothing = types.columns.empty();
        if (nothing)
            types.columns.push_back({"nothing", data::ScalarType::Int});
        SLUICE_TRY(auto rows, store_->query(result.sql, result.parameters, types, limits));
        for (;;) {
            SLUICE_TRY(auto chunk, rows.next());
            if (!chunk)
                break;
            for (std::size_t row = 0; row < chunk->rows(); ++row) {
                Json cells = Json::array();
                for (std::size_t i = 0; i < chunk->columns() && !nothing; ++i)
                    cells.push_back(cell(chunk->column(i), row));
                table["rows"].push_back(std::move(cells));
            }
        }
        answer["tables"].push_back(std::move(table));
    }
    return answer;
}

} // namespace sluice::testing
