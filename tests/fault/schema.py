#!/usr/bin/env python3
"""P4: tables and mappings change all the time while events flow through Kafka and requests over HTTP.

    schema.py BUILD [--seconds 30] [--seed N]

Mapped    its mapping changes between two versions; each row has to come from one of them whole, never from both
Columns   columns are added, dropped and renamed; the rows keep what belongs to the columns that stay
Dropped   is dropped and created again; events end as rows, dead letters or counted skips
Every event is accounted for, and rows of one request are there together or not at all.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from background import Background
from bridge import Bridge, Kafka, kafka_connection, wait_for

TABLES = ("Mapped", "Columns", "Dropped")


def mapping(version):
    """Version, which is a constant, and Value, from a member of that version, have to agree in each row."""
    columns = [
        {"Column": "Id", "Properties": {"Path": "$.id"}},
        {"Column": "Version", "Properties": {"ConstValue": str(version)}},
        {"Column": "Value", "Properties": {"Path": f"$.v{version}"}},
        {"Column": "Last", "Properties": {"Path": f"$.w{version}"}},
    ]
    return f".create-or-alter table Mapped ingestion json mapping \"Row\" '{json.dumps(columns)}'"


SETUP = f"""
.create-merge table Mapped (Id:long, Version:int, Value:string, Last:string)

.create-merge table Columns (Id:long, Text:string)

.create-merge table Dropped (Id:long, Text:string)

.create-merge table Whole (Id:long, Request:long)

{mapping(0)}

.alter database Test policy ingestionbatching '{{"MaximumBatchingTimeSpan":"00:00:10"}}'

.alter database Test policy streamingingestion enable

