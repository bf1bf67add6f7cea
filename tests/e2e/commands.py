#!/usr/bin/env python3
"""Management commands over HTTP: the acceptance checks of engine 7.5 by id, the examples of the commands' specification, and a
walk through streaming as a newcomer would take it. One bridge serves them all; every test uses tables or a database of its own.

    commands.py BUILD [unittest arguments]

With SLUICE_CONFORMANCE=<folder> the documented commands of its commands.jsonl are sent too.
"""
import gzip
import http.client
import json
import os
import re
import sys
import tempfile
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from bridge import Bridge, wait_for

BUILD = Path(sys.argv.pop(1)).resolve()
LIMIT = 4 * 1024 * 1024
CORES = 2
ANY = object()  # a cell whose value is not fixed: ids, times, sizes


class Commands(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="sluice-commands.")
        cls.folder = Path(cls.temporary.name)
        (cls.folder / "files").mkdir()
        cls.bridge = Bridge(BUILD, cls.folder / "bridge", "", ".create-merge table Seed (a:int)\n", database="Harbor",
                            server=f'file_root = "{cls.folder}/files"', streaming=f"enabled = true\ncores = {CORES}")

    @classmethod
    def tearDownClass(cls):
        cls.bridge.stop()
        cls.temporary.cleanup()

    # --- how the tests talk to the bridge ---

    def rows(self, text, database="Harbor"):
        status, answer = self.send(text, database)
        self.assertEqual(status, 200, f"{text}\n{answer}")
        return answer["Tables"][0]["Rows"]

    def records(self, text, database="Harbor"):
        status, answer = self.send(text, database)
        self.assertEqual(status, 200, f"{text}\n{answer}")
        names = [column["ColumnName"] for column in answer["Tables"][0]["Columns"]]
        return [dict(zip(names, row)) for row in answer["Tables"][0]["Rows"]]

    def send(self, text, database="Harbor"):
        path = "/v1/rest/mgmt" if text.lstrip().startswith(".") else "/v1/rest/query"
        status, body = self.bridge.post(path, json.dumps({"db": database, "csl": text}), {"Content-Type": "application/json"})
        return status, json.loads(body)

    def refused(self, text, message, database="Harbor", status=400):
        """The command fails with a message that contains `message`, in the envelope of engine 0.3."""
        got, answer = self.send(text, database)
        self.assertEqual(got, status, f"{text}\n{answer}")
        self.check_envelope(got, answer)
        self.assertIn(message, answer["error"]["@message"], text)

    def check_envelope(self, status, answer):
        error = answer["error"]
        for member in ("code", "message", "@type", "@message", "@context", "@failureCode", "@permanent"):
            self.assertIn(member, error)
        self.assertEqual(error["@failureCode"], status)
        self.assertIsInstance(error["@permanent"], bool)

    def set_up(self, *commands, database="Harbor"):
        for command in commands:
            self.rows(command, database)

    def count(self, table):
        return self.rows(f"{table} | count")[0][0]

    def stream(self, table, body, format="csv", mapping=None, headers=None, database="Harbor", extra=""):
        """(status, parsed answer) of a streaming request."""
        path = f"/v1/rest/ingest/{database}/{table}?streamFormat={format}{'&mappingName=' + mapping if mapping else ''}{extra}"
        status, text = self.bridge.post(path, body, headers or {})
        return status, json.loads(text)

    def streams(self, table, body, **options):
        status, answer = self.stream(table, body, **options)
        self.assertEqual(status, 200, answer)
        return dict(zip([c["ColumnName"] for c in answer["Tables"][0]["Columns"]], answer["Tables"][0]["Rows"][0]))

    def stream_refused(self, table, body, status, message, permanent, **options):
        got, answer = self.stream(table, body, **options)
        self.assertEqual(got, status, answer)
        self.check_envelope(got, answer)
        self.assertIn(message, answer["error"]["@message"])
        self.assertEqual(answer["error"]["@permanent"], permanent)
        return answer["error"]

    def check(self, command, *expected, columns=None, database="Harbor"):
        """The rows of a command, of these columns; ANY matches whatever stands there."""
        records = self.records(command, database)
        names = columns.split() if columns else (list(records[0]) if records else [])
        got = [[record[name] for name in names] for record in records]
        wanted = [list(row) for row in expected]
        self.assertEqual(len(got), len(wanted), f"{command}\n{got}")
        for have, want in zip(got, wanted):
            shown = [ANY if w is ANY else h for h, w in zip(have, want)]
            self.assertEqual(shown, want, command)

    def shape(self, command, shape, database="Harbor"):
        """Names and types of the columns are those of the specification."""
        status, answer = self.send(command, database)
        self.assertEqual(status, 200, f"{command}\n{answer}")
        got = ", ".join(f"{c['ColumnName']}:{c['ColumnType']}" for c in answer["Tables"][0]["Columns"])
        self.assertEqual(got, shape, command)

    # --- a newcomer's walk ---

    def test_walk_through_streaming(self):
        # A table, and streaming for it alone, then for the whole database.
        self.set_up(".create database Walk ifnotexists")
        self.set_up(".create table Gauges (At:datetime, Gauge:string, LevelCm:int)",
                    ".create table Gauges ingestion json mapping 'gj' '[{\"column\":\"At\",\"Properties\":{\"Path\":\"$.t\"}},"
                    "{\"column\":\"Gauge\",\"Properties\":{\"Path\":\"$.id\"}},{\"column\":\"LevelCm\",\"Properties\":{\"Path\":\"$.cm\"}}]'",
                    database="Walk")
        self.stream_refused("Gauges", "2025-01-01,N1,1", 400, "is not enabled", True, database="Walk")
        self.check(".alter table Gauges policy streamingingestion enable",
                   ["StreamingIngestionPolicy", "[Walk].[Gauges]", '{"IsEnabled":true,"HintAllocatedRate":null}', None, "Table"],
                   database="Walk")
        # csv.gz and JSON with the mapping are queryable when the request is answered.
        answer = self.streams("Gauges", gzip.compress(b"2025-01-01T00:00:00Z,N1,520\n2025-01-01T00:01:00Z,N1,540\n"),
                              headers={"Content-Encoding": "gzip"}, database="Walk")
        self.assertEqual(answer["ConsumedRecordsCount"], 2)
        self.streams("Gauges", '{"t":"2025-01-01T00:02:00Z","id":"S2","cm":610}', format="json", mapping="gj", database="Walk")
        self.assertEqual(self.rows("Gauges | summarize sum(LevelCm) by Gauge | order by Gauge asc", "Walk"), [["N1", 1060], ["S2", 610]])
        # What streaming cannot do is refused for the reason that the documents give.
        self.stream_refused("Gauges", "{}", 400, "Entity ID 'nope' of kind 'MappingPersistent' was not found.", True,
                            format="json", mapping="nope", database="Walk")
        self.stream_refused("Gauges", "a", 400, "property 'tags' is not supported", True, extra="&tags=x", database="Walk")
        self.stream_refused("Gauges", "a", 400, "format 'orc' is not supported", True, format="orc", database="Walk")
        self.stream_refused("Gauges", "", 400, "The input stream is empty after processing, tip:check stream validity", True, database="Walk")
        self.stream_refused("Gauges", "x" * (LIMIT + 1), 413, "exceeds the maximum allowed size", False, format="txt", database="Walk")
        self.stream_refused("Nope", "a", 400, "Entity ID 'Nope' of kind 'Table' was not found.", True, database="Walk")
        # For the database: tables made later stream as well, and one of them can still say no.
        self.set_up(".alter database Walk policy streamingingestion enable", ".create table Later (a:int)", ".create table Never (a:int)",
                    ".alter table Never policy streamingingestion disable", database="Walk")
        self.streams("Later", "1", database="Walk")
        self.stream_refused("Never", "1", 400, "is not enabled", True, database="Walk")
        # The policy goes: no row is lost, and nothing more comes in.
        self.set_up(".delete table Gauges policy streamingingestion", ".delete database Walk policy streamingingestion", database="Walk")
        self.stream_refused("Gauges", "2025-01-01,N1,1", 400, "is not enabled", True, database="Walk")
        self.assertEqual(self.rows("Gauges | count", "Walk"), [[3]])
        wait_for("an empty row store", lambda: not self.rows(".show table Gauges rowstores", "Walk"), 10)
        self.assertEqual(self.rows("Gauges | count", "Walk"), [[3]])
        self.set_up(".drop database Walk")
        self.refused("Gauges | count", "Entity ID 'Walk' of kind 'Database' was not found.", database="Walk")

    # --- engine 7.5 ---

    def test_A1_the_switch_is_off(self):
        bridge = Bridge(BUILD, self.folder / "off", "", ".create-merge table T (a:int)\n", database="Harbor", streaming="enabled = false")
        self.addCleanup(bridge.stop)
        status, body = bridge.post("/v1/rest/ingest/Harbor/T?streamFormat=csv", "1")
        self.assertEqual(status, 404)
        self.check_envelope(404, json.loads(body))
        status, answer = bridge.ask(".alter table T policy streamingingestion enable")
        self.assertEqual(status, 400)
        self.assertIn("Admin command cannot be executed as streaming ingestion is not enabled", answer["error"]["@message"])

    def test_A2_the_table_wins_over_the_database(self):
        self.set_up(".create database A2 ifnotexists")
        self.set_up(".create table T (a:int)", ".alter database A2 policy streamingingestion enable",
                    ".alter table T policy streamingingestion disable", database="A2")
        self.stream_refused("T", "1", 400, "Streaming ingestion policy is not enabled for the table 'A2.T'.", True, database="A2")
        self.set_up(".delete table T policy streamingingestion", database="A2")
        self.streams("T", "1", database="A2")
        self.set_up(".alter database A2 policy streamingingestion disable", ".alter table T policy streamingingestion enable", database="A2")
        self.streams("T", "2", database="A2")

    def test_A3_more_requests_than_six_for_each_core(self):
        self.set_up(".create table A3 (a:int)", ".alter table A3 policy streamingingestion enable")
        held = []

        def hold():
            connection = http.client.HTTPConnection("127.0.0.1", self.bridge.port, timeout=30)
            connection.putrequest("POST", "/v1/rest/ingest/Harbor/A3?streamFormat=csv")
            connection.putheader("Content-Length", "2")
            connection.endheaders()
            connection.send(b"1")
            held.append(connection)

        def refused():
            if self.stream("A3", "1")[0] == 429:
                return True
            hold()  # a request of ours came before one of those held, which was refused in its place
            return False

        for _ in range(6 * CORES):
            hold()
        wait_for("a refusal", refused, 10)
        error = self.stream_refused("A3", "1", 429, f"too many concurrent ingestion requests (Limit: {6 * CORES})", False)
        self.assertEqual(error["code"], "Throttling")
        statuses = []
        for connection in held:
            connection.send(b"\n")
            statuses.append(connection.getresponse().status)
            connection.close()
        self.assertEqual(statuses.count(200), 6 * CORES)
        self.assertEqual(set(statuses) - {200, 429}, set())
        self.assertEqual([r for r in self.records(".show streamingingestion failures") if r["Table"] == "A3"], [])

    def test_A4_four_megabytes_and_one_byte(self):
        self.set_up(".create table A4 (Line:string)", ".alter table A4 policy streamingingestion enable")
        exact = b"x" * (LIMIT - 1) + b"\n"
        for headers, pack in (({}, bytes), ({"Content-Encoding": "gzip"}, gzip.compress)):
            self.streams("A4", pack(exact), format="txt", headers=headers)
            self.stream_refused("A4", pack(b"x" + exact), 413, "exceeds the maximum allowed size of 4194304 bytes", False,
                                format="txt", headers=headers)
        self.assertEqual(self.count("A4"), 2)

    def test_A9_disabling_moves_every_row_into_extents_once(self):
        self.set_up(".create table A9 (a:int)", ".alter table A9 policy streamingingestion enable")
        for batch in range(5):
            self.streams("A9", "\n".join(str(batch * 10 + i) for i in range(10)))
        before = self.rows("A9 | summarize count(), sum(a), min(ingestion_time()), max(ingestion_time())")
        self.assertEqual(len(self.rows(".show table A9 rowstores")), 1)
        counts, stop = set(), threading.Event()
        watcher = threading.Thread(target=lambda: [counts.add(self.count("A9")) for _ in iter(stop.is_set, True)])
        watcher.start()
        self.set_up(".delete table A9 policy streamingingestion")
        wait_for("an empty row store", lambda: not self.rows(".show table A9 rowstores"), 10)
        stop.set()
        watcher.join()
        self.assertEqual(counts, {50})
        self.assertEqual(self.rows("A9 | summarize count(), sum(a), min(ingestion_time()), max(ingestion_time())"), before)
        self.check(".show table A9 extents", [50, ""], columns="RowCount Tags")
        self.assertIn("RowStoreSeal", [r["OperationKind"] for r in self.records(".show data operations") if r["Table"] == "A9"])
        self.assertIn("RowStoreSeal", [r["Operation"] for r in self.records(".show operations")])

    def test_A10_a_new_mapping_is_seen_at_once(self):
        self.set_up(".create table A10 (a:int)", ".alter table A10 policy streamingingestion enable",
                    """.create table A10 ingestion json mapping 'm' '[{"column":"a","Properties":{"Path":"$.x"}}]'""")
        self.streams("A10", '{"x":7}', format="json", mapping="m")
        self.assertEqual(self.rows("A10"), [[7]])
        self.check(".clear database cache streamingingestion schema", ["node-0", "Succeeded"])

    def test_A10_with_the_delay_of_the_reference(self):
        bridge = Bridge(BUILD, self.folder / "delay", "", ".create-merge table T (a:int)\n\n.alter table T policy streamingingestion enable\n",
                        database="Harbor", streaming="enabled = true\nemulate_cache_delay = true")
        self.addCleanup(bridge.stop)
        stream = lambda: bridge.post("/v1/rest/ingest/Harbor/T?streamFormat=json&mappingName=m", '{"x":7}')
        self.assertEqual(stream()[0], 400)
        bridge.rows(""".create table T ingestion json mapping 'm' '[{"column":"a","Properties":{"Path":"$.x"}}]'""")
        status, body = stream()
        self.assertEqual(status, 400)
        self.assertIn("Entity ID 'm' of kind 'MappingPersistent' was not found.", body)
        bridge.rows(".clear database cache streamingingestion schema")
        self.assertEqual(stream()[0], 200)
        self.assertEqual(bridge.rows("T"), [[7]])

    def test_A11_dropping_extents_keeps_streamed_rows(self):
        self.set_up(".create table A11 (a:int)", ".alter table A11 policy streamingingestion enable", ".ingest inline into table A11 <| 1")
        self.streams("A11", "2\n3")
        self.check(".drop extents from A11", [ANY, "A11", ANY])
        self.assertEqual(self.rows("A11 | order by a asc"), [[2], [3]])
        self.set_up(".ingest inline into table A11 <| 4")
        self.check(".clear table A11 data", ["Succeeded"])
        self.assertEqual(self.count("A11"), 0)

    def test_A12_bad_values_bad_records_bad_payloads(self):
        self.set_up(".create table A12 (a:int, b:string)", ".alter table A12 policy streamingingestion enable")
        self.streams("A12", "abc,x")
        self.assertEqual(self.rows("A12"), [[None, "x"]])
        error = self.stream_refused("A12", "1,x\n2\n", 400, "", True)
        self.assertEqual(error["code"], "Stream_WrongNumberOfFields")
        self.assertEqual(self.streams("A12", '{"a":1}\n{"a":\n{"a":3}', format="json")["ConsumedRecordsCount"], 2)
        self.stream_refused("A12", '[{"a":1},{"a":2,}]', 400, "", True, format="multijson")
        self.assertEqual(self.count("A12"), 3)

    def test_A13_merging_keeps_drop_by_tags_apart(self):
        self.set_up(".create table A13 (a:int)")
        for value, tags in enumerate((["drop-by:a", "x"], ["drop-by:a", "y"], ["drop-by:b"])):
            self.set_up(f".ingest inline into table A13 with (tags='{json.dumps(tags)}') <| {value}")
        ids = {r["Tags"]: r["ExtentId"] for r in self.records(".show table A13 extents")}
        first, second, other = ids["drop-by:a\r\nx"], ids["drop-by:a\r\ny"], ids["drop-by:b"]
        self.refused(f".merge A13 ({first}, {other})", "their sets of drop-by: tags differ")
        self.check(f".merge dryrun A13 ({first}, {second})", [first, ANY], [second, ANY], columns="OriginalExtentId ResultExtentId")
        merged = self.records(f".merge A13 ({first}, {second}) with (rebuild=true)")
        self.assertEqual({r["OriginalExtentId"] for r in merged}, {first, second})
        self.check(".show table A13 extents | order by RowCount desc", [2, "drop-by:a\r\nx\r\ny"], [1, "drop-by:b"], columns="RowCount Tags")
        self.assertEqual(self.rows("A13 | summarize dcount(extent_id()), sum(a), count()"), [[2, 3, 3]])

    def test_A14_new_tags_make_a_new_extent_of_the_same_rows(self):
        self.set_up(".create table A14 (a:int)", ".ingest inline into table A14 with (creationTime='2025-01-01', tags='[\"old\"]') <| 1")
        before = self.records(".show table A14 extents")[0]
        facts = self.rows("A14 | project a, ingestion_time()")
        self.check(".alter table A14 extent tags ('fresh','x') <| .show table A14 extents where tags has 'old'",
                   [before["ExtentId"], ANY, "fresh x", None])
        after = self.records(".show table A14 extents")[0]
        self.assertNotEqual(after["ExtentId"], before["ExtentId"])
        self.assertEqual((after["MinCreatedOn"], after["MaxCreatedOn"], after["RowCount"]),
                         (before["MinCreatedOn"], before["MaxCreatedOn"], before["RowCount"]))
        self.assertEqual(self.rows("A14 | project a, ingestion_time()"), facts)
        self.assertEqual(self.rows("A14 | project extent_tags()"), [['["fresh","x"]']])

    def test_A16_batching_has_a_shortest_time(self):
        self.set_up(".create table A16 (a:int)")
        self.refused(""".alter table A16 policy ingestionbatching '{"MaximumBatchingTimeSpan":"00:00:09"}'""",
                     "Error during execution of a policy operation: MaximumBatchingTimeSpan should be greater than or equal to 00:00:10")

    def test_A17_every_error_has_the_envelope(self):
        for method, path, body in (("GET", "/nowhere", None), ("POST", "/v1/rest/mgmt", "no json"), ("POST", "/v1/rest/query", "{}"),
                                   ("POST", "/v2/rest/query", '{"db":"Nope","csl":"print 1"}'), ("GET", "/v1/rest/mgmt", None),
                                   ("POST", "/v1/rest/ingest/Harbor/Nope?streamFormat=csv", "1"),
                                   ("POST", "/v1/rest/ingest/Harbor/Seed", "1"), ("DELETE", "/v1/rest/query", None)):
            connection = self.bridge.connect(10)
            connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
            connection.close()
            with self.subTest(f"{method} {path}"):
                self.assertGreaterEqual(answer.status, 400)
                self.assertIn("application/json", answer.headers["Content-Type"])
                self.check_envelope(answer.status, json.loads(text))

    # --- the examples of the commands' specification, by section ---

    def fresh(self, name):
        """A database of its own, with the running example's tables."""
        self.set_up(f".create database {name} ifnotexists")
        self.set_up(".create table GaugeRaw (payload:dynamic)",
                    ".create table GaugeReading (At:datetime, Gauge:string, LevelCm:int, Source:string) with (folder='Harbor/Raw')",
                    ".create table GaugeAlarm (At:datetime, Gauge:string, LevelCm:int)", ".create table Berth (Gauge:string, Quay:string)",
                    database=name)
        return name

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
        self.assertLessEqual(len(misunderstood), len(commands) // 100, misunderstood)


def split_block(text):
    """The commands of a documented block: a line that begins with a dot outside of braces and literals starts the next one."""
    parts, depth, fenced = [[]], 0, False
    for line in text.split("\n"):
        if not depth and not fenced and line.lstrip().startswith(".") and any(l.strip() and not l.strip().startswith("//") for l in parts[-1]) \
                and not re.match(r"\.execute", parts[-1][0].strip()) and "<|" not in parts[-1][-1]:
            parts.append([])
        parts[-1].append(line)
        fenced ^= line.count("```") % 2 == 1
        depth = max(0, depth + line.count("{") - line.count("}"))
    return ["\n".join(part).strip() for part in parts if "\n".join(part).strip()]


if __name__ == "__main__":
    unittest.main(verbosity=1)
