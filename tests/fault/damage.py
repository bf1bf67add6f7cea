#!/usr/bin/env python3
"""C5: a database file or its write-ahead log is damaged while sluice is down: bits flip, ends are cut off, garbage
is appended.

    damage.py BUILD [--cases 20] [--seed N]

Kafka and a watched folder filled the database before, half of it checkpointed, half of it in the log. Each case may
end in three ways: the start goes well and every event is there; the start is refused with exit code 1 and a text that
names the file and the ways out, and with store.on_damage = "rebuild" the file is set aside and every event comes
again from its source; or the damage lies in rows only, and a query over them fails and says so. What may never
happen: a crash by a signal, or fewer rows without a word."""

import argparse
import random
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from bridge import Bridge, Kafka, folder_connection, kafka_connection, wait_for
from kill import event

SETUP = """
.create-merge table T (Id:long, Text:string)

.create-merge table F (Id:long, Text:string)

.create-or-alter table T ingestion json mapping "Row" '[{"Column":"Id","Properties":{"Path":"$.id"}},
{"Column":"Text","Properties":{"Path":"$.text"}}]'

.alter database Test policy streamingingestion enable
"""
HALF = 10_000
FILES, FILE_ROWS = 10, 500


def flip(file, at):
    content = bytearray(file.read_bytes())
    content[at] ^= 0x10
    file.write_bytes(content)  # the same file, so that it is damage and no other file


def cut(file, at):
    with open(file, "r+b") as opened:
        opened.truncate(at)


def append(file, garbage):
    with open(file, "ab") as opened:
        opened.write(garbage)


def cases(chance, files, number):
    """(what it is, function that does it): each way for both files, then random ones."""
    for file in files:
        size, name = file.stat().st_size, file.suffix[1:]
        yield f"{name} emptied", lambda f=file: cut(f, 0)
        yield f"{name} without its end", lambda f=file, s=size: cut(f, s - 7)
        yield f"{name} with garbage behind it", lambda f=file: append(f, chance.randbytes(5000))
        yield f"{name} with another head", lambda f=file: flip(f, 10)
    for _ in range(number):
        file = chance.choice(files)
        size = file.stat().st_size
        at = chance.randrange(size)
        if chance.random() < 0.3:
            at = at // 4096 * 4096
            yield f"{file.suffix[1:]} cut at {at} of {size}", lambda f=file, a=at: cut(f, a)
        else:
            yield f"{file.suffix[1:]} flipped at {at} of {size}", lambda f=file, a=at: flip(f, a)


