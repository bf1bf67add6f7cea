#!/usr/bin/env python3
"""Streaming ingestion as a newcomer meets it, from the first table to turning everything off again: the order of the
page that Azure Data Explorer's documentation has about configuring streaming ingestion, every limitation on it
included.

    walkthrough.py BUILD
"""

import gzip
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from bridge import wait_for
from command_case import CORES, LIMIT, CommandCase, main

DB = "Harbor"


class Walkthrough(CommandCase):

    def test_from_the_first_table_to_turning_it_off(self):
        self.create_a_table_and_a_mapping()
        self.enable_streaming_on_the_table()
        self.stream_compressed_csv()
        self.stream_json_with_the_mapping()
        self.enable_streaming_on_the_database()
        self.limitation_mappings_come_first()
        self.limitation_no_tags_and_other_properties()
        self.limitation_size_of_a_request()
        self.limitation_requests_at_a_time()
        self.limitation_update_policies_see_only_the_new_rows()
        self.drop_the_policies()
        self.switch_streaming_off()

    def create_a_table_and_a_mapping(self):
        self.set_up(
            ".create table Gauges (At:datetime, Gauge:string, LevelCm:int)",
            """.create table Gauges ingestion json mapping 'GaugesJson' '[
                        {"column":"At",      "Properties":{"Path":"$.t"}},
                        {"column":"Gauge",   "Properties":{"Path":"$.id"}},
                        {"column":"LevelCm", "Properties":{"Path":"$.cm"}}]'""",
        )
        self.stream_refused(
            "Gauges",
            "2025-01-01,N1,1",
            400,
            "Streaming ingestion policy is not enabled for the table 'Harbor.Gauges'.",
            True,
        )

    def enable_streaming_on_the_table(self):
        self.check(
            ".alter table Gauges policy streamingingestion enable",
            [
                "StreamingIngestionPolicy",
                "[Harbor].[Gauges]",
                '{"IsEnabled":true,"HintAllocatedRate":null}',
                None,
                "Table",
            ],
        )

    def stream_compressed_csv(self):
        rows = b"2025-01-01T00:00:00Z,N1,520\n2025-01-01T00:01:00Z,N1,540\n"
        answer = self.streams("Gauges", gzip.compress(rows), format="csv", headers={"Content-Encoding": "gzip"})
        self.assertEqual(answer["ConsumedRecordsCount"], 2)
        # Rows can be queried when the request is answered.
        self.assertEqual(self.rows("Gauges | summarize count(), sum(LevelCm)"), [[2, 1060]])

    def stream_json_with_the_mapping(self):
        self.streams("Gauges", '{"t":"2025-01-01T00:02:00Z","id":"S2","cm":610}', format="json", mapping="GaugesJson")
        self.assertEqual(self.rows("Gauges | where Gauge == 'S2'"), [["2025-01-01T00:02:00Z", "S2", 610]])

    def enable_streaming_on_the_database(self):
        self.set_up(".create table Private (a:int)", ".alter table Private policy streamingingestion disable")
        self.check(
            ".alter database Harbor policy streamingingestion enable",
            ["[Harbor]", '{"IsEnabled":true,"HintAllocatedRate":null}', "Database"],
            columns="EntityName Policy EntityType",
        )
        # Tables made later stream as well; a table that said no keeps its word.
        self.set_up(".create table Later (a:int)")
        self.streams("Later", "1")
        self.stream_refused("Private", "1", 400, "is not enabled", True)

    def limitation_mappings_come_first(self):
        self.stream_refused(
            "Gauges",
            "{}",
            400,
            "Entity ID 'NotYet' of kind 'MappingPersistent' was not found.",
            True,
            format="json",
            mapping="NotYet",
        )
        self.stream_refused(
            "Gauges",
            "{}",
            400,
            "inline mapping is not supported by this path, create the mapping first.",
            True,
            format="json",
            extra="&ingestionMapping=%5B%5D",
        )

    def limitation_no_tags_and_other_properties(self):
        for name in ("tags", "ingestIfNotExists", "creationTime", "ignoreFirstRecord", "validationPolicy"):
            with self.subTest(name):
                error = self.stream_refused(
                    "Gauges",
                    "2025-01-01,N1,1",
                    400,
                    f"property '{name}' is not supported by this path.",
                    True,
                    extra=f"&{name}=x",
                )
                self.assertEqual(error["code"], "BadRequest_IngestionPropertyNotSupportedInThisContext")
        for format in ("parquet", "orc", "w3clogfile"):
            with self.subTest(format):
                self.stream_refused("Gauges", "a", 400, f"format '{format}' is not supported", True, format=format)

    def limitation_size_of_a_request(self):
        self.set_up(".create table Lines (Line:string)")
        exact = b"x" * (LIMIT - 1) + b"\n"
        self.streams("Lines", exact, format="txt")
        # Not permanent: a client may send it through the queued path.
        self.stream_refused(
            "Lines", exact + b"x", 413, "exceeds the maximum allowed size of 4194304 bytes", False, format="txt"
        )
        self.stream_refused(
            "Lines",
            gzip.compress(exact + b"x"),
            413,
            "exceeds the maximum allowed size of 4194304 bytes",
            False,
            format="txt",
            headers={"Content-Encoding": "gzip"},
        )

    def limitation_requests_at_a_time(self):
        with self.places_taken("Later"):
            error = self.stream_refused(
                "Later", "1", 429, f"too many concurrent ingestion requests (Limit: {6 * CORES})", False
            )
            self.assertEqual(error["code"], "Throttling")
        self.streams("Later", "1")

    def limitation_update_policies_see_only_the_new_rows(self):
        self.set_up(
            ".create table Quays (Gauge:string, Quay:string)",
            ".ingest inline into table Quays <| N1,north",
            ".create table AtQuays (Gauge:string, Quay:string)",
        )
        self.policy_refused(
            "Referencing additional tables from update policy is not allowed when the source table has a"
            " StreamingIngestion policy defined. Additional tables: Quays.",
            "AtQuays",
            "Gauges",
            "Gauges | lookup Quays on Gauge | project Gauge, Quay",
            True,
            DB,
        )
        self.policy_set("AtQuays", "Gauges", "Gauges | project Gauge, Quay=strcat('at ', Gauge)", True, DB)
        answer = self.streams("Gauges", "2025-01-01T00:03:00Z,N1,530")
        self.assertEqual((answer["ConsumedRecordsCount"], answer["UpdatePolicyStatus"]), (1, "Success"))
        self.assertEqual(self.rows("AtQuays"), [["N1", "at N1"]])

    def drop_the_policies(self):
        self.stored = self.rows("Gauges | order by At asc | extend ingestion_time()")
        self.assertEqual(len(self.stored), 4)
        self.assertEqual(self.rows(".show table Gauges extents"), [])
        self.check(".delete table Gauges policy streamingingestion", [None], columns="Policy")
        self.check(".show table Gauges policy streamingingestion", [None], columns="Policy")
        self.streams("Gauges", "2025-01-01T00:04:00Z,N1,525")  # the database's policy applies again
        self.stored = self.rows("Gauges | order by At asc | extend ingestion_time()")
        self.set_up(".delete database Harbor policy streamingingestion")
        self.stream_refused("Gauges", "2025-01-01,N1,1", 400, "is not enabled", True)
        # What was streamed moves into extents; every row stays where a query finds it, once.
        wait_for("an empty row store", lambda: not self.rows(".show table Gauges rowstores"), 10)
        self.assertEqual(self.rows("Gauges | order by At asc | extend ingestion_time()"), self.stored)
        self.check(".show table Gauges extents | summarize sum(RowCount)", [5])
        self.assertEqual(self.count("AtQuays"), 2)

    def switch_streaming_off(self):
        bridge = type(self).bridge
        self.assertEqual(bridge.stop(), 0)
        bridge.config.write_text(bridge.config.read_text().replace("enabled = true", "enabled = false"))
        bridge.start()
        error = self.stream_refused(
            "Gauges", "2025-01-01,N1,1", 404, "Streaming ingestion is disabled for the cluster.", True
        )
        self.assertEqual(error["code"], "NotFound")
        self.refused(
            ".alter table Gauges policy streamingingestion enable",
            "Admin command cannot be executed as streaming ingestion is not enabled",
        )
        self.assertEqual(self.rows("Gauges | order by At asc | extend ingestion_time()"), self.stored)


if __name__ == "__main__":
    main()