.alter table Columns policy streamingingestion disable
"""


class Changes:
    """One change after the other; each leaves the tables such that the next is possible."""

    def __init__(self, bridge, chance):
        self.bridge, self.chance, self.number, self.refused = bridge, chance, 0, []

    def run(self, command):
        status, answer = self.bridge.ask(command)
        if status != 200:
            self.refused.append((command, answer["error"]["@message"]))

    def __call__(self):
        self.number += 1
        n = self.number
        self.run(mapping(n % 2))
        self.run(
            [
                ".alter-merge table Columns (Extra:string)",
                ".rename column Columns.Extra to Other",
                ".alter-merge table Columns (Extra:real)",
                ".drop table Columns columns (Other, Extra)",
            ][(n - 1) % 4]
        )
        if n % 5 == 0:
            self.run(".drop table Dropped")
        if n % 5 == 1 and n > 1:
            self.run(".create table Dropped (Id:long, Text:string)")
        self.run(".alter-merge table Whole (More:string)" if n % 2 else ".drop column Whole.More")
        time.sleep(self.chance.uniform(0, 0.15))


class Requests:
    def __init__(self, bridge):
        self.bridge, self.number, self.accepted, self.others = bridge, 0, set(), {}
        self.connection = bridge.connect()

    def __call__(self):
        body = "".join(json.dumps({"Id": self.number * 20 + i, "Request": self.number}) + "\n" for i in range(20))
        status, answer = self.bridge.post(
            "/v1/rest/ingest/Test/Whole?streamFormat=json", body, connection=self.connection
        )
        if status == 200:
            self.accepted.add(self.number)
        else:
            code = json.loads(answer)["error"]["code"]
            self.others[code] = self.others.get(code, 0) + 1
        self.number += 1
        time.sleep(0.01)


class Events:
    def __init__(self, kafka):
        self.pipes = {
            table: kafka.producer(
                "events",
                "-H",
                f"Table={table}",
                *(["-H", "IngestionMappingReference=Row"] if table == "Mapped" else []),
            )
            for table in TABLES
        }
        self.sent = 0

    def __call__(self):
        for table, process in self.pipes.items():
            for n in range(self.sent, self.sent + 50):
                members = (
                    {"id": n, "v0": f"0-{n}", "w0": f"0-{n}", "v1": f"1-{n}", "w1": f"1-{n}"}
                    if table == "Mapped"
                    else {"Id": n, "Text": f"text {n}"}
                )
                process.stdin.write(json.dumps(members) + "\n")
            process.stdin.flush()
        self.sent += 50
        time.sleep(0.05)

    def finish(self):
        for process in self.pipes.values():
            process.stdin.close()
            if process.wait(60):
                raise RuntimeError("a producer failed")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"P4: seed {seed}", flush=True)
    wrong = []

    def expect(what, value, wanted):
        if value != wanted:
            wrong.append(f"{what}: {value}, expected {wanted}")

    with tempfile.TemporaryDirectory(prefix="sluice-schema.") as name:
        folder = Path(name)
        kafka, bridge = Kafka(folder / "kafka", options.build.resolve()), None
        try:
            kafka.create_topic("events", 4)
            bridge = Bridge(
                options.build.resolve(),
                folder / "bridge",
                kafka_connection(kafka.bootstrap, ["events"], "Mapped", mapping=""),
                SETUP,
            )
            bridge.wait_for_sources()
            events, changes, requests = Events(kafka), Changes(bridge, random.Random(seed)), Requests(bridge)
            threads = [Background(step) for step in (events, changes, requests)]
            time.sleep(options.seconds)
            for thread in threads:
                thread.end()
            events.finish()
            sent = events.sent

            def accounted():
                c = bridge.connection_status("kafka")
                dealt = c["events_stored"] + c["events_dead_lettered"] + c["events_skipped"]
                return c if dealt == c["events_received"] and c["events_received"] >= 3 * sent else None

            c = wait_for("every event in its place", accounted, 60, 0.3)
            expect("events received", c["events_received"], 3 * sent)
            rows, distinct, low, high = bridge.rows(
                "Mapped | summarize n=count() by Id | summarize sum(n), count(), min(Id), max(Id)"
            )[0]
            expect(
                "rows, distinct rows, first and last of Mapped", (rows, distinct, low, high), (sent, sent, 0, sent - 1)
            )
            expect(
                "rows of two mappings",
                bridge.rows("Mapped | where Value != strcat(Version, '-', Id) or Last != Value | count"),
                [[0]],
            )
            versions = bridge.rows("Mapped | summarize count() by Version | order by Version asc")
            expect("versions that were used", [v for v, _ in versions], [0, 1])
            columns = tuple(bridge.rows("Columns | summarize n=count() by Id | summarize sum(n), count()")[0])
            expect("rows and distinct rows of Columns", columns, (sent, sent))
            expect(
                "rows of Columns with a text of another",
                bridge.rows("Columns | where Text != strcat('text ', Id) | count"),
                [[0]],
            )
            if changes.number % 5 == 0:
                bridge.rows(".create table Dropped (Id:long, Text:string)")
            kept = bridge.rows("Dropped | summarize n=count() by Id | summarize sum(n), count()")[0]
            expect("rows of Dropped that are there twice", (kept[0] or 0) - kept[1], 0)
            letters = dict(bridge.rows(".show dead letters | summarize count() by Table"))
            expect("dead letters by table", set(letters) - {"Dropped"}, set())
            expect("changes that were refused", changes.refused, [])
            whole = {row[0]: row[1] for row in bridge.rows("Whole | summarize count() by Request")}
            expect("requests of which a part is there", {r: n for r, n in whole.items() if n != 20}, {})
            expect("requests accepted and those that are there", set(whole), requests.accepted)
            expect(
                "other answers than a changed schema", set(requests.others) - {"General_TransientSchemaMismatch"}, set()
            )
            print(
                f"P4: {changes.number} rounds of changes; {sent} events for each table; versions {versions}; Dropped:"
                f" {kept[1]} rows, {letters} dead letters, skipped {c['skipped']}; {len(requests.accepted)} requests"
                f" accepted, others {requests.others}"
            )
            expect("exit code", bridge.stop(), 0)
        finally:
            if bridge:
                bridge.stop()
            kafka.stop()
    print("P4: " + ("; ".join(wrong) if wrong else "nothing wrong"), flush=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
