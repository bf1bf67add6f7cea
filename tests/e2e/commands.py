#!/usr/bin/env python3
"""The examples of the commands' specification over HTTP, by section. One bridge serves them all.

    commands.py BUILD [unittest arguments]

With SLUICE_CONFORMANCE=<folder> the documented commands of its commands.jsonl are sent too.
"""
import gzip
import json
import os
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from bridge import wait_for
from command_case import ANY, CommandCase, main


class Commands(CommandCase):
    def test_2_1_tables_and_columns(self):
        db = self.fresh("Ex21")
        shape = "TableName:string, Schema:string, DatabaseName:string, Folder:string, DocString:string"
        self.shape(".create table GaugeReading (X:int)", shape, db)
        self.check(".create table Scratch (a:int) with (folder='f')",
                   ["Scratch", '{"Name":"Scratch","OrderedColumns":[{"Name":"a","Type":"System.Int32","CslType":"int"}]}', db, "f", ""], database=db)
        self.set_up(".create-merge table GaugeReading (At:datetime, Quality:real)", database=db)
        self.check(".show table GaugeReading cslschema", ["At:datetime,Gauge:string,LevelCm:int,Source:string,Quality:real"], columns="Schema", database=db)
        self.refused(".alter-merge table GaugeReading (LevelCm:long)", "type of column 'LevelCm' cannot be changed", db)
        self.check(".alter table Scratch (b:string, c:datetime) with (docstring='reshaped')", ["", "reshaped"], columns="Folder DocString", database=db)
        self.check(".rename column Berth.Quay to QuayName", ["[Ex21].[Berth].[QuayName]", "System.String", None], database=db)
        self.check(".drop column Scratch.c", ["Scratch", ANY, db, "", "reshaped"], database=db)
        self.check(".alter column GaugeReading.Quality type=string", ["[Ex21].[GaugeReading].[Quality]", "System.String", None], database=db)
        self.check(".rename columns Gauge=GaugeReading.Source, Source=GaugeReading.Gauge", [ANY] * 3, [ANY] * 3, database=db)
        self.check(".drop table GaugeReading columns (Quality)", ["GaugeReading"], columns="TableName", database=db)
        self.check(".drop tables (Scratch, Scratch2) ifexists", *[[name, db] for name in ("Berth", "GaugeAlarm", "GaugeRaw", "GaugeReading")], database=db)
        self.check(".clear table GaugeRaw data", ["Succeeded"], database=db)
        self.refused(".create table Empty ()", "", db)

    def test_2_2_streaming_policy(self):
        db = self.fresh("Ex22")
        self.check(".show cluster policy streamingingestion", ["StreamingIngestionPolicy", None, '{"IsEnabled":true}', ANY, "Cluster"])
        self.refused(".alter cluster policy streamingingestion '{}'", "streaming.enabled")
        self.check(".alter table GaugeRaw policy streamingingestion enable",
                   ["StreamingIngestionPolicy", "[Ex22].[GaugeRaw]", '{"IsEnabled":true,"HintAllocatedRate":null}', None, "Table"], database=db)
        self.check(""".alter-merge table GaugeRaw policy streamingingestion '{"HintAllocatedRate":1.5}'""",
                   ['{"IsEnabled":true,"HintAllocatedRate":1.5}'], columns="Policy", database=db)
        self.check(""".alter database Ex22 policy streamingingestion '{"IsEnabled":true}'""",
                   ["[Ex22]", '["Berth","GaugeAlarm","GaugeRaw","GaugeReading"]', "Database"], columns="EntityName ChildEntities EntityType", database=db)
        self.check(".show table Berth policy streamingingestion", ["StreamingIngestionPolicy", "[Ex22].[Berth]", None, None, "Table"], database=db)
        self.check(".delete table GaugeRaw policy streamingingestion", [None], columns="Policy", database=db)
        self.refused(".alter table GaugeRaw policy streamingingestion '{}'", "Error during execution of a policy operation: ", db)
        self.check(".clear table GaugeRaw cache streamingingestion schema", ["node-0", "Succeeded"], database=db)
        # A failed and a good request, and what the views say of them.
        self.stream_refused("GaugeRaw", "{}", 400, "Entity ID 'gx' of kind 'MappingPersistent' was not found.", True, format="json", mapping="gx", database=db)
        self.streams("Berth", "N1,North quay", database=db)
        self.check(".show streamingingestion failures | where Database == 'Ex22'",
                   [db, "GaugeRaw", 1, "Permanent", "BadRequest_MappingReferenceWasNotFound", {"Mapping": "gx", "Format": "Json", "Compressed": False, "IngestionSource": "Stream"}],
                   columns="Database Table Count FailureKind ErrorCode IngestionProperties", database=db)
        self.check(".show streamingingestion statistics | where Database == 'Ex22' and Table == 'Berth'", ["Success", 1, 1], columns="IngestionStatus Count TotalRowCount", database=db)

    def test_2_3_mappings(self):
        db = self.fresh("Ex23")
        text = '[{"column":"At","Properties":{"Path":"$.t"}},{"column":"Source","Properties":{"ConstValue":"hub"}}]'
        shown = '[{"Column":"At","Properties":{"Path":"$.t"}},{"Column":"Source","Properties":{"ConstValue":"hub"}}]'
        self.check(f".create-or-alter table GaugeReading ingestion json mapping 'gj' '{text}'", ["gj", "JSON", shown, ANY, db, "GaugeReading"], database=db)
        self.refused(f".create table GaugeReading ingestion json mapping 'gj' '{text}'", "Entity 'gj' of kind 'MappingPersistent' already exists.", db)
        self.refused(f".alter table GaugeReading ingestion json mapping 'other' '{text}'", "Entity ID 'other' of kind 'MappingPersistent' was not found.", db)
        self.check(""".alter-merge table GaugeReading ingestion json mapping 'gj' '[{"Column":"Gauge","Properties":{"Path":"$.id"}}]'""", [ANY] * 6, database=db)
        self.check(".show table GaugeReading ingestion json mappings | project Name", ["gj"], database=db)
        self.check(""".create database Ex23 ingestion csv mapping 'gc' '[{"Column":"At","DataType":"datetime","Properties":{"Ordinal":"0"}}]'""",
                   ["gc", "CSV", ANY, ANY, db], database=db)
        self.assertEqual(self.rows(".show cluster ingestion mappings | where Database == 'Ex23' | count"), [[2]])
        self.check(".drop table GaugeReading ingestion json mapping 'gj'", database=db)
        self.refused(".show table GaugeReading ingestion json mapping 'gj'", "Entity ID 'gj' of kind 'MappingPersistent' was not found.", db)

    def test_2_5_and_2_8_policies(self):
        db = self.fresh("Ex28")
        for command, policy in (
                (""".alter-merge table GaugeRaw policy ingestionbatching '{"MaximumBatchingTimeSpan":"00:00:30"}'""",
                 '{"MaximumBatchingTimeSpan":"00:00:30","MaximumNumberOfItems":500,"MaximumRawDataSizeMB":1024}'),
                (".delete table GaugeRaw policy ingestionbatching", None), (".show table Berth policy retention", None),
                (".alter-merge table GaugeRaw policy retention softdelete = 0s recoverability = disabled",
                 '{"SoftDeletePeriod":"00:00:00","Recoverability":"Disabled"}'),
                (".alter-merge table GaugeReading policy retention softdelete = 7d", '{"SoftDeletePeriod":"7.00:00:00","Recoverability":"Enabled"}'),
                (".alter database Ex28 policy retention '{}'", '{"SoftDeletePeriod":"365000.00:00:00","Recoverability":"Enabled"}'),
                (".delete database Ex28 policy retention", None),
                (""".alter table GaugeReading policy extent_tags_retention '[{"TagPrefix":"drop-by:","RetentionPeriod":"3.00:00:00"}]'""",
                 '[{"TagPrefix":"drop-by:","RetentionPeriod":"3.00:00:00"}]'),
                (".alter table GaugeReading policy caching hot = 14d", '{"DataHotSpan":{"Value":"14.00:00:00"},"IndexHotSpan":{"Value":"14.00:00:00"}}'),
                (".alter table GaugeReading policy roworder (Gauge asc, At desc)", "(Gauge asc, At desc)"),
                (".alter table GaugeRaw policy restricted_view_access true", "true"),
                (""".alter table Berth policy auto_delete '{"ExpiryDate":"2099-01-01T00:00:00","DeleteIfNotEmpty":true}'""",
                 '{"ExpiryDate":"2099-01-01T00:00:00","DeleteIfNotEmpty":true}'),
                (".alter table GaugeReading policy ingestiontime true", '{"IsEnabled":true}')):
            with self.subTest(command):
                self.check(command, [policy], columns="Policy", database=db)
        self.check(""".alter tables (GaugeRaw, Berth) policy ingestionbatching '{"MaximumNumberOfItems":20}'""", [ANY], [ANY], columns="Policy", database=db)
        merged = json.loads(self.records(""".alter-merge table GaugeReading policy merge '{"MaxRangeInHours":8}'""", db)[0]["Policy"])
        self.assertEqual((merged["RowCountUpperBoundForMerge"], merged["MaxRangeInHours"]), (16000000, 8))
        self.refused(".alter-merge database Ex28 policy retention softdelete = 0s", "SoftDeletePeriod 0 is possible on a table only", db)
        self.check(".alter column GaugeRaw.payload policy encoding type='BigObject'",
                   ["EncodingPolicy", "[Ex28].[GaugeRaw].[payload]", ANY, None, "Column"], database=db)
        self.check(".show cluster policy capacity", ["CapacityPolicy", None, ANY, ANY, "Cluster"])

    def test_2_6_ingesting_by_command(self):
        db = self.fresh("Ex26")
        self.shape(".ingest inline into table Berth <|\nN1,North quay\nS2,\"South, inner\"\n", "ExtentId:guid", db)
        self.set_up('.ingest inline into table Berth [N1,North quay] [S2,"South, inner"]', database=db)
        self.assertEqual(self.rows("Berth | count", db), [[4]])
        shape = "ExtentId:guid, OriginalSize:long, ExtentSize:long, CompressedSize:long, IndexSize:long, RowCount:long"
        once = ".set-or-append GaugeAlarm with (tags='[\"ingest-by:a7\"]', ingestIfNotExists='[\"a7\"]') <| print now(), 'N1', toint(700)"
        self.shape(once, shape, db)
        self.assertEqual(self.rows(once, db), [])
        self.refused(".append GaugeAlarm <| print x = 1",
                     "Query schema does not match table schema. QuerySchema=('long'), TableSchema=('datetime,string,int')", db)
        self.refused(".append Nope <| print x = 1", "Entity ID 'Nope' of kind 'Table' was not found.", db)
        self.check(".set HighWater <| GaugeAlarm | where LevelCm > 600", [1], columns="RowCount", database=db)
        self.refused(".set HighWater <| GaugeAlarm", "Entity 'HighWater' of kind 'Table' already exists.", db)
        self.check(".set-or-replace HighWater with (recreate_schema=true) <| GaugeAlarm | summarize Peak=max(LevelCm) by Gauge", [1], columns="RowCount", database=db)
        self.assertEqual(self.rows("HighWater", db), [["N1", 700]])
        self.assertEqual(self.rows(".append HighWater <| HighWater | where false", db), [])
        self.set_up(".append HighWater with (extend_schema=true) <| print 'S2', toint(5), extra = true", database=db)
        self.assertEqual(self.rows("HighWater | order by Peak asc", db), [["S2", 5, True], ["N1", 700, None]])
        (self.folder / "files/gauges.csv.gz").write_bytes(gzip.compress(b"h,h,h,h\n2025-03-01,N1,520,file\n"))
        self.check(f".ingest into table GaugeReading ('file://{self.folder}/files/gauges.csv.gz') with (format='csv', ignoreFirstRecord=true, tags='[\"drop-by:x\"]')",
                   [ANY, f"file://{self.folder}/files/gauges.csv.gz", ANY, False, ANY], database=db)
        self.assertEqual(self.rows("GaugeReading | project Gauge, LevelCm, Source", db), [["N1", 520, "file"]])
        self.refused(f".ingest into table GaugeReading ('{self.folder}/bridge/sluice.toml')", "does not lie below server.file_root", db)
        self.refused(".ingest into table GaugeReading ('https://files.example/a.csv')", "file:// URIs only", db)
        self.assertEqual(self.rows(".show ingestion failures | summarize count() by OperationKind | where OperationKind == 'DataIngestPull'", db), [["DataIngestPull", 2]])

    def test_ingestion_time_can_be_turned_off(self):
        db = self.fresh("Untimed")
        self.check(".show table Berth policy ingestiontime", ["IngestionTimePolicy", "[Untimed].[Berth]", '{"IsEnabled":true}', None, "Table"], database=db)
        self.set_up(".ingest inline into table Berth <| N1,with", ".alter table Berth policy ingestiontime false",
                    ".ingest inline into table Berth <| N2,without", ".set Plain with (policy_ingestiontime=false) <| print a = 1", database=db)
        self.assertEqual(self.rows("Berth | project Quay, isnull(ingestion_time()) | order by Quay asc", db), [["with", False], ["without", True]])
        self.assertEqual(self.rows("Plain | project isnull(ingestion_time())", db), [[True]])

    def test_2_7_extents(self):
        db = self.fresh("Ex27")
        self.set_up(".ingest inline into table GaugeReading with (tags='[\"drop-by:2025-03-01\",\"via-hub\"]') <| 2025-03-01,N1,1,hub",
                    ".ingest inline into table GaugeReading <| 2025-03-02,N1,2,hub",
                    ".create table GaugeStage (At:datetime, Gauge:string, LevelCm:int, Source:string)",
                    ".ingest inline into table GaugeStage <| 2025-03-03,S2,3,hub", database=db)
        self.shape(".show table GaugeReading extents", "ExtentId:guid, DatabaseName:string, TableName:string, MaxCreatedOn:datetime, OriginalSize:real, "
                   "ExtentSize:real, CompressedSize:real, IndexSize:real, Blocks:long, Segments:long, ExtentContainerId:string, RowCount:long, "
                   "MinCreatedOn:datetime, Tags:string, Kind:string, DeletedRowCount:long", db)
        self.check(".show table GaugeReading extents where tags has 'drop-by:2025-03-01' and tags contains 'HUB'",
                   [1, "drop-by:2025-03-01\r\nvia-hub", "StorageV3"], columns="RowCount Tags Kind", database=db)
        self.check(".alter-merge table GaugeReading extent tags ('checked') <| .show table GaugeReading extents where tags has 'via-hub'",
                   [ANY, ANY, "drop-by:2025-03-01 via-hub checked", None], database=db)
        self.check(".drop table GaugeReading extent tags ('checked')", [ANY, ANY, "drop-by:2025-03-01 via-hub", None], database=db)
        self.check(".drop table GaugeReading extent tags <| .show table GaugeReading extents | mv-expand Tags = split(Tags, '\\r\\n') to typeof(string) "
                   "| where Tags startswith 'drop-by:'", [ANY, ANY, "via-hub", None], database=db)
        self.assertEqual(self.rows(".drop extents whatif <| .show table GaugeReading extents | where MaxCreatedOn < ago(30d)", db), [])
        self.check(".move extents all from table GaugeStage to table GaugeReading", [ANY, ANY, None], database=db)
        self.assertEqual(self.rows("GaugeReading | summarize count(), sum(LevelCm)", db), [[3, 6]])
        self.assertEqual(self.rows("GaugeStage | count", db), [[0]])
        self.refused(".move extents all from table GaugeReading to table Berth", "it has no column 'At' of type 'datetime'", db)
        self.set_up(".ingest inline into table GaugeStage <| 2025-03-04,S2,40,hub", database=db)
        replaced = self.records(".replace extents in table GaugeReading <| { .show table GaugeReading extents where tags has 'via-hub' }, "
                                "{ .show table GaugeStage extents }", db)
        self.assertEqual(sorted(bool(r["ResultExtentId"]) for r in replaced), [False, True])
        self.assertEqual(self.rows("GaugeReading | summarize sum(LevelCm)", db), [[45]])
        self.check(".show database extent tags statistics | where TableName == 'GaugeReading'", [3, 0], columns="TotalExtentsCount TaggedExtentsCount", database=db)
        one = self.records(".show table GaugeReading extents", db)[0]["ExtentId"]
        self.check(f".drop extent {one} from GaugeReading", [one, "GaugeReading", ANY], database=db)
        self.refused(f".drop extent {one} from GaugeReading", f"Entity ID '{one}' of kind 'Extent' was not found.", db)
        self.check(".drop extents older 90 days from all tables limit 100", database=db)

    def test_2_9_functions(self):
        db = self.fresh("Ex29")
        body = "{ GaugeRaw | project At=todatetime(payload.t), Gauge=tostring(payload.id) }"
        self.check(f".create-or-alter function with (docstring='raw to typed', folder='etl') ParseGauge() {body}",
                   ["ParseGauge", "()", body, "etl", "raw to typed"], database=db)
        self.refused(".create function ParseGauge() { GaugeRaw }", "Entity 'ParseGauge' of kind 'Function' already exists.", db)
        self.refused(".create function Bad() { Nope }", "'Nope'", db)
        self.set_up(".create function with (skipvalidation=true) Normalize() { $source_table | project At }", database=db)
        self.check(".drop function Normalize ifexists", ["Normalize"], database=db)
        self.check(".alter function ParseGauge() { GaugeRaw | take 0 }", ["ParseGauge", "()", "{ GaugeRaw | take 0 }", "etl", "raw to typed"], database=db)
        self.check(".alter function ParseGauge docstring 'v2'", ["v2"], columns="DocString", database=db)
        self.check(".show functions | project Name", ["ParseGauge"], database=db)
        self.check(".drop functions (ParseGauge, Nope) ifexists", database=db)
        self.set_up(".create function Levels(Limit:long) { GaugeAlarm | where LevelCm > Limit }", database=db)
        self.check(".show function Levels", ["(Limit:long)"], columns="Parameters", database=db)

    def test_streaming_maintenance_mode(self):
        db = self.fresh("Maintained")
        self.set_up(".alter table Berth policy streamingingestion enable", database=db)
        self.check(".enable database streamingingestion_maintenance_mode", [db, True], database=db)
        error = self.stream_refused("Berth", "N1,a", 503, "is in maintenance", False, database=db)
        self.assertEqual(error["code"], "ServiceUnavailable_StreamingIngestionDatabaseUnderMaintenance")
        self.check(".disable database streamingingestion_maintenance_mode", [db, False], database=db)
        self.streams("Berth", "N1,a", database=db)

    def test_3_1_and_3_2_service_and_databases(self):
        db = self.fresh("Ex32")
        self.check(".show version", [ANY, ANY, "Engine", ANY, ANY])
        self.check(".show capacity ingestions", ["ingestions", ANY, ANY, ANY, "CapacityPolicy/Ingestion"])
        self.check(".show cluster", ["node-0", True], columns="NodeId IsAdmin")
        self.check(".show diagnostics | project IsHealthy, RowStoreSealsInProgress", [ANY, 0])
        self.shape(".show plugins", "PluginName:string, IsEnabled:bool")
        self.check(".show databases | where DatabaseName == 'Ex32'", [db, ANY, ANY, ANY, "ReadWrite", "", ANY, ANY, ANY, ANY])
        self.check(".show database Ex32 cslschema | where TableName == 'Berth'", ["Berth", "Gauge:string,Quay:string", db, "", ""])
        schema = json.loads(self.rows(".show database Ex32 schema as json")[0][0])["Databases"][db]
        self.assertEqual(schema["Tables"]["GaugeReading"]["OrderedColumns"][2], {"Name": "LevelCm", "Type": "System.Int32", "CslType": "int"})
        version = f"v{schema['MajorVersion']}.{schema['MinorVersion']}"
        self.assertEqual(self.rows(f'.show database Ex32 schema if_later_than "{version}" as json'), [])
        script = [row[0] for row in self.rows(".show database Ex32 schema as csl script")]
        # The script makes the same schema again in another database.
        self.set_up(".create database Ex32copy")
        self.set_up(".execute database script with (ThrowOnErrors=true) <|\n" + "\n".join(script), database="Ex32copy")
        self.assertEqual([row[:2] for row in self.rows(".show database Ex32copy cslschema")], [row[:2] for row in self.rows(".show database Ex32 cslschema")])
        self.check(".show databases entities | where DatabaseName == 'Ex32' and EntityName == 'Berth' | project CslOutputSchema", ["Gauge:string,Quay:string"])
        self.check(".alter database Ex32copy prettyname 'Copy of it'", ["Ex32copy", "Copy of it", "Success"])
        self.refused(".create database Ex32", "Entity 'Ex32' of kind 'Database' already exists.")
        self.check(".drop database Ex32copy", *[[name, "0"] for name in ("Berth", "GaugeAlarm", "GaugeRaw", "GaugeReading")])
        self.refused(".drop database Harbor", "is named in the server's configuration")
        self.check(".create database Ex32copy volatile ifnotexists", ["Ex32copy", None, "true", True, True])
        self.check(".execute database script with (ContinueOnErrors=true) <|\n.create-merge table A (x:int)\n.show tables\n.alter table Nope folder 'f'\n",
                   ["TableCreateMerge", ".create-merge table A (x:int)", "Completed", ""], ["TablesShow", ".show tables", "Skipped", ""],
                   ["TableAlterFolder", ".alter table Nope folder 'f'", "Failed", "Entity ID 'Nope' of kind 'Table' was not found."],
                   columns="CommandType CommandText Result Reason", database="Ex32copy")

    def test_3_3_tables(self):
        db = self.fresh("Ex33")
        self.check(".show tables | project TableName, DatabaseName | take 1", ["Berth", db], database=db)
        self.check(".create table GaugeCopy based-on GaugeReading ifnotexists with (folder='tmp')", ["GaugeCopy", "tmp", "Created based on GaugeReading"],
                   columns="TableName Folder DocString", database=db)
        self.check(".create tables A (x:int), B (y:string) with (folder='tmp')", ["A", db, "tmp", ""], ["B", db, "tmp", ""], database=db)
        self.check(".create-merge tables A (z:real), C (q:bool)", ["A", "tmp"], ["C", ""], columns="TableName Folder", database=db)
        self.check(".rename table A to A1", ["A1", db, "tmp", ""], database=db)
        self.set_up(".ingest inline into table A1 <| 1,1.5", database=db)
        self.check(".rename tables A1=B, B=A1", ["A1"], ["B"], columns="TableName", database=db)
        self.assertEqual(self.rows("B | count", db), [[1]])
        self.check(".alter table Berth docstring 'quay of each gauge'", ["Berth", "Gauge:string,Quay:string", db, "", "quay of each gauge"], database=db)
        self.check(".alter-merge table Berth column-docstrings (Quay:'quay name')", ["Berth"], columns="TableName", database=db)
        self.check(".show table Berth details | project TotalRowCount, StreamingIngestionPolicy", [0, "null"], database=db)
        self.shape(".show table B data statistics with (samplepercent=10)",
                   "ColumnName:string, ColumnType:string, ColumnId:guid, OriginalSize:long, ExtentSize:long, CompressionRatio:real, DataCompressionSize:long, "
                   "SharedIndexSize:long, IndexSize:long, IndexSizePercent:real, StorageEngineVersion:string, PresentRowCount:long, DeletedRowCount:long, "
                   "SamplePercent:real, IncludeColdData:bool", db)
        # Dropped by mistake, and back again as of the version before.
        self.set_up(".drop table B", database=db)
        dropped = self.records(".show database Ex33 journal | where Event == 'DROP-TABLE' and EntityName == 'B'", db)[0]
        self.refused("B | count", "'B'", db)
        self.check(f'.undo drop table B version="{dropped["OriginalEntityVersion"]}"', [ANY, 1, "Recovered", None], database=db)
        self.assertEqual(self.rows("B", db), [[1, 1.5]])

    def test_3_4_operations_and_history(self):
        db = self.fresh("Ex34")
        operation = self.rows(".set-or-append async GaugeAlarm <| print datetime(2025-01-01), 'N1', toint(700)", db)[0][0]
        wait_for("the operation", lambda: self.records(f".show operations {operation}", db)[0]["State"] == "Completed", 10)
        self.check(f".show operations {operation} | project Operation, State, Status", ["TableSetOrAppend", "Completed", ""], database=db)
        self.check(f".show operation {operation} details", [1], columns="RowCount", database=db)
        self.assertEqual(self.rows("GaugeAlarm | count", db), [[1]])
        failed = self.rows(".append async GaugeAlarm <| print x = 1", db)[0][0]
        wait_for("the failure", lambda: self.records(f".show operations {failed}", db)[0]["State"] != "InProgress", 10)
        self.check(f".show operations {failed}", ["TableAppend", "BadInput", ANY], columns="Operation State Status", database=db)
        self.check(f".cancel operation {operation} with (reason='wrong table')", [operation, "TableSetOrAppend", ANY, "Cancel failed", "wrong table"], database=db)
        self.refused("GaugeReading | where Nope > 1", "'Nope'", db)
        self.check(".show queries | where State == 'Failed' and Database == 'Ex34' | project Text", ["GaugeReading | where Nope > 1"], database=db)
        self.assertIn("GaugeAlarm", self.rows(".show commands | where CommandType == 'TableSetOrAppend' and Database == 'Ex34' | project Text", db)[0][0])
        self.assertGreater(self.rows(".show commands-and-queries | where CommandType == 'Query' | count", db)[0][0], 0)
        self.check('.cancel query "nobody;1" with (reason=\'too slow\')', ["nobody;1", "NotFound"], database=db)
        self.check(".show queryplan <| GaugeReading | count", ["QueryText", "text", "GaugeReading | count"], ["LogicalPlan", "json", ANY], database=db)
        self.check(".show database Ex34 journal | where Event == 'CREATE-TABLE' | summarize count()", [4], database=db)
        self.assertGreater(self.rows(".show data operations | where Database == 'Ex34' | count", db)[0][0], 0)

    def test_3_5_principals(self):
        db = self.fresh("Ex35")
        hub = "aadapp=11111111-2222-3333-4444-555555555555;contoso"
        self.check(f".add database Ex35 ingestors ('{hub}') 'gauge hub'", ["Database Ex35 Admin", "AAD Application", ANY, ANY, "aadapp=anonymous", None],
                   ["Database Ex35 Ingestor", "AAD Application", ANY, ANY, hub, "gauge hub"],
                   columns="Role PrincipalType PrincipalDisplayName PrincipalObjectId PrincipalFQN Notes", database=db)
        self.assertEqual(self.rows(".set table GaugeRaw ingestors none skip-results", db), [])
        self.check(".show table GaugeRaw principals", ["aadapp=anonymous"], columns="PrincipalFQN", database=db)
        self.check(".show database Ex35 principal roles | where Scope == 'Database Ex35'", ["Database Ex35", ANY, ANY, "Admin"], database=db)
        self.check(f".show principal access with (principal='{hub}', accesstype='ingest', database='Ex35', table='GaugeRaw')", [hub, "ingest", "[Ex35].[GaugeRaw]", True], database=db)
        self.check(f".drop database Ex35 ingestors ('{hub}')", ["aadapp=anonymous"], columns="PrincipalFQN", database=db)
        self.refused(".add table Berth viewers ('aaduser=x')", "A table has no role 'viewers'", db)
        self.refused(".add database Ex35 admins ('someone')", "is no principal", db)

    def test_3_7_deleting_records(self):
        db = self.fresh("Ex37")
        self.set_up(".alter table Berth policy streamingingestion enable", ".ingest inline into table Berth <|\nN1,a\nN9,b\nN9,c\n", database=db)
        self.streams("Berth", "N9,d\nS2,e", database=db)
        self.assertEqual(sum(row[3] for row in self.rows(".delete table Berth records with (whatif=true) <| Berth | where Gauge == 'N9'", db)), 3)
        self.assertEqual(self.rows("Berth | count", db), [[5]])
        self.assertEqual(sum(row[3] for row in self.rows(".delete table Berth records <| Berth | where Gauge == 'N9'", db)), 3)
        self.assertEqual(self.rows("Berth | project Quay | order by Quay asc", db), [["a"], ["e"]])
        self.assertEqual(self.rows(".show table Berth extents | summarize sum(RowCount)", db), [[2]])
        self.refused(".delete table Berth records <| Berth", "needs a 'where'", db)
        update = ".update table Berth delete D append A{} <| let D = Berth | where Gauge == 'N1'; let A = Berth | where Gauge == 'N1' | extend Quay = 'new';"
        self.check(update.format(" with (whatif=true)"), ["Berth", "Delete", ANY, 1], ["Berth", "Create", ANY, 1], database=db)
        self.assertEqual(self.rows("Berth | project Quay | order by Quay asc", db), [["a"], ["e"]])
        self.check(update.format(""), ["Berth", "Delete", ANY, 1], ["Berth", "Create", ANY, 1], database=db)
        self.assertEqual(self.rows("Berth | project Quay | order by Quay asc", db), [["e"], ["new"]])
        self.refused(".update table Berth delete D append A <| let D = Berth | where Gauge == 'N1'; let A = print 1;", "Query schema does not match", db)

    def test_documented_commands(self):
        """Every documented command is understood; which of them run, and which only name what is not there, is printed."""
        suite = os.environ.get("SLUICE_CONFORMANCE")
        if not suite:
            self.skipTest("set SLUICE_CONFORMANCE to the folder that holds commands.jsonl")
        self.set_up(".create database Documented")
        texts = [json.loads(line)["query"] for line in Path(suite, "commands.jsonl").read_text().splitlines() if line.strip()]
        # A block of the documentation may hold several commands; each begins a line with a dot.
        commands = [part for text in texts for part in split_block(text)]
        misunderstood, ran, missing, unoffered = [], 0, 0, {}
        for command in commands:
            status, answer = self.send(command, "Documented")
            message = "" if status == 200 else answer["error"]["@message"]
            if status == 200:
                ran += 1
            elif "Syntax error" in message or status >= 500:
                misunderstood.append((command[:100], message))
            elif answer["error"]["code"] == "BadRequest_NotSupported":
                unoffered[message] = unoffered.get(message, 0) + 1
            else:
                missing += 1
        print(f"{len(commands)} commands: {len(commands) - len(misunderstood)} understood, {ran} ran, {missing} name what is not there, "
              f"{sum(unoffered.values())} not offered", file=sys.stderr)
        for text, message in misunderstood:
            print(f"  {text!r}: {message}", file=sys.stderr)
        for message, count in sorted(unoffered.items()):
            print(f"  {count} x {message}", file=sys.stderr)
        self.assertLessEqual(len(misunderstood), len(commands) // 100, misunderstood)


def split_block(text):
    """The commands of a documented block: a line that begins with a dot outside of braces and literals starts the next one, and the
    empty line behind a body's brace ends it. What is no command, such as the query that shows how a function is used, is left out."""
    parts, depth, fenced, closed = [[]], 0, False, False
    for line in text.split("\n"):
        if not depth and not fenced and line.lstrip().startswith(".") and any(l.strip() and not l.strip().startswith("//") for l in parts[-1]) \
                and not re.match(r"\.execute", parts[-1][0].strip()) and "<|" not in parts[-1][-1]:
            parts.append([])
        elif closed and not line.strip():
            parts.append([])
        parts[-1].append(line)
        fenced ^= line.count("```") % 2 == 1
        depth = max(0, depth + line.count("{") - line.count("}"))
        closed = not depth and not fenced and line.rstrip() == "}"
    texts = ["\n".join(part).strip() for part in parts]
    return [text for text in texts if any(line.startswith(".") for line in text.split("\n"))]


if __name__ == "__main__":
    main()
