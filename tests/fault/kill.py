#!/usr/bin/env python3
"""Kills sluice with SIGKILL at random moments while uniquely numbered events flow into a streamed and a queued table, then counts.

    kill.py BUILD kafka|file|mqtt [--policies] [--kills 25] [--events 100000] [--seed N]

Half of the events go to table Streamed, half to Queued, through one connection. Nothing may be lost. Nothing may be there twice for
kafka and file; for mqtt only what the broker delivered again because the spool had not acknowledged it (reliability 1).
With --policies both tables feed a cascade of transactional update policies; after every restart the tables of the cascade have to
agree with what they were made from.
"""
import argparse
import json
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from bridge import Bridge, Kafka, Mosquitto, folder_connection, kafka_connection, mqtt_connection

SETUP = """
.create-merge table Streamed (Id:long, Text:string)

.create-merge table Queued (Id:long, Text:string)

.create-or-alter database Test ingestion json mapping "Row" '[{"Column":"Id","Properties":{"Path":"$.id"}},{"Column":"Text","Properties":{"Path":"$.text"}}]'

.alter table Streamed policy streamingingestion enable

.alter table Queued policy ingestionbatching '{"MaximumBatchingTimeSpan":"00:00:10"}'
"""

POLICIES = """
.create-merge table Parsed (Id:long, Number:long)

.create-merge table Last (Id:long)

.alter table Parsed policy update ```[{"Source":"Streamed","Query":"Streamed | parse Text with 'event ' Number:long ' of' * | project Id, Number","IsTransactional":true},{"Source":"Queued","Query":"Queued | parse Text with 'event ' Number:long ' of' * | project Id, Number","IsTransactional":true}]```

.alter table Last policy update '[{"Source":"Parsed","Query":"Parsed | where Id == Number | project Id","IsTransactional":true}]'
"""

AGREEMENT = """print toscalar(Streamed | count) + toscalar(Queued | count), toscalar(Parsed | count), toscalar(Last | count),
    toscalar(Streamed | summarize sum(Id)) + toscalar(Queued | summarize sum(Id)), toscalar(Parsed | summarize sum(Id)), toscalar(Last | summarize sum(Id))"""


def check_agreement(bridge, disagreements):
    """One query reads one state of the database, so the numbers belong together."""
    rows, parsed, last, ids, parsed_ids, last_ids = (value or 0 for value in bridge.rows(AGREEMENT)[0])
    if not (rows == parsed == last and ids == parsed_ids == last_ids):
        disagreements.append((rows, parsed, last, ids, parsed_ids, last_ids))


def event(number):
    return json.dumps({"id": number, "text": f"event {number} of a run that is killed again and again"})


class KafkaFlow:
    def __init__(self, build, folder, broker=None, name="events"):
        self.owned = None if broker else Kafka(folder / "kafka", build)
        self.kafka = broker or self.owned
        self.topic = name
        self.kafka.create_topic(name, 4)
        # A static member takes its partitions back at once; otherwise the broker holds them for a dead member for 45 s and most kills
        # would meet a bridge that waits.
        self.connections = kafka_connection(self.kafka.bootstrap, [name], "Streamed", name=name, source=f'group_instance_id = "{name}"')
        self.streamed = self.kafka.producer(name)
        self.queued = self.kafka.producer(name, "-H", "Table=Queued")

    def send(self, streamed, queued):
        for process, numbers in ((self.streamed, streamed), (self.queued, queued)):
            process.stdin.write("".join(event(n) + "\n" for n in numbers))
            process.stdin.flush()

    def finish(self):
        for process in (self.streamed, self.queued):
            process.stdin.close()
            if process.wait(60):
                raise RuntimeError("a producer failed")

    def stop(self):
        if self.owned:
            self.owned.stop()


class MqttFlow:
    def __init__(self, build, folder, broker=None, name="mqtt"):
        self.owned = None if broker else Mosquitto(folder / "mosquitto")
        self.broker = broker or self.owned
        self.connections = mqtt_connection(self.broker.url, "Streamed", name=name)
        self.streamed = self.queued = None

    def send(self, streamed, queued):
        if self.streamed is None:  # the session exists by now, so the broker keeps what is published while we are down
            self.streamed = self.broker.publisher("devices/a/messages/events/")
            self.queued = self.broker.publisher("devices/b/messages/events/Table=Queued")
        for process, numbers in ((self.streamed, streamed), (self.queued, queued)):
            process.stdin.write("".join(event(n) + "\n" for n in numbers))
            process.stdin.flush()

    def finish(self):
        for process in (self.streamed, self.queued):
            process.stdin.close()
            if process.wait(120):
                raise RuntimeError("a publisher failed")

    def stop(self):
        if self.owned:
            self.owned.stop()


