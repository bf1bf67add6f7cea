"""What an author of a plugin does, in a clean folder with nothing but the program and the installed SDK: a new project is built, judged by
the conformance kit and run inside a bridge. `plugin_author.py BUILD LANGUAGE`; prints the time it took."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support.bridge import free_port, wait_for  # noqa: E402

BUILD, LANGUAGE = Path(sys.argv[1]).resolve(), sys.argv[2]
PROGRAM = BUILD / "core/app/sluice"


def run(*command, cwd):
    done = subprocess.run([str(part) for part in command], cwd=cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


class Author(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="sluice-author."))
        self.prefix = self.folder / "prefix"
        run("cmake", "--install", BUILD, "--prefix", self.prefix, "--component", "sdk", cwd=self.folder)
        self.bridge = None

    def tearDown(self):
        if self.bridge:
            self.bridge.terminate()
            self.bridge.wait(45)
        shutil.rmtree(self.folder)

    def ask(self, url, query):
        done = subprocess.run([PROGRAM, "query", "--server", url, "--db", "Try", "--format", "csv", query], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return done.stdout.split() if done.returncode == 0 else []

    def test_a_new_project_builds_is_sound_and_brings_rows(self):
        begun = time.monotonic()
        run(PROGRAM, "plugin", "new", "my_source", "--lang", LANGUAGE, cwd=self.folder)
        project = self.folder / "my_source"
        left_over = [file.name for file in project.rglob("*") if file.is_file() and re.search("@NAME@|@SOURCE@", file.read_text())]
        self.assertEqual(left_over, [])
        self.assertTrue((project / ".github/workflows/ci.yml").is_file())
        run("cmake", "-G", "Ninja", "-B", "build", f"-DCMAKE_PREFIX_PATH={self.prefix}", f"-DSLUICE_PROGRAM={PROGRAM}", cwd=project)
        run("cmake", "--build", "build", cwd=project)
        built = time.monotonic()
        judged = run("ctest", "--test-dir", "build", "--verbose", cwd=project)
        self.assertRegex(judged, r"my_source 0\.1\.0: \d+ pass")
        tested = time.monotonic()

        url = f"http://127.0.0.1:{free_port()}"
        config = project / "sluice.toml"
        config.write_text(config.read_text().replace("127.0.0.1:8090", url.removeprefix("http://")))
        with open(self.folder / "log", "w") as log:
            self.bridge = subprocess.Popen([PROGRAM, "run", "--config", "sluice.toml"], cwd=project, stdout=log, stderr=log)
        try:
            wait_for("1000 rows", lambda: self.ask(url, "Messages | count")[-1:] == ["1000"], 60)
        except TimeoutError as late:
            raise AssertionError(f"{late}\n{self.ask(url, 'Messages | count')}\n{(self.folder / 'log').read_text()}")
        numbers = self.ask(url, "Messages | summarize n = dcount(tolong(Message.n), 4), last = max(tolong(Message.n))")
        self.assertEqual(numbers[-1], "1000,1000")
        print(f"{LANGUAGE}: new and built in {built - begun:.1f} s, judged in {tested - built:.1f} s, "
              f"1000 rows queryable after {time.monotonic() - begun:.1f} s")

    def test_a_second_project_of_that_name_is_refused(self):
        run(PROGRAM, "plugin", "new", "mine", "--lang", LANGUAGE, cwd=self.folder)
        again = subprocess.run([PROGRAM, "plugin", "new", "mine"], cwd=self.folder, text=True, stderr=subprocess.PIPE)
        self.assertEqual(again.returncode, 1)
        self.assertIn("mine exists already; choose another name, or remove it", again.stderr)
        wrong = subprocess.run([PROGRAM, "plugin", "new", "My-Source"], cwd=self.folder, text=True, stderr=subprocess.PIPE)
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("'My-Source' cannot name a plugin", wrong.stderr)

    @unittest.skipUnless(LANGUAGE == "c" and shutil.which("pkg-config"), "one build without CMake is enough")
    def test_builds_without_cmake(self):
        run(PROGRAM, "plugin", "new", "plain", "--lang", "c", cwd=self.folder)
        os.environ["PKG_CONFIG_PATH"] = str(self.prefix / "share/pkgconfig")
        run("sh", "-c", "cc $(pkg-config --cflags sluice-sdk) $(pkg-config --variable=plugin_cflags sluice-sdk) plain/plain.c "
            "$(pkg-config --variable=plugin_ldflags sluice-sdk) -o plain.so", cwd=self.folder)
        judged = run(PROGRAM, "plugin", "test", "plain.so", "--only", "library", cwd=self.folder)
        self.assertRegex(judged, r"plain 0\.1\.0: \d+ pass\n")


unittest.main(argv=sys.argv[:1])
