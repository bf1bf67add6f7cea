#!/usr/bin/env python3
"""C1: kills sluice at each stage of a row's way (reliability 2), restarts it, and counts.

    stages.py BUILD kafka|mqtt|file|http [--stages S0,S10] [--events 20000] [--seed N]

The places are those of core/base/failpoint.hpp: SLUICE_FAILPOINT=S10@3 ends the process with SIGKILL when S10 is
reached for the third time. A stage that is never reached fails the test. Streamed and queued tables feed a cascade of
transactional update policies, and after the restart all of them have to agree. Stages S3 to S5 lie inside the MQTT
plugin, S12 behind S11; kill.py meets them at random."""

import argparse
import random
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from bridge import Bridge, Kafka, Mosquitto, wait_for
from kill import FLOWS, POLICIES, SETUP, check_agreement, produce

EVENT_STAGES = ["S0", "S1", "S2", "S6", "S7", "S8", "S9", "S10", "S11", "S13.begin", "S13.end", "S16"]
STAGES = {
    "kafka": EVENT_STAGES + ["S10b"],
    "mqtt": EVENT_STAGES,
    "http": ["S6", "S7", "S8", "S9", "S10", "S13.begin", "S13.end"],
    "file": ["S0", "S6", "S7", "S8", "S9", "S10", "S11", "S13.begin", "S13.end", "S14", "S15", "S16"],
}
# A place kills when it is passed for the first to third time. These are passed less than once for each batch, or for
# each event.
SELDOM, PER_EVENT = {"S13.begin", "S13.end", "S15", "S16", "S10b"}, {"S1", "S2"}
STORE = '[store]\ncheckpoint_bytes = "1MiB"\n'
RESTART_LIMIT = 10  # seconds; five are promised on a machine that does nothing else


class TwoDatabases:
    """Events of one topic for two databases, so that there is something between their commits."""

    def __init__(self, flow):
        self.flow = flow
        self.connections = (
            flow.connections.replace('[connection.properties]', '[connection.properties]\ndatabaseRouting = "Multi"')
            + '\n[[database]]\nname = "Other"\nsetup = "other.kql"\n'
        )
        flow.finish()
        flow.queued = flow.kafka.producer(flow.topic, "-H", "Database=Other", "-H", "Table=Streamed")
        flow.streamed = flow.kafka.producer(flow.topic)
        self.send, self.finish = flow.send, flow.finish


def counts(bridge, halves):
    """[(distinct, rows)] of the two halves of the events."""
    return [bridge.rows(f"{where} | summarize n=count() by Id | summarize count(), sum(n)")[0] for where in halves]


