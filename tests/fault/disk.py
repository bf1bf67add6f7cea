#!/usr/bin/env python3
"""D1: the disk is full. D2: fdatasync fails.

    disk.py BUILD [unittest arguments]

D1 mounts small file systems in memory, which needs root; D2 lets strace fail the n-th sync. Without these the tests
are skipped."""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from bridge import Bridge, Mosquitto, folder_connection, mqtt_connection, wait_for
from kill import event

SETUP = """
.create-merge table T (Id:long, Text:string)

.create-or-alter table T ingestion json mapping "Row" '[{"Column":"Id","Properties":{"Path":"$.id"}},
{"Column":"Text","Properties":{"Path":"$.text"}}]'

.alter table T policy streamingingestion enable
"""


class SmallDisk:
    """A file system in memory that can be filled to the last page."""

    def __init__(self, folder, size):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], check=True)

    def free(self):
        facts = os.statvfs(self.folder)
        return facts.f_bavail * facts.f_frsize

    def fill(self, leave=0):
        with open(self.folder / "ballast", "ab") as ballast:
            os.posix_fallocate(ballast.fileno(), 0, ballast.tell() + self.free() - leave)

    def empty(self):
        (self.folder / "ballast").unlink()

    def unmount(self):
        subprocess.run(["umount", "-l", self.folder], check=True)


