"""The benchmarks J1, J2 and J3 (specification: benchmarks). Each adds the samples of one run to Figures."""
import json
import os
import subprocess
import sys
import time

from measure import MeasuredBridge, child_cpu, disk_bytes
from bridge import folder_connection, kafka_connection, run

COLUMNS = ("ts:datetime, deviceId:string, site:string, seq:long, temperature:real, humidity:int, status:string, "
           "trace:string, note:string")
MAPPING = json.dumps([{"Column": name, "Properties": {"Path": f"$.{name}"}}
                      for name in (column.split(":")[0].strip() for column in COLUMNS.split(","))])


def table_setup(name, policy, columns=COLUMNS, mapping=MAPPING):
    return (f".create-merge table {name} ({columns})\n\n"
            f".create-or-alter table {name} ingestion json mapping \"Row\" '{mapping}'\n\n.alter table {name} policy {policy}\n\n")


class J1:
    """Kafka to queryable, beside a bare librdkafka consumer. Both clocks start with the first record, so joining the group is in neither."""
    TOPIC = "j1"

    def __init__(self, options, work, broker):
        self.options, self.work, self.broker = options, work, broker
        broker.create_topic(self.TOPIC, 4)
        run(options.build / "bench/bench_kafka", "preload", broker.bootstrap, self.TOPIC, options.rows)
        self.drain("tuned")  # warms the page cache and the broker for both sides

    def drain(self, settings):
        return float(run(self.options.build / "bench/bench_kafka", "drain", self.broker.bootstrap, self.TOPIC, self.options.rows, settings))

    def ingest(self, number, figures):
        folder = self.work / f"j1-{number}"
        broker_cpu = self.broker.cpu_seconds()
        bridge = MeasuredBridge(self.options.build, folder, kafka_connection(self.broker.bootstrap, [self.TOPIC], "T", name=self.TOPIC),
                                table_setup("T", "streamingingestion enable"))
        try:
            first = bridge.first_event_at(self.TOPIC)
            seconds = bridge.wait_for_rows("T", self.options.rows) - first
            figures.add(j1_seconds=seconds, j1_rows_per_s=self.options.rows / seconds, j1_cpu_s=bridge.cpu_seconds(),
                        j1_broker_cpu_s=self.broker.cpu_seconds() - broker_cpu, j1_join_s=first - bridge.unready_at,
                        j1_rss_peak_mib=bridge.memory_mib("VmHWM"), j1_disk_mib=disk_bytes(folder / "data") / 2**20)
        finally:
            bridge.stop()
        return seconds

    def run(self, number, figures):
        steps = [lambda: ("tuned", self.drain("tuned")), lambda: ("sluice", self.ingest(number, figures)), lambda: ("default", self.drain("default"))]
        seconds = dict(step() for step in (steps if number % 2 == 0 else reversed(steps)))
        for settings in ("tuned", "default"):
            figures.add(**{f"j1_{settings}_rows_per_s": self.options.rows / seconds[settings], f"j1_{settings}_ratio": seconds[settings] / seconds["sluice"]})


class Kill(J1):
    """J1 with a SIGKILL when half of the rows are visible: nothing may be missing or there twice afterwards."""
    TOPIC = "kill"

    def run(self, number, figures):
        bridge = MeasuredBridge(self.options.build, self.work / f"kill-{number}",
                                kafka_connection(self.broker.bootstrap, [self.TOPIC], "T", name=self.TOPIC),
                                table_setup("T", "streamingingestion enable"))
        try:
            connection, deadline = bridge.connect(), time.monotonic() + 600
            while (seen := bridge.count("T", connection)) < self.options.rows / 2 and time.monotonic() < deadline:
                time.sleep(0.02)
            bridge.kill()
            bridge.start()
            bridge.wait_for_rows("T", self.options.rows)
            figures.add(kill_at=seen, kill_rows=self.options.rows)
        finally:
            bridge.stop()


