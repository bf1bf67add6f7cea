#include "core/engine/command_table.hpp"

#include "core/engine/command_lexer.hpp"
#include "core/engine/commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

namespace sluice::engine {
namespace {

constexpr Effect kReads = Effect::Reads;
constexpr Effect kChanges = Effect::Changes;

// clang-format off
const std::vector<Command> kCommands{
    // Tables (commands 2.1, 3.3)
    {"create|create-merge|define tables <tables:tables> [ with <with:properties> ]", "TablesCreate", Role::User, kChanges, create_tables},
    {"create table <table:name> based-on <original:name> [ ifnotexists ] [ with <with:properties> ]", "TableCreateBasedOn", Role::DatabaseAdmin, kChanges, copy_table},
    {"create|create-merge|define table <table:path> <columns:columns> [ with <with:properties> ]", "TableCreate", Role::User, kChanges, create_table},
    {"alter|alter-merge table <table:path> column-docstrings <docs:docs>", "TableAlterColumnDocStrings", Role::TableAdmin, kChanges, alter_column_docstrings},
    {"alter table <table:path> docstring|folder <text:text>", "TableAlterFolder", Role::TableAdmin, kChanges, alter_table_text},
    {"alter|alter-merge table <table:path> <columns:columns> [ with <with:properties> ]", "TableAlter", Role::TableAdmin, kChanges, alter_table},
    {"drop table <table:path> columns <columns:names> [ ifexists ]", "TableDropColumns", Role::TableAdmin, kChanges, drop_columns},
    {"drop table <table:path> extent tags <rest:anything>", "TableDropExtentTags", Role::TableAdmin, kChanges, nullptr, "changing tags of extents"},
    {"drop table <table:path> [ ifexists ] [ skip-seal ]", "TableDrop", Role::TableAdmin, kChanges, drop_tables},
    {"drop tables <tables:names> [ ifexists ] [ skip-seal ]", "TablesDrop", Role::TableAdmin, kChanges, drop_tables},
    {"rename table <table:name> to <to:name> [ with <with:properties> ]", "TableRename", Role::TableAdmin, kChanges, rename_tables},
    {"rename tables <renames:assignments>", "TablesRename", Role::TableAdmin, kChanges, rename_tables},
    {"clear table <table:path> data", "TableClear", Role::TableAdmin, kChanges, clear_table},
    {"alter column <column:path> policy <rest:anything>", "ColumnPolicyAlter", Role::TableAdmin, kChanges, nullptr, "policies of columns"},
    {"alter column <column:path> type <type:type>", "ColumnAlter", Role::TableAdmin, kChanges, alter_column_type},
    {"rename column <column:path> to <to:name>", "ColumnRename", Role::TableAdmin, kChanges, rename_column},
    {"rename columns <renames:assignments>", "ColumnsRename", Role::TableAdmin, kChanges, swap_columns},
    {"drop column <column:path> [ ifexists ]", "ColumnDrop", Role::TableAdmin, kChanges, drop_columns},
    {"show tables [ <tables:names> ]", "TablesShow", Role::Viewer, kReads, show_tables},
    {"show tables [ <tables:names> ] details", "TablesShowDetails", Role::Viewer, kReads, show_table_details},
    {"show table <table:path> details", "TableShowDetails", Role::Viewer, kReads, show_table_details},
    {"show table <table:path> cslschema|kqlschema", "TableShowSchema", Role::Viewer, kReads, show_table_schema},
    {"show table <table:path> schema as json|csl|kql", "TableShowSchema", Role::Viewer, kReads, show_table_schema},
    {"show table <table:path>", "TableShow", Role::Viewer, kReads, show_table},

    // Policies (2.2, 2.5, 2.8)
    {"clear table <table:path> cache streamingingestion schema", "TableClearSchemaCache", Role::DatabaseIngestor, kChanges, clear_schema_cache},
    {"clear database cache streamingingestion schema", "DatabaseClearSchemaCache", Role::DatabaseIngestor, kChanges, clear_schema_cache},
    {"show table <every:star> policy <policy:word>", "PolicyShow", Role::Viewer, kReads, show_policy},
    {"show table <table:path> policy <policy:word>", "PolicyShow", Role::Viewer, kReads, show_policy},
    {"show database policy <policy:word>", "PolicyShow", Role::Viewer, kReads, show_policy},
    {"show database <database:star> policy <policy:word>", "PolicyShow", Role::Viewer, kReads, show_policy},
    {"show database <database:name> policy <policy:word>", "PolicyShow", Role::Viewer, kReads, show_policy},
    {"show cluster policy <policy:word>", "PolicyShow", Role::Any, kReads, show_cluster_policy},
    {"alter|alter-merge table <table:path> policy <policy:word> <value:value>", "PolicyAlter", Role::TableAdmin, kChanges, alter_policy},
    {"alter|alter-merge tables <tables:names> policy <policy:word> <value:value>", "PolicyAlter", Role::TableAdmin, kChanges, alter_policy},
    {"alter|alter-merge database policy <policy:word> <value:value>", "PolicyAlter", Role::DatabaseAdmin, kChanges, alter_policy},
    {"alter|alter-merge database <database:name> policy <policy:word> <value:value>", "PolicyAlter", Role::DatabaseAdmin, kChanges, alter_policy},
    {"alter|alter-merge cluster policy <policy:word> <rest:anything>", "PolicyAlter", Role::AllDatabasesAdmin, kChanges, alter_cluster_policy},
    {"delete table <table:path> policy <policy:word>", "PolicyDelete", Role::TableAdmin, kChanges, delete_policy},
    {"delete database <database:name> policy <policy:word>", "PolicyDelete", Role::DatabaseAdmin, kChanges, delete_policy},
    {"delete database policy <policy:word>", "PolicyDelete", Role::DatabaseAdmin, kChanges, delete_policy},
    {"delete cluster policy <policy:word>", "PolicyDelete", Role::AllDatabasesAdmin, kChanges, alter_cluster_policy},

    // Mappings (2.3)
    {"create|create-or-alter|alter|alter-merge table <table:path> ingestion <kind:word> mapping <mapping:label> <json:text> [ with <with:properties> ]", "MappingCreate", Role::TableIngestor, kChanges, put_mapping},
    {"create|create-or-alter|alter|alter-merge database <database:name> ingestion <kind:word> mapping <mapping:label> <json:text> [ with <with:properties> ]", "MappingCreate", Role::DatabaseIngestor, kChanges, put_mapping},
    {"show table <table:path> ingestion mappings", "MappingsShow", Role::Viewer, kReads, show_mappings},
    {"show table <table:path> ingestion <kind:word> mappings", "MappingsShow", Role::Viewer, kReads, show_mappings},
    {"show table <table:path> ingestion <kind:word> mapping <mapping:label>", "MappingShow", Role::Viewer, kReads, show_mapping},
    {"show database ingestion mappings [ <mapping:text> ]", "MappingsShow", Role::Viewer, kReads, show_mappings},
    {"show database ingestion <kind:word> mappings [ <mapping:text> ]", "MappingsShow", Role::Viewer, kReads, show_mappings},
    {"show database ingestion <kind:word> mapping <mapping:label>", "MappingShow", Role::Viewer, kReads, show_mapping},
    {"show database <database:name> ingestion mappings [ <mapping:text> ]", "MappingsShow", Role::Viewer, kReads, show_mappings},
    {"show database <database:name> ingestion <kind:word> mappings [ <mapping:text> ]", "MappingsShow", Role::Viewer, kReads, show_mappings},
    {"show database <database:name> ingestion <kind:word> mapping <mapping:label>", "MappingShow", Role::Viewer, kReads, show_mapping},
    {"show [ cluster ] ingestion mappings", "MappingsShow", Role::Monitor, kReads, show_cluster_mappings},
    {"show [ cluster ] ingestion <kind:word> mappings", "MappingsShow", Role::Monitor, kReads, show_cluster_mappings},
    {"drop table <table:path> ingestion <kind:word> mapping <mapping:label>", "MappingDrop", Role::TableIngestor, kChanges, drop_mapping},
    {"drop database <database:name> ingestion <kind:word> mapping <mapping:label>", "MappingDrop", Role::DatabaseIngestor, kChanges, drop_mapping},

    // Ingestion (2.6)
    {"ingest inline into table <table:path> [ with <with:properties> ] <data:input>", "DataIngestInline", Role::TableIngestor, kChanges, ingest_inline},
    {"ingest inline into table <table:path> [ with <with:properties> ] <records:records>", "DataIngestInline", Role::TableIngestor, kChanges, ingest_inline},
    {"ingest [ async ] into table <rest:anything>", "DataIngestPull", Role::TableIngestor, kChanges, nullptr, "ingesting from a URL by command (send the data, or use an EventGrid connection)"},
    {"set|append|set-or-append|set-or-replace [ async ] <table:name> [ with <with:properties> ] <query:input>", "TableSetOrAppend", Role::TableIngestor, kChanges, ingest_query},

    // Extents (2.7)
    {"show table <table:path> extents [ <ids:guids> ] [ hot ] [ metadata ] [ where <filter:tags> ]", "ExtentsShow", Role::Viewer, kReads, show_extents},
    {"show tables <tables:names> extents [ <ids:guids> ] [ hot ] [ metadata ] [ where <filter:tags> ]", "ExtentsShow", Role::Viewer, kReads, show_extents},
    {"show database extents [ <ids:guids> ] [ hot ] [ metadata ] [ where <filter:tags> ]", "ExtentsShow", Role::Viewer, kReads, show_extents},
    {"show database <database:name> extents [ <ids:guids> ] [ hot ] [ metadata ] [ where <filter:tags> ]", "ExtentsShow", Role::Viewer, kReads, show_extents},
    {"show databases <databases:names> extents [ <ids:guids> ] [ hot ] [ metadata ] [ where <filter:tags> ]", "ExtentsShow", Role::Viewer, kReads, show_extents},
    {"show cluster extents [ <ids:guids> ] [ hot ] [ metadata ] [ where <filter:tags> ]", "ExtentsShow", Role::Monitor, kReads, show_extents},
    {"drop extent <id:guid> [ from <table:path> ]", "ExtentsDrop", Role::TableAdmin, kChanges, drop_extents_by_id},
    {"drop extents <ids:guids> [ from <table:path> ]", "ExtentsDrop", Role::TableAdmin, kChanges, drop_extents_by_id},
    {"drop extents [ whatif ] <query:input>", "ExtentsDrop", Role::DatabaseAdmin, kChanges, drop_extents_by_query},
    {"drop|drop-pretend extents [ older <age:number> days|day|hours|hour ] from all tables [ trim by extentsize|datasize <size:number> mb|gb|bytes ] [ limit <limit:number> ]", "ExtentsDrop", Role::DatabaseAdmin, kChanges, drop_extents_by_age},
    {"drop|drop-pretend extents [ older <age:number> days|day|hours|hour ] from tables <tables:names> [ trim by extentsize|datasize <size:number> mb|gb|bytes ] [ limit <limit:number> ]", "ExtentsDrop", Role::DatabaseAdmin, kChanges, drop_extents_by_age},
    {"drop|drop-pretend extents [ older <age:number> days|day|hours|hour ] from <table:path> [ trim by extentsize|datasize <size:number> mb|gb|bytes ] [ limit <limit:number> ]", "ExtentsDrop", Role::TableAdmin, kChanges, drop_extents_by_age},

    // Functions (2.9)
    {"create function [ ifnotexists ] [ with <with:properties> ] <function:name> <parameters:parameters> <body:body>", "FunctionCreate", Role::User, kChanges, put_function},
    {"create-or-alter|alter function [ with <with:properties> ] <function:name> <parameters:parameters> <body:body>", "FunctionCreateOrAlter", Role::FunctionAdmin, kChanges, put_function},
    {"alter function <function:name> docstring|folder <text:text>", "FunctionAlterFolder", Role::FunctionAdmin, kChanges, alter_function_text},
    {"drop function <function:name> [ ifexists ]", "FunctionDrop", Role::FunctionAdmin, kChanges, drop_function},
    {"drop functions <functions:names> [ ifexists ]", "FunctionsDrop", Role::FunctionAdmin, kChanges, drop_functions},
    {"show functions", "FunctionsShow", Role::Viewer, kReads, show_functions},
    {"show function <function:name> schema as json", "FunctionShowSchema", Role::Viewer, kReads, show_function_schema},
    {"show function <function:name> [ with <with:properties> ]", "FunctionShow", Role::Viewer, kReads, show_functions},

    // Failures (2.2, 2.10)
    {"show ingestion failures [ with <with:properties> ]", "IngestionFailuresShow", Role::Viewer, kReads, show_ingestion_failures},
    {"show streamingingestion failures", "StreamingIngestionFailuresShow", Role::Viewer, kReads, show_streaming_failures},
    {"show streamingingestion statistics", "StreamingIngestionStatisticsShow", Role::Viewer, kReads, show_streaming_statistics},
    {"show dead letters", "DeadLettersShow", Role::Monitor, kReads, show_dead_letters},
    {"show database <every:star> dead letters", "DeadLettersShow", Role::Monitor, kReads, show_dead_letters},
    {"show database <database:name> dead letters", "DeadLettersShow", Role::Monitor, kReads, show_dead_letters},
    {"show gaps", "GapsShow", Role::Monitor, kReads, show_gaps},
    {"show database <every:star> gaps", "GapsShow", Role::Monitor, kReads, show_gaps},
    {"show database <database:name> gaps", "GapsShow", Role::Monitor, kReads, show_gaps},
    {"show data operations", "DataOperationsShow", Role::Viewer, kReads, show_data_operations},

    // Service (3.1)
    {"show version", "VersionShow", Role::Any, kReads, show_version},
    {"show cluster [ details ]", "ClusterShow", Role::Any, kReads, show_cluster},
    {"show diagnostics [ with <with:properties> ]", "DiagnosticsShow", Role::Monitor, kReads, show_diagnostics},
    {"show principal access with <with:properties>", "PrincipalAccessShow", Role::Any, kReads, show_principal_access},

    // Databases and schema (3.2)
    {"show databases entities [ with <with:properties> ]", "EntitiesShow", Role::Viewer, kReads, show_entities},
    {"show [ cluster ] schema as json", "SchemaShow", Role::Viewer, kReads, show_schema_json},
    {"show databases [ <databases:names> ] schema as json", "DatabasesSchemaShow", Role::Viewer, kReads, show_schema_json},
    {"show databases [ <databases:names> ] schema [ details ]", "DatabasesSchemaShow", Role::Viewer, kReads, show_schema},
    {"show [ cluster ] databases [ <databases:names> ] [ details|verbose|identity|policies|datastats|metadata ]", "DatabasesShow", Role::Any, kReads, show_databases},
    {"show database schema [ details ] [ if_later_than <version:text> ]", "DatabaseSchemaShow", Role::Viewer, kReads, show_schema},
    {"show database <database:name> schema [ details ] [ if_later_than <version:text> ]", "DatabaseSchemaShow", Role::Viewer, kReads, show_schema},
    {"show database schema [ if_later_than <version:text> ] as json [ with <with:properties> ]", "DatabaseSchemaShow", Role::Viewer, kReads, show_schema_json},
    {"show database <database:name> schema [ if_later_than <version:text> ] as json [ with <with:properties> ]", "DatabaseSchemaShow", Role::Viewer, kReads, show_schema_json},
    {"show database schema as csl|kql [ script ] [ with <with:properties> ]", "DatabaseSchemaShow", Role::Viewer, kReads, show_schema_script},
    {"show database <database:name> schema as csl|kql [ script ] [ with <with:properties> ]", "DatabaseSchemaShow", Role::Viewer, kReads, show_schema_script},
    {"show database cslschema|kqlschema [ script ] [ if_later_than <version:text> ]", "DatabaseSchemaShow", Role::Viewer, kReads, show_database_tables_schema},
    {"show database <database:name> cslschema|kqlschema [ script ] [ if_later_than <version:text> ]", "DatabaseSchemaShow", Role::Viewer, kReads, show_database_tables_schema},
    {"show database [ details|verbose|identity|policies|datastats|metadata ]", "DatabaseShow", Role::Viewer, kReads, show_database},

    // Scripts
    {"execute [ database|cluster ] script [ with <with:properties> ] <script:input>", "DatabaseScriptExecute", Role::DatabaseAdmin, kChanges, execute_script},

    // Known in Azure Data Explorer, not offered here
    {"show|create|create-or-alter|alter|alter-merge|drop|enable|disable|clear|delete|rename materialized-view|materialized-views <rest:anything>", "MaterializedView", Role::Any, kChanges, nullptr, "materialized views"},
    {"create|show async|ifnotexists materialized-view <rest:anything>", "MaterializedView", Role::Any, kChanges, nullptr, "materialized views"},
    {"show|create|create-or-alter|alter|alter-merge|drop|delete|add|set external <rest:anything>", "ExternalTable", Role::Any, kChanges, nullptr, "external tables"},
    {"show|create-or-alter|drop|enable|disable continuous-export|continuous-exports <rest:anything>", "ContinuousExport", Role::Any, kChanges, nullptr, "continuous export"},
    {"export <rest:anything>", "DataExport", Role::Any, kChanges, nullptr, "export by command"},
    {"show|create|create-or-alter|alter|alter-merge|drop entity_group|entity_groups <rest:anything>", "EntityGroup", Role::Any, kChanges, nullptr, "entity groups"},
    {"show|create-or-alter|drop|make|alter graph_model|graph_models|graph_snapshot|graph_snapshots <rest:anything>", "Graph", Role::Any, kChanges, nullptr, "graph models"},
    {"make async graph_snapshot <rest:anything>", "Graph", Role::Any, kChanges, nullptr, "graph models"},
    {"show|set|set-or-replace|drop stored_query_result|stored_query_results <rest:anything>", "StoredQueryResult", Role::Any, kChanges, nullptr, "stored query results"},
    {"add|alter|drop|show|delete follower <rest:anything>", "Follower", Role::Any, kChanges, nullptr, "follower databases"},
    {"purge <rest:anything>", "Purge", Role::Any, kChanges, nullptr, "purge"},
    {"show|cancel purge|purges <rest:anything>", "Purge", Role::Any, kChanges, nullptr, "purge"},
    {"show|create-or-alter|alter-merge|drop workload_group|workload_groups <rest:anything>", "WorkloadGroup", Role::Any, kChanges, nullptr, "workload groups"},
    {"show operation|operations <rest:anything>", "OperationsShow", Role::Any, kReads, nullptr, "the operations log"},
    {"cancel operation|query <rest:anything>", "Cancel", Role::Any, kChanges, nullptr, "cancelling by command"},
    {"show queries|commands|commands-and-queries|journal|queryplan <rest:anything>", "HistoryShow", Role::Any, kReads, nullptr, "the history of requests"},
    {"show running queries <rest:anything>", "HistoryShow", Role::Any, kReads, nullptr, "the history of requests"},
    {"show capacity <rest:anything>", "CapacityShow", Role::Any, kReads, nullptr, "the capacity view"},
    {"show plugins <rest:anything>", "PluginsShow", Role::Any, kReads, nullptr, "query plugins"},
    {"enable|disable plugin <rest:anything>", "PluginEnable", Role::Any, kChanges, nullptr, "query plugins"},
    {"get|show ingestion resources", "IngestionResourcesGet", Role::Any, kReads, nullptr, "queued ingestion over HTTP (stream instead)"},
    {"get kusto identity token", "IdentityTokenGet", Role::Any, kReads, nullptr, "queued ingestion over HTTP (stream instead)"},
    {"show export containers", "ExportContainersShow", Role::Any, kReads, nullptr, "export containers"},
    {"create tempstorage", "TempStorageCreate", Role::Any, kChanges, nullptr, "temporary storage"},
    {"create database <database:name> persist|volatile|ifnotexists|with <rest:anything>", "DatabaseCreate", Role::Any, kChanges, nullptr, "creating databases by command (add a [[database]] to the configuration)"},
    {"create database <database:name>", "DatabaseCreate", Role::Any, kChanges, nullptr, "creating databases by command (add a [[database]] to the configuration)"},
    {"attach database <rest:anything>", "DatabaseAttach", Role::Any, kChanges, nullptr, "attaching databases by command (add a [[database]] to the configuration)"},
    {"drop database <database:name> prettyname", "DatabaseAlter", Role::Any, kChanges, nullptr, "pretty names of databases"},
    {"drop|detach database <database:name> [ ifexists ] [ <skip:text> ]", "DatabaseDrop", Role::Any, kChanges, nullptr, "removing databases by command (remove the [[database]] from the configuration)"},
    {"add|drop|set cluster admins|users|viewers|monitors|alldatabasesadmins|alldatabasesviewers|alldatabasesmonitors|blockedprincipals <rest:anything>", "PrincipalsAlter", Role::Any, kChanges, nullptr, "principals by command (roles are given in the configuration)"},
    {"add|drop|set table|database|function <entity:path> admins|users|viewers|unrestrictedviewers|ingestors|monitors <rest:anything>", "PrincipalsAlter", Role::Any, kChanges, nullptr, "principals by command (roles are given in the configuration)"},
    {"show database|cluster principals|blockedprincipals", "PrincipalsShow", Role::Any, kReads, nullptr, "principals by command (roles are given in the configuration)"},
    {"show table|database|function <entity:path> principals", "PrincipalsShow", Role::Any, kReads, nullptr, "principals by command (roles are given in the configuration)"},
    {"merge|move|replace <rest:anything>", "ExtentsMove", Role::Any, kChanges, nullptr, "merging and moving extents by command"},
    {"alter|alter-merge [ async ] table <table:path> extent tags <rest:anything>", "ExtentTagsAlter", Role::Any, kChanges, nullptr, "changing tags of extents"},
    {"undo drop <rest:anything>", "TableUndoDrop", Role::Any, kChanges, nullptr, "bringing back dropped tables"},
    {"show table <table:path> rowstores|rowstore_references", "RowStoresShow", Role::Any, kReads, nullptr, "the views of the row store"},
    {"show rowstores|rowstore <rest:anything>", "RowStoresShow", Role::Any, kReads, nullptr, "the views of the row store"},
    {"show table <table:path> data statistics <rest:anything>", "TableStatisticsShow", Role::Any, kReads, nullptr, "statistics of columns"},
    {"show table <table:path> operations <rest:anything>", "TableOperationsShow", Role::Any, kReads, nullptr, "mirroring"},
    {"list blobs <rest:anything>", "BlobsList", Role::Any, kReads, nullptr, "listing blobs"},
    {"clear cache|cluster <rest:anything>", "CacheClear", Role::Any, kChanges, nullptr, "clearing caches"},
    {"clear database cache query_results|query_weak_consistency", "CacheClear", Role::Any, kChanges, nullptr, "clearing caches"},
    {"alter database [ <database:name> ] prettyname <rest:anything>", "DatabaseAlter", Role::Any, kChanges, nullptr, "pretty names of databases"},
};
// clang-format on

const std::vector<Pattern>& patterns() {
    static const std::vector<Pattern> all = [] {
        std::vector<Pattern> out;
        for (const auto& command : kCommands)
            out.emplace_back(command.pattern);
        return out;
    }();
    return all;
}

/// Number of edits between two words: a letter put in, taken out or replaced, or two neighbours swapped.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::vector<std::size_t>> edits(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = 0; i <= a.size(); ++i) {
        for (std::size_t j = 0; j <= b.size(); ++j) {
            if (i == 0 || j == 0) {
                edits[i][j] = i + j;
                continue;
            }
            const std::size_t replaced = edits[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            edits[i][j] = std::min({edits[i - 1][j] + 1, edits[i][j - 1] + 1, replaced});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                edits[i][j] = std::min(edits[i][j], edits[i - 2][j - 2] + 1);
        }
    }
    return edits[a.size()][b.size()];
}

/// The words at the beginning of the text, in lower case. Enough of them to tell commands apart.
std::set<std::string> words_of(std::string_view text) {
    std::set<std::string> words;
    Token token = next_token(text, 0);
    for (int i = 0; i < 16 && token.kind != Token::Kind::End && token.kind != Token::Kind::Bad; ++i) {
        if (token.kind == Token::Kind::Word)
            words.insert(to_lower(token.text));
        token = next_token(text, token.end);
    }
    return words;
}

std::size_t shared_words(const Pattern& pattern, const std::set<std::string>& words) {
    std::set<std::string> shared;
    for (const auto& element : pattern.elements())
        for (const auto& word : element.words)
            if (words.count(word) != 0)
                shared.insert(word);
    return shared.size();
}

/// What went wrong, told by the patterns that got furthest.
Error explain(std::string_view text, const std::vector<Mismatch>& mismatches) {
    std::size_t furthest = 0;
    for (const auto& mismatch : mismatches)
        furthest = std::max(furthest, mismatch.offset);
    const Token token = next_token(text, furthest);
    const std::string found = to_lower(token.text);
    std::set<std::string> expected;
    const std::set<std::string> words = words_of(text);
    std::string complaint, nearest;
    std::tuple<std::size_t, bool, std::size_t, std::size_t> best{std::string::npos, false, 0, 0};
    for (std::size_t i = 0; i < mismatches.size(); ++i) {
        const Mismatch& mismatch = mismatches[i];
        if (mismatch.offset != furthest)
            continue;
        expected.insert(mismatch.expected.begin(), mismatch.expected.end());
        if (complaint.empty())
            complaint = mismatch.complaint;
        const std::size_t misspelt = mismatch.keyword.empty()
                                         ? found.size() + 1
                                         : distance(std::string_view(found).substr(0, 64), mismatch.keyword);
        // Of commands that are equally near: one that is offered, that shares most words with the text, that is
        // shortest.
        const std::tuple score{misspelt, kCommands[i].handler == nullptr,
                               words.size() - shared_words(patterns()[i], words), patterns()[i].elements().size()};
        if (score < best) {
            best = score;
            nearest = patterns()[i].display();
        }
    }
    // A complaint says what to do; naming a command on top of it would only distract.
    if (token.kind == Token::Kind::Bad)
        return syntax_error(text, furthest, token.text);
    if (!complaint.empty())
        return syntax_error(text, furthest, complaint);
    std::string what = token.kind == Token::Kind::End ? "the command ends too early"
                                                      : fmt::format("'{}' was not understood", token.text);
    if (expected.size() <= 6)
        what += fmt::format("; expected {}", fmt::join(expected, " or "));
    return syntax_error(text, furthest, fmt::format("{}; the nearest known command is '{}'", what, nearest));
}

} // namespace

const std::vector<Command>& commands() {
    return kCommands;
}

Result<ParsedCommand> parse_command(std::string_view text) {
    std::vector<Mismatch> mismatches;
    for (std::size_t i = 0; i < kCommands.size(); ++i) {
        auto result = match(patterns()[i], text);
        if (auto* found = std::get_if<Match>(&result))
            return ParsedCommand{&kCommands[i], std::move(*found)};
        mismatches.push_back(std::move(std::get<Mismatch>(result)));
    }
    return explain(text, mismatches);
}

} // namespace sluice::engine
