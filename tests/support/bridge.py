"""Real servers for end-to-end tests and benchmarks: Kafka, Mosquitto and sluice itself, each in a folder of its own, on free ports,
ended by process id. Python's standard library only."""
import http.client
import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(*command, **options):
    return subprocess.run([str(part) for part in command], check=True, text=True, stdout=subprocess.PIPE, **options).stdout.strip()


def script(text):
    """Shell text with the functions of script/lib at hand."""
    return run("bash", "-c", f"set -e; cd '{ROOT}'; source script/lib/say.sh; source script/lib/kafka.sh; "
               f"source script/lib/mosquitto.sh; {text}")


def wait_for(what, condition, limit, pause=0.05):
    deadline = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen within {limit} s")
        time.sleep(pause)


class Kafka:
    def __init__(self, folder, build):
        self.folder, self.tool = Path(folder), Path(build) / "tests/support/kafka/kafka_tool"
        script(f"kafka_start '{self.folder}' >&2")
        self.bootstrap = (self.folder / "bootstrap").read_text().strip()

    def create_topic(self, topic, partitions):
        run(self.tool, "create-topic", "-b", self.bootstrap, "-t", topic, "--partitions", partitions)

    def producer(self, topic, *options):
        """A process that publishes each line of its standard input."""
        return subprocess.Popen([str(self.tool), "produce", "-b", self.bootstrap, "-t", topic, *options], stdin=subprocess.PIPE, text=True)

    def produce(self, topic, lines, *options):
        process = self.producer(topic, *options)
        process.communicate("".join(line + "\n" for line in lines))
        if process.returncode:
            raise RuntimeError(f"kafka_tool produce ended with {process.returncode}")

    def stop(self):
        script(f"kafka_stop '{self.folder}' >&2")


class Mosquitto:
    def __init__(self, folder):
        self.folder = Path(folder)
        script(f"mosquitto_start '{self.folder}' >&2")
        self.port = int((self.folder / "port").read_text())

    @property
    def url(self):
        return f"tcp://127.0.0.1:{self.port}"

    def publisher(self, topic):
        """A process that publishes each line of its standard input with QoS 1."""
        return subprocess.Popen(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.port), "-q", "1", "-t", topic, "-l"],
                                stdin=subprocess.PIPE, text=True)

    def publish(self, topic, lines):
        process = self.publisher(topic)
        process.communicate("".join(line + "\n" for line in lines))
        if process.returncode:
            raise RuntimeError(f"mosquitto_pub ended with {process.returncode}")

    def stop(self):
        script(f"mosquitto_stop '{self.folder}' >&2")


