#!/usr/bin/env python3
"""P5: update policies that fail, go round in circles, or make too much, met through a data connection and over HTTP.

    policies.py BUILD [unittest arguments]

Transactional: nothing is stored, and a connection's rows are tried again through the queue. Not transactional: the
source's rows are stored and the failure is recorded. What policies make counts against the size of a request."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from bridge import wait_for
from command_case import CommandCase, main


class Policies(CommandCase):
    connected = True

    def put(self, table, number, lines):
        folder = self.watched / table
        folder.mkdir(exist_ok=True)
        (folder / f".{number}").write_text("".join(f"{line}\n" for line in lines))
        (folder / f".{number}").rename(folder / f"{number}.csv")

    def tables(self, *names):
        self.set_up(*(f".create table {name} (Id:long, Text:string)" for name in names))
        self.set_up(
            f".alter table {names[0]} policy streamingingestion enable",
            f""".alter table {names[0]} policy ingestionbatching '{{"MaximumBatchingTimeSpan":"00:00:10"}}'""",
        )

    def counts(self, *tables):
        return tuple(self.count(table) for table in tables)

    def failures(self, table):
        return self.rows(
            f".show ingestion failures | where OriginatesFromUpdatePolicy and Table == '{table}' | summarize count() by"
            " ErrorCode, FailureKind"
        )

    def break_function(self, name, source):
        """The policy binds when it is set and fails when it runs."""
        self.set_up(
            f".create-or-alter function with (skipvalidation=true) {name}() {{ {source} | where NoSuchColumn == 1 }}"
        )

    def mend_function(self, name, source):
        self.set_up(f".create-or-alter function {name}() {{ {source} | project Id, Text }}")

    def test_P5_a_transactional_failure_is_tried_again_through_the_queue(self):
        self.tables("TSource", "TTarget", "Other")
        self.set_up(".ingest inline into table Other <| 1,other")
        self.mend_function("TPass", "TSource")
        self.policy_set("TTarget", "TSource", "TPass()", True, "Harbor")
        # Out of scope for streamed rows only: the queue can do it.
        self.set_up(
            ".create-or-alter function TPass() { TSource | lookup (Other | project Id, More=Text) on Id | project Id,"
            " Text=More }"
        )
        self.stream_refused("TSource", "1,a", 500, "Failed to run a transactional update policy on 'TTarget'", False)
        self.assertEqual(self.counts("TSource", "TTarget"), (0, 0))
        self.put("TSource", 1, ["1,a", "2,b"])
        wait_for("the queued rows", lambda: self.counts("TSource", "TTarget") == (2, 2), 40)
        self.assertEqual(self.rows("TTarget | order by Id asc"), [[1, "other"], [2, ""]])
        self.assertEqual(self.bridge.connection_status("folder")["events_dead_lettered"], 0)

    def test_P5_rows_that_no_path_takes_end_as_dead_letters(self):
        self.tables("DSource", "DTarget")
        self.mend_function("DPass", "DSource")
        self.policy_set("DTarget", "DSource", "DPass()", True, "Harbor")
        self.break_function("DPass", "DSource")
        self.put("DSource", 1, ["1,a", "2,b"])
        wait_for(
            "the dead letters", lambda: self.rows(".show dead letters | where Table == 'DSource' | count")[0][0], 40
        )
        self.assertEqual(self.counts("DSource", "DTarget"), (0, 0))
        bodies = self.rows(".show dead letters | where Table == 'DSource' | project base64_decode_tostring(BodyBase64)")
        rows = [json.loads(line) for body in bodies for line in body[0].splitlines()]
        self.assertEqual(sorted(row["Id"] for row in rows), [1, 2])

    def test_P5_a_failure_that_is_not_transactional_is_recorded(self):
        self.tables("NSource", "NTarget")
        self.mend_function("NPass", "NSource")
        self.policy_set("NTarget", "NSource", "NPass()", False, "Harbor")
        self.break_function("NPass", "NSource")
        answer = self.streams("NSource", "1,a")
        self.assertEqual((answer["ConsumedRecordsCount"], answer["UpdatePolicyStatus"]), (1, "Failure"))
        self.put("NSource", 1, ["2,b"])
        wait_for("the file", lambda: self.count("NSource") == 2, 20)
        self.assertEqual(self.count("NTarget"), 0)
        self.assertEqual([row[:2] for row in self.failures("NTarget")], [["UpdatePolicy_BadRequest", "Permanent"]])
        self.mend_function("NPass", "NSource")
        self.streams("NSource", "3,c")
        self.assertEqual(self.counts("NSource", "NTarget"), (3, 1))

    def test_P5_circles_are_cut(self):
        self.tables("A", "B", "C")
        for target, source in (("B", "A"), ("C", "B"), ("A", "C")):
            self.policy_set(target, source, source, True, "Harbor")
        self.streams("A", "1,a")
        self.put("A", 1, ["2,b"])
        wait_for("the file", lambda: self.count("A") == 2, 20)
        self.set_up(".ingest inline into table B <| 3,c")
        # From B: B, C, A; the edge from A back to B is cut.
        self.assertEqual(self.counts("A", "B", "C"), (3, 3, 3))

    def test_P5_one_row_becomes_a_million(self):
        self.tables("ESource", "ETarget")
        self.policy_set(
            "ETarget",
            "ESource",
            "ESource | mv-expand n = range(1, 1000000, 1) to typeof(long) | project Id=n, Text",
            False,
            "Harbor",
        )
        # Not transactional, and still: the limit belongs to the request.
        self.stream_refused("ESource", "1,a", 413, "exceeds the maximum allowed size of 4194304 bytes", False)
        self.assertEqual(self.counts("ESource", "ETarget"), (0, 0))
        self.put("ESource", 1, ["1,a"])
        wait_for("the queued rows", lambda: self.count("ETarget") == 1_000_000, 90)
        self.assertEqual(self.count("ESource"), 1)
        self.assertEqual(
            self.rows("ETarget | summarize dcount(Id, 4) > 900000, min(Id), max(Id), sum(Id)"),
            [[True, 1, 1_000_000, 500_000_500_000]],
        )
        self.assertLess(self.bridge.memory_mib("VmHWM"), 512)
        self.assertEqual(self.rows(".show dead letters | where Table == 'ESource' | count"), [[0]])

    def test_P5_the_size_of_a_connections_batch_counts_what_is_derived(self):
        self.tables("WSource", "WTarget")
        self.policy_set(
            "WTarget",
            "WSource",
            "WSource | mv-expand n = range(1, 4, 1) to typeof(long) | project Id, Text",
            True,
            "Harbor",
        )
        line = "x" * 100_000
        self.stream_refused(
            "WSource", "".join(f"{n},{line}\n" for n in range(10)), 413, "exceeds the maximum allowed size", False
        )
        self.put("WSource", 1, [f"{n},{line}" for n in range(10)])
        wait_for("the queued rows", lambda: self.counts("WSource", "WTarget") == (10, 40), 40)
        self.streams("WSource", f"10,{line}")
        self.assertEqual(self.counts("WSource", "WTarget"), (11, 44))


if __name__ == "__main__":
    main()