class Idle:
    """Memory of a bridge that has a table and a connection, and nothing to do."""

    def __init__(self, options, work):
        self.options, self.work = options, work

    def run(self, number, figures):
        folder = self.work / f"idle-{number}"
        (folder / "watched").mkdir(parents=True)
        bridge = MeasuredBridge(self.options.build, folder, folder_connection(folder / "watched", "T", format="csv"),
                                table_setup("T", "streamingingestion enable"))
        try:
            time.sleep(2)
            figures.add(idle_rss_mib=bridge.memory_mib())
        finally:
            bridge.stop()


class J2:
    """A folder of files, beside DuckDB's own readers into a bare table of a new file. Both clocks stop when a query has seen every row."""

    def __init__(self, options, work, kind):
        self.options, self.work, self.kind = options, work, kind
        self.rows, self.files = options.rows, 40 if kind == "csv" else 100
        self.folder = work / f"in-{kind}"
        self.folder.mkdir()
        text = subprocess.Popen([options.build / "bench/bench_generate", kind, str(self.rows)], stdout=subprocess.PIPE)
        run("split", "-n", f"r/{self.files}", "-d", "-a", "4", f"--additional-suffix=.{kind}", "-", self.folder / "part-", stdin=text.stdout)
        if text.wait() != 0:
            sys.exit("bench_generate failed")
        if kind == "json":
            run("bash", "-c", f"gzip -1 '{self.folder}'/*.json")
        self.pattern = str(self.folder / ("*.csv" if kind == "csv" else "*.json.gz"))
        self.reference(0, "default")  # warms the page cache

    def reference(self, number, settings):
        """Seconds until durable and counted, seconds until checkpointed as well, bytes on disk."""
        file = self.work / f"reference-{self.kind}-{number}-{settings}.duckdb"
        before = child_cpu()
        answer = run(self.options.build / "bench/bench_duckdb", self.kind, self.pattern, file, settings).split()
        file.unlink()
        return float(answer[0]), float(answer[1]), float(answer[3]) / 2**20, child_cpu() - before

    def ingest(self, number, figures):
        watched, folder = self.work / f"watched-{self.kind}", self.work / f"j2-{self.kind}-{number}"
        watched.mkdir()
        # The batch is sealed, and so becomes visible, with the last of its files: how long a batch waits for more is the policy's doing.
        policy = f"ingestionbatching '{{\"MaximumBatchingTimeSpan\":\"00:05:00\",\"MaximumNumberOfItems\":{self.files}}}'"
        connection = folder_connection(watched, "T", format=self.kind, mapping="Row" if self.kind == "json" else "")
        bridge = MeasuredBridge(self.options.build, folder, connection, table_setup("T", policy))
        try:
            bridge.wait_for_sources()  # what lies there before the first look at the folder is not new
            cpu, begun = bridge.cpu_seconds(), time.monotonic()
            for file in sorted(self.folder.iterdir()):
                os.rename(file, watched / file.name)
            seconds = bridge.wait_for_rows("T", self.rows) - begun
            figures.add(**{f"j2_{self.kind}_seconds": seconds, f"j2_{self.kind}_rows_per_s": self.rows / seconds,
                           f"j2_{self.kind}_cpu_s": bridge.cpu_seconds() - cpu, f"j2_{self.kind}_rss_peak_mib": bridge.memory_mib("VmHWM"),
                           f"j2_{self.kind}_disk_mib": disk_bytes(folder / "data") / 2**20})
        finally:
            bridge.stop()
            for file in watched.iterdir():
                os.rename(file, self.folder / file.name)
            watched.rmdir()
        return seconds

    def run(self, number, figures):
        steps = [lambda: ("default", self.reference(number, "default")), lambda: ("sluice", self.ingest(number, figures)),
                 lambda: ("tuned", self.reference(number, "tuned"))]
        taken = dict(step() for step in (steps if number % 2 == 0 else reversed(steps)))
        for settings in ("default", "tuned"):
            counted, checkpointed, disk, cpu = taken[settings]
            figures.add(**{f"j2_{self.kind}_{settings}_rows_per_s": self.rows / counted, f"j2_{self.kind}_{settings}_cpu_s": cpu,
                           f"j2_{self.kind}_{settings}_ratio": counted / taken["sluice"], f"j2_{self.kind}_{settings}_disk_mib": disk,
                           f"j2_{self.kind}_{settings}_checkpointed_ratio": checkpointed / taken["sluice"]})


