"""Queued ingestion over HTTP without a client library: uploads and announcements by the REST protocol (rest-api 11)."""

import json
import urllib.parse


class Queued:
    def __init__(self, bridge, headers=None):
        self.bridge, self.headers = bridge, headers or {}

    def request(self, method, path, body=None, headers=None):
        """(status, headers, body)"""
        connection = self.bridge.connect(60)
        try:
            connection.request(method, path, body, self.headers | (headers or {}))
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def container(self):
        """(path, signature) of the container to upload to."""
        status, _, body = self.request("GET", "/v1/rest/ingestion/configuration")
        assert status == 200, body
        url = urllib.parse.urlsplit(json.loads(body)["containerSettings"]["containers"][0]["path"])
        return url.path, url.query

    def upload(self, name, content, container=None):
        """The address to announce."""
        path, signature = container or self.container()
        target = f"{path}/{urllib.parse.quote(name)}?{signature}"
        status, _, body = self.request("PUT", target, content, {"x-ms-blob-type": "BlockBlob"})
        if status != 201:
            raise RuntimeError(f"upload of {name}: {status} {body}")
        return self.bridge.url + target

    def announce(self, table, urls, database=None, **properties):
        """(status, answer)"""
        submission = {
            "timestamp": "2025-03-01T10:00:00Z",
            "blobs": [{"url": url, "sourceId": f"{i}"} for i, url in enumerate(urls)],
            "properties": {"format": "csv", "enableTracking": True} | properties,
        }
        status, _, body = self.request(
            "POST",
            f"/v1/rest/ingestion/queued/{database or self.bridge.database}/{table}",
            json.dumps(submission),
            {"Content-Type": "application/json"},
        )
        return status, json.loads(body)

    def status(self, table, operation, database=None):
        path = f"/v1/rest/ingestion/queued/{database or self.bridge.database}/{table}/{operation}?details=true"
        status, _, body = self.request("GET", path)
        return status, json.loads(body)