class Bridge:
    """One running sluice. `connections` is TOML, `setup` management commands; {folder} in both is the bridge's folder. `server` and
    `streaming` are further lines of those sections."""

    def __init__(self, build, folder, connections, setup, database="Test", start=True, server="", streaming="enabled = true"):
        self.build, self.folder, self.database = Path(build), Path(folder), database
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None
        (self.folder / "setup.kql").write_text(setup.replace("{folder}", str(self.folder)))
        self.config = self.folder / "sluice.toml"
        self.config.write_text(f'''
[server]
listen = "127.0.0.1:{self.port}"
data_dir = "{self.folder}/data"
{server.replace("{folder}", str(self.folder))}
[streaming]
{streaming}
[plugins]
path = ["{self.build}/plugins"]
[[database]]
name = "{database}"
setup = "setup.kql"
''' + connections.replace("{folder}", str(self.folder)))
        if start:
            self.start()

    @property
    def binary(self):
        return self.build / "core/app/sluice"

    def launch(self, before=(), **environment):
        """Starts the process, behind the words of another command if there are any; does not wait."""
        with open(self.folder / "log", "a") as log:
            self.process = subprocess.Popen([*before, self.binary, "run", "--config", self.config], stdout=log, stderr=log,
                                            env=os.environ | environment)

    def start(self, before=(), **environment):
        self.launch(before, **environment)
        try:
            wait_for("readiness", lambda: self.process.poll() is not None or self.is_ready(), 60, 0.02)
        except TimeoutError:
            pass
        if self.process.poll() is not None or not self.is_ready():
            raise RuntimeError(f"sluice did not become ready:\n{self.log_tail()}")

    def configure(self, old, new):
        """Changes the configuration file for the next start."""
        text = self.config.read_text()
        assert old in text, old
        self.config.write_text(text.replace(old, new))

    def is_ready(self):
        try:
            return self.get("/readyz")[0] == 200
        except OSError:
            return False

    def log_tail(self, size=3000):
        return (self.folder / "log").read_text(errors="replace")[-size:]

    def connect(self, timeout=120):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def get(self, path):
        connection = self.connect(10)
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer.status, body

    def post(self, path, body, headers=None, connection=None):
        own = connection is None
        connection = connection or self.connect()
        try:
            connection.request("POST", path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            if own:
                connection.close()

    def ask(self, text, connection=None):
        """(status, parsed answer) of a query, or of a command when the text begins with a dot."""
        path = "/v1/rest/mgmt" if text.lstrip().startswith(".") else "/v1/rest/query"
        status, body = self.post(path, json.dumps({"db": self.database, "csl": text}), {"Content-Type": "application/json"}, connection)
        return status, json.loads(body)

    def rows(self, text, connection=None):
        status, answer = self.ask(text, connection)
        if status != 200:
            raise RuntimeError(f"{text}: {answer}")
        return answer["Tables"][0]["Rows"]

    def records(self, text):
        """Rows as dictionaries by column name."""
        status, answer = self.ask(text)
        if status != 200:
            raise RuntimeError(f"{text}: {answer}")
        names = [column["ColumnName"] for column in answer["Tables"][0]["Columns"]]
        return [dict(zip(names, row)) for row in answer["Tables"][0]["Rows"]]

    def count(self, table, connection=None):
        return self.rows(f"{table} | count", connection)[0][0]

    def status(self):
        return json.loads(self.get("/v1/sluice/status")[1])

    def connection_status(self, name):
        return next(entry for entry in self.status()["connections"] if entry["name"] == name)

    def wait_for_sources(self, limit=60):
        """Until every connection runs. An MQTT broker drops what is published before the first subscription stands, so that is waited for."""
        wait_for("the sources", lambda: all(c["state"] == "Running" and (c["plugin"] != "mqtt" or c["detail"].startswith("connected"))
                                            for c in self.status()["connections"]), limit)

    def memory_mib(self, field="VmRSS"):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) / 1024
        return 0.0

    def cpu_seconds(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """Exit status after SIGTERM."""
        if self.process is None or self.process.poll() is not None:
            return self.process.returncode if self.process else 0
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(45)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RuntimeError(f"sluice did not end within 45 s of SIGTERM:\n{self.log_tail()}")


def kafka_connection(bootstrap, topics, table, name="kafka", format="json", mapping="Row", start="beginning", extra="", source=""):
    listed = json.dumps(topics)
    start = f', start_at = "{start}"' if start else ""
    return f'''
[[connection]]
name = "{name}"
kind = "EventHub"
database = "Test"
source = {{ plugin = "kafka", bootstrap_servers = "{bootstrap}", topics = {listed}{start}{', ' + source if source else ""} }}
{extra}
[connection.properties]
tableName = "{table}"
dataFormat = "{format}"
{f'mappingRuleName = "{mapping}"' if mapping else ""}
'''


def mqtt_connection(url, table, name="mqtt", format="json", mapping="Row"):
    return f'''
[[connection]]
name = "{name}"
kind = "IotHub"
database = "Test"
source = {{ plugin = "mqtt", broker = "{url}", topics = ["devices/+/messages/events/#"] }}
[connection.properties]
tableName = "{table}"
dataFormat = "{format}"
{f'mappingRuleName = "{mapping}"' if mapping else ""}
'''


def folder_connection(root, table, name="folder", format="", mapping="", source="", extra="", database="Test"):
    return f'''
[[connection]]
name = "{name}"
kind = "EventGrid"
database = "{database}"
source = {{ plugin = "fswatch", root = "{root}", settle = "100ms"{', ' + source if source else ""} }}
{extra}
[connection.properties]
{f'tableName = "{table}"' if table else ""}
{f'dataFormat = "{format}"' if format else ""}
{f'mappingRuleName = "{mapping}"' if mapping else ""}
'''
