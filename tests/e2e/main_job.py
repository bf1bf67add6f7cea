#!/usr/bin/env python3
"""The main job with real servers: a dropped file, an MQTT publish and a Kafka topic become rows that KQL sees; bad input is told.

    main_job.py BUILD [unittest arguments]
"""
import gzip
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from bridge import Bridge, Kafka, Mosquitto, folder_connection, free_port, kafka_connection, mqtt_connection, wait_for

BUILD = Path(sys.argv.pop(1)).resolve()

SETUP = """
.create-merge table Events (Id:long, At:datetime, Text:string)

.create-merge table Files (Id:long, At:datetime, Text:string)

.create-or-alter database Test ingestion json mapping "Row" '[{"Column":"Id","Properties":{"Path":"$.id"}},{"Column":"At","Properties":{"Path":"$.at"}},{"Column":"Text","Properties":{"Path":"$.text"}}]'

.alter table Events policy streamingingestion enable

.alter table Files policy ingestionbatching '{"MaximumBatchingTimeSpan":"00:00:10"}'
"""


def event(number, text="x"):
    return json.dumps({"id": number, "at": "2026-01-01T00:00:00Z", "text": text})


class MainJob(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="sluice-e2e.")
        cls.folder = Path(cls.temporary.name)
        cls.kafka = Kafka(cls.folder / "kafka", BUILD)
        cls.mqtt = Mosquitto(cls.folder / "mosquitto")

    @classmethod
    def tearDownClass(cls):
        cls.mqtt.stop()
        cls.kafka.stop()
        cls.temporary.cleanup()

    def bridge(self, connections, setup=SETUP):
        bridge = Bridge(BUILD, self.folder / self.id().rsplit(".", 1)[1], connections, setup)
        self.addCleanup(bridge.stop)
        return bridge

    def wait_rows(self, bridge, table, rows, limit=30):
        try:
            wait_for(f"{rows} rows in {table}", lambda: bridge.count(table) == rows, limit)
        except TimeoutError as error:
            self.fail(f"{error}; {bridge.count(table)} rows; {bridge.rows('.show ingestion failures | take 5')}\n{bridge.log_tail()}")

    def test_rows_arrive_from_all_three_sources(self):
        self.kafka.create_topic("all-three", 2)
        drop = self.folder / "all-three-drop"
        drop.mkdir()
        bridge = self.bridge(kafka_connection(self.kafka.bootstrap, ["all-three"], "Events") + mqtt_connection(self.mqtt.url, "Events") +
                             folder_connection(drop, "Files", format="csv"))
        bridge.wait_for_sources()
        self.kafka.produce("all-three", [event(n, "kafka") for n in range(10)])
        self.mqtt.publish("devices/d1/messages/events/", [event(n, "mqtt") for n in range(10)])
        (drop / "a.csv").write_text("1,2026-01-01,file\n2,2026-01-02,file\n")
        self.wait_rows(bridge, "Events", 20)
        self.assertEqual(bridge.rows("Events | summarize count() by Text | sort by Text asc"), [["kafka", 10], ["mqtt", 10]])
        self.wait_rows(bridge, "Files", 2)
        self.assertEqual(bridge.rows("Files | project Id, At, Text | sort by Id asc")[0], [1, "2026-01-01T00:00:00Z", "file"])
        # Streamed rows are in the row store, queued ones in an extent (product 11.4).
        self.assertEqual(bridge.rows(".show table Events extents | count"), [[0]])
        self.assertEqual(bridge.rows(".show table Files extents | count"), [[1]])
        self.assertEqual(bridge.rows(".show streamingingestion statistics | summarize sum(TotalRowCount)"), [[20]])

    def test_a_bad_event_is_parked_with_its_bytes_and_its_neighbours_are_stored(self):
        self.kafka.create_topic("bad", 1)
        bridge = self.bridge(kafka_connection(self.kafka.bootstrap, ["bad"], "Events", format="multijson"))
        self.kafka.produce("bad", [event(1), "{broken", event(2)])
        self.kafka.produce("bad", [event(3)], "-H", "Table=Nowhere")
        self.kafka.produce("bad", [event(4)])
        self.wait_rows(bridge, "Events", 3)
        letters = wait_for("two dead letters", lambda: (lambda rows: rows if len(rows) == 2 else None)(bridge.records(".show dead letters")), 10)
        self.assertEqual({letter["ErrorCode"] for letter in letters}, {"BadRequest_InvalidBlob", "BadRequest_TableNotExist"})
        for letter in letters:
            self.assertIn("bad", json.dumps(letter["Position"]))
        self.assertEqual(len(bridge.records(".show ingestion failures")), 2)
        status = bridge.connection_status("kafka")
        self.assertEqual(status["events_received"], status["events_stored"] + status["events_dead_lettered"] + status["events_skipped"]
                         + status["events_staged"] + status["events_in_memory"])

    def test_events_route_themselves_by_header_and_by_property_bag(self):
        self.kafka.create_topic("routed", 1)
        bridge = self.bridge(kafka_connection(self.kafka.bootstrap, ["routed"], "Events") + mqtt_connection(self.mqtt.url, "Events"))
        bridge.wait_for_sources()
        self.kafka.produce("routed", ["7,2026-01-01,by header"], "-H", "Table=Files", "-H", "Format=csv", "-H", "IngestionMappingReference=")
        self.mqtt.publish("devices/d1/messages/events/Table=Files", [event(8, "by bag")])
        self.kafka.produce("routed", [event(9)])
        self.wait_rows(bridge, "Events", 1)
        wait_for("staged rows or a failure", lambda: bridge.count("Files") + len(bridge.records(".show dead letters")) >= 2, 30)
        # An overriding table keeps the static mapping; it is a json mapping, so the csv event fails clearly (data-connections 1.3).
        self.assertEqual(bridge.rows("Files | project Id, Text"), [[8, "by bag"]])
        self.assertEqual(bridge.records(".show dead letters")[0]["ErrorCode"], "BadRequest_MappingReferenceWasNotFound")

    def test_files_are_taken_once_across_restarts(self):
        drop = self.folder / "once-drop"
        drop.mkdir()
        bridge = self.bridge(folder_connection(drop, "Files", format="csv"))
        for number in range(20):
            (drop / f"f{number}.csv").write_text(f"{number},2026-01-01,one\n")
        with gzip.open(drop / "z.csv.gz", "wt") as packed:
            packed.write("100,2026-01-01,packed\n")
        self.wait_rows(bridge, "Files", 21)
        bridge.stop()
        (drop / "late.csv").write_text("200,2026-01-01,while down\n")
        bridge.start()
        self.wait_rows(bridge, "Files", 22)
        self.assertEqual(bridge.rows("Files | summarize n=count() by Id | where n > 1"), [])

    def test_a_large_file_becomes_visible_at_once(self):
        drop = self.folder / "large-drop"
        drop.mkdir()
        bridge = self.bridge(folder_connection(drop, "Files", format="csv"))
        with open(drop / ".large.csv", "w") as file:
            for number in range(400_000):
                file.write(f"{number},2026-01-01T00:00:00Z,row {number} of a large file\n")
        (drop / ".large.csv").rename(drop / "large.csv")
        seen = set()
        wait_for("the large file", lambda: seen.add(bridge.count("Files")) or max(seen) >= 400_000, 60, 0.02)
        self.assertEqual(seen - {0, 400_000}, set())

    def test_an_unreadable_file_is_reported_and_the_next_one_stored(self):
        drop = self.folder / "unreadable-drop"
        drop.mkdir()
        bridge = self.bridge(folder_connection(drop, "Files", format="csv"))
        (drop / "a.csv").write_text('1,2026-01-01,"open quote\n')
        (drop / "b.csv").write_text("2,2026-01-01,fine\n")
        self.wait_rows(bridge, "Files", 1)
        letter = bridge.records(".show dead letters")[0]
        self.assertEqual(letter["ErrorCode"], "Stream_ClosingQuoteMissing")
        self.assertTrue(letter["Source"].endswith("a.csv"))

    def test_streaming_requests_over_http(self):
        bridge = self.bridge("")
        status, body = bridge.post("/v1/rest/ingest/Test/Events?streamFormat=Csv", "1,2026-01-01,http\n2,2026-01-02,http\n")
        self.assertEqual(status, 200, body)
        self.assertEqual(json.loads(body)["Tables"][0]["Rows"][0][0], 2)
        self.assertEqual(bridge.count("Events"), 2)
        status, body = bridge.post("/v1/rest/ingest/Test/Events?streamFormat=Csv", b"x" * (4 * 1024 * 1024 + 1))
        self.assertEqual(status, 413)
        self.assertFalse(json.loads(body)["error"]["@permanent"])
        status, body = bridge.post("/v1/rest/ingest/Test/Files?streamFormat=Csv", "1,,x\n")
        self.assertEqual(status, 400)
        self.assertIn("not enabled", json.loads(body)["error"]["@message"])

    def test_a_broker_that_is_down_is_waited_for(self):
        bridge = self.bridge(kafka_connection(f"127.0.0.1:{free_port()}", ["nothing"], "Events") + mqtt_connection(f"tcp://127.0.0.1:{free_port()}", "Events"))
        states = {c["name"]: c["state"] for c in bridge.status()["connections"]}
        self.assertTrue(set(states.values()) <= {"Connecting", "Running"}, states)
        status, _ = bridge.post("/v1/rest/ingest/Test/Events?streamFormat=Csv", "1,,x\n")
        self.assertEqual(status, 200)

    def test_a_second_process_on_the_same_folder_is_refused(self):
        bridge = self.bridge("")
        second = subprocess.run([bridge.binary, "run", "--config", bridge.config], capture_output=True, text=True, timeout=30)
        self.assertNotEqual(second.returncode, 0)
        self.assertIn("lock", second.stderr + second.stdout)
        self.assertTrue(bridge.is_ready())

    def test_configuration_errors_name_their_place(self):
        bad = self.folder / "bad.toml"
        bad.write_text('[server]\nlissten = "x"\n[streaming]\nenabled = "yes"\n')
        for command in ("check", "run"):
            ended = subprocess.run([BUILD / "core/app/sluice", command, "--config", bad], capture_output=True, text=True, timeout=30)
            self.assertEqual(ended.returncode, 2, ended)
            self.assertIn("bad.toml:2:1", ended.stderr + ended.stdout)
            self.assertIn("listen", ended.stderr + ended.stdout)
            self.assertIn("bad.toml:4:", ended.stderr + ended.stdout)

    def test_sigterm_ends_with_zero(self):
        bridge = self.bridge("")
        self.assertEqual(bridge.stop(), 0)

    def test_the_command_line_asks_the_running_bridge(self):
        bridge = self.bridge("")
        bridge.post("/v1/rest/ingest/Test/Events?streamFormat=Csv", "1,2026-01-01,cli\n")

        def sluice(*arguments):
            return subprocess.run([bridge.binary, *arguments, "--server", bridge.url], capture_output=True, text=True, timeout=30)

        self.assertEqual(sluice("query", "--db", "Test", "--format", "csv", "Events | project Id, Text").stdout.split(), ["Id,Text", "1,cli"])
        self.assertIn("Events", sluice("query", "--db", "Test", ".show tables").stdout)
        failed = sluice("query", "--db", "Test", "Events | whre x")
        self.assertEqual(failed.returncode, 1)
        self.assertIn("whre", failed.stderr)
        self.assertEqual(json.loads(sluice("status", "--json").stdout)["connections"], [])
        nobody = subprocess.run([bridge.binary, "query", "--server", f"http://127.0.0.1:{free_port()}", "print 1"], capture_output=True, text=True)
        self.assertEqual(nobody.returncode, 3)


if __name__ == "__main__":
    unittest.main(verbosity=2)
