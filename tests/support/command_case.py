"""Commands over HTTP as test cases: one bridge serves all tests of a class, and each uses tables or a database of
its own."""

import contextlib
import http.client
import json
import sys
import tempfile
import unittest
from pathlib import Path

from bridge import Bridge, folder_connection, wait_for

LIMIT = 4 * 1024 * 1024
CORES = 2
ANY = object()  # a cell whose value is not fixed: ids, times, sizes


def main():
    """Runs the tests of the calling script: SCRIPT BUILD [unittest arguments]."""
    CommandCase.build = Path(sys.argv.pop(1)).resolve()
    unittest.main(verbosity=1)


class CommandCase(unittest.TestCase):
    maxDiff = None
    connected = False  # with a folder connection: files below watched/TABLE go to that table

    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="sluice-commands.")
        cls.folder = Path(cls.temporary.name)
        (cls.folder / "files").mkdir()
        cls.watched = cls.folder / "watched"
        cls.watched.mkdir()
        connection = (
            folder_connection(cls.watched, "", source='path_template = "{table}/{*}"', database="Harbor")
            if cls.connected
            else ""
        )
        cls.bridge = Bridge(
            cls.build,
            cls.folder / "bridge",
            connection,
            ".create-merge table Seed (a:int)\n",
            database="Harbor",
            server=f'file_root = "{cls.folder}/files"',
            streaming=f"enabled = true\ncores = {CORES}",
        )

    @classmethod
    def tearDownClass(cls):
        cls.bridge.stop()
        cls.temporary.cleanup()

    # --- how the tests talk to the bridge ---

    def rows(self, text, database="Harbor"):
        status, answer = self.send(text, database)
        self.assertEqual(status, 200, f"{text}\n{answer}")
        return answer["Tables"][0]["Rows"]

    def records(self, text, database="Harbor"):
        status, answer = self.send(text, database)
        self.assertEqual(status, 200, f"{text}\n{answer}")
        names = [column["ColumnName"] for column in answer["Tables"][0]["Columns"]]
        return [dict(zip(names, row)) for row in answer["Tables"][0]["Rows"]]

    def send(self, text, database="Harbor"):
        path = "/v1/rest/mgmt" if text.lstrip().startswith(".") else "/v1/rest/query"
        status, body = self.bridge.post(
            path, json.dumps({"db": database, "csl": text}), {"Content-Type": "application/json"}
        )
        return status, json.loads(body)

    def refused(self, text, message, database="Harbor", status=400):
        """The command fails with a message that contains `message`, in the envelope of engine 0.3."""
        got, answer = self.send(text, database)
        self.assertEqual(got, status, f"{text}\n{answer}")
        self.check_envelope(got, answer)
        self.assertIn(message, answer["error"]["@message"], text)

    def check_envelope(self, status, answer):
        error = answer["error"]
        for member in ("code", "message", "@type", "@message", "@context", "@failureCode", "@permanent"):
            self.assertIn(member, error)
        self.assertEqual(error["@failureCode"], status)
        self.assertIsInstance(error["@permanent"], bool)

    def set_up(self, *commands, database="Harbor"):
        for command in commands:
            self.rows(command, database)

    def count(self, table, database="Harbor"):
        return self.rows(f"{table} | count", database)[0][0]

    def policy(self, target, source, query, transactional, database, more=""):
        """The command that gives `target` one update policy."""
        entry = f'{{"Source":"{source}","Query":"{query}","IsTransactional":{str(transactional).lower()}{more}}}'
        return self.send(f".alter table {target} policy update ```[{entry}]```", database)

    def policy_set(self, *arguments, **options):
        status, answer = self.policy(*arguments, **options)
        self.assertEqual(status, 200, answer)

    def policy_refused(self, message, *arguments, **options):
        status, answer = self.policy(*arguments, **options)
        self.assertEqual(status, 400, answer)
        self.check_envelope(status, answer)
        self.assertIn(message, answer["error"]["@message"])

    def stream(self, table, body, format="csv", mapping=None, headers=None, database="Harbor", extra=""):
        """(status, parsed answer) of a streaming request."""
        named = f"&mappingName={mapping}" if mapping else ""
        path = f"/v1/rest/ingest/{database}/{table}?streamFormat={format}{named}{extra}"
        status, text = self.bridge.post(path, body, headers or {})
        return status, json.loads(text)

    def streams(self, table, body, **options):
        status, answer = self.stream(table, body, **options)
        self.assertEqual(status, 200, answer)
        return dict(zip([c["ColumnName"] for c in answer["Tables"][0]["Columns"]], answer["Tables"][0]["Rows"][0]))

    def stream_refused(self, table, body, status, message, permanent, **options):
        got, answer = self.stream(table, body, **options)
        self.assertEqual(got, status, answer)
        self.check_envelope(got, answer)
        self.assertIn(message, answer["error"]["@message"])
        self.assertEqual(answer["error"]["@permanent"], permanent)
        return answer["error"]

    @contextlib.contextmanager
    def places_taken(self, table):
        """Streaming requests that keep all places taken; each brings one row at the end. Trying it may bring others."""
        held = []

        def hold():
            connection = http.client.HTTPConnection("127.0.0.1", self.bridge.port, timeout=30)
            connection.putrequest("POST", f"/v1/rest/ingest/Harbor/{table}?streamFormat=csv")
            connection.putheader("Content-Length", "2")
            connection.endheaders()
            connection.send(b"1")
            held.append(connection)

        def all_taken():
            if self.stream(table, "1")[0] == 429:
                return True
            hold()  # a request of ours came before one of those held, which was refused in its place
            return False

        for _ in range(6 * CORES):
            hold()
        wait_for("a refusal", all_taken, 10)
        yield
        statuses = []
        for connection in held:
            connection.send(b"\n")
            statuses.append(connection.getresponse().status)
            connection.close()
        self.assertEqual(statuses.count(200), 6 * CORES)
        self.assertEqual(set(statuses) - {200, 429}, set())

    def check(self, command, *expected, columns=None, database="Harbor"):
        """The rows of a command, of these columns; ANY matches whatever stands there."""
        records = self.records(command, database)
        names = columns.split() if columns else (list(records[0]) if records else [])
        got = [[record[name] for name in names] for record in records]
        wanted = [list(row) for row in expected]
        self.assertEqual(len(got), len(wanted), f"{command}\n{got}")
        for have, want in zip(got, wanted):
            shown = [ANY if w is ANY else h for h, w in zip(have, want)]
            self.assertEqual(shown, want, command)

    def shape(self, command, shape, database="Harbor"):
        """Names and types of the columns are those of the specification."""
        status, answer = self.send(command, database)
        self.assertEqual(status, 200, f"{command}\n{answer}")
        got = ", ".join(f"{c['ColumnName']}:{c['ColumnType']}" for c in answer["Tables"][0]["Columns"])
        self.assertEqual(got, shape, command)

    def fresh(self, name):
        """A database of its own, with the running example's tables."""
        self.set_up(f".create database {name} ifnotexists")
        self.set_up(
            ".create table GaugeRaw (payload:dynamic)",
            ".create table GaugeReading (At:datetime, Gauge:string, LevelCm:int, Source:string) with"
            " (folder='Harbor/Raw')",
            ".create table GaugeAlarm (At:datetime, Gauge:string, LevelCm:int)",
            ".create table Berth (Gauge:string, Quay:string)",
            database=name,
        )
        return name
