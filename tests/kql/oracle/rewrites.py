#!/usr/bin/env python3
"""The same rows with the binder's rewrites on and off, for N generated queries over tables with rows.

    rewrites.py --eval KQL_EVAL [--generated N] [--seed N]
"""
import argparse
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--eval", required=True)
    args.add_argument("--generated", type=int, default=300)
    args.add_argument("--seed", type=int, default=20260711)
    args = args.parse_args()
    made = subprocess.run([sys.executable, os.path.join(HERE, "generate.py"), str(args.generated), "--seed", str(args.seed), "--rows"], capture_output=True, text=True, check=True).stdout
    answers = []
    for options in ([], ["--no-rewrites"]):
        done = subprocess.run([args.eval] + options, input=made, capture_output=True, text=True)
        answers.append([json.loads(line) for line in done.stdout.splitlines()])
    queries = [json.loads(line) for line in made.splitlines()]
    if any(len(one) != len(queries) for one in answers):
        sys.exit("the program ended early: %d and %d of %d answers" % (len(answers[0]), len(answers[1]), len(queries)))
    failed, ran = 0, 0
    for query, plain, other in zip(queries, *answers):
        for answer in (plain, other):
            for table in answer.get("tables", []):
                table["rows"] = sorted(json.dumps(row) for row in table["rows"])
        # What fails has to fail both ways; what takes some rows of many may take others.
        ran += "tables" in plain
        if ("error" in plain) == ("error" in other) and ("error" in plain or plain == other or arbitrary(query["query"])):
            continue
        failed += 1
        print("%s\n%s\non:  %s\noff: %s\n" % (query["id"], query["query"].split("];\n")[-1], json.dumps(plain)[:400], json.dumps(other)[:400]))
    print("%d of %d queries gave rows" % (ran, len(queries)))
    print("%d passed, %d failed" % (len(queries) - failed, failed))
    return 1 if failed or ran < len(queries) // 2 else 0


def arbitrary(query):
    words = ("| take", "take_any", "top ", "row_number", "innerunique", "make_list", "make_set", "arg_m", "make_bag")
    return any(word in query for word in words)


if __name__ == "__main__":
    sys.exit(main())
