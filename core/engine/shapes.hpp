#pragma once

/// The named result shapes of commands 1.1.
namespace sluice::engine::shape {

constexpr auto kTables = "TableName:string, DatabaseName:string, Folder:string, DocString:string";
constexpr auto kTableSchema = "TableName:string, Schema:string, DatabaseName:string, Folder:string, DocString:string";
constexpr auto kTableDetails =
    "TableName:string, DatabaseName:string, Folder:string, DocString:string, TotalExtents:long, TotalExtentSize:real, "
    "TotalOriginalSize:real, TotalRowCount:long, HotExtents:long, HotExtentSize:real, HotOriginalSize:real, "
    "HotRowCount:long, "
    "AuthorizedPrincipals:string, RetentionPolicy:string, CachingPolicy:string, ShardingPolicy:string, "
    "MergePolicy:string, "
    "StreamingIngestionPolicy:string, IngestionBatchingPolicy:string, MinExtentsCreationTime:datetime, "
    "MaxExtentsCreationTime:datetime, "
    "RowOrderPolicy:string, TableId:guid";
constexpr auto kColumn = "EntityName:string, DataType:string, Policy:string";
constexpr auto kTableMapping =
    "Name:string, Kind:string, Mapping:string, LastUpdatedOn:datetime, Database:string, Table:string";
constexpr auto kDatabaseMapping = "Name:string, Kind:string, Mapping:string, LastUpdatedOn:datetime, Database:string";
constexpr auto kPolicy = "PolicyName:string, EntityName:string, Policy:string, ChildEntities:string, EntityType:string";
constexpr auto kFunction = "Name:string, Parameters:string, Body:string, Folder:string, DocString:string";
constexpr auto kSetAppend =
    "ExtentId:guid, OriginalSize:long, ExtentSize:long, CompressedSize:long, IndexSize:long, RowCount:long";
constexpr auto kExtents =
    "ExtentId:guid, DatabaseName:string, TableName:string, MaxCreatedOn:datetime, OriginalSize:real, ExtentSize:real, "
    "CompressedSize:real, IndexSize:real, Blocks:long, Segments:long, ExtentContainerId:string, RowCount:long, "
    "MinCreatedOn:datetime, "
    "Tags:string, Kind:string, DeletedRowCount:long";
constexpr auto kExtentMetadata = "ExtentId:guid, DatabaseName:string, TableName:string, ExtentMetadata:string";
constexpr auto kExtentTags = "OriginalExtentId:string, ResultExtentId:string, ResultExtentTags:string, Details:string";
constexpr auto kMovedExtents = "OriginalExtentId:string, ResultExtentId:string, Details:string";
constexpr auto kDroppedExtents = "ExtentId:guid, TableName:string, CreatedOn:datetime";
constexpr auto kDatabases = "DatabaseName:string, PersistentStorage:string, Version:string, IsCurrent:bool, "
                            "DatabaseAccessMode:string, PrettyName:string, "
                            "ReservedSlot1:bool, DatabaseId:guid, InTransitionTo:string, SuspensionState:string";
constexpr auto kDatabaseIdentity =
    "DatabaseName:string, PersistentStorage:string, Version:string, IsCurrent:bool, DatabaseAccessMode:string, "
    "PrettyName:string, "
    "CurrentUserIsUnrestrictedViewer:bool, DatabaseId:guid, InTransitionTo:string, SuspensionState:string";
constexpr auto kDatabaseDetails = "DatabaseName:string, PersistentStorage:string, Version:string, IsCurrent:bool, "
                                  "DatabaseAccessMode:string, PrettyName:string, "
                                  "AuthorizedPrincipals:string, RetentionPolicy:string, MergePolicy:string, "
                                  "ReservedSlot1:string, CachingPolicy:string, "
                                  "ShardingPolicy:string, StreamingIngestionPolicy:string, "
                                  "IngestionBatchingPolicy:string, TotalSize:real, DatabaseId:guid, "
                                  "InTransitionTo:string";
constexpr auto kDatabasePolicies =
    "DatabaseName:string, PersistentStorage:string, Version:string, IsCurrent:bool, DatabaseAccessMode:string, "
    "PrettyName:string, "
    "DatabaseId:guid, AuthorizedPrincipals:string, RetentionPolicy:string, MergePolicy:string, CachingPolicy:string, "
    "ShardingPolicy:string, StreamingIngestionPolicy:string, IngestionBatchingPolicy:string";
constexpr auto kDatabaseStatistics = "DatabaseName:string, PersistentStorage:string, Version:string, IsCurrent:bool, "
                                     "DatabaseAccessMode:string, PrettyName:string, "
                                     "DatabaseId:guid, OriginalSize:real, ExtentSize:real, CompressedSize:real, "
                                     "IndexSize:real, RowCount:long, HotOriginalSize:real, "
                                     "HotExtentSize:real, HotCompressedSize:real, HotIndexSize:real, HotRowCount:long, "
                                     "TotalExtents:long, HotExtents:long";
constexpr auto kDatabaseMetadata = "DatabaseName:string, Version:string, PersistentStorage:string, "
                                   "MetadataPersistentStorage:string, DatabaseAccessMode:string";
constexpr auto kDatabaseSchema = "DatabaseName:string, TableName:string, ColumnName:string, ColumnType:string, "
                                 "IsDefaultTable:bool, IsDefaultColumn:bool, "
                                 "PrettyName:string, Version:string, Folder:string, DocString:string";
constexpr auto kViews =
    "Name:string, SourceTable:string, Query:string, MaterializedTo:datetime, LastRun:datetime, LastRunResult:string, "
    "IsHealthy:bool, IsEnabled:bool, Folder:string, DocString:string, AutoUpdateSchema:bool, "
    "EffectiveDateTime:datetime, Lookback:timespan, LookbackColumn:string";
constexpr auto kViewDetails =
    "MaterializedViewName:string, DatabaseName:string, Folder:string, DocString:string, TotalExtents:long, "
    "TotalExtentSize:real, TotalOriginalSize:real, TotalRowCount:long, HotExtents:long, HotExtentSize:real, "
    "HotOriginalSize:real, HotRowCount:long, AuthorizedPrincipals:string, RetentionPolicy:string, "
    "CachingPolicy:string, "
    "ShardingPolicy:string, MergePolicy:string, MinExtentsCreationTime:datetime, MaxExtentsCreationTime:datetime";
constexpr auto kPrincipals =
    "Role:string, PrincipalType:string, PrincipalDisplayName:string, PrincipalObjectId:string, "
    "PrincipalFQN:string, Notes:string, RoleAssignmentIdentifier:string";
constexpr auto kOperations =
    "OperationId:guid, Operation:string, NodeId:string, StartedOn:datetime, LastUpdatedOn:datetime, Duration:timespan, "
    "State:string, Status:string, RootActivityId:guid, ShouldRetry:bool, Database:string, Principal:string, "
    "User:string, AdminEpochStartTime:datetime, VirtualCluster:string";
constexpr auto kNodeStatus = "NodeId:string, Status:string";
constexpr auto kDroppedTables = "TableName:string, DatabaseName:string";
constexpr auto kEntities = "DatabaseName:string, EntityType:string, EntityName:string, DocString:string, "
                           "Folder:string, CslInputSchema:string, Content:string, "
                           "CslOutputSchema:string, Properties:dynamic";
constexpr auto kDeadLetters =
    "Id:guid, Time:datetime, FirstSeen:datetime, Connection:string, Kind:string, Source:string, Lane:string, "
    "Sequence:long, "
    "Position:dynamic, Database:string, Table:string, Format:string, Mapping:string, ErrorCode:string, "
    "FailureKind:string, "
    "Details:string, Attempts:int, Properties:dynamic, SystemProperties:dynamic, BodyBase64:string, Truncated:bool";
constexpr auto kGaps = "Time:datetime, Connection:string, Lane:string, First:long, Last:long, Reason:string";
constexpr auto kIngestionFailures =
    "OperationId:guid, Database:string, Table:string, FailedOn:datetime, IngestionSourcePath:string, Details:string, "
    "FailureKind:string, RootActivityId:guid, OperationKind:string, OriginatesFromUpdatePolicy:bool, ErrorCode:string, "
    "Principal:string, ShouldRetry:bool, User:string, IngestionProperties:string, NumberOfSources:int";
constexpr auto kStreamingFailures =
    "Database:string, Table:string, Principal:string, RootActivityId:guid, IngestionProperties:dynamic, Count:long, "
    "FirstFailureOn:datetime, LastFailureOn:datetime, FailureKind:string, ErrorCode:string, Details:string";
constexpr auto kStreamingStatistics =
    "Database:string, Table:string, StartTime:datetime, EndTime:datetime, Count:long, MinDuration:timespan, "
    "MaxDuration:timespan, "
    "AvgDuration:timespan, TotalDataSize:long, MinDataSize:long, MaxDataSize:long, TotalRowCount:long, "
    "MinRowCount:long, "
    "MaxRowCount:long, IngestionStatus:string, NumOfRowStoresReferences:int, Principal:string, NodeId:string, "
    "IngestionProperties:dynamic";
constexpr auto kDataOperations =
    "Timestamp:datetime, Database:string, Table:string, ClientActivityId:string, OperationKind:string, "
    "OriginalSize:long, "
    "ExtentSize:long, RowCount:long, Duration:timespan, TotalCpu:timespan, ExtentCount:long, Principal:string, "
    "Properties:dynamic";

} // namespace sluice::engine::shape
