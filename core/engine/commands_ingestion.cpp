#include "core/data/text.hpp"
#include "core/engine/catalogue_changes.hpp"
#include "core/engine/commands.hpp"
#include "core/engine/direct_load.hpp"
#include "core/engine/entity_error.hpp"
#include "core/engine/extent_rules.hpp"
#include "core/engine/ingestion_properties.hpp"
#include "core/engine/ingestion_steps.hpp"
#include "core/engine/shapes.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::engine {
namespace {

using catalog::Database;

Result<std::shared_ptr<const data::BoundMapping>>
mapping_for(const TableTarget& target, const IngestionProperties& properties, data::Format format) {
    const auto kind = data::mapping_kind(format);
    if (properties.mapping) {
        SLUICE_TRY(const auto mapping, data::parse_mapping("", kind, *properties.mapping));
        return data::bind_mapping(mapping, *target.table->schema());
    }
    if (properties.mapping_reference) {
        const auto* mapping = target.database->find_mapping(*target.table, kind, *properties.mapping_reference);
        if (!mapping)
            return Error{ErrorCode::NotFound,
                         entity_not_found("MappingPersistent", *properties.mapping_reference).message,
                         "BadRequest_MappingReferenceWasNotFound"};
        return data::bind_mapping(*mapping, *target.table->schema());
    }
    return std::shared_ptr<const data::BoundMapping>();
}

Result<data::Rows> parse_inline(const TableTarget& target, const IngestionProperties& properties,
                                std::string_view text) {
    data::Rows rows(target.table->schema());
    SLUICE_TRY(auto parser, parser_for(target, properties));
    parser->begin();
    SLUICE_CHECK(parser->feed(text, false, rows));
    SLUICE_CHECK(parser->finish(rows));
    return rows;
}

/// Parses and loads the data of `.ingest inline`; nothing when there was none or it is there already.
Result<std::vector<store::Part>> load_inline(ingest::DatabaseWriter& writer, const TableTarget& target,
                                             const IngestionProperties& properties, std::string_view text) {
    const bool blank = text.find_first_not_of(" \t\r\n") == std::string_view::npos;
    if (blank || was_ingested(writer, *target.table, properties.ingest_if_not_exists))
        return std::vector<store::Part>();
    SLUICE_TRY(auto rows, parse_inline(target, properties, text));
    DirectLoad load(writer, target.table);
    SLUICE_CHECK(load.add(std::move(rows)));
    return load.commit(options_of(properties));
}

std::string type_list(const data::Schema& schema) {
    std::string out;
    for (const auto& column : schema.columns)
        out += fmt::format("{}{}", out.empty() ? "" : ",", data::to_string(column.type));
    return out;
}

bool same_types(const data::Schema& a, const data::Schema& b, std::size_t columns) {
    for (std::size_t i = 0; i < columns; ++i)
        if (a[i].type != b[i].type)
            return false;
    return true;
}

Error schema_mismatch(const data::Schema& query, const data::Schema& table) {
    return bad_request(fmt::format("Query schema does not match table schema. QuerySchema=('{}'), TableSchema=('{}')",
                                   type_list(query), type_list(table)));
}

/// How a query meets its table.
struct QueryLoad {
    std::string table;
    bool create = false, replace = false;
    IngestionProperties properties;
};

/// The table's change before rows of `schema` can go in: created, extended, recreated, or as it is.
Result<Database> prepare_table(const Database& before, const QueryLoad& load, const data::Schema& schema) {
    const change::TableDefinition definition{load.table, schema.columns, load.properties.folder,
                                             load.properties.docstring};
    const auto table = before.find_table(load.table);
    if (!table) {
        SLUICE_TRY(auto after, change::create_table(before, definition, data::random_guid()));
        if (load.properties.ingestion_time)
            return after;
        return change::edit_policies(after, load.table, [](catalog::Policies& policies) -> Result<> {
            policies.other["ingestiontime"] = R"({"IsEnabled":false})";
            return {};
        });
    }
    if (load.replace && load.properties.recreate_schema)
        return change::recreate_table(before, definition);
    const auto current = table->schema();
    const bool extends = load.properties.extend_schema && schema.size() > current->size();
    if (schema.size() < current->size() || (schema.size() > current->size() && !extends) ||
        !same_types(schema, *current, current->size()))
        return schema_mismatch(schema, *current);
    if (!extends)
        return load.properties.folder || load.properties.docstring
                   ? change::set_table_text(before, load.table, load.properties.folder, load.properties.docstring)
                   : Result<Database>(before);
    change::TableDefinition more = definition;
    more.columns.assign(schema.columns.begin() + static_cast<std::ptrdiff_t>(current->size()), schema.columns.end());
    return change::extend_table(before, more);
}

Result<std::vector<store::Part>> run_load(Context& context, const catalog::Snapshot& database, const QueryLoad& load,
                                          const Argument& query) {
    SLUICE_TRY(auto answer, context.answer_of(query));
    ResultTable& source = answer.tables.front();
    SLUICE_TRY(auto* writer, context.writer(*database));
    if (const auto existing = database->find_table(load.table);
        existing && was_ingested(*writer, *existing, load.properties.ingest_if_not_exists))
        return std::vector<store::Part>();
    // Looked at first, so that a table that fits is not written to the catalogue again.
    catalog::Snapshot after = database;
    SLUICE_TRY(const auto prepared, prepare_table(*database, load, source.schema));
    if (prepared.version != database->version) {
        SLUICE_TRY(after, context.change(*database, [&](const Database& before) {
            return prepare_table(before, load, source.schema);
        }));
    }
    DirectLoad target(*writer, after->find_table(load.table));
    for (;;) {
        SLUICE_TRY(auto chunk, source.next());
        if (!chunk)
            break;
        SLUICE_CHECK(target.add(std::move(*chunk)));
    }
    auto options = options_of(load.properties);
    options.replace = load.replace;
    return target.commit(std::move(options));
}

std::string_view operation_of(const Arguments& arguments) {
    if (arguments.said("set"))
        return "TableSet";
    if (arguments.said("append"))
        return "TableAppend";
    return arguments.said("set-or-append") ? "TableSetOrAppend" : "TableSetOrReplace";
}

} // namespace

