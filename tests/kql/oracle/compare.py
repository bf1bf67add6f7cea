#!/usr/bin/env python3
"""Compares our front end with the official parser: does ours accept what it accepts, with the same columns?

    compare.py --eval KQL_EVAL --cache CACHE [--generated N] [--no-signatures] [--seed N] [--suite FILE]... [--tables FILE] [--verbose]

Queries are those of tests/kql/*.test, N generated ones, calls of every form of
every function that the parser knows, and the {"id", "query"} lines of each FILE. What differs has to be
explained by deviations.json, where each entry says which queries it is about and why; anything else is a failure. Exit status
77 (skipped) when node or the parser is missing: tests/kql/oracle/fetch.sh brings it.
"""
import argparse
import collections
import glob
import json
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def our_cases():
    """The queries of tests/kql/*.test that have to answer, with the tables of their file."""
    for path in sorted(glob.glob(os.path.join(HERE, "..", "*.test"))):
        name, query, tables, cases, functions = None, [], [], [], False
        for line in open(path, encoding="utf-8"):
            if line.startswith("== "):
                name, query = line[3:].strip(), []
            elif name is None:
                functions = functions or line.startswith("function ")
                if line.startswith("table "):
                    tables.append(".create " + line)
            elif line.startswith("->"):
                if name:
                    cases.append({"id": "%s: %s" % (os.path.basename(path), name), "query": "".join(query)})
                name = ""
            elif line.startswith("@ "):
                name = ""  # needs a value from outside
            elif line.startswith("!! "):
                name = ""
            elif name:
                query.append(line)
        # The oracle knows no stored functions, so files with some are left out.
        if not functions:
            yield tables, cases


def run(command, cases):
    text = "".join(json.dumps({"id": str(n), "query": case["query"]}) + "\n" for n, case in enumerate(cases))
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    answers = {answer["id"]: answer for answer in map(json.loads, done.stdout.splitlines())}
    if len(answers) != len(cases):
        sys.exit("%s answered %d of %d queries: %s" % (command[0], len(answers), len(cases), done.stderr[-500:]))
    return [answers[str(n)] for n in range(len(cases))]


def difference(theirs, ours):
    """Nothing, or (kind, text)."""
    if "error" in ours:
        return None if theirs["errors"] else ("refused", ours["error"].split("\n")[0])
    if theirs["errors"]:
        # Being lenient is no fault; it is counted.
        return ("accepted", "; ".join("%s %s" % (e["code"], e["message"]) for e in theirs["errors"]))
    if "columns" not in theirs or theirs.get("open"):
        return None
    mine = [(c["ColumnName"], c["ColumnType"]) for c in ours["columns"]]
    wanted = [(c["name"], c["type"]) for c in theirs["columns"]]
    if len(mine) == len(wanted) and all(a[0] == b[0] and b[1] in (a[1], "unknown") for a, b in zip(mine, wanted)):
        return None
    if sorted(mine) == sorted(wanted):
        return ("order", ", ".join(a[0] for a in mine))
    pairs = ["ours %s:%s theirs %s:%s" % (a + b) for a, b in zip(mine, wanted) if a != b]
    return ("columns", "; ".join(pairs) or "ours %d columns, theirs %d" % (len(mine), len(wanted)))


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--eval", required=True)
    args.add_argument("--cache", default=os.environ.get("SLUICE_CACHE") or os.path.join(HERE, "..", "..", "..", ".cache"))
    args.add_argument("--generated", type=int, default=5000)
    args.add_argument("--signatures", action=argparse.BooleanOptionalAction, default=True, help="calls of every function that the parser knows")
    args.add_argument("--seed", type=int, default=20260711)
    args.add_argument("--suite", action="append", default=[])
    args.add_argument("--tables", default=os.path.join(HERE, "tables.kql"), help="tables of the --suite queries")
    args.add_argument("--verbose", "-v", action="store_true")
    args = args.parse_args()
    modules = os.path.join(args.cache, "kql-oracle", "node_modules")
    if not shutil.which("node") or not os.path.isdir(modules):
        print("skipped: the official parser is not here; tests/kql/oracle/fetch.sh fetches it (it needs node and npm)")
        return 77
    groups = []
    if args.generated:
        made = subprocess.run([sys.executable, os.path.join(HERE, "generate.py"), str(args.generated), "--seed", str(args.seed)], capture_output=True, text=True, check=True)
        groups.append(("generated", os.path.join(HERE, "tables.kql"), [json.loads(line) for line in made.stdout.splitlines()]))
    if args.signatures:
        made = subprocess.run(["node", os.path.join(HERE, "signatures.js"), modules], capture_output=True, text=True, check=True)
        groups.append(("signatures", os.path.join(HERE, "tables.kql"), [json.loads(line) for line in made.stdout.splitlines()]))
    for path in args.suite:
        groups.append((os.path.basename(path), args.tables, [json.loads(line) for line in open(path, encoding="utf-8") if line.strip()]))
    scratch = os.path.join(os.path.dirname(os.path.abspath(args.eval)), "oracle-tables")
    os.makedirs(scratch, exist_ok=True)
    for number, (tables, cases) in enumerate(our_cases()):
        path = os.path.join(scratch, "%d.kql" % number)
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(tables)
        groups.append(("tests/kql", path, cases))
    with open(os.path.join(HERE, "deviations.json"), encoding="utf-8") as file:
        deviations = json.load(file)
    counted, unexplained, same, total = collections.Counter(), [], 0, 0
    for name, tables, cases in groups:
        theirs = run(["node", os.path.join(HERE, "oracle.js"), modules, tables], cases)
        ours = run([args.eval, "--plan", "--tables", tables], cases)
        for case, their, our in zip(cases, theirs, ours):
            total += 1
            found = difference(their, our)
            if not found:
                same += 1
                continue
            kind, text = found
            for deviation in deviations:
                if deviation["kind"] == kind and re.search(deviation["text"], text) and re.search(deviation.get("query", ""), case["query"]):
                    counted[deviation["why"]] += 1
                    break
            else:
                unexplained.append((case, kind, text))
    print("%d of %d queries: the same answer" % (same, total))
    for why, count in counted.most_common():
        print("%5d explained: %s" % (count, why))
    for case, kind, text in unexplained if args.verbose else unexplained[:20]:
        print("\n%s: %s %s\n%s" % (case["id"], kind, text[:300], case["query"]))
    print("%d passed, %d failed" % (total - len(unexplained), len(unexplained)))
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