def run_stage(build, folder, source, broker, stage, events, chance):
    place = f"{stage}@{1 if stage in SELDOM else chance.randint(1, 400 if stage in PER_EVENT else 3)}"
    flow = FLOWS[source](build, folder, broker, stage.lower().replace(".", "-"))
    connections = flow.connections
    halves = ["Streamed", "Queued"]
    if stage == "S10b":
        flow = TwoDatabases(flow)
        connections, halves = flow.connections, ["Streamed", "database('Other').Streamed"]
    if stage == "S14":
        connections = connections.replace("[connection.properties]", 'on_success = "delete"\n[connection.properties]')
    bridge = Bridge(build, folder / "bridge", STORE + connections, SETUP + POLICIES, start=False)
    (bridge.folder / "other.kql").write_text((SETUP + POLICIES).replace("database Test", "database Other"))
    bridge.start(SLUICE_FAILPOINT=place)
    try:
        bridge.wait_for_sources()
        if stage == "S15":  # long enough to be written ahead in pieces
            write_long_file(flow.root, events)
        failure = []
        producer = threading.Thread(target=produce, args=(flow, events, 4000, failure))
        producer.start()
        try:
            wait_for(place, lambda: bridge.process.poll() is not None, 60)
        except TimeoutError:
            return f"{place} was never reached"
        if bridge.process.returncode != -signal.SIGKILL:
            return f"ended with {bridge.process.returncode} instead of at {place}:\n{bridge.log_tail()}"
        begun = time.monotonic()
        bridge.start()
        restart = time.monotonic() - begun
        producer.join()
        if failure:
            raise failure[0]
        expected = [(events + 1) // 2, events // 2 + (LONG_ROWS if stage == "S15" else 0)]
        try:
            wait_for("all events", lambda: [d for d, _ in counts(bridge, halves)] == expected, 60, 0.3)
        except TimeoutError:
            pass
        time.sleep(0.5)  # what comes twice may come a moment later
        seen = counts(bridge, halves)
        lost = sum(e - d for e, (d, _) in zip(expected, seen))
        twice = sum(n - d for d, n in seen)
        disagreements = []
        if stage not in ("S10b", "S15"):
            check_agreement(bridge, disagreements)
        dead = bridge.rows(".show dead letters | count")[0][0]
        if dead or lost:
            print(
                seen,
                bridge.rows(
                    ".show dead letters | summarize count(), take_any(base64_decode_tostring(BodyBase64)) by ErrorCode,"
                    " Details"
                ),
                bridge.connection_status(bridge.status()["connections"][0]["name"]),
            )
        code = bridge.stop()
        print(
            f"C1 {source} {place}: lost {lost} twice {twice} dead letters {dead} restart {restart:.1f} s exit {code}"
            f" disagreements {disagreements}",
            flush=True,
        )
        # What was on its way between broker and spool comes again (reliability 1): at most receive_maximum, 100, for
        # the crash and for each time that the client connects again on a slow machine.
        bad = (
            lost or twice > (300 if source == "mqtt" else 0) or dead or code or disagreements or restart > RESTART_LIMIT
        )
        return f"{place}: see above" if bad else None
    finally:
        if bridge.process.poll() is None:
            bridge.kill()


LONG_ROWS = 200_000


def write_long_file(root, first):
    (root / "Queued" / ".long").write_text(
        "".join(f"{n},event {n} of a file that is written ahead in pieces\n" for n in range(first, first + LONG_ROWS))
    )
    (root / "Queued" / ".long").rename(root / "Queued" / "long.csv")


def run_http(build, folder, stage, requests, chance):
    """Requests of ten rows; what was answered 200 is there once, what was not answered is there whole or not at all."""
    place = f"{stage}@{1 if stage in SELDOM else chance.randint(2, 30)}"
    bridge = Bridge(build, folder / "bridge", STORE, SETUP + POLICIES, start=False)
    bridge.start(SLUICE_FAILPOINT=place)
    acknowledged, unanswered = set(), set()
    number = 0
    while bridge.process.poll() is None and number < requests * 200:
        body = "".join(f"{number * 10 + i},event {number * 10 + i} of a request {'x' * 400}\n" for i in range(10))
        try:
            status, answer = bridge.post("/v1/rest/ingest/Test/Streamed?streamFormat=csv", body)
            if status != 200:
                return f"{place}: {status} {answer}"
            acknowledged.add(number)
        except OSError:
            unanswered.add(number)
            bridge.process.wait(10)
        number += 1
    if bridge.process.poll() != -signal.SIGKILL:
        return f"{place} was never reached"
    bridge.start()
    found = {
        row[0]: (row[1], row[2]) for row in bridge.rows("Streamed | summarize n=count(), d=dcount(Id) by Request=Id/10")
    }
    disagreements = []
    check_agreement(bridge, disagreements)
    code = bridge.stop()
    bad = [n for n in acknowledged if found.get(n) != (10, 10)] + [
        n for n in unanswered if found.get(n, (10, 10)) != (10, 10)
    ]
    print(
        f"C1 http {place}: {len(acknowledged)} requests acknowledged, {len(unanswered)} not; wrong {bad} exit {code}"
        f" disagreements {disagreements}",
        flush=True,
    )
    return f"{place}: see above" if bad or set(found) - acknowledged - unanswered or code or disagreements else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("source", choices=sorted(STAGES))
    parser.add_argument("--stages", help="comma-separated; all of the source when not given")
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"C1 {options.source}: seed {seed}", flush=True)
    chance = random.Random(seed)
    build = options.build.resolve()
    failures = []
    with tempfile.TemporaryDirectory(prefix="sluice-stages.") as name:
        folder = Path(name)
        broker = {"kafka": lambda: Kafka(folder / "kafka", build), "mqtt": lambda: Mosquitto(folder / "mosquitto")}.get(
            options.source, lambda: None
        )()
        try:
            for stage in options.stages.split(",") if options.stages else STAGES[options.source]:
                (folder / stage).mkdir()
                if options.source == "http":
                    failed = run_http(build, folder / stage, stage, 100, chance)
                else:
                    failed = run_stage(build, folder / stage, options.source, broker, stage, options.events, chance)
                if failed:
                    print(f"C1 {options.source} FAILED: {failed}", flush=True)
                    failures.append(stage)
        finally:
            if broker:
                broker.stop()
    print(f"C1 {options.source}: failed stages {failures}")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