class Damaged:
    def __init__(self, build, folder):
        self.folder, self.kafka = folder, Kafka(folder / "kafka", build)
        self.kafka.create_topic("events", 4)
        (folder / "in").mkdir()
        connections = kafka_connection(
            self.kafka.bootstrap, ["events"], "T", start=None, source='group_instance_id = "damaged"'
        ) + folder_connection(folder / "in", "F", format="csv")
        self.bridge = Bridge(build, folder / "bridge", '[store]\non_damage = "stop"\n' + connections, SETUP)
        self.data = folder / "bridge/data"
        self.bridge.wait_for_sources()
        self.feed(0)
        self.bridge.stop()
        self.bridge.start()
        self.feed(1)
        self.bridge.kill()
        shutil.copytree(self.data, folder / "intact")
        self.files = [self.data / "Test.duckdb", self.data / "Test.duckdb.wal"]

    def feed(self, half):
        self.kafka.produce("events", [event(n) for n in range(half * HALF, (half + 1) * HALF)])
        for n in range(half * FILES // 2, (half + 1) * FILES // 2):
            (self.folder / f"in/.{n}").write_text(
                "".join(f"{n * FILE_ROWS + i},row {i} of a file\n" for i in range(FILE_ROWS))
            )
            (self.folder / f"in/.{n}").rename(self.folder / f"in/{n}.csv")
        wait_for("the events", lambda: self.state() == self.expected(half + 1), 60, 0.2)

    @staticmethod
    def expected(halves):
        return [(halves * HALF,) * 2, (halves * FILES // 2 * FILE_ROWS,) * 2]

    def state(self):
        """[(distinct, rows)] of both tables."""
        return [
            tuple(
                value or 0
                for value in self.bridge.rows(f"{table} | summarize n=count() by Id, Text | summarize count(), sum(n)")[
                    0
                ]
            )
            for table in "TF"
        ]

    def restore(self):
        """Copies into the files that are there: a restored copy would be another file."""
        for old in self.data.glob("*.damaged-*"):
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        shutil.rmtree(self.data)
        shutil.copytree(self.folder / "intact", self.data)
        self.note_files()
        self.bridge.config.write_text(
            self.bridge.config.read_text().replace('on_damage = "rebuild"', 'on_damage = "stop"')
        )
        (self.bridge.folder / "log").write_text("")

    def note_files(self):
        """The mark names the files it belongs to; they have other numbers after they were copied."""
        mark = self.data / "Test.duckdb.mark"
        content = bytearray(mark.read_bytes())
        for at, file in ((8, self.files[0]), (16, self.files[1])):
            content[at : at + 8] = file.stat().st_ino.to_bytes(8, "little")
        mark.write_bytes(content)

    def complete(self):
        try:
            wait_for("all events", lambda: self.state() == self.expected(2), 30, 0.2)
            return True
        except TimeoutError:
            return False

    def try_case(self, damage):
        """(outcome, None or what is wrong)"""
        damage()
        self.bridge.launch()
        wait_for("an end or readiness", lambda: self.bridge.process.poll() is not None or self.bridge.is_ready(), 60)
        if self.bridge.process.poll() is None:
            try:
                return "started, everything there", (
                    None if self.complete() else f"{self.state()} of {self.expected(2)} without a word"
                )
            except RuntimeError as failed:
                named = "Corrupt database file" in str(failed) or "Could not read enough bytes from file" in str(failed)
                return "started, a query says what is broken", None if named else str(failed)
            finally:
                self.bridge.kill()
        log = self.bridge.log_tail()
        if self.bridge.process.returncode != 1 or not all(
            word in log for word in ("Test.duckdb", "is damaged", "Restore a copy", "on_damage")
        ):
            return "refused", f"exit {self.bridge.process.returncode}: {log}"
        if list(self.data.glob("*.damaged-*")):
            return "refused", "the file was set aside all the same"
        self.bridge.configure('on_damage = "stop"', 'on_damage = "rebuild"')
        self.bridge.start()
        try:
            if not self.complete():
                return "rebuilt", f"{self.state()} of {self.expected(2)}"
            aside = [file.name for file in self.data.glob("Test.duckdb.damaged-*") if file.name.count(".") == 2]
            reason = self.bridge.rows(".show diagnostics | project IsAttentionRequired, AttentionRequiredReason")[0]
            told = len(aside) == 1 and reason[0] and aside[0] in reason[1]
        finally:
            self.bridge.kill()
        # Rebuilt once, not again at each start.
        self.bridge.start()
        try:
            return "rebuilt", None if told and self.complete() else f"{aside} {reason} {self.state()}"
        finally:
            self.bridge.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("--cases", type=int, default=20, help="random ones besides the eight fixed ones")
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"C5: seed {seed}", flush=True)
    chance = random.Random(seed)
    failures = 0
    with tempfile.TemporaryDirectory(prefix="sluice-damage.") as name:
        test = Damaged(options.build.resolve(), Path(name))
        try:
            outcomes = {}
            for what, damage in list(cases(chance, test.files, options.cases)):
                test.restore()
                outcome, wrong = test.try_case(damage)
                outcomes[outcome] = outcomes.get(outcome, 0) + 1
                failures += wrong is not None
                print(f"C5 {what}: {outcome}{'' if wrong is None else ' WRONG: ' + wrong}", flush=True)
        finally:
            test.kafka.stop()
    print(f"C5: {outcomes}, wrong {failures}")
    sys.exit(0 if not failures and outcomes.get("rebuilt") else 1)


if __name__ == "__main__":
    main()
