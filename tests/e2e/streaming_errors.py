#!/usr/bin/env python3
"""The error table of streaming requests (engine 1.7), word for word, each row by its id. What needs callers without
rights, a broken disk or a follower (S4, S16 to S18) is tested where the wire form is made: tests/core/app/wire/error_test.cpp.

    streaming_errors.py BUILD [unittest arguments]
"""

import gzip
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from bridge import Bridge
from command_case import LIMIT, CommandCase, main

BAD = "Bad streaming ingestion request to Harbor.GaugeRaw : "
# What the newest Java client takes for "streaming is off" or "the table's configuration prevents it" (engine 1.7).
MISLEADING = ("off", "schema", "update policy", "incompatible", "disabled", "not enabled")


class StreamingErrors(CommandCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for command in (
            ".create table GaugeRaw (payload:dynamic)",
            ".create table Berth (Gauge:string, Number:int)",
            ".create table Quiet (a:int)",
            ".alter table GaugeRaw policy streamingingestion enable",
            ".alter table Berth policy streamingingestion enable",
        ):
            status, answer = cls.bridge.ask(command)
            assert status == 200, answer

    def row(self, status, code, message, permanent, answer, data_error=False):
        """One row of the table; the text is the whole text."""
        got, body = answer
        error = body["error"]
        self.assertEqual((got, error["code"], error["@permanent"]), (status, code, permanent), body)
        self.check_envelope(got, body)
        if message is not None:
            self.assertEqual(error["@message"], message)
        if data_error:
            for word in MISLEADING:
                self.assertNotIn(word, error["@message"].lower())
        return error

    def separate(self, name, streaming="enabled = true", more=""):
        bridge = Bridge(
            self.build,
            self.folder / name,
            more,
            ".create-merge table GaugeRaw (payload:dynamic)\n"
            + ("\n.alter table GaugeRaw policy streamingingestion enable\n" if "true" in streaming else ""),
            database="Harbor",
            streaming=streaming,
        )
        self.addCleanup(bridge.stop)
        return bridge

    def asked(self, bridge, parameters="streamFormat=json", body='{"payload":1}', headers=None):
        status, text = bridge.post(f"/v1/rest/ingest/Harbor/GaugeRaw?{parameters}", body, headers or {})
        return status, json.loads(text)

    def test_S1_the_cluster_switch_is_off(self):
        text = "Streaming ingestion is disabled for the cluster."
        bridge = self.separate("off", "enabled = false")
        self.row(404, "NotFound", text, True, self.asked(bridge))
        # Whatever else is wrong: clients read the status.
        self.row(404, "NotFound", text, True, self.asked(bridge, "streamFormat=json&tags=x"))

    def test_S2_the_table_has_no_policy(self):
        error = self.row(
            400,
            "BadRequest",
            "Streaming ingestion policy is not enabled for the table 'Harbor.Quiet'.",
            True,
            self.stream("Quiet", "1"),
        )
        self.assertEqual(error["@type"], "Kusto.Common.Svc.Exceptions.StreamingIngestionPolicyNotEnabledException")

    def test_S3_what_is_named_does_not_exist(self):
        code = "BadRequest_EntityNotFound"
        self.row(400, code, "Entity ID 'GaugeX' of kind 'Table' was not found.", True, self.stream("GaugeX", "1"))
        self.row(
            400,
            code,
            "Entity ID 'Nowhere' of kind 'Database' was not found.",
            True,
            self.stream("T", "1", database="Nowhere"),
        )

    def test_S5_the_mapping_does_not_exist(self):
        self.set_up(".create-or-alter table GaugeRaw ingestion csv mapping 'mc' '[{\"Column\":\"payload\",\"Properties\":{\"Ordinal\":0}}]'")
        for name in ("m1", "mc"):  # of another kind: not found either
            self.row(
                400,
                "BadRequest_MappingReferenceWasNotFound",
                f"Entity ID '{name}' of kind 'MappingPersistent' was not found.",
                True,
                self.stream("GaugeRaw", "{}", format="json", mapping=name),
            )

    def test_S6_a_mapping_is_required(self):
        bridge = self.separate("mapped", "enabled = true\nrequire_mapping = true")
        self.row(
            400,
            "BadRequest_MissingMappingFailure",
            BAD + "format 'json' needs a mapping name.",
            True,
            self.asked(bridge),
        )

    def test_S7_inline_mappings_are_refused(self):
        self.row(
            400,
            "BadRequest_IngestionPropertyNotSupportedInThisContext",
            BAD + "inline mapping is not supported by this path, create the mapping first.",
            True,
            self.stream("GaugeRaw", "{}", format="json", extra="&ingestionMapping=%5B%5D"),
            data_error=True,
        )

    def test_S8_properties_of_other_paths_are_refused(self):
        for name in (
            "tags",
            "ingestIfNotExists",
            "creationTime",
            "ignoreFirstRecord",
            "validationPolicy",
            "zipPattern",
            "extend_schema",
        ):
            self.row(
                400,
                "BadRequest_IngestionPropertyNotSupportedInThisContext",
                BAD + f"property '{name}' is not supported by this path.",
                True,
                self.stream("GaugeRaw", "{}", format="json", extra=f"&{name}=1"),
            )
        self.assertEqual(self.stream("GaugeRaw", '{"payload":1}', format="json", extra="&unknown=1")[0], 200)

    def test_S9_the_format_cannot_be_streamed(self):
        for name in ("orc", "Parquet", "w3clogfile", "azmonstream", "nope", ""):
            self.row(
                400,
                "BadRequest_FormatNotSupported",
                BAD + f"format '{name}' is not supported.",
                True,
                self.stream("GaugeRaw", "{}", format=name),
            )

    def test_S10_nothing_is_left_after_parsing(self):
        text = BAD + "The input stream is empty after processing, tip:check stream validity"
        for body in ("", "{\n{\n", " \n"):
            self.row(
                400, "BadRequest", text, True, self.stream("GaugeRaw", body, format="json"), data_error=True
            )

    def test_S11_the_payload_is_broken(self):
        def broken(table, body, code, **options):
            got = self.stream(table, body, **options)
            error = self.row(400, code, None, True, got, data_error=True)
            self.assertTrue(error["@message"].startswith(f"Bad streaming ingestion request to Harbor.{table} : "))

        broken("GaugeRaw", '[{"payload":1},{]', "BadRequest_InvalidBlob", format="multijson")
        broken("Berth", 'N1,"open', "Stream_ClosingQuoteMissing")
        broken("Berth", "N1,1\nN2\n", "Stream_WrongNumberOfFields")
        broken("GaugeRaw", "Obj\x01 and no more", "BadRequest_InvalidBlob", format="avro")
        broken("Berth", gzip.compress(b"N1,1\n")[:-9], "BadRequest_InvalidBlob", headers={"Content-Encoding": "gzip"})

    def test_S12_all_places_are_taken(self):
        with self.places_taken("GaugeRaw"):
            error = self.row(
                429,
                "Throttling",
                "The request was throttled: too many concurrent ingestion requests (Limit: 12).",
                False,
                self.stream("GaugeRaw", "{}", format="json"),
            )
            self.assertEqual(error["@type"], "Kusto.Data.Exceptions.KustoRequestThrottledException")
            self.assertEqual(error["message"], "Request aborted due to throttling.")

    def test_S13_the_request_is_too_large(self):
        record = b'{"payload":"' + b"x" * 1000 + b'"}\n'
        body = record * (LIMIT // len(record))
        body += b" " * (LIMIT - len(body)) + b"\n"
        for sent, headers in ((body, {}), (gzip.compress(body), {"Content-Encoding": "gzip"})):
            got = self.stream("GaugeRaw", sent, format="json", headers=headers)
            error = self.row(413, "Stream_InputStreamTooLarge", None, False, got)
            self.assertRegex(
                error["@message"],
                f"^{BAD}request size [0-9]+ exceeds the maximum allowed size of {LIMIT} bytes\\.$",
            )

    def test_S14_a_transactional_update_policy_fails(self):
        db = self.fresh("S14")
        self.set_up(
            ".alter table GaugeRaw policy streamingingestion enable",
            ".create function Parse() { GaugeRaw | project todatetime(payload.t), tostring(payload.id), toint(5), '' }",
            database=db,
        )
        self.policy_set("GaugeReading", "GaugeRaw", "Parse()", True, db)
        self.set_up(".alter function Parse() { GaugeRaw | project x = 1 }", database=db)
        self.row(
            500,
            "UpdatePolicy_QuerySchemaDoesNotMatchTableSchema",
            "Failed to run a transactional update policy on 'GaugeReading': Query schema does not match table schema. "
            "QuerySchema=('long'), TableSchema=('datetime,string,int,string')",
            False,
            self.stream("GaugeRaw", '{"payload":{}}', format="json", database=db),
        )
        self.assertEqual((self.count("GaugeRaw", db), self.count("GaugeReading", db)), (0, 0))

    def test_S15_the_mapping_does_not_fit_the_table(self):
        self.set_up(
            ".create table Fitted (a:int, b:int)",
            ".alter table Fitted policy streamingingestion enable",
            '.create table Fitted ingestion json mapping \'m\' \'[{"Column":"b","Properties":{"Path":"$.b"}}]\'',
            ".drop column Fitted.b",
        )
        self.row(
            400,
            "BadRequest_InconsistentMapping",
            "Bad streaming ingestion request to Harbor.Fitted : mapping is incompatible with the table.",
            True,
            self.stream("Fitted", '{"b":1}', format="json", mapping="m"),
        )

    def test_S19_the_database_is_maintained(self):
        db = self.fresh("S19")
        self.set_up(
            ".alter table GaugeRaw policy streamingingestion enable",
            ".enable database streamingingestion_maintenance_mode",
            database=db,
        )
        self.row(
            503,
            "ServiceUnavailable_StreamingIngestionDatabaseUnderMaintenance",
            None,
            False,
            self.stream("GaugeRaw", "{}", format="json", database=db),
        )

    def test_failures_and_statistics_tell_of_them(self):
        """engine 7.2: refused requests are counted by code, throttled ones are not."""
        db = self.fresh("Told")
        self.set_up(".alter table Berth policy streamingingestion enable", database=db)
        for _ in range(2):
            self.stream("Berth", "N1,1", mapping="gone", database=db)
        self.stream("Berth", "x" * (LIMIT + 1), database=db)
        self.streams("Berth", "N1,North\nN2,South\n", database=db)
        failures = self.rows(
            ".show streamingingestion failures | where Database == 'Told' | project ErrorCode, FailureKind, Count |"
            " order by ErrorCode asc"
        )
        self.assertEqual(
            failures,
            [
                ["BadRequest_MappingReferenceWasNotFound", "Permanent", 2],
                ["Stream_InputStreamTooLarge", "Permanent", 1],
            ],
        )
        statistics = self.rows(
            ".show streamingingestion statistics | where Database == 'Told' | summarize sum(Count), sum(TotalRowCount)"
            " by IngestionStatus | order by IngestionStatus asc"
        )
        self.assertEqual(statistics, [["FailureBadRequest", 3, 0], ["Success", 1, 2]])


if __name__ == "__main__":
    main()
