#!/usr/bin/env python3
"""`sluice query` without a text, at a pseudo-terminal and through a pipe, against a running bridge.

    prompt.py BUILD [unittest arguments]
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from bridge import Bridge, wait_for

BUILD = Path(sys.argv.pop(1)).resolve()
SETUP = """
.create-merge table Ships (Name:string, Length:real, ['Home port']:string)

.create-merge table Shipyards (Name:string)

.create-or-alter function LongShips() { Ships | where Length > 100 }

.set-or-replace Ships <| datatable(Name:string, Length:real, ['Home port']:string)["Anna", 12.5, "Kiel", "Berta", 140.0, "Oslo", "Carla", 300.0, "Kiel"]
"""
CONTROL_C, CONTROL_D, UP, TAB = "\x03", "\x04", "\x1b[A", "\t"
ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>])")


class Terminal:
    """A prompt at a pseudo-terminal of 100 columns."""

    def __init__(self, bridge, state, *options):
        self.seen, self.status = "", None
        self.process, self.master = pty.fork()
        if self.process == 0:
            environment = dict(os.environ, XDG_STATE_HOME=str(state), TERM="xterm", NO_COLOR="1", HOME=str(state), LC_ALL="C.UTF-8")
            os.execve(bridge.binary, [str(bridge.binary), "query", "--server", bridge.url, *options], environment)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))

    def send(self, text):
        os.write(self.master, text.encode())

    def read(self, limit):
        """Whether something came."""
        if not select.select([self.master], [], [], limit)[0]:
            return False
        try:
            piece = os.read(self.master, 65536)
        except OSError:  # the other side is closed
            return False
        self.seen += piece.decode(errors="replace")
        return bool(piece)

    def shown(self):
        return ESCAPES.sub("", self.seen).replace("\r\n", "\n").replace("\r", "\n")

    def expect(self, pattern, limit=20):
        """The match; what was seen up to its end is forgotten."""
        deadline = time.monotonic() + limit
        while True:
            shown = self.shown()
            if match := re.search(pattern, shown):
                self.seen = shown[match.end():]
                return match
            left = deadline - time.monotonic()
            if left <= 0 or (not self.read(min(left, 0.5)) and self.ended()):
                raise AssertionError(f"{pattern!r} was not shown:\n{self.shown()}")

    def ended(self):
        if self.status is None:
            process, status = os.waitpid(self.process, os.WNOHANG)
            if process:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is not None

    def wait(self, limit=10):
        """The exit code."""
        deadline = time.monotonic() + limit
        while not self.ended():
            self.read(0.05)
            if time.monotonic() > deadline:
                raise AssertionError(f"the prompt did not end:\n{self.shown()}")
        return self.status

    def close(self):
        if not self.ended():
            os.kill(self.process, signal.SIGKILL)
            os.waitpid(self.process, 0)
        os.close(self.master)


class Prompt(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="sluice-prompt.")
        cls.folder = Path(cls.temporary.name)
        cls.bridge = Bridge(BUILD, cls.folder / "bridge", "", SETUP)

    @classmethod
    def tearDownClass(cls):
        cls.bridge.stop()
        cls.temporary.cleanup()

    def state(self):
        return self.folder / self.id().rsplit(".", 1)[1]

    def terminal(self, *options):
        self.state().mkdir(exist_ok=True)
        terminal = Terminal(self.bridge, self.state(), *options)
        self.addCleanup(terminal.close)
        terminal.expect(r"\\q leaves")
        terminal.expect(r"Test> ")
        return terminal

    def test_a_statement_of_several_lines_ends_with_an_empty_one(self):
        terminal = self.terminal()
        terminal.send("Ships\n| where Length > 100\n| count\n\n")
        terminal.expect(r"Count\n-+\n\s+2\n\(1 row\)")
        terminal.send("print value = (1 +\n\n 1);\n")
        terminal.expect(r"value\n-+\n\s+2\n")

    def test_a_semicolon_ends_a_statement_and_a_command_runs_too(self):
        terminal = self.terminal()
        terminal.send("let least = 100;\nShips | where Length > least | project Name;\n")
        terminal.expect(r"Name\n-+\nBerta\nCarla\n\(2 rows\)")
        terminal.send(".show tables | project TableName | sort by TableName asc;\n")
        terminal.expect(r"Ships\nShipyards\n\(2 rows\)")

    def test_the_history_outlives_the_session_and_keeps_no_secrets(self):
        terminal = self.terminal()
        terminal.send("print first = 41 + 1;\n")
        terminal.expect(r"first\n-+\n\s+42\n")
        terminal.send("print h'secret';\n")
        terminal.expect(r"secret\n\(1 row\)")
        terminal.send("\\q\n")
        self.assertEqual(terminal.wait(), 0)
        file = self.state() / "sluice/history"
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        self.assertNotIn("secret", file.read_text())
        later = self.terminal()
        later.send(UP + "\n")
        later.expect(r"first\n-+\n\s+42\n")

    def test_a_statement_of_several_lines_is_recalled_whole(self):
        terminal = self.terminal()
        terminal.send("Ships\n| count;\n")
        terminal.expect(r"Count\n-+\n\s+3\n")
        terminal.expect("Test> ")
        terminal.send(UP + "\n")
        terminal.expect(r"Count\n-+\n\s+3\n")

    def test_tab_completes_tables_operators_columns_and_functions(self):
        terminal = self.terminal()
        terminal.send("Ship" + TAB)
        terminal.expect(r"Ships +Shipyards")  # two begin so; both are listed
        terminal.send("s" + TAB + "| whe" + TAB + "Leng" + TAB + "> 100 | summ" + TAB + "total = cou" + TAB + TAB)
        terminal.expect(r"countif\(")
        terminal.send("();\n")
        terminal.expect(r"total\n-+\n\s+2\n")
        terminal.send("LongS" + TAB + "| pro" + TAB + TAB)
        terminal.expect(r"project-rename")
        terminal.send(" ['Home p" + CONTROL_C)
        terminal.send("Ships | project Home" + TAB)  # what does not fit is left alone
        terminal.send(CONTROL_C)
        terminal.send("Ships | extend port = toup" + TAB + "['Home port']) | distinct port | sort by por" + TAB + "asc;\n")
        terminal.expect(r"port\n-+\nKIEL\nOSLO\n")

    def test_new_tables_are_completed_as_well(self):
        terminal = self.terminal()
        terminal.send("Shipy" + TAB + "| count;\n")
        terminal.expect(r"Count\n-+\n\s+0\n")
        terminal.send(".create table Zeppelins (Gas:string);\n")
        terminal.expect(r"Zeppelins.*\n.*\(1 row\)")
        terminal.send("Zepp" + TAB + "| project Ga" + TAB + ";\n")
        terminal.expect(r"Gas\n-+\n\(0 rows\)")

    def test_an_error_shows_its_place(self):
        terminal = self.terminal()
        terminal.send("Ships\n| where Nope == 1;\n")
        shown = terminal.expect(r"SEM0100[^\n]*\[line:position=2:9\]\n([^\n]*)\n([^\n]*)\n")
        self.assertEqual(shown[1], "  | where Nope == 1;")
        self.assertEqual(shown[2], " " * shown[1].index("Nope") + "^")
        terminal.send("print 1;\n")
        terminal.expect(r"\(1 row\)")

    def test_rows_as_blocks(self):
        terminal = self.terminal()
        terminal.send("\\x\n")
        terminal.expect("vertical rows on")
        terminal.send("Ships | where Name == 'Anna';\n")
        terminal.expect(r"-- row 1 -+\nName\s+Anna\nLength\s+12.5\nHome port\s+Kiel\n\(1 row\)")
        terminal.send("\\x off\n")
        terminal.expect("vertical rows off")

    def test_charts(self):
        terminal = self.terminal()
        terminal.send("Ships | project Name, Length | render barchart with (title='How long');\n")
        shown = terminal.expect(r"How long\nAnna  │(█*)\S* 12.5\nBerta │(█+)\S* 140\S*\nCarla │(█+) 300\S*\n")
        self.assertAlmostEqual(len(shown[2]) / len(shown[3]), 140 / 300, delta=0.02)
        terminal.send("Ships | project Name, Length | render piechart;\n")
        terminal.expect(r"Carla +66\.3 % █+")
        terminal.send("range At from datetime(2025-03-01) to datetime(2025-03-02) step 1h | extend v = hourofday(At) | render timechart;\n")
        terminal.expect(r"23 ┤(.*\n)+.*└─+\n +2025-03-01 00:00 +2025-03-01 12:00 +2025-03-02 00:00\n")
        terminal.send("\\charts off\nShips | project Name, Length | render barchart;\n")
        terminal.expect(r"Anna +12.5\n")

    def test_control_c_cancels_a_query_and_the_prompt_goes_on(self):
        terminal = self.terminal()
        terminal.send("range x from 1 to 1000000 step 1 | extend k = 1\n"
                      "| join kind=inner (range y from 1 to 100000 step 1 | extend k = 1) on k | summarize sum(x * y % 7);\n")
        running = ".show running queries | where Text startswith 'range x' | count"
        wait_for("the query to run", lambda: self.bridge.rows(running) == [[1]], 20)
        terminal.send(CONTROL_C)
        terminal.expect("Cancelling")
        terminal.expect("(?i)cancel+ed")
        terminal.expect("Test> ")
        self.assertEqual(self.bridge.rows(running), [[0]])
        terminal.send("print after = 1;\n")
        terminal.expect(r"after\n-+\n\s+1\n")

    def test_control_c_gives_up_a_statement_and_control_d_leaves(self):
        terminal = self.terminal()
        terminal.send("print (\n")
        terminal.expect(r"\.\.\.\.> ")
        terminal.send(CONTROL_C)
        terminal.expect("Test> ")
        terminal.send("print 7;\n")
        terminal.expect(r"\n\s+7\n")
        terminal.expect("Test> ")
        terminal.send(CONTROL_D)
        self.assertEqual(terminal.wait(), 0)

    def test_help_and_what_is_not_understood(self):
        terminal = self.terminal()
        terminal.send("\\?\n")
        terminal.expect(r"Tab completes")
        terminal.send("\\nonsense\n")
        terminal.expect(r"'\\nonsense' is not understood")
        terminal.send("\\d\n")
        terminal.expect(r"Ships\s")
        terminal.send("\\d Ships\n")
        terminal.expect(r"Home port\s+string")
        terminal.send("\\db Nowhere\n")
        terminal.expect(r"Nowhere")
        terminal.expect("Test> ")

    def test_statements_come_through_a_pipe(self):
        def piped(text, *options):
            return subprocess.run([self.bridge.binary, "query", "--server", self.bridge.url, *options], input=text, text=True,
                                  capture_output=True, timeout=60)
        done = piped("print a = 1;\nprint b =\n  2\n\n\\format json\nprint c = 3", "--format", "csv")
        self.assertEqual((done.returncode, done.stdout), (0, 'a\n1\nb\n2\n[\n{"c":3}\n]\n'), done.stderr)
        failed = piped("print 1;\nNope;\n")
        self.assertEqual(failed.returncode, 1)
        self.assertIn("\n  Nope;\n  ^\n", failed.stderr)

    def test_a_bridge_that_is_not_there_is_said_at_once(self):
        absent = pty.fork()
        if absent[0] == 0:
            os.execv(self.bridge.binary, [str(self.bridge.binary), "query", "--server", "http://127.0.0.1:1"])
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(absent[0], 0)[1]), 3)
        os.close(absent[1])


if __name__ == "__main__":
    unittest.main(verbosity=2)