Result<> check_query_schema(const data::Schema& query, const data::Schema& table) {
    if (query.size() != table.size() || !same_types(query, table, table.size()))
        return schema_mismatch(query, table);
    return {};
}

DirectLoad::Options options_of(const IngestionProperties& properties) {
    DirectLoad::Options options{properties.tags, properties.creation_time};
    for (const auto& value : properties.ingest_if_not_exists)
        options.unless_tagged.push_back("ingest-by:" + value);
    return options;
}

Result<> check_creation_time(const Context& context, const TableTarget& target, const IngestionProperties& properties) {
    const auto period = soft_delete_period(*target.database, *target.table);
    if (!period || !properties.creation_time || *properties.creation_time >= context.now() - *period)
        return {};
    return Error{
        ErrorCode::Invalid,
        fmt::format("Creation time {} is earlier than the soft-delete period of table '{}' reaches: the rows would "
                    "be deleted at once.",
                    data::format_datetime(*properties.creation_time), target.table->name),
        "BadRequest_CreationTimeEarlierThanSoftDeletePeriod"};
}

bool was_ingested(const ingest::DatabaseWriter& writer, const catalog::Table& table,
                  const std::vector<std::string>& values) {
    if (values.empty())
        return false;
    const auto parts = writer.parts(table.id);
    return std::any_of(parts.begin(), parts.end(), [&](const store::Part& part) {
        return part.state == store::PartState::Extent &&
               std::any_of(values.begin(), values.end(), [&](const std::string& value) {
                   return std::count(part.tags.begin(), part.tags.end(), "ingest-by:" + value) > 0;
               });
    });
}

Error recorded(Context& context, const TableTarget& target, std::string_view operation, Error error) {
    store::IngestionFailure failure;
    failure.operation_id = context.operation();
    failure.database = target.database->name;
    failure.table = target.table->name;
    failure.failed_on = context.now();
    failure.details = error.message;
    failure.failure_kind = error.permanent() ? "Permanent" : "Transient";
    failure.operation_kind = operation;
    failure.error_code = error.reason.empty() ? "General_BadRequest" : error.reason;
    failure.principal = context.request().principal;
    failure.should_retry = !error.permanent();
    if (auto* writer = context.databases().writer(target.database->name))
        static_cast<void>(
            writer->transact([&](store::Transaction& transaction) { return transaction.add_failure(failure); }));
    return error;
}

Result<std::unique_ptr<data::Parser>> parser_for(const TableTarget& target, const IngestionProperties& properties) {
    data::ParserOptions options;
    options.format = properties.format.value_or(data::Format::Csv);
    options.schema = target.table->schema();
    options.ignore_first_record = properties.ignore_first_record;
    options.validation = properties.validation;
    options.max_values = target.database->max_value_sizes(*target.table);
    options.max_content = data::kMaxFile;
    SLUICE_TRY(options.mapping, mapping_for(target, properties, options.format));
    return data::make_parser(options);
}

Result<CommandResult> ingest_inline(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto target, context.table(arguments.get("table")));
    SLUICE_TRY(const auto properties, read_ingest_properties(arguments.get("with")));
    SLUICE_TRY(auto* writer, context.writer(*target.database));
    std::string records;
    if (arguments.has("records")) {
        SLUICE_TRY(records, bracketed_records(arguments.text("records")));
    }
    const std::string_view text =
        arguments.has("records") ? std::string_view(records) : inline_data(arguments.text("data"));
    SLUICE_CHECK(check_creation_time(context, target, properties));
    const auto parts = load_inline(*writer, target, properties, text);
    if (!parts)
        return recorded(context, target, "DataIngestInline", parts.error());
    CommandResult result("ExtentId:guid");
    for (const auto& part : *parts)
        result.add({part.extent});
    if (parts->empty())
        result.add({data::Guid{}});
    return result;
}

Result<CommandResult> ingest_query(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto database, context.database());
    QueryLoad load{arguments.text("table"), !arguments.said("append"), arguments.said("set-or-replace"), {}};
    SLUICE_TRY(load.properties, read_query_properties(arguments.get("with")));
    const auto existing = database->find_table(load.table);
    if (existing && arguments.said("set"))
        return entity_exists("Table", load.table);
    if (!existing && !load.create)
        return entity_not_found("Table", load.table);
    if (existing) {
        SLUICE_CHECK(check_creation_time(context, {database, existing}, load.properties));
    }
    const auto parts = run_load(context, database, load, arguments.get("query"));
    if (!parts && existing)
        return recorded(context, {database, existing}, operation_of(arguments), parts.error());
    if (!parts)
        return parts.error();
    CommandResult result(shape::kSetAppend);
    for (const auto& part : *parts) {
        const auto size = static_cast<std::int64_t>(part.original_size);
        result.add({part.extent, size, Null{}, Null{}, Null{}, static_cast<std::int64_t>(part.rows)});
    }
    return result;
}

} // namespace sluice::engine