class FileFlow:
    def __init__(self, build, folder, broker=None, name="folder"):
        self.root = folder / "in"
        for table in ("Streamed", "Queued"):
            (self.root / table).mkdir(parents=True)
        self.connections = folder_connection(self.root, "", name=name, source='path_template = "{table}/{*}"')
        self.files = 0

    def send(self, streamed, queued):
        for table, numbers in (("Streamed", streamed), ("Queued", queued)):
            if numbers:
                self.files += 1
                temporary = self.root / table / f".part-{self.files}"
                temporary.write_text("".join(f"{n},event {n} of a run that is killed again and again\n" for n in numbers))
                temporary.rename(self.root / table / f"part-{self.files:06}.csv")

    def finish(self):
        pass

    def stop(self):
        pass


FLOWS = {"kafka": KafkaFlow, "mqtt": MqttFlow, "file": FileFlow}


def produce(flow, events, rate, failure):
    try:
        step = 200
        begun = time.monotonic()
        for first in range(0, events, step):
            numbers = range(first, min(first + step, events))
            flow.send([n for n in numbers if n % 2 == 0], [n for n in numbers if n % 2])
            pause = begun + (first + step) / rate - time.monotonic()
            if pause > 0:
                time.sleep(pause)
        flow.finish()
    except Exception as error:  # reported by the main thread
        failure.append(error)


def check(bridge, source, events):
    half = {"Streamed": (events + 1) // 2, "Queued": events // 2}
    twice = lost = 0
    for table, expected in half.items():
        # A busy machine is no loss: waits as long as more of them come.
        seen, still, end = -1, time.monotonic() + 120, time.monotonic() + 900
        while seen < expected and time.monotonic() < min(still, end):
            now = bridge.rows(f"{table} | summarize by Id | count")[0][0]
            if now > seen:
                seen, still = now, time.monotonic() + 120
            time.sleep(0.5)
        distinct, total, low, high = bridge.rows(f"{table} | summarize n=count() by Id | summarize count(), sum(n), min(Id), max(Id)")[0]
        print(f"{source}: {table}: expected {expected} distinct {distinct} rows {total} ids {low}..{high}")
        if distinct < expected:  # where they are: in memory, staged until their batch is due, or nowhere
            print(f"{source}: {table}: {bridge.rows(f'.show table {table} details')} {bridge.status()}")
        lost += expected - distinct
        twice += total - distinct
    return lost, twice


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=Path)
    parser.add_argument("source", choices=sorted(FLOWS))
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--policies", action="store_true")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"{options.source}: seed {seed}", flush=True)
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="sluice-kill.") as name:
        folder = Path(name)
        flow = FLOWS[options.source](options.build.resolve(), folder)
        try:
            bridge = Bridge(options.build.resolve(), folder / "bridge", flow.connections, SETUP + (POLICIES if options.policies else ""))
            bridge.wait_for_sources()
            failure = []
            # The flow lasts about as long as the kills do: a second and a bit for each.
            producer = threading.Thread(target=produce, args=(flow, options.events, options.events / (options.kills * 1.4), failure))
            producer.start()
            kills = 0
            disagreements = []
            while kills < options.kills:
                time.sleep(chance.uniform(0.05, 1.5))
                bridge.kill()
                kills += 1
                bridge.start()
                if options.policies:
                    check_agreement(bridge, disagreements)
            producer.join()
            if failure:
                raise failure[0]
            lost, twice = check(bridge, options.source, options.events)
            dead = bridge.rows(".show dead letters | count")[0][0]
            if options.policies:
                check_agreement(bridge, disagreements)
                print(f"{options.source}: Last has {bridge.rows('Last | count')[0][0]} rows, disagreements {disagreements}")
            code = bridge.stop()
        finally:
            flow.stop()
    print(f"{options.source}: events {options.events} kills {kills} lost {lost} twice {twice} dead letters {dead} exit {code}", flush=True)
    # What was on its way unacknowledged at a kill comes again: at most receive_maximum, 100, for each.
    allowed = 0 if options.source != "mqtt" else kills * 100
    sys.exit(0 if lost == 0 and twice <= allowed and dead == 0 and code == 0 and not disagreements else 1)


if __name__ == "__main__":
    main()
