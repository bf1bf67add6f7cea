#pragma once

#include "core/engine/command_context.hpp"

#include <set>
#include <string>

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

// commands_entities.cpp
Result<CommandResult> show_entities(Context& context, const Arguments& arguments);
Result<CommandResult> show_entity_schema(Context& context, const Arguments& arguments);
Result<CommandResult> show_schema_violations(Context& context, const Arguments& arguments);
Result<CommandResult> show_none(Context& context, const Arguments& arguments);

// commands_policies.cpp
Result<CommandResult> show_policy(Context& context, const Arguments& arguments);
Result<CommandResult> alter_policy(Context& context, const Arguments& arguments);
Result<CommandResult> alter_row_level_security(Context& context, const Arguments& arguments);
Result<CommandResult> delete_policy(Context& context, const Arguments& arguments);
Result<CommandResult> show_cluster_policy(Context& context, const Arguments& arguments);
Result<CommandResult> alter_cluster_policy(Context& context, const Arguments& arguments);
Result<CommandResult> column_policy(Context& context, const Arguments& arguments);
Result<CommandResult> clear_schema_cache(Context& context, const Arguments& arguments);

// commands_update_policy.cpp
Result<CommandResult> alter_update_policy(Context& context, const Arguments& arguments);

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
/// Ids in the form that format_guid gives them.
std::set<std::string> normal_ids(const Argument& ids);
/// The column ExtentId of a query's rows.
Result<std::set<std::string>> extent_ids_of(Context& context, const Argument& query);

// commands_change_extents.cpp
Result<CommandResult> alter_extent_tags(Context& context, const Arguments& arguments);
Result<CommandResult> drop_extent_tags(Context& context, const Arguments& arguments);
Result<CommandResult> apply_tags_retention(Context& context, const Arguments& arguments);
Result<CommandResult> move_extents(Context& context, const Arguments& arguments);
Result<CommandResult> replace_extents(Context& context, const Arguments& arguments);
Result<CommandResult> merge_extents(Context& context, const Arguments& arguments);
Result<CommandResult> shuffle_extents(Context& context, const Arguments& arguments);
Result<CommandResult> show_tag_statistics(Context& context, const Arguments& arguments);
Result<CommandResult> show_partitioning_statistics(Context& context, const Arguments& arguments);

// commands_records.cpp
Result<CommandResult> update_records(Context& context, const Arguments& arguments);
Result<CommandResult> delete_records(Context& context, const Arguments& arguments);

// commands_history.cpp
Result<CommandResult> show_operations(Context& context, const Arguments& arguments);
Result<CommandResult> show_operation_details(Context& context, const Arguments& arguments);
Result<CommandResult> cancel_operation(Context& context, const Arguments& arguments);
Result<CommandResult> cancel_query(Context& context, const Arguments& arguments);
Result<CommandResult> show_queries(Context& context, const Arguments& arguments);
Result<CommandResult> show_commands(Context& context, const Arguments& arguments);
Result<CommandResult> show_commands_and_queries(Context& context, const Arguments& arguments);
Result<CommandResult> show_journal(Context& context, const Arguments& arguments);
Result<CommandResult> show_query_plan(Context& context, const Arguments& arguments);

// commands_principals.cpp
Result<CommandResult> show_principals(Context& context, const Arguments& arguments);
Result<CommandResult> change_principals(Context& context, const Arguments& arguments);
Result<CommandResult> show_principal_roles(Context& context, const Arguments& arguments);

// commands_rowstores.cpp
Result<CommandResult> show_rowstores(Context& context, const Arguments& arguments);
Result<CommandResult> show_table_rowstores(Context& context, const Arguments& arguments);
Result<CommandResult> show_rowstore_references(Context& context, const Arguments& arguments);
Result<CommandResult> show_rowstore_seals(Context& context, const Arguments& arguments);

// commands_queued.cpp
Result<CommandResult> get_ingestion_resources(Context& context, const Arguments& arguments);
Result<CommandResult> get_identity_token(Context& context, const Arguments& arguments);
Result<CommandResult> show_queued_operations(Context& context, const Arguments& arguments);
Result<CommandResult> show_queued_operation_details(Context& context, const Arguments& arguments);

// commands_cluster.cpp
Result<CommandResult> show_capacity(Context& context, const Arguments& arguments);
Result<CommandResult> show_plugins(Context& context, const Arguments& arguments);
Result<CommandResult> show_cluster_services(Context& context, const Arguments& arguments);
Result<CommandResult> clear_cache(Context& context, const Arguments& arguments);
Result<CommandResult> query_results_cache(Context& context, const Arguments& arguments);
Result<CommandResult> create_database(Context& context, const Arguments& arguments);
Result<CommandResult> drop_database(Context& context, const Arguments& arguments);
Result<CommandResult> set_maintenance_mode(Context& context, const Arguments& arguments);
Result<CommandResult> set_pretty_name(Context& context, const Arguments& arguments);
Result<CommandResult> undo_drop_table(Context& context, const Arguments& arguments);
Result<CommandResult> show_data_statistics(Context& context, const Arguments& arguments);

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

// commands_ingest_files.cpp
Result<CommandResult> export_data(Context& context, const Arguments& arguments);
Result<CommandResult> ingest_files(Context& context, const Arguments& arguments);

// commands_ingestion.cpp
Result<CommandResult> ingest_inline(Context& context, const Arguments& arguments);
Result<CommandResult> ingest_query(Context& context, const Arguments& arguments);

// commands_script.cpp
Result<CommandResult> execute_script(Context& context, const Arguments& arguments);

} // namespace sluice::engine