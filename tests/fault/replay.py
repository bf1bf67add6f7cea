#!/usr/bin/env python3
"""C3 and C4: starting again with a long write-ahead log.

    replay.py BUILD C3|C4 [--megabytes N] [--kills 10] [--seed N]

C3  the process is killed ten times while it replays the log; then it starts, with every row, in about the time of one
    replay
C4  the log is longer than the memory that the configuration allows; the start stays within it
"""

import argparse
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from bridge import Bridge

SETUP = """
.create-merge table T (Id:long, Device:string, Text:string)

.alter table T policy streamingingestion enable

.alter table T policy merge '{"AllowMerge":false,"AllowRebuild":false}'
"""
MEMORY_LIMIT = 512  # MiB


def fill(bridge, wal, megabytes, chance):
    """Streams rows until the log is so long; answers how many."""
    rows, connection = 0, bridge.connect()
    words = [f"{chance.getrandbits(256):064x}" for _ in range(5000)]
    while wal.stat().st_size < megabytes * 2**20:
        body = "".join(f"{n},device-{n % 977},{chance.choice(words)}{n:016x}\n" for n in range(rows, rows + 20_000))
        status, answer = bridge.post("/v1/rest/ingest/Test/T?streamFormat=csv", body, connection=connection)
        if status != 200:
            raise RuntimeError(answer)
        rows += 20_000
    return rows


def timed_start(bridge):
    begun = time.monotonic()
    bridge.start()
    return time.monotonic() - begun


def complete(bridge, rows):
    return bridge.rows("T | summarize count(), sum(Id)") == [[rows, rows * (rows - 1) // 2]]


def kill_while_replaying(bridge, kills, replay, chance):
    """How many of the kills met a process that was not ready yet."""
    met = 0
    for _ in range(kills):
        bridge.launch()
        time.sleep(chance.uniform(0.1, 0.9) * replay)
        met += not bridge.is_ready()
        if bridge.process.poll() is not None:
            raise RuntimeError(f"sluice ended by itself with {bridge.process.returncode}:\n{bridge.log_tail()}")
        bridge.kill()
    return met


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("id", choices=("C3", "C4"))
    parser.add_argument("--megabytes", type=int, default=None, help="length of the log; C3: 100, C4: 2048")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"{options.id}: seed {seed}", flush=True)
    chance = random.Random(seed)
    megabytes = options.megabytes or {"C3": 100, "C4": 2048}[options.id]
    budget = {"C3": "512MiB", "C4": "192MiB"}[options.id]
    with tempfile.TemporaryDirectory(prefix="sluice-replay.") as name:
        bridge = Bridge(
            options.build.resolve(),
            Path(name) / "bridge",
            f'[store]\ncheckpoint_bytes = "1TiB"\n[memory]\nbudget = "{budget}"\n',
            SETUP,
            streaming='enabled = true\nrowstore.max_bytes = "64GiB"',
        )
        wal = bridge.folder / "data/Test.duckdb.wal"
        try:
            rows = fill(bridge, wal, megabytes, chance)
            bridge.kill()
            length = wal.stat().st_size
            replay = timed_start(bridge)
            memory, good = bridge.memory_mib("VmHWM"), complete(bridge, rows)
            print(
                f"{options.id}: {rows} rows, log of {length / 2**20:.0f} MiB, replay {replay:.2f} s, peak {memory:.0f}"
                f" MiB (limit {MEMORY_LIMIT})",
                flush=True,
            )
            good = good and memory <= MEMORY_LIMIT
            if options.id == "C3":
                bridge.kill()
                met = kill_while_replaying(bridge, options.kills, replay, chance)
                again = timed_start(bridge)
                # After starts that never ended the file is opened in a child first, so the log is read twice.
                good = good and complete(bridge, rows) and met >= options.kills // 2 and again <= 2 * replay + 5
                print(
                    f"C3: {met} of {options.kills} kills within the replay; then ready after {again:.2f} s", flush=True
                )
                bridge.kill()
                once = timed_start(bridge)
                good = good and complete(bridge, rows) and once <= replay + 5
                print(f"C3: next start {once:.2f} s", flush=True)
            code = bridge.stop()
        finally:
            if bridge.process.poll() is None:
                bridge.process.send_signal(signal.SIGKILL)
    print(f"{options.id}: rows complete and limits kept {good}, exit {code}")
    sys.exit(0 if good and code == 0 else 1)


if __name__ == "__main__":
    main()