class Disk(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="sluice-disk.")
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        self.seed = random.SystemRandom().randrange(1 << 32)
        print(f"{self.id()}: seed {self.seed}", flush=True)
        self.chance = random.Random(self.seed)

    def disk(self, folder, size):
        if os.geteuid() != 0:
            self.skipTest("mounting a small file system needs root")
        try:
            disk = SmallDisk(folder, size)
        except subprocess.CalledProcessError:
            self.skipTest("this container may not mount")
        self.addCleanup(disk.unmount)
        return disk

    def bridge_with(self, connections, **options):
        bridge = Bridge(
            build,
            self.folder / "bridge",
            connections,
            SETUP,
            streaming='enabled = true\nrowstore.max_bytes = "1GiB"',
            **options,
        )
        self.addCleanup(lambda: bridge.process.poll() is None and bridge.kill())
        return bridge

    def put(self, number, rows=50):
        """A file with the next rows."""
        root = self.folder / "in"
        (root / ".part").write_text(
            "".join(f"{number * rows + i},row {number * rows + i} of a file\n" for i in range(rows))
        )
        (root / ".part").rename(root / f"{number:06}.csv")

    def counted(self, bridge):
        return tuple(
            value or 0 for value in bridge.rows("T | summarize n=count() by Id | summarize count(), sum(n)")[0]
        )

    def request(self, bridge, number):
        """Status of a request of ten rows; nothing when there was no answer."""
        try:
            return bridge.post(
                "/v1/rest/ingest/Test/T?streamFormat=csv",
                "".join(f"{number * 10 + i},row of request {number}\n" for i in range(10)),
            )[0]
        except OSError:
            return None

    def test_D1_the_disk_of_the_store_is_full(self):
        disk = self.disk(self.folder / "bridge", "96m")
        (self.folder / "in").mkdir()
        bridge = self.bridge_with(folder_connection(self.folder / "in", "T", format="csv"))
        bridge.wait_for_sources()
        for number in range(10):
            self.put(number)
        wait_for("the first files", lambda: self.counted(bridge) == (500, 500), 20)
        disk.fill()
        refused = 0
        for number in range(1000, 1200):  # until what the write-ahead log has allocated is used up
            status = self.request(bridge, number)
            if status != 200:
                refused += 1
                break
        self.assertEqual(refused, 1)
        self.assertIsNone(bridge.process.poll(), bridge.log_tail())
        acknowledged = number - 1000
        for number in range(10, 30):
            self.put(number)
        time.sleep(4)
        self.assertIsNone(bridge.process.poll(), bridge.log_tail())
        # What was there can be asked meanwhile.
        self.assertGreaterEqual(self.counted(bridge)[0], 500 + 10 * acknowledged)
        disk.empty()
        expected = 1500 + 10 * acknowledged
        wait_for("all rows after there is room again", lambda: self.counted(bridge)[0] >= expected, 60, 0.3)
        self.assertEqual(self.request(bridge, 2000), 200)
        self.assertEqual(self.counted(bridge), (expected + 10,) * 2)
        self.assertEqual(bridge.stop(), 0)
        bridge.start()
        self.assertEqual(self.counted(bridge), (expected + 10,) * 2)

    def test_D1_starting_on_a_full_disk_says_so_and_works_later(self):
        disk = self.disk(self.folder / "bridge", "96m")
        bridge = self.bridge_with("")
        acknowledged = [number for number in range(50) if self.request(bridge, number) == 200]
        bridge.kill()
        disk.fill()
        bridge.launch()
        wait_for("an end or readiness", lambda: bridge.process.poll() is not None or bridge.is_ready(), 30)
        if bridge.process.poll() is not None:
            self.assertEqual(bridge.process.returncode, 1, bridge.log_tail())
            self.assertNotIn("is damaged", bridge.log_tail())
        else:
            bridge.kill()
        disk.empty()
        bridge.start()
        self.assertEqual(self.counted(bridge), (10 * len(acknowledged),) * 2)

    def test_D1_the_disk_of_the_spool_is_full(self):
        (self.folder / "bridge").mkdir()
        disk = self.disk(self.folder / "bridge/data/state", "16m")
        broker = Mosquitto(self.folder / "mosquitto")
        self.addCleanup(broker.stop)
        bridge = self.bridge_with(mqtt_connection(broker.url, "T"))
        bridge.wait_for_sources()
        broker.publish("devices/a/messages/events/", [event(n) for n in range(100)])
        wait_for("the first events", lambda: self.counted(bridge)[0] == 100, 20)
        disk.fill()
        publisher = broker.publisher("devices/a/messages/events/")
        publisher.stdin.write("".join(event(n) + "\n" for n in range(100, 3000)))
        publisher.stdin.flush()
        time.sleep(4)
        self.assertIsNone(bridge.process.poll(), bridge.log_tail())
        self.assertEqual(self.request(bridge, 1000), 200)  # the store has room and is not concerned
        disk.empty()
        publisher.stdin.close()
        self.assertEqual(publisher.wait(60), 0)
        wait_for(
            "all events", lambda: bridge.rows("T | where Id < 10000 | summarize by Id | count")[0][0] == 3000, 60, 0.3
        )
        # The broker repeats what the spool could not take: those on their way, for each time it connected again.
        extra = bridge.count("T") - 3010
        self.assertGreaterEqual(extra, 0)
        self.assertLess(extra, 1000)
        self.assertEqual(bridge.stop(), 0)

    def fail_sync(self, bridge, when, files):
        """Starts the bridge so that the n-th sync of these files fails (none given: of any file)."""
        if not shutil.which("strace"):
            self.skipTest("strace lets syncs fail; install it")
        bridge.launch(
            before=[
                "strace",
                "-D",
                "-f",
                "-qq",
                "-y",
                "-o",
                self.folder / "strace",
                *(f"-P{file}" for file in files),
                "-e",
                "trace=fsync,fdatasync",
                "-e",
                f"inject=fsync,fdatasync:error=EIO:when={when}",
            ]
        )
        wait_for("readiness", lambda: bridge.process.poll() is not None or bridge.is_ready(), 60)

    def injected(self):
        trace = self.folder / "strace"
        return trace.exists() and "INJECTED" in trace.read_text()

    def feed(self, bridge, seconds, until):
        """Files and requests until the process ended, or for so long after `until` holds."""
        deadline, held = time.monotonic() + 60, None
        while bridge.process.poll() is None and time.monotonic() < deadline:
            self.put(self.files)
            self.files += 1
            number = 1_000_000 + self.requests
            self.requests += 1
            (self.acknowledged if self.request(bridge, number) == 200 else self.unanswered).add(number)
            held = held or (time.monotonic() if until() else None)
            if held and time.monotonic() > held + seconds:
                return

    def test_D2_a_failed_sync_ends_the_process_or_the_source_and_loses_nothing(self):
        (self.folder / "in").mkdir()
        bridge = self.bridge_with(folder_connection(self.folder / "in", "T", format="csv"))
        bridge.stop()
        self.files = self.requests = 0
        self.acknowledged, self.unanswered = set(), set()
        data = self.folder / "bridge/data"
        for when in sorted(self.chance.sample(range(1, 40), 4)):
            # Of the write-ahead log: nothing after it can be trusted, so the process ends and the next start replays.
            self.fail_sync(bridge, when, [data / "Test.duckdb.wal"])
            self.feed(bridge, 5, self.injected)
            self.assertTrue(self.injected(), f"the log was not synced {when} times")
            self.assertEqual(bridge.process.poll(), 1, bridge.log_tail())
        for when in sorted(self.chance.sample(range(1, 30), 3)):
            # Of whatever comes: the store's files end the process, a source's files that source, which starts again.
            self.fail_sync(bridge, when, [])
            self.feed(bridge, 3, self.injected)
            self.assertTrue(self.injected(), f"nothing was synced {when} times")
            if bridge.process.poll() is None:
                self.assertEqual(bridge.stop(), 0)
            self.assertIn(bridge.process.returncode, (0, 1), bridge.log_tail())
        bridge.start()
        wait_for(
            "all files",
            lambda: bridge.rows("T | where Id < 10000000 | summarize by Id | count")[0][0] == self.files * 50,
            60,
            0.3,
        )
        requests = {row[0]: row[1] for row in bridge.rows("T | where Id >= 10000000 | summarize count() by Id / 10")}
        self.assertEqual(bridge.rows("T | summarize n=count() by Id | where n > 1 | count"), [[0]])
        self.assertEqual({n: requests.get(n) for n in self.acknowledged if requests.get(n) != 10}, {})
        self.assertEqual(
            {n: c for n, c in requests.items() if c != 10 or n not in self.acknowledged | self.unanswered}, {}
        )
        print(
            f"D2: 7 failed syncs, {self.files} files, {len(self.acknowledged)} requests acknowledged,"
            f" {len(self.unanswered)} not",
            flush=True,
        )
        self.assertEqual(bridge.stop(), 0)


if __name__ == "__main__":
    build = Path(sys.argv.pop(1)).resolve()
    unittest.main(verbosity=1)
