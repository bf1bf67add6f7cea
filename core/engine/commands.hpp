#pragma once

#include "core/engine/command_context.hpp"

/// The handlers of the commands, by area; the table that names them is command_table.cpp.
namespace sluice::engine {

// commands_tables.cpp
Result<CommandResult> create_table(Context& context, const Arguments& arguments);
Result<CommandResult> create_tables(Context& context, const Arguments& arguments);
Result<CommandResult> copy_table(Context& context, const Arguments& arguments);
Result<CommandResult> alter_table(Context& context, const Arguments& arguments);
Result<CommandResult> alter_table_text(Context& context, const Arguments& arguments);
Result<CommandResult> alter_column_docstrings(Context& context, const Arguments& arguments);
Result<CommandResult> drop_tables(Context& context, const Arguments& arguments);
Result<CommandResult> rename_tables(Context& context, const Arguments& arguments);
Result<CommandResult> clear_table(Context& context, const Arguments& arguments);
Result<CommandResult> alter_column_type(Context& context, const Arguments& arguments);
Result<CommandResult> rename_column(Context& context, const Arguments& arguments);
Result<CommandResult> swap_columns(Context& context, const Arguments& arguments);
Result<CommandResult> drop_columns(Context& context, const Arguments& arguments);

// commands_show_tables.cpp
Result<CommandResult> show_tables(Context& context, const Arguments& arguments);
Result<CommandResult> show_table(Context& context, const Arguments& arguments);
Result<CommandResult> show_table_details(Context& context, const Arguments& arguments);
Result<CommandResult> show_table_schema(Context& context, const Arguments& arguments);

// commands_databases.cpp
Result<CommandResult> show_databases(Context& context, const Arguments& arguments);
Result<CommandResult> show_database(Context& context, const Arguments& arguments);
Result<CommandResult> show_schema(Context& context, const Arguments& arguments);
Result<CommandResult> show_schema_json(Context& context, const Arguments& arguments);
Result<CommandResult> show_schema_script(Context& context, const Arguments& arguments);
Result<CommandResult> show_database_tables_schema(Context& context, const Arguments& arguments);
Result<CommandResult> show_entities(Context& context, const Arguments& arguments);

// commands_policies.cpp
Result<CommandResult> show_policy(Context& context, const Arguments& arguments);
Result<CommandResult> alter_policy(Context& context, const Arguments& arguments);
Result<CommandResult> delete_policy(Context& context, const Arguments& arguments);
Result<CommandResult> show_cluster_policy(Context& context, const Arguments& arguments);
Result<CommandResult> alter_cluster_policy(Context& context, const Arguments& arguments);
Result<CommandResult> clear_schema_cache(Context& context, const Arguments& arguments);

// commands_mappings.cpp
Result<CommandResult> put_mapping(Context& context, const Arguments& arguments);
Result<CommandResult> show_mapping(Context& context, const Arguments& arguments);
Result<CommandResult> show_mappings(Context& context, const Arguments& arguments);
Result<CommandResult> show_cluster_mappings(Context& context, const Arguments& arguments);
Result<CommandResult> drop_mapping(Context& context, const Arguments& arguments);

// commands_functions.cpp
Result<CommandResult> put_function(Context& context, const Arguments& arguments);
Result<CommandResult> alter_function_text(Context& context, const Arguments& arguments);
Result<CommandResult> drop_function(Context& context, const Arguments& arguments);
Result<CommandResult> drop_functions(Context& context, const Arguments& arguments);
Result<CommandResult> show_functions(Context& context, const Arguments& arguments);
Result<CommandResult> show_function_schema(Context& context, const Arguments& arguments);

// commands_extents.cpp
Result<CommandResult> show_extents(Context& context, const Arguments& arguments);
Result<CommandResult> drop_extents_by_id(Context& context, const Arguments& arguments);
Result<CommandResult> drop_extents_by_age(Context& context, const Arguments& arguments);
Result<CommandResult> drop_extents_by_query(Context& context, const Arguments& arguments);

// commands_failures.cpp
Result<CommandResult> show_ingestion_failures(Context& context, const Arguments& arguments);
Result<CommandResult> show_streaming_failures(Context& context, const Arguments& arguments);
Result<CommandResult> show_streaming_statistics(Context& context, const Arguments& arguments);
Result<CommandResult> show_dead_letters(Context& context, const Arguments& arguments);
Result<CommandResult> show_gaps(Context& context, const Arguments& arguments);
Result<CommandResult> show_data_operations(Context& context, const Arguments& arguments);

// commands_service.cpp
Result<CommandResult> show_version(Context& context, const Arguments& arguments);
Result<CommandResult> show_cluster(Context& context, const Arguments& arguments);
Result<CommandResult> show_diagnostics(Context& context, const Arguments& arguments);
Result<CommandResult> show_principal_access(Context& context, const Arguments& arguments);

// commands_ingestion.cpp
Result<CommandResult> ingest_inline(Context& context, const Arguments& arguments);
Result<CommandResult> ingest_query(Context& context, const Arguments& arguments);

// commands_script.cpp
Result<CommandResult> execute_script(Context& context, const Arguments& arguments);

} // namespace sluice::engine
