#!/usr/bin/env python3
"""Runs the documented examples through kql_eval, without HTTP, and prints how many give the documented result.

    conformance.py SUITE EVAL [--only tier:0] [--verbose] [--parses] [--sql]

SUITE is the folder with examples.jsonl, parses.jsonl and run.py, EVAL the program kql_eval. The rules of comparison are the suite's own.
"""
import argparse
import collections
import importlib.util
import json
import os
import subprocess
import sys


def load_runner(suite):
    spec = importlib.util.spec_from_file_location("suite_run", os.path.join(suite, "run.py"))
    module = importlib.util.module_from_spec(spec)
    sys.dont_write_bytecode = True
    spec.loader.exec_module(module)
    return module


def main():
    args = argparse.ArgumentParser()
    args.add_argument("suite")
    args.add_argument("eval")
    args.add_argument("--only", action="append", default=[], help="tier:0, a feature such as fn:bin, or a part of an id")
    args.add_argument("--parses", action="store_true", help="parses.jsonl: is it accepted?")
    args.add_argument("--verbose", "-v", action="store_true")
    args.add_argument("--sql", action="store_true", help="show the translations")
    args = args.parse_args()
    runner = load_runner(args.suite)
    name = "parses.jsonl" if args.parses else "examples.jsonl"
    with open(os.path.join(args.suite, name), encoding="utf-8") as file:
        cases = [json.loads(line) for line in file if line.strip()]
    for only in args.only:
        cases = [c for c in cases if only in c["id"] or only == "tier:%s" % c.get("tier") or any(only == f or f.endswith(":" + only) for f in c["features"])]
    command = [args.eval, "--tables", os.path.join(args.suite, "schemas.kql")] + (["--sql"] if args.sql else [])
    requests = "\n".join(json.dumps({"id": c["id"], "query": c["query"]}) for c in cases)
    answered = subprocess.run(command, input=requests, capture_output=True, text=True)
    answers = {}
    for line in answered.stdout.splitlines():
        answer = json.loads(line)
        answers[answer["id"]] = answer
    if answered.returncode:
        print("kql_eval ended with %d: %s" % (answered.returncode, answered.stderr[-500:]))
    passed, by_tier, reasons = 0, collections.defaultdict(lambda: [0, 0]), collections.Counter()
    for case in cases:
        answer = answers.get(case["id"], {"error": "no answer: the program ended"})
        wrong = answer.get("error")
        if args.sql:
            print(case["id"], "\n  ".join([""] + answer.get("sql", [str(wrong)])))
            continue
        if args.parses:
            if wrong and case["accept"] == "syntax" and not runner.looks_like_syntax_error(wrong):
                wrong = None
            key = case["accept"]
        else:
            key = "tier %s" % case["tier"]
            if not wrong:
                table = answer["tables"][0]
                wrong, _ = runner.compare(case, table["columns"], table["rows"])
        by_tier[key][0] += not wrong
        by_tier[key][1] += 1
        passed += not wrong
        if wrong:
            reasons[wrong[:90]] += 1
            if args.verbose:
                print("FAILED %s: %s\n" % (case["id"], wrong[:400]))
    for key in sorted(by_tier):
        print("%-8s %4d of %4d" % (key, *by_tier[key]))
    print("%d passed, %d failed" % (passed, len(cases) - passed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
