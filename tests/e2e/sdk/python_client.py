#!/usr/bin/env python3
"""The official Python client against sluice: nothing of it is changed but the address.

    python_client.py BUILD [unittest arguments]
"""

import gzip
import io
import json
import sys
import tempfile
import time
import unittest
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "support"))
import packages
from bridge import Bridge, wait_for

packages.use_python()

import pandas
from azure.kusto.data import ClientRequestProperties, KustoClient, KustoConnectionStringBuilder
from azure.kusto.data.data_format import DataFormat
from azure.kusto.data.exceptions import KustoApiError, KustoMultiApiError, KustoServiceError
from azure.kusto.ingest import (
    FileDescriptor,
    IngestionProperties,
    KustoStreamingIngestClient,
    ManagedStreamingIngestClient,
    QueuedIngestClient,
    StreamDescriptor,
)
from azure.kusto.ingest.ingestion_properties import IngestionMappingKind

DATABASE = "Harbor"
COLUMNS = "At:datetime, Gauge:string, LevelCm:int, Source:string"
MAPPING = json.dumps(
    [
        {"column": "At", "Properties": {"Path": "$.at"}},
        {"column": "Gauge", "Properties": {"Path": "$.id"}},
        {"column": "LevelCm", "Properties": {"Path": "$.cm"}},
        {"column": "Source", "Properties": {"Path": "$.by"}},
    ]
)
ROWS = [("2025-03-01T10:00:00Z", "N1", 231, "east"), ("2025-03-01T10:01:00.5Z", "N2", -4, "wëst")]
CSV = "".join(",".join(map(str, row)) + "\n" for row in ROWS)
JSON = "".join(json.dumps(dict(zip(("at", "id", "cm", "by"), row))) + "\n" for row in ROWS)



