#!/usr/bin/env python3
"""Reads Parquet files that pyarrow writes and compares the rows with what formats-and-mappings 6 says.

    check.py --read PARQUET_ROWS --cache CACHE [--only NAME]

The files and what is expected of them: write.py, which runs in an environment of its own. Exit status 77 (skipped) when
pyarrow is not in the cache and cannot be fetched now.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def environment(cache):
    """The interpreter that has pyarrow; None when it cannot be had."""
    python = os.path.join(cache, "pyarrow", "bin", "python")
    if not os.path.exists(python):
        try:
            subprocess.run([os.path.join(HERE, "fetch.sh")], env=dict(os.environ, SLUICE_CACHE=cache), check=True,
                           timeout=240, stdout=subprocess.DEVNULL)
        except (OSError, subprocess.SubprocessError) as error:
            print("skipped: pyarrow is not in %s and cannot be fetched (%s); tests/core/store/pyarrow/fetch.sh fetches it"
                  % (cache, error))
            return None
    return python


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--read", required=True)
    args.add_argument("--cache", required=True)
    args.add_argument("--only")
    args = args.parse_args()
    python = environment(os.path.abspath(args.cache))
    if python is None:
        return 77
    with tempfile.TemporaryDirectory(prefix="sluice.pyarrow.") as folder:
        subprocess.run([python, os.path.join(HERE, "write.py"), folder], check=True)
        with open(os.path.join(folder, "cases.json"), encoding="utf-8") as file:
            cases = [case for case in json.load(file) if args.only in (None, case["name"])]
        requests = "".join(json.dumps(case) + "\n" for case in cases)
        answers = subprocess.run([args.read], input=requests, capture_output=True, text=True, check=True).stdout
    answers = [json.loads(line) for line in answers.splitlines()]
    wrong = 0
    for case, answer in zip(cases, answers, strict=True):
        if answer != case["expected"]:
            wrong += 1
            print("%s\n  expected %.2000s\n  found    %.2000s" % (case["name"], case["expected"], answer))
    print("%d files of pyarrow, %d of them read differently" % (len(cases), wrong))
    return 1 if wrong or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
