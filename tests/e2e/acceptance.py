#!/usr/bin/env python3
"""The acceptance checks of engine 7.5 over HTTP; the name of each test begins with the id of its check.

    acceptance.py BUILD [unittest arguments]

Not here: A18 (followers), A19 (tests/fault kills the bridge around commits), A20 (queued ingestion over HTTP).
"""

import gzip
import json
import socket
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from bridge import Bridge, wait_for
from command_case import ANY, CORES, LIMIT, CommandCase, main

READING = '{{"payload":{{"t":"2025-03-01T10:00:00Z","id":"{}","cm":{}}}}}'
PARSE = "GaugeRaw | project At=todatetime(payload.t), Gauge=tostring(payload.id), LevelCm=toint(payload.cm)"
WITH_BERTH = PARSE + " | lookup Berth on Gauge | project At, Gauge, LevelCm, Source=Quay"
OUT_OF_SCOPE = (
    "Error during execution of a policy operation: Referencing additional tables from update policy is not allowed when"
    " the source table has a StreamingIngestion policy defined. Additional tables: "
)


def parse_gauge(query):
    return f".create-or-alter function ParseGauge() {{ {query} }}"


class Acceptance(CommandCase):
    def test_A1_the_switch_is_off(self):
        bridge = Bridge(
            self.build,
            self.folder / "off",
            "",
            ".create-merge table T (a:int)\n",
            database="Harbor",
            streaming="enabled = false",
        )
        self.addCleanup(bridge.stop)
        status, body = bridge.post("/v1/rest/ingest/Harbor/T?streamFormat=csv", "1")
        self.assertEqual(status, 404)
        self.check_envelope(404, json.loads(body))
        status, answer = bridge.ask(".alter table T policy streamingingestion enable")
        self.assertEqual(status, 400)
        self.assertIn(
            "Admin command cannot be executed as streaming ingestion is not enabled", answer["error"]["@message"]
        )

    def test_A2_the_table_wins_over_the_database(self):
        self.set_up(".create database A2 ifnotexists")
        self.set_up(
            ".create table T (a:int)",
            ".alter database A2 policy streamingingestion enable",
            ".alter table T policy streamingingestion disable",
            database="A2",
        )
        self.stream_refused(
            "T", "1", 400, "Streaming ingestion policy is not enabled for the table 'A2.T'.", True, database="A2"
        )
        self.set_up(".delete table T policy streamingingestion", database="A2")
        self.streams("T", "1", database="A2")
        self.set_up(
            ".alter database A2 policy streamingingestion disable",
            ".alter table T policy streamingingestion enable",
            database="A2",
        )
        self.streams("T", "2", database="A2")

    def test_A3_more_requests_than_six_for_each_core(self):
        self.set_up(".create table A3 (a:int)", ".alter table A3 policy streamingingestion enable")
        with self.places_taken("A3"):
            error = self.stream_refused(
                "A3", "1", 429, f"too many concurrent ingestion requests (Limit: {6 * CORES})", False
            )
            self.assertEqual(error["code"], "Throttling")
        self.assertEqual([r for r in self.records(".show streamingingestion failures") if r["Table"] == "A3"], [])

    def test_a_client_that_disconnects_leaves_nothing_and_its_place(self):
        self.set_up(".create table Gone (a:int)", ".alter table Gone policy streamingingestion enable")
        head = (
            "POST /v1/rest/ingest/Harbor/Gone?streamFormat=csv HTTP/1.1\r\nHost: sluice\r\nContent-Length: {}\r\n\r\n"
        )
        for _ in range(5 * 6 * CORES):  # far more than there are places
            with socket.create_connection(("127.0.0.1", self.bridge.port)) as client:
                client.sendall(head.format(1000).encode() + b"1\n2\n")
        wait_for("a free place", lambda: self.stream("Gone", "7")[0] == 200, 10)
        self.assertEqual(self.rows("Gone | distinct a"), [[7]])
        with self.places_taken("Gone"):  # all places can be had again
            pass
        # Gone before the answer: the request counts whole or not at all.
        before = self.count("Gone")
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", self.bridge.port)) as client:
                client.sendall(head.format(20).encode() + b"100\n" * 5)
        wait_for("the requests to end", lambda: self.stream("Gone", "9")[0] == 200, 10)
        self.assertEqual(self.rows("Gone | where a == 100 | count")[0][0] % 5, 0)
        self.assertGreater(self.count("Gone"), before)

    def test_A4_four_megabytes_and_one_byte(self):
        self.set_up(".create table A4 (Line:string)", ".alter table A4 policy streamingingestion enable")
        exact = b"x" * (LIMIT - 1) + b"\n"
        for headers, pack in (({}, bytes), ({"Content-Encoding": "gzip"}, gzip.compress)):
            self.streams("A4", pack(exact), format="txt", headers=headers)
            self.stream_refused(
                "A4",
                pack(b"x" + exact),
                413,
                "exceeds the maximum allowed size of 4194304 bytes",
                False,
                format="txt",
                headers=headers,
            )
        self.assertEqual(self.count("A4"), 2)

    def test_A4_what_policies_make_counts_too(self):
        self.set_up(
            ".create table A4Wide (Line:string)",
            ".create table A4Copies (Line:string)",
            ".alter table A4Wide policy streamingingestion enable",
        )
        megabyte = "x" * (1024 * 1024 - 1) + "\n"
        # 3 MiB of which the policy takes up to two lines again; it need not be transactional for the limit to hold.
        self.policy_set("A4Copies", "A4Wide", "A4Wide | take 2", False, "Harbor")
        self.stream_refused(
            "A4Wide", megabyte * 3, 413, "exceeds the maximum allowed size of 4194304 bytes", False, format="txt"
        )
        self.assertEqual((self.count("A4Wide"), self.count("A4Copies")), (0, 0))
        self.streams("A4Wide", megabyte * 2, format="txt")
        self.assertEqual((self.count("A4Wide"), self.count("A4Copies")), (2, 2))

    def test_A5_scope_is_checked_when_policy_or_streaming_is_set(self):
        db = self.fresh("A5")
        self.set_up(".alter table GaugeRaw policy streamingingestion enable", database=db)
        self.policy_refused(OUT_OF_SCOPE + "Berth.", "GaugeReading", "GaugeRaw", WITH_BERTH, True, db)
        self.check(".show table GaugeReading policy update", [None], columns="Policy", database=db)
        self.set_up(".alter table GaugeRaw policy streamingingestion disable", database=db)
        self.policy_set("GaugeReading", "GaugeRaw", WITH_BERTH, True, db)
        refused = (
            "Streaming ingestion cannot be turned on for {} update policy on 'GaugeReading' references additional"
            " tables: Berth."
        )
        self.refused(".alter table GaugeRaw policy streamingingestion enable", refused.format("table 'GaugeRaw':"), db)
        self.set_up(".delete table GaugeRaw policy streamingingestion", database=db)
        self.refused(".alter database A5 policy streamingingestion enable", refused.format("database 'A5':"), db)
        self.stream_refused(
            "GaugeRaw", READING.format("elbe", 1), 400, "is not enabled", True, format="json", database=db
        )

    def test_A6_a_function_changed_later_fails_on_streamed_rows(self):
        db = self.fresh("A6")
        self.set_up(
            ".ingest inline into table Berth <| elbe,north",
            parse_gauge(PARSE + ", Source='hub'"),
            ".alter table GaugeRaw policy streamingingestion enable",
            database=db,
        )
        self.policy_set("GaugeReading", "GaugeRaw", "ParseGauge()", False, db)
        self.set_up(parse_gauge(WITH_BERTH), database=db)
        answer = self.streams("GaugeRaw", READING.format("elbe", 500), format="json", database=db)
        self.assertEqual(
            (answer["ConsumedRecordsCount"], answer["UpdatePolicyStatus"], answer["UpdatePolicyFailureCode"]),
            (1, "Failure", "UpdatePolicy_BadRequest"),
        )
        self.assertEqual((self.count("GaugeRaw", db), self.count("GaugeReading", db)), (1, 0))
        reason = (
            "Referencing additional tables from update policy is not allowed when streaming ingestion is enabled on the"
            " source table 'GaugeRaw'. Additional tables: Berth."
        )
        self.check(
            f".show streamingingestion failures | where Database == '{db}'",
            ["GaugeReading", "UpdatePolicy_BadRequest", reason],
            columns="Table ErrorCode Details",
        )
        self.check(
            f".show ingestion failures | where OriginatesFromUpdatePolicy and Database == '{db}'",
            ["GaugeReading", "UpdatePolicy_BadRequest", "Permanent", reason],
            columns="Table ErrorCode FailureKind Details",
            database=db,
        )

    def test_A6_and_transactional_policies_refuse_the_request(self):
        db = self.fresh("A6T")
        self.set_up(
            ".ingest inline into table Berth <| elbe,north",
            parse_gauge(PARSE + ", Source='hub'"),
            ".alter table GaugeRaw policy streamingingestion enable",
            database=db,
        )
        self.policy_set("GaugeReading", "GaugeRaw", "ParseGauge()", True, db)
        self.set_up(parse_gauge(WITH_BERTH), database=db)
        body = READING.format("elbe", 500)
        error = self.stream_refused(
            "GaugeRaw",
            body,
            500,
            "Failed to run a transactional update policy on 'GaugeReading': Referencing additional",
            False,
            format="json",
            database=db,
        )
        self.assertEqual(error["code"], "UpdatePolicy_BadRequest")
        self.assertEqual((self.count("GaugeRaw", db), self.count("GaugeReading", db)), (0, 0))
        # No scope rule for what goes in by a command, streaming policy or not.
        self.set_up(f".ingest inline into table GaugeRaw with (format='json') <| {body}", database=db)
        self.assertEqual((self.count("GaugeRaw", db), self.count("GaugeReading", db)), (1, 1))

    def test_A7_one_streamed_table_makes_its_whole_cascade_streamed(self):
        db = self.fresh("A7")
        self.set_up(*(f".create table T{n} (a:string)" for n in (1, 2, 3, 4)), database=db)
        self.policy_set("T2", "T1", "T1", False, db)
        self.policy_set("T3", "T2", "T2", False, db)
        last = ("T4", "T3", "T3 | extend k=1 | join kind=inner (Berth | extend k=1) on k | project a", False, db)
        for streamed in ("T1", "T2", "T3"):
            with self.subTest(streamed):
                self.set_up(f".alter table {streamed} policy streamingingestion enable", database=db)
                self.policy_refused(OUT_OF_SCOPE + "Berth.", *last)
                self.set_up(f".delete table {streamed} policy streamingingestion", database=db)
        self.policy_set(*last)
        for streamed in ("T1", "T2", "T3"):
            self.refused(
                f".alter table {streamed} policy streamingingestion enable",
                "update policy on 'T4' references additional tables: Berth.",
                db,
            )

    def test_A8_targets_of_streamed_rows_need_no_policy(self):
        db = self.fresh("A8")
        self.set_up(
            ".alter table GaugeRaw policy streamingingestion enable",
            ".alter table GaugeAlarm policy streamingingestion disable",
            database=db,
        )
        self.policy_set("GaugeReading", "GaugeRaw", PARSE + ", Source='hub'", True, db)
        self.policy_set(
            "GaugeAlarm", "GaugeReading", "GaugeReading | where LevelCm >= 600 | project At, Gauge, LevelCm", True, db
        )
        seen, stop = set(), threading.Event()
        question = "print toscalar(GaugeRaw | count), toscalar(GaugeReading | count), toscalar(GaugeAlarm | count)"
        watcher = threading.Thread(
            target=lambda: [seen.add(tuple(self.rows(question, db)[0])) for _ in iter(stop.is_set, True)]
        )
        watcher.start()
        for n in range(40):
            answer = self.streams(
                "GaugeRaw", READING.format("elbe", 700) + "\n" + READING.format("oste", 500), format="json", database=db
            )
            self.assertEqual(answer["UpdatePolicyStatus"], "Success")
        stop.set()
        watcher.join()
        self.assertGreater(len(seen), 1)
        self.assertEqual([counts for counts in seen if not counts[0] == counts[1] == 2 * counts[2]], [])
        self.assertEqual(self.rows(question, db), [[80, 80, 40]])
        self.assertEqual(
            self.rows(
                "GaugeRaw | extend t = ingestion_time() | distinct t | join kind=rightanti (GaugeReading | extend t ="
                " ingestion_time()) on t | count",
                db,
            ),
            [[0]],
        )

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
        self.assertEqual(
            self.rows("A9 | summarize count(), sum(a), min(ingestion_time()), max(ingestion_time())"), before
        )
        self.check(".show table A9 extents", [50, ""], columns="RowCount Tags")
        self.assertIn(
            "RowStoreSeal", [r["OperationKind"] for r in self.records(".show data operations") if r["Table"] == "A9"]
        )
        self.assertIn("RowStoreSeal", [r["Operation"] for r in self.records(".show operations")])

    def test_A10_a_new_mapping_is_seen_at_once(self):
        self.set_up(
            ".create table A10 (a:int)",
            ".alter table A10 policy streamingingestion enable",
            """.create table A10 ingestion json mapping 'm' '[{"column":"a","Properties":{"Path":"$.x"}}]'""",
        )
        self.streams("A10", '{"x":7}', format="json", mapping="m")
        self.assertEqual(self.rows("A10"), [[7]])
        self.check(".clear database cache streamingingestion schema", ["node-0", "Succeeded"])

    def test_A10_with_the_delay_of_the_reference(self):
        bridge = Bridge(
            self.build,
            self.folder / "delay",
            "",
            ".create-merge table T (a:int)\n\n.alter table T policy streamingingestion enable\n",
            database="Harbor",
            streaming="enabled = true\nemulate_cache_delay = true",
        )
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
        self.set_up(
            ".create table A11 (a:int)",
            ".alter table A11 policy streamingingestion enable",
            ".ingest inline into table A11 <| 1",
        )
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
        self.check(
            f".merge dryrun A13 ({first}, {second})",
            [first, ANY],
            [second, ANY],
            columns="OriginalExtentId ResultExtentId",
        )
        merged = self.records(f".merge A13 ({first}, {second}) with (rebuild=true)")
        self.assertEqual({r["OriginalExtentId"] for r in merged}, {first, second})
        self.check(
            ".show table A13 extents | order by RowCount desc",
            [2, "drop-by:a\r\nx\r\ny"],
            [1, "drop-by:b"],
            columns="RowCount Tags",
        )
        self.assertEqual(self.rows("A13 | summarize dcount(extent_id()), sum(a), count()"), [[2, 3, 3]])

    def test_A14_new_tags_make_a_new_extent_of_the_same_rows(self):
        self.set_up(
            ".create table A14 (a:int)",
            ".ingest inline into table A14 with (creationTime='2025-01-01', tags='[\"old\"]') <| 1",
        )
        before = self.records(".show table A14 extents")[0]
        facts = self.rows("A14 | project a, ingestion_time()")
        self.check(
            ".alter table A14 extent tags ('fresh','x') <| .show table A14 extents where tags has 'old'",
            [before["ExtentId"], ANY, "fresh x", None],
        )
        after = self.records(".show table A14 extents")[0]
        self.assertNotEqual(after["ExtentId"], before["ExtentId"])
        self.assertEqual(
            (after["MinCreatedOn"], after["MaxCreatedOn"], after["RowCount"]),
            (before["MinCreatedOn"], before["MaxCreatedOn"], before["RowCount"]),
        )
        self.assertEqual(self.rows("A14 | project a, ingestion_time()"), facts)
        self.assertEqual(self.rows("A14 | project extent_tags()"), [['["fresh","x"]']])

    def test_A15_a_command_answers_the_extents_of_source_and_targets(self):
        db = self.fresh("A15")
        self.policy_set("GaugeReading", "GaugeRaw", PARSE + ", Source='hub'", True, db)
        self.policy_set(
            "GaugeAlarm", "GaugeReading", "GaugeReading | where LevelCm >= 600 | project At, Gauge, LevelCm", False, db
        )
        append = (
            ".set-or-append GaugeRaw <| range n from 1 to 3 step 1 | project payload = bag_pack('t',"
            " datetime(2025-03-01), 'id', 'elbe', 'cm', n * {})"
        )
        answered = {row["ExtentId"]: row["RowCount"] for row in self.records(append.format(250), db)}
        stored = {
            row["ExtentId"]: row["RowCount"]
            for table in ("GaugeRaw", "GaugeReading", "GaugeAlarm")
            for row in self.records(f".show table {table} extents", db)
        }
        self.assertEqual(answered, stored)
        self.assertEqual(sorted(answered.values()), [1, 3, 3])
        # A target that gets no row gets no extent.
        self.assertEqual([row["RowCount"] for row in self.records(append.format(1), db)], [3, 3])
        self.check(
            f".show data operations | where Database == '{db}' and OperationKind == 'UpdatePolicy' | summarize count()"
            " by Table, Properties | order by Table asc",
            ["GaugeAlarm", {"SourceTable": "GaugeReading"}, 1],
            ["GaugeReading", {"SourceTable": "GaugeRaw"}, 2],
        )

    def test_A16_batching_has_a_shortest_time(self):
        self.set_up(".create table A16 (a:int)")
        self.refused(
            """.alter table A16 policy ingestionbatching '{"MaximumBatchingTimeSpan":"00:00:09"}'""",
            "Error during execution of a policy operation: MaximumBatchingTimeSpan should be greater than or equal to"
            " 00:00:10",
        )

    def test_A17_every_error_has_the_envelope(self):
        for method, path, body in (
            ("GET", "/nowhere", None),
            ("POST", "/v1/rest/mgmt", "no json"),
            ("POST", "/v1/rest/query", "{}"),
            ("POST", "/v2/rest/query", '{"db":"Nope","csl":"print 1"}'),
            ("GET", "/v1/rest/mgmt", None),
            ("POST", "/v1/rest/ingest/Harbor/Nope?streamFormat=csv", "1"),
            ("POST", "/v1/rest/ingest/Harbor/Seed", "1"),
            ("DELETE", "/v1/rest/query", None),
        ):
            connection = self.bridge.connect(10)
            connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
            connection.close()
            with self.subTest(f"{method} {path}"):
                self.assertGreaterEqual(answer.status, 400)
                self.assertIn("application/json", answer.headers["Content-Type"])
                self.check_envelope(answer.status, json.loads(text))


