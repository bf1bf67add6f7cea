#pragma once

#include "core/data/format.hpp"
#include "core/engine/command_context.hpp"
#include "core/engine/direct_load.hpp"
#include "core/engine/ingestion_properties.hpp"

#include <memory>
#include <string_view>

/// Steps that the ingesting commands share (commands 2.6).
namespace sluice::engine {

/// Whether an extent of the table has one of the `ingest-by:` tags (engine 5.3).
bool was_ingested(const ingest::DatabaseWriter& writer, const catalog::Table& table,
                  const std::vector<std::string>& values);
/// How a direct load is committed, as the properties ask for it.
DirectLoad::Options options_of(const IngestionProperties& properties);
/// BadRequest_CreationTimeEarlierThanSoftDeletePeriod.
Result<> check_creation_time(const Context& context, const TableTarget& target, const IngestionProperties& properties);
/// Rows of a query fit a table when types and order are the same (commands 2.6); the error of engine 0.3 otherwise.
Result<> check_query_schema(const data::Schema& query, const data::Schema& table);
/// Keeps a failed ingestion for `.show ingestion failures`; the command is answered with the error either way.
Error recorded(Context& context, const TableTarget& target, std::string_view operation, Error error);
/// A parser for the table as the properties ask for it; CSV when they name no format.
Result<std::unique_ptr<data::Parser>> parser_for(const TableTarget& target, const IngestionProperties& properties);

} // namespace sluice::engine
