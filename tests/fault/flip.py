#!/usr/bin/env python3
"""Turns the streaming policy of a table on and off while all three sources feed it, then counts.

    flip.py BUILD [--seconds 300] [--period 2] [--rate 100]

Kafka, MQTT and a watched folder each bring `rate` numbered events a second into one table. Every `period` seconds its
policy changes. Nothing may be lost or there twice, at the end and in every count on the way, and each batch has to
take the path that the policy in force says. Which path a row took can be seen from the extent it ends in: SealReason
is RowStore... for streamed rows. Rows on the other path are allowed for the first `--lag` seconds after a change (the
specification allows two)."""

import argparse
import json
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from background import Background
from bridge import Bridge, Kafka, Mosquitto, folder_connection, kafka_connection, mqtt_connection, wait_for

SETUP = """
.create-merge table T (Source:string, Id:long)

.create-or-alter table T ingestion json mapping "Row" '[{"Column":"Source","Properties":{"Path":"$.source"}},
{"Column":"Id","Properties":{"Path":"$.id"}}]'

.alter table T policy ingestionbatching '{"MaximumBatchingTimeSpan":"00:00:10"}'

.alter table T policy merge '{"AllowMerge":false,"AllowRebuild":false}'

.alter table T policy streamingingestion enable
"""


class Sources:
    """The three of them, each with events that carry its name and a number."""

    def __init__(self, build, folder):
        self.kafka = Kafka(folder / "kafka", build)
        self.kafka.create_topic("events", 4)
        self.mosquitto = Mosquitto(folder / "mosquitto")
        self.root = folder / "in"
        self.root.mkdir()
        self.connections = (
            kafka_connection(self.kafka.bootstrap, ["events"], "T")
            + mqtt_connection(self.mosquitto.url, "T")
            + folder_connection(self.root, "T", format="csv")
        )
        self.files = 0

    def open(self):
        self.pipes = {
            "kafka": self.kafka.producer("events"),
            "mqtt": self.mosquitto.publisher("devices/a/messages/events/"),
        }

    def send(self, numbers):
        for source, process in self.pipes.items():
            process.stdin.write("".join(json.dumps({"source": source, "id": n}) + "\n" for n in numbers))
            process.stdin.flush()
        self.files += 1
        (self.root / ".part").write_text("".join(f"file,{n}\n" for n in numbers))
        (self.root / ".part").rename(self.root / f"{self.files:06}.csv")

    def finish(self):
        for process in self.pipes.values():
            process.stdin.close()
            if process.wait(60):
                raise RuntimeError("a publisher failed")

    def stop(self):
        self.mosquitto.stop()
        self.kafka.stop()


class Producer:
    """`rate` events a second for each source in steps of 200 ms: every policy meets several batches of each."""

    STEP = 0.2

    def __init__(self, sources, rate):
        self.sources, self.each, self.sent, self.begun = sources, max(1, int(rate * self.STEP)), 0, time.monotonic()

    def __call__(self):
        self.sources.send(range(self.sent, self.sent + self.each))
        self.sent += self.each
        time.sleep(max(0, self.begun + self.sent / self.each * self.STEP - time.monotonic()))


class Watcher:
    """What queries see meanwhile: the count never falls and no row is there twice."""

    def __init__(self, bridge):
        self.bridge, self.last, self.polls, self.wrong = bridge, 0, 0, []
        self.connection = bridge.connect()

    def __call__(self):
        total, distinct = self.bridge.rows(
            "T | summarize n=count() by Source, Id | summarize sum(n), count()", self.connection
        )[0]
        total = total or 0
        if total < self.last or total != distinct:
            self.wrong.append((self.last, total, distinct))
        self.last, self.polls = total, self.polls + 1
        time.sleep(0.5)


def flip(bridge, seconds, period):
    """[(moment before the command, moment after it, whether streaming is on from then)]"""
    changes, begun, streams = [(0.0, 0.0, True)], time.monotonic(), True
    while time.monotonic() - begun < seconds:
        time.sleep(max(0, begun + period * len(changes) - time.monotonic()))
        streams = not streams
        before = time.time()
        bridge.rows(f".alter table T policy streamingingestion {'enable' if streams else 'disable'}")
        changes.append((before, time.time(), streams))
    return changes