class AcceptanceQueued(CommandCase):
    """What has to come through a data connection: a folder with one sub-folder for each table."""

    connected = True

    def put(self, table, number, text, suffix):
        folder = self.watched / table
        folder.mkdir(exist_ok=True)
        (folder / f".{number}").write_text(text)
        (folder / f".{number}").rename(folder / f"{number:03}.{suffix}")

    def test_A6_the_same_payload_through_the_queued_path_fills_both(self):
        self.set_up(
            ".create table GaugeRaw (payload:dynamic)",
            ".create table GaugeReading (At:datetime, Gauge:string, LevelCm:int, Source:string)",
            ".create table Berth (Gauge:string, Quay:string)",
            ".ingest inline into table Berth <| elbe,north",
            """.alter table GaugeRaw policy ingestionbatching '{"MaximumBatchingTimeSpan":"00:00:10"}'""",
            parse_gauge(PARSE + ", Source='hub'"),
            ".alter table GaugeRaw policy streamingingestion enable",
        )
        self.policy_set("GaugeReading", "GaugeRaw", "ParseGauge()", True, "Harbor")
        self.set_up(parse_gauge(WITH_BERTH))
        # The connection streams; the policy refuses that; the rows are staged in the same commit, and sealing knows no
        # scope rule.
        self.put("GaugeRaw", 1, READING.format("elbe", 502), "json")
        wait_for(
            "the failure of the streamed run",
            lambda: self.rows(
                ".show ingestion failures | where OriginatesFromUpdatePolicy and ErrorCode == 'UpdatePolicy_BadRequest'"
                " and Table == 'GaugeReading'"
            ),
            20,
        )
        wait_for("the sealed batch", lambda: self.count("GaugeReading"), 30)
        self.assertEqual(self.count("GaugeRaw"), 1)
        self.assertEqual(self.rows("GaugeReading | project Gauge, LevelCm, Source"), [["elbe", 502, "north"]])

    def test_A16_five_hundred_blobs_are_a_full_batch(self):
        self.set_up(".create table A16 (a:int)")
        for number in range(499):
            self.put("A16", number, f"{number}\n", "csv")
        wait_for("499 files", lambda: self.bridge.connection_status("folder")["events_staged"] >= 499, 60)
        self.assertEqual(self.count("A16"), 0)
        self.put("A16", 499, "499\n", "csv")
        wait_for("the batch", lambda: self.count("A16"), 20)
        self.assertEqual(self.rows("A16 | summarize count(), sum(a)"), [[500, 499 * 250]])
        self.check(
            ".show data operations | where Table == 'A16' | project OperationKind, RowCount, SealReason ="
            " tostring(todynamic(Properties).SealReason)",
            ["BatchIngest", 500, "Count"],
        )


if __name__ == "__main__":
    main()
