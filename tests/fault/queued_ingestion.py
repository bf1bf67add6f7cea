#!/usr/bin/env python3
"""Kills sluice between the steps of a queued ingestion over HTTP (engine 8.5), restarts it, and counts.

    queued_ingestion.py BUILD [--stages Q1,Q3] [--requests 40] [--seed N]

What was answered with 200 has to be there exactly once. What was not answered is there whole or not at all, and a client
would send it again. Stages: Q1 the upload is synced, Q2 it has its name, Q3 the announcement is committed and not
answered yet, Q4 the blob is parsed, S9 and S10 around the commit that stages it, Q5 behind it, S16 behind the seal."""

import argparse
import http.client
import random
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from bridge import Bridge, wait_for
from queued import Queued

STAGES = ["Q1", "Q2", "Q3", "Q4", "S9", "S10", "Q5", "S16"]
ROWS = 50
SETUP = """.create-merge table Plain (Request:int, Row:int)
.create-merge table Passed (Request:int, Row:int)
.create-or-alter function Pass() { Plain | project Request, Row }
.alter table Passed policy update @'[{"IsEnabled":true,"Source":"Plain","Query":"Pass()","IsTransactional":true}]'
.alter table Plain policy ingestionbatching @'{"MaximumBatchingTimeSpan":"00:00:10"}'
"""


def send(bridge, requests, answered, refused):
    """Until all are sent or the bridge is gone."""
    queued = Queued(bridge)
    for request in requests:
        try:
            url = queued.upload(f"r{request}.csv", "".join(f"{request},{row}\n" for row in range(ROWS)))
            status, answer = queued.announce("Plain", [url], skipBatching=request % 5 == 0)
        except (OSError, http.client.HTTPException):
            return
        (answered if status == 200 else refused)[request] = answer.get("ingestionOperationId", answer)


def counts(bridge, table):
    """Rows by request."""
    return dict(bridge.rows(f"{table} | summarize count() by Request"))


def run_stage(build, folder, stage, requests, chance):
    place = f"{stage}@{1 if stage == 'S16' else chance.randint(1, requests // 2)}"
    bridge = Bridge(build, folder, "", SETUP, start=False)
    bridge.start(SLUICE_FAILPOINT=place)
    answered, refused = {}, {}
    try:
        send(bridge, range(requests), answered, refused)
        wait_for(place, lambda: bridge.process.poll() is not None, 40)
        bridge.start()
        queued = Queued(bridge)

        def all_ended():
            states = [queued.status("Plain", operation)[1]["status"] for operation in answered.values()]
            return all(state["inProgress"] == 0 for state in states)

        wait_for("the end of what was answered", all_ended, 60, 0.3)
        for operation in answered.values():
            status = queued.status("Plain", operation)[1]["status"]
            assert status == {"succeeded": 1, "failed": 0, "inProgress": 0, "canceled": 0}, status
        wait_for("the last batch", lambda: bridge.status()["databases"][0]["staged_bytes"] == 0, 60, 0.3)
        assert not refused, refused
        for table in ("Plain", "Passed"):
            found = counts(bridge, table)
            lost = [request for request in answered if found.get(request) != ROWS]
            torn = {request: rows for request, rows in found.items() if rows != ROWS}
            assert not lost and not torn, f"{place}, {table}: lost {lost}, torn or doubled {torn}"
        print(f"{place}: {len(answered)} answered, all there once; {len(counts(bridge, 'Plain')) - len(answered)} more, whole")
        assert bridge.stop() == 0
    finally:
        if bridge.process and bridge.process.poll() is None:
            bridge.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("--stages", default=",".join(STAGES))
    parser.add_argument("--requests", type=int, default=40)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    options = parser.parse_args()
    print(f"seed {options.seed}")
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="sluice-queue.") as folder:
        for stage in options.stages.split(","):
            run_stage(options.build.resolve(), Path(folder) / stage, stage, options.requests, chance)


if __name__ == "__main__":
    main()