def seconds_of(text):
    return datetime.fromisoformat(text.rstrip("Z")[:26]).replace(tzinfo=timezone.utc).timestamp()


def paths_taken(bridge):
    """[(time of the commit, streamed?, rows, source)] of every batch, from the extents they ended in."""
    streamed = {
        extent: json.loads(metadata)["SealReason"].startswith("RowStore")
        for extent, metadata in bridge.rows(
            ".show table T extents metadata | project ExtentId, Metadata = tostring(ExtentMetadata)"
        )
    }
    rows = bridge.rows("T | summarize count() by at=ingestion_time(), Source, extent=tostring(extent_id())")
    return [(seconds_of(at), streamed[extent], count, source) for at, source, extent, count in rows]


def judge(changes, batches, allowed):
    """Longest time after a change that the other path was still taken, and what was on it too late."""
    lag, late, matched = (
        0.0,
        [],
        {(source, streams): 0 for source in ("kafka", "mqtt", "file") for streams in (True, False)},
    )
    for at, streamed, count, source in batches:
        index = max(i for i, change in enumerate(changes) if change[0] <= at)
        before, after, streams = changes[index]
        if streamed == streams:
            matched[source, streams] += 1
        elif at > after:
            lag = max(lag, at - after)
            if at - after > allowed:
                late.append((source, at - after, count))
    return lag, late, matched


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--period", type=float, default=2)
    parser.add_argument("--rate", type=int, default=100, help="events a second of each source")
    parser.add_argument("--lag", type=float, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sluice-flip.") as name:
        folder = Path(name)
        sources, bridge = Sources(options.build.resolve(), folder), None
        try:
            bridge = Bridge(options.build.resolve(), folder / "bridge", sources.connections, SETUP)
            bridge.wait_for_sources()
            sources.open()
            producer, watcher = Producer(sources, options.rate), Watcher(bridge)
            threads = [Background(producer), Background(watcher)]
            changes = flip(bridge, options.seconds, options.period)
            for thread in threads:
                thread.end()
            sources.finish()
            expected = 3 * producer.sent
            wait_for(f"{expected} events", lambda: bridge.count("T") >= expected, 90, 0.5)
            bridge.rows(".alter table T policy streamingingestion disable")
            wait_for("an empty row store", lambda: not bridge.rows(".show table T rowstores"), 20)
            counted = bridge.rows(
                "T | summarize n=count() by Source, Id | summarize count(), sum(n), min(Id), max(Id) by Source | order"
                " by Source asc"
            )
            lag, late, matched = judge(changes, paths_taken(bridge), options.lag)
            status = {
                c["name"]: (c["events_streamed"], c["events_queued"], c["events_dead_lettered"])
                for c in bridge.status()["connections"]
            }
            code = bridge.stop()
        finally:
            if bridge:
                bridge.stop()
            sources.stop()
    lost = sum(producer.sent - row[1] for row in counted)
    twice = sum(row[2] - row[1] for row in counted)
    print(f"{len(changes) - 1} changes of the policy; {expected} events, {producer.sent} of each source: {counted}")
    print(f"streamed, queued, dead-lettered events: {status}")
    print(
        "batches on the path of the policy in force:"
        f" {[(source, 'streaming' if s else 'queued', n) for (source, s), n in matched.items()]}"
    )
    print(f"other path at most {lag * 1000:.0f} ms after a change was answered; later than {options.lag} s: {late}")
    print(
        f"counts on the way {watcher.polls}, wrong {watcher.wrong}; lost {lost} twice {twice} exit {code}", flush=True
    )
    ok = len(counted) == 3 and not lost and not twice and not late and not watcher.wrong and code == 0
    ok = ok and all(n > 0 for n in matched.values()) and all(dead == 0 for _, _, dead in status.values())
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
