"""What the benchmarks share: samples of several runs, resources of processes, and the sluice that is measured."""
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/support"))
from bridge import Bridge, Kafka

PIPELINE_CORE, BROKER_CORE = 0, 1


class Figures:
    """Samples by name, one for each run; none is discarded."""

    def __init__(self):
        self.samples = {}

    def add(self, **values):
        for name, value in values.items():
            self.samples.setdefault(name, []).append(value)

    def __contains__(self, name):
        return name in self.samples

    def median(self, name):
        return statistics.median(self.samples[name])

    def spread(self, name, form=".2f", scale=1):
        """Median and the lowest and highest run."""
        values = [value / scale for value in self.samples[name]]
        text = format(statistics.median(values), form)
        return text if len(values) == 1 else f"{text} ({format(min(values), form)} to {format(max(values), form)})"


def cpu_seconds(pid):
    """User and system time of a process with all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def child_cpu():
    times = os.times()
    return times.children_user + times.children_system


def disk_bytes(folder):
    return sum(entry.stat().st_size for entry in Path(folder).rglob("*") if entry.is_file())


def run_on(core, start):
    """What `start` returns; processes that it starts stay on `core` (None: on all)."""
    if core is None:
        return start()
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        return start()
    finally:
        os.sched_setaffinity(0, before)


class Broker(Kafka):
    """A broker whose CPU time is counted apart."""

    def cpu_seconds(self):
        return cpu_seconds(int((self.folder / "pid").read_text()))


class MeasuredBridge(Bridge):
    """Remembers when it was last seen not ready, so that work begun before the first answer is not missed."""
    unready_at = 0.0

    def is_ready(self):
        asked = time.monotonic()
        ready = super().is_ready()
        if not ready:
            self.unready_at = asked
        return ready

    def first_event_at(self, connection, limit=60):
        """When the connection had taken nothing for the last time; polled every 5 ms."""
        last_without, deadline = self.unready_at, time.monotonic() + limit
        while time.monotonic() < deadline:
            asked = time.monotonic()
            if self.connection_status(connection)["events_received"] > 0:
                return last_without
            last_without = asked
            time.sleep(0.005)
        raise TimeoutError(f"connection '{connection}' took nothing within {limit} s")

    def wait_for_rows(self, table, rows, limit=600):
        """When a query saw all rows, polled every 20 ms. Then checks that none is missing or there twice."""
        connection, deadline = self.connect(), time.monotonic() + limit
        while (seen := self.count(table, connection)) != rows:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{seen} of {rows} rows were visible within {limit} s")
            time.sleep(0.02)
        done = time.monotonic()
        distinct = self.rows(f"{table} | summarize by seq | count", connection)[0][0]
        if distinct != rows:
            sys.exit(f"{distinct} distinct seq in {rows} rows")
        return done


def environment():
    """What a reader has to know about the machine."""
    load = os.getloadavg()
    model = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "unknown")
    commit = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    return f"{os.cpu_count()} cores, {model}; load before the run {load[0]:.2f}; sluice {commit or 'unknown'}"