class J3:
    """Produce to queryable, open loop, beside a bare consumer of the same events. What happens during the warm-up is not counted."""

    def __init__(self, options, work, broker):
        self.options, self.work, self.broker = options, work, broker

    def run(self, number, figures):
        options, topic, bootstrap = self.options, f"j3-{number}", self.broker.bootstrap
        tool, rate, seconds = options.build / "bench/bench_kafka", options.rate, options.warmup + options.seconds
        self.broker.create_topic(topic, 4)
        setup = table_setup("T", "streamingingestion enable", COLUMNS + ", due_ns:long",
                            MAPPING[:-1] + ', {"Column": "due_ns", "Properties": {"Path": "$.due_ns"}}]')
        bridge = MeasuredBridge(options.build, self.work / topic, kafka_connection(bootstrap, [topic], "T", name=topic), setup)
        watcher = subprocess.Popen([tool, "watch", bootstrap, topic, str(rate * seconds), str(rate * options.warmup)], stdout=subprocess.PIPE, text=True)
        try:
            # Joining the group and opening the table is not what is measured; neither reader counts these ten.
            run(tool, "wake", bootstrap, topic, "10")
            bridge.wait_for_rows("T", 10, 60)
            producer = subprocess.Popen([tool, "pace", bootstrap, topic, str(rate), str(seconds)], stdout=subprocess.DEVNULL)
            seen = self.watch(bridge, rate * seconds, seconds + 30)
            producer.wait()
            latencies = sorted(latency for latency, _ in seen[rate * options.warmup:])
            pick = lambda q: latencies[min(len(latencies) - 1, int(len(latencies) * q))]
            bare = [float(field) for field in watcher.communicate(timeout=60)[0].split()]
            figures.add(j3_events=len(latencies), j3_p50_ms=pick(0.5), j3_p99_ms=pick(0.99), j3_p999_ms=pick(0.999), j3_max_ms=latencies[-1],
                        j3_bare_p50_ms=bare[0], j3_bare_p99_ms=bare[1], j3_bare_p999_ms=bare[2], j3_bare_max_ms=bare[3],
                        j3_poll_gap_ms=self.poll_gap, j3_rss_mib=bridge.memory_mib(), j3_cpu_s=bridge.cpu_seconds())
            if options.stalls:
                self.print_stalls(seen, options.stalls)
        finally:
            if watcher.poll() is None:
                watcher.kill()
            bridge.stop()

    def watch(self, bridge, events, limit):
        """Latency in ms, and the time of the poll that saw it, for each event in the order of the schedule."""
        seen, connection, first_due, polls = [], bridge.connect(), None, 0
        begun = time.monotonic()
        step = 1_000_000_000 // self.options.rate
        while len(seen) < events:
            if time.monotonic() - begun > limit:
                sys.exit(f"j3: {len(seen)} of {events} events seen")
            count, due = bridge.rows("T | where due_ns > 0 | summarize n=count(), due=min(due_ns)", connection)[0]
            now, polls = time.time_ns(), polls + 1
            if count:
                first_due = first_due or due
                # Events are due at fixed steps; with four partitions the n-th visible row is due no later than the n-th step.
                seen += [((now - (first_due + n * step)) / 1e6, now) for n in range(len(seen), count)]
            time.sleep(0.005)
        self.poll_gap = (time.monotonic() - begun) * 1000 / polls
        return seen

    @staticmethod
    def print_stalls(seen, above_ms):
        begun, until = seen[0][1], 0
        for latency, at in seen:
            if latency > above_ms and at > until:
                print(f"stall: seen {(at - begun) / 1e9:8.3f} s after the first event, {latency:.0f} ms late (epoch {at / 1e9:.3f})", file=sys.stderr)
                until = at