class PythonClient(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="sluice-sdk.")
        cls.folder = Path(cls.temporary.name)
        cls.bridge = Bridge(cls.build, cls.folder / "bridge", "", ".create-merge table Seed (a:int)\n", database=DATABASE)
        builder = KustoConnectionStringBuilder.with_no_authentication(cls.bridge.url)
        cls.client = KustoClient(builder)
        cls.streaming = KustoStreamingIngestClient(builder)
        cls.queued = QueuedIngestClient(builder)
        cls.managed = ManagedStreamingIngestClient(builder, builder)

    @classmethod
    def tearDownClass(cls):
        for client in (cls.client, cls.streaming, cls.queued, cls.managed):
            client.close()
        cls.bridge.stop()
        cls.temporary.cleanup()

    # --- steps ---

    def run_command(self, text):
        return self.client.execute_mgmt(DATABASE, text).primary_results[0]

    def table(self, name, streaming=True):
        """As the guide of streaming ingestion makes one: create, map, enable."""
        self.run_command(f".create table {name} ({COLUMNS})")
        self.run_command(f".create table {name} ingestion json mapping \"Reading\" '{MAPPING}'")
        self.run_command(
            f".alter table {name} policy ingestionbatching "
            '@\'{"MaximumBatchingTimeSpan":"00:00:10","MaximumNumberOfItems":500,"MaximumRawDataSizeMB":1024}\''
        )
        if streaming:
            self.run_command(f".alter table {name} policy streamingingestion enable")
        return name

    def properties(self, table, format=DataFormat.CSV, **more):
        return IngestionProperties(database=DATABASE, table=table, data_format=format, **more)

    def mapped(self, table, **more):
        return self.properties(
            table,
            DataFormat.MULTIJSON,
            ingestion_mapping_reference="Reading",
            ingestion_mapping_kind=IngestionMappingKind.JSON,
            **more,
        )

    def query(self, text, properties=None):
        return [list(row) for row in self.client.execute_query(DATABASE, text, properties).primary_results[0]]

    def count(self, table):
        return self.query(f"{table} | count")[0][0]

    def await_rows(self, table, rows, limit=60):
        wait_for(f"{rows} rows in {table}", lambda: self.count(table) == rows, limit, 0.2)

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    def check_rows(self, table):
        got = self.query(f"{table} | order by Gauge asc")
        self.assertEqual([row[1:] for row in got], [list(row[1:]) for row in ROWS])
        self.assertEqual(got[1][0], datetime(2025, 3, 1, 10, 1, 0, 500000, tzinfo=timezone.utc))

    # --- streaming ---

    def test_streams_a_file(self):
        table = self.table("StreamFile")
        self.streaming.ingest_from_file(self.file("rows.csv", CSV), self.properties(table))
        self.check_rows(table)

    def test_streams_a_compressed_file(self):
        table = self.table("StreamGz")
        self.streaming.ingest_from_file(self.file("rows.json.gz", gzip.compress(JSON.encode())), self.mapped(table))
        self.check_rows(table)

    def test_streams_a_stream(self):
        table = self.table("StreamStream")
        descriptor = StreamDescriptor(io.BytesIO(JSON.encode()), is_compressed=False)
        self.streaming.ingest_from_stream(descriptor, self.mapped(table))
        self.check_rows(table)

    def test_streams_a_data_frame(self):
        table = self.table("StreamFrame")
        frame = pandas.DataFrame([dict(zip(("At", "Gauge", "LevelCm", "Source"), row)) for row in ROWS])
        self.streaming.ingest_from_dataframe(frame, self.properties(table))
        self.assertEqual(self.count(table), 2)

    def test_managed_streaming_streams_what_fits_and_queues_the_rest(self):
        table = self.table("Managed")
        result = self.managed.ingest_from_stream(StreamDescriptor(io.BytesIO(CSV.encode())), self.properties(table))
        self.assertEqual(self.count(table), 2)
        # Compresses well, so that it passes the client's own gate, and is more than 4 MiB for the server.
        rows = 200_000
        large = "".join(f"2025-03-01T10:00:00Z,N{i % 10},{i % 100},east\n" for i in range(rows))
        self.assertGreater(len(large), 4 * 1024 * 1024)
        result = self.managed.ingest_from_stream(
            StreamDescriptor(io.BytesIO(large.encode())), self.properties(table, flush_immediately=True)
        )
        self.assertEqual(str(result.status.name).upper(), "QUEUED")
        self.await_rows(table, rows + 2)

    # --- queued ---

    def test_queues_a_file_a_stream_and_a_data_frame(self):
        table = self.table("Queued", streaming=False)
        flush = {"flush_immediately": True}
        self.queued.ingest_from_file(self.file("queued.csv", CSV), self.properties(table, **flush))
        self.queued.ingest_from_file(
            FileDescriptor(self.file("queued.json.gz", gzip.compress(JSON.encode()))), self.mapped(table, **flush)
        )
        self.queued.ingest_from_stream(StreamDescriptor(io.BytesIO(JSON.encode())), self.mapped(table, **flush))
        frame = pandas.DataFrame([dict(zip(("At", "Gauge", "LevelCm", "Source"), row)) for row in ROWS])
        self.queued.ingest_from_dataframe(frame, self.properties(table, **flush))
        self.await_rows(table, 8)
        extents = self.run_command(f".show table {table} extents")
        self.assertGreaterEqual(len(list(extents)), 1)

    def test_queued_blobs_share_a_batch_until_its_time(self):
        table = self.table("Batched", streaming=False)
        for _ in range(3):
            self.queued.ingest_from_stream(StreamDescriptor(io.BytesIO(CSV.encode())), self.properties(table))
        self.await_rows(table, 6, 30)
        self.assertEqual(len(list(self.run_command(f".show table {table} extents"))), 1)

    def test_queues_with_tags_once(self):
        table = self.table("Tagged", streaming=False)
        for _ in range(2):
            self.queued.ingest_from_stream(
                StreamDescriptor(io.BytesIO(CSV.encode())),
                self.properties(
                    table, ingest_by_tags=["day1"], ingest_if_not_exists=["day1"], additional_tags=["from:python"]
                ),
            )
        self.await_rows(table, 2)
        time.sleep(1)
        self.assertEqual(self.count(table), 2)
        tags = [row["Tags"] for row in self.run_command(f".show table {table} extents")]
        self.assertEqual(len(tags), 1)
        for tag in ("ingest-by:day1", "from:python"):
            self.assertIn(tag, tags[0])

    # --- queries ---

    def test_reads_nulls_of_every_type(self):
        (row,) = self.query(
            "print bool(null), int(null), long(null), real(null), '', datetime(null), timespan(null), guid(null), "
            "dynamic(null), decimal(null)"
        )
        self.assertEqual(row, [None, None, None, None, "", None, None, None, None, None])

    def test_passes_query_parameters(self):
        properties = ClientRequestProperties()
        properties.set_parameter("level", 40)
        properties.set_parameter("name", "O'Neil")
        properties.set_parameter("since", "datetime(2025-03-01)")
        declared = "declare query_parameters(level:long, name:string, since:datetime);"
        (row,) = self.query(declared + "print level + 2, name, since", properties)
        self.assertEqual(row, [42, "O'Neil", datetime(2025, 3, 1, tzinfo=timezone.utc)])

    def test_streams_results(self):
        rows = 100_000
        tables = self.client.execute_streaming_query(DATABASE, f"range x from 1 to {rows} step 1").iter_primary_results()
        seen = total = 0
        for row in next(iter(tables)):
            seen += 1
            total += row["x"]
        self.assertEqual((seen, total), (rows, rows * (rows + 1) // 2))

    def test_accepts_progressive_results(self):
        properties = ClientRequestProperties()
        properties.set_option(ClientRequestProperties.results_defer_partial_query_failures_option_name, True)
        properties.set_option("results_progressive_enabled", True)
        self.assertEqual(self.query("range x from 1 to 3 step 1", properties), [[1], [2], [3]])

    # --- errors ---

    def test_surfaces_a_semantic_error(self):
        with self.assertRaises(KustoApiError) as caught:
            self.query("Seed | where Nowhere > 1")
        self.assertTrue(caught.exception.is_semantic_error())
        error = caught.exception.get_api_error()
        self.assertTrue(error.permanent)
        self.assertIn("Nowhere", error.description)

    def test_surfaces_a_syntax_error_and_an_unknown_database(self):
        with self.assertRaises(KustoApiError) as caught:
            self.query("Seed | where (")
        self.assertIn("Syntax error", caught.exception.get_api_error().description)
        with self.assertRaises(KustoApiError) as caught:
            self.client.execute_query("Nowhere", "print 1")
        self.assertIn("Entity ID 'Nowhere' of kind 'Database' was not found.", caught.exception.get_api_error().description)

    def test_surfaces_a_cut_result(self):
        properties = ClientRequestProperties()
        properties.set_option("truncationmaxrecords", 10)
        with self.assertRaises((KustoMultiApiError, KustoServiceError)) as caught:
            self.query("range x from 1 to 100 step 1", properties)
        self.assertIn("E_QUERY_RESULT_SET_TOO_LARGE", str(caught.exception))

    def test_surfaces_streaming_errors(self):
        table = self.table("Refused")
        with self.assertRaises(KustoApiError) as caught:
            self.streaming.ingest_from_stream(
                StreamDescriptor(io.BytesIO(JSON.encode())),
                self.properties(
                    table,
                    DataFormat.JSON,
                    ingestion_mapping_reference="Nowhere",
                    ingestion_mapping_kind=IngestionMappingKind.JSON,
                ),
            )
        error = caught.exception.get_api_error()
        self.assertEqual(error.code, "BadRequest_MappingReferenceWasNotFound")
        self.assertTrue(error.permanent)
        large = b"2025-03-01T10:00:00Z,N1,1,east\n" * 200_000
        with self.assertRaises(KustoApiError) as caught:
            self.streaming.ingest_from_stream(StreamDescriptor(io.BytesIO(large)), self.properties(table))
        self.assertEqual(caught.exception.http_response.status_code, 413)
        self.assertFalse(caught.exception.get_api_error().permanent)
        self.assertEqual(self.count(table), 0)


if __name__ == "__main__":
    PythonClient.build = Path(sys.argv.pop(1)).resolve()
    unittest.main(verbosity=1)
