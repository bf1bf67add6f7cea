#!/usr/bin/env python3
"""The folder examples of the data connections' specification, by their ids, with the real binary.

    folder.py BUILD [unittest arguments]

One bridge watches two folders: one for files that were created, one for files that were renamed. Small files are streamed, so that
a row is there a moment after its file. That a file is not ingested shows by one dropped after it, which is.
"""
import json
import os
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from bridge import Bridge, folder_connection, wait_for

BUILD = Path(sys.argv.pop(1)).resolve()

SETUP = "\n\n".join(f".create-merge table {table} (Id:long, Text:string)\n\n.alter table {table} policy streamingingestion enable"
                    for table in ("T", "S", "P", "Renamed"))


class Folder(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="sluice-folder.")
        folder = Path(cls.temporary.name)
        cls.drop, cls.renames, cls.outside = folder / "drop", folder / "renames", folder / "outside"
        cls.notes = folder / "notifications.jsonl"
        for path in (cls.drop, cls.renames, cls.outside):
            path.mkdir()
        common = 'create_grace = "300ms"'
        cls.bridge = Bridge(
            BUILD, folder / "bridge",
            folder_connection(cls.drop, "T", name="drop", format="csv",
                              source=f'path_template = "{{table}}/{{*}}", emit_notifications = "{cls.notes}", {common}') +
            folder_connection(cls.renames, "Renamed", name="renames", format="csv", source=common) +
            'blobStorageEventType = "Microsoft.Storage.BlobRenamed"\n', SETUP)
        cls.bridge.wait_for_sources()
        cls.number = 0

    @classmethod
    def tearDownClass(cls):
        cls.bridge.stop()
        cls.temporary.cleanup()

    def texts(self, table):
        return [text for (text,) in self.bridge.rows(f"{table} | project Text | sort by Text asc")]

    def expect(self, table, text, times=1):
        try:
            wait_for(f"{text} in {table}", lambda: self.texts(table).count(text) >= times, 20)
        except TimeoutError as error:
            self.fail(f"{error}; {self.bridge.records('.show ingestion failures')}\n{self.bridge.log_tail()}")
        self.assertEqual(self.texts(table).count(text), times)

    def settle(self):
        """Everything that happened before has been dealt with when this file has, whose name comes last."""
        type(self).number += 1
        name = f"~sentinel{self.number}"
        (self.drop / f"zz{self.number}.csv").write_text(f"0,{name}\n")
        self.expect("T", name)

    def notified(self, subject_end):
        return [note for line in self.notes.read_text().splitlines() for note in [json.loads(line)]
                if (note[0] if isinstance(note, list) else note)["subject"].endswith(subject_end)]

    def test_DC28_a_temporary_name_is_the_upload_protocol(self):
        (self.drop / "x28.csv.tmp").write_text("1,dc28\n")
        os.rename(self.drop / "x28.csv.tmp", self.drop / "x28.csv")
        self.expect("T", "dc28")
        self.settle()
        notes = self.notified("/x28.csv")
        self.assertEqual(len(notes), 1)
        note = notes[0][0] if isinstance(notes[0], list) else notes[0]
        self.assertEqual(note["eventType"], "Microsoft.Storage.BlobCreated")
        self.expect("T", "dc28")

    def test_DC29_an_empty_file_waits_for_its_content(self):
        path = self.drop / "e29.csv"
        path.touch()
        self.settle()
        self.assertEqual(self.notified("/e29.csv"), [])
        with path.open("a") as file:
            file.write("1,dc29\n")
        self.expect("T", "dc29")
        self.settle()
        self.expect("T", "dc29")

    def drop_into(self, folder, name, text, sidecar=None):
        (self.drop / folder).mkdir(exist_ok=True)
        path = self.drop / folder / name
        if sidecar is not None:
            Path(f"{path}.meta.json").write_text(json.dumps(sidecar))
        partial = Path(f"{path}.tmp")
        partial.write_text(text)
        partial.rename(path)

    def test_DC30_a_sidecar_wins_over_the_path(self):
        self.drop_into("P", "a30.csv", "1,dc30\n", {"kustoTable": "S"})
        self.expect("S", "dc30")

    def test_DC31_the_path_wins_over_the_connection(self):
        self.drop_into("P", "a31.csv", "1,dc31\n")
        self.expect("P", "dc31")

    def test_DC32_names_of_metadata_have_no_case(self):
        self.drop_into("P", "a32.csv", "1,dc32\n", {"KUSTOTABLE": "S"})
        self.expect("S", "dc32")

    def test_DC33_a_rename_is_an_event_of_its_own_kind(self):
        (self.drop / "a33.csv").write_text("1,dc33\n")
        self.expect("T", "dc33")
        os.rename(self.drop / "a33.csv", self.drop / "b33.csv")
        (self.renames / "a33.csv").write_text("1,dc33\n")
        self.settle()
        self.expect("T", "dc33")
        self.assertEqual(self.texts("Renamed").count("dc33"), 0)
        os.rename(self.renames / "a33.csv", self.renames / "b33.csv")
        self.expect("Renamed", "dc33")

    def test_DC34_a_directory_renamed_inside_brings_nothing(self):
        (self.renames / "d34").mkdir()
        for name in ("a", "b"):
            (self.renames / "d34" / f"{name}.csv").write_text("1,dc34\n")
        self.settle()
        os.rename(self.renames / "d34", self.renames / "e34")
        (self.renames / "last34.csv.tmp").write_text("1,dc34 done\n")
        os.rename(self.renames / "last34.csv.tmp", self.renames / "last34.csv")
        self.expect("Renamed", "dc34 done")
        self.assertEqual(self.texts("Renamed").count("dc34"), 0)

    def test_DC36_other_content_is_ingested_again(self):
        path = self.drop / "a36.csv"
        path.write_text("1,dc36 first\n")
        self.expect("T", "dc36 first")
        path.write_text("2,dc36 second\n")
        self.expect("T", "dc36 second")
        self.expect("T", "dc36 first")

    def test_DC37_a_hard_link_is_found_after_the_grace(self):
        (self.outside / "a37.csv").write_text("1,dc37\n")
        os.link(self.outside / "a37.csv", self.drop / "a37.csv")
        self.expect("T", "dc37")
        self.settle()
        self.expect("T", "dc37")

    def test_DC38_a_wrong_size_does_not_matter(self):
        self.drop_into("P", "a38.csv", "1,dc38\n", {"rawSizeBytes": "abc"})
        self.expect("P", "dc38")
        self.assertRegex(self.bridge.log_tail(20000), "(?i)warn.*rawSizeBytes")


if __name__ == "__main__":
    unittest.main()
