#!/usr/bin/env python3
"""Kills sluice while extents are moved and merged, restarts it, and counts: an update policy runs on what is moved, so
source, target and what is derived have to agree whichever moment it was.

    extents.py BUILD
"""

import argparse
import http.client
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from bridge import Bridge, wait_for

EXTENTS, ROWS = 4, 150_000  # larger than a slice of a merge and of a move
SETUP = """.create-merge table Landing (n:long, extent:int)

.create-merge table Raw (n:long, extent:int)

.create-merge table Doubled (n:long)

.alter table Landing policy merge '{"AllowMerge":false,"AllowRebuild":false}'

.alter table Raw policy merge '{"AllowMerge":false,"AllowRebuild":false}'

.alter table Doubled policy update '[{"Source":"Raw","Query":"Raw | project n * 2","IsTransactional":true}]'
"""


def check(condition, text):
    if not condition:
        sys.exit(f"extents: {text}")


def load(bridge):
    for extent in range(EXTENTS):
        bridge.rows(
            f".set-or-append Landing <| range n from {extent * ROWS + 1} to {(extent + 1) * ROWS} step 1"
            f" | project n, extent = toint({extent})"
        )


def facts(bridge, table):
    """Rows, distinct rows and their sum."""
    count, total = bridge.rows(f"{table} | summarize count(), sum(n)")[0]
    return count, bridge.rows(f"{table} | summarize by n | count")[0][0], total or 0


def killed_by(bridge, command, place):
    """Runs the command in a process that ends itself at `place`, and starts another one."""
    bridge.stop()
    bridge.start(SLUICE_FAILPOINT=place)
    try:
        bridge.ask(command)
        sys.exit(f"extents: {command} ended before {place}")
    except (OSError, http.client.HTTPException):
        pass
    wait_for("the end of the process", lambda: bridge.process.poll() is not None, 30)
    bridge.start()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=Path)
    options = parser.parse_args()
    total, whole = EXTENTS * ROWS, (EXTENTS * ROWS) * (EXTENTS * ROWS + 1) // 2
    rows, nothing = (total, total, whole), (0, 0, 0)
    with tempfile.TemporaryDirectory(prefix="sluice-extents.") as folder:
        bridge = Bridge(options.build.resolve(), Path(folder), "", SETUP)
        try:
            load(bridge)
            ids = ", ".join(row[0] for row in bridge.rows(".show table Landing extents | project ExtentId"))
            killed_by(bridge, f".merge Landing ({ids})", "S15@2")
            check(facts(bridge, "Landing") == rows, f"after a killed merge Landing has {facts(bridge, 'Landing')}")
            shown = bridge.rows(".show table Landing extents | summarize sum(RowCount)")[0][0]
            check(shown == total, f"after a killed merge the extents claim {shown} rows")
            move = ".move extents all from table Landing to table Raw"
            for place in ("S15@1", "S15@2"):
                killed_by(bridge, move, place)
                got = [facts(bridge, table) for table in ("Landing", "Raw", "Doubled")]
                check(got == [rows, nothing, nothing], f"killed at {place}: Landing, Raw, Doubled have {got}")
            killed_by(bridge, move, "S16@1")
            got = [facts(bridge, table) for table in ("Landing", "Raw", "Doubled")]
            check(got == [nothing, rows, (total, total, 2 * whole)], f"killed after the commit: {got}")
            shown = bridge.rows(".show table Raw extents | summarize sum(RowCount)")[0][0]
            check(shown == total, f"the moved extents claim {shown} rows")
        finally:
            bridge.stop()
    print("extents: nothing lost, nothing twice")


if __name__ == "__main__":
    main()
