#!/usr/bin/env python3
"""Random queries over the tables of tables.kql, the same for the same seed.

    generate.py COUNT [--seed N] [--rows]    one {"id", "query"} document a line

Expressions are made for a wanted type, so most queries are right; now and then an operand of another type slips in, to see
that both sides refuse the same. With --rows the tables come along as datatables with a few rows each, nulls among them.
"""
import argparse
import json
import random

TYPES = ["bool", "int", "long", "real", "decimal", "datetime", "timespan", "guid", "string", "dynamic"]
NUMBERS = ["int", "long", "real", "decimal"]
THINGS = {"b": "bool", "i": "int", "l": "long", "r": "real", "d": "decimal", "t": "datetime", "s": "timespan", "g": "guid", "w": "string", "y": "dynamic"}
OTHERS = {"k": "long", "w": "string", "v": "real", "t": "datetime", "n": "int", "y": "dynamic"}
TABLES = {"Things": THINGS, "Others": OTHERS}
SLIP = 0.01

ROWS = """let Things = datatable(b:bool, i:int, l:long, r:real, d:decimal, t:datetime, s:timespan, g:guid, w:string, y:dynamic) [
  true, 1, 10, 1.5, decimal(2.25), datetime(2025-01-01), 1h, guid(74be27de-1e4e-49d9-b579-fe0b331d3642), "alpha beta", dynamic({"a":1,"b":[1,2]}),
  false, -2, 9000000000, -0.5, decimal(-1), datetime(2025-01-01 10:00:00.5), -1d, guid(null), "", dynamic([1,"x",null]),
  bool(null), int(null), long(null), real(null), decimal(null), datetime(null), timespan(null), guid(null), "Gamma", dynamic(null),
  true, 2147483647, 0, real(nan), decimal(0), datetime(1999-12-31 23:59:59), 5m, guid(00000000-0000-0000-0000-000000000001), "it's 100% \\"q\\"", dynamic("text")];
let Others = datatable(k:long, w:string, v:real, t:datetime, n:int, y:dynamic) [
  10, "alpha beta", 2.5, datetime(2025-01-01), 1, dynamic({"c":true}),
  0, "", real(null), datetime(null), int(null), dynamic(null),
  10, "Gamma", -1.0, datetime(2025-01-02), 7, dynamic(3)];
"""


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.lets = []
        self.scalars = {}

    def pick(self, options):
        return self.random.choice(options)

    def chance(self, p):
        return self.random.random() < p

    # expressions

    def literal(self, kind):
        n = self.random.randint(-5, 50)
        return {
            "bool": lambda: self.pick(["true", "false", "bool(null)"]),
            "int": lambda: self.pick(["int(%d)" % n, "int(null)"]),
            "long": lambda: self.pick([str(abs(n)), "long(%d)" % n, "0x%X" % abs(n), "long(null)"]),
            "real": lambda: self.pick(["%.2f" % abs(n / 3), "real(%d)" % n, "1e3", "real(null)", "real(inf)"]),
            "decimal": lambda: self.pick(["decimal(%d.5)" % n, "decimal(null)"]),
            "datetime": lambda: self.pick(["datetime(2025-03-%02d)" % (abs(n) % 28 + 1), "datetime(2025-01-01 10:00:00.1234567)", "datetime(null)", "ago(1d)", "now()"] if not self.fixed else
                                          ["datetime(2025-03-%02d)" % (abs(n) % 28 + 1), "datetime(2025-01-01 10:00:00.1234567)", "datetime(null)"]),
            "timespan": lambda: self.pick(["%dm" % abs(n), "1.5h", "time(1.02:03:04)", "timespan(null)", "%dtick" % abs(n), "%dd" % abs(n)]),
            "guid": lambda: self.pick(["guid(74be27de-1e4e-49d9-b579-fe0b331d3642)", "guid(null)"]),
            "string": lambda: self.pick(["'a'", '"b c"', '@"c\\d"', "''", "'it\\'s'", '"\\u00e9"', "h'secret'"]),
            "dynamic": lambda: self.pick(["dynamic([1,2,3])", 'dynamic({"a":1})', "dynamic(null)", 'dynamic("x")', "dynamic(1.5)"]),
        }[kind]()

    def column(self, scope, kind):
        fitting = [name for name, of in scope.items() if of == kind]
        if fitting and self.chance(0.75):
            return self.pick(fitting)
        fitting = [name for name, of in self.scalars.items() if of == kind and name not in scope]
        return self.pick(fitting) if fitting and self.chance(0.3) else None

    def expression(self, scope, kind, depth=0):
        if self.chance(SLIP):
            kind = self.pick(TYPES)
        name = self.column(scope, kind)
        if depth > 2 or self.chance(0.3):
            return name or self.literal(kind)
        e = lambda of: self.expression(scope, of, depth + 1)
        number = self.pick(["long", "long", "real", "int"])
        forms = {
            "bool": [lambda: "%s %s %s" % (e(number), self.pick(["==", "!=", "<", ">", "<=", ">="]), e(number)),
                     lambda: "%s %s %s" % (e("datetime"), self.pick(["<", ">=", "=="]), e("datetime")),
                     lambda: "%s %s %s" % (e("string"), self.pick(["==", "!=", "=~", "!~", "has", "!has", "contains", "!contains_cs", "startswith", "endswith_cs", "has_cs", "hasprefix", "!hassuffix"]), e("string")),
                     lambda: "(%s %s %s)" % (e("bool"), self.pick(["and", "or"]), e("bool")),
                     lambda: "not(%s)" % e("bool"),
                     lambda: "%s %s (%s, %s)" % (e("string"), self.pick(["in", "!in", "in~", "!in~", "has_any", "has_all"]), self.literal("string"), self.literal("string")),
                     lambda: "%s %s (%s, %s)" % (e("long"), self.pick(["in", "!in"]), self.literal("long"), self.literal("int")),
                     lambda: "%s %s (%s .. %s)" % (e("long"), self.pick(["between", "!between"]), e("long"), e("long")),
                     lambda: "%s between (%s .. %s)" % (e("datetime"), e("datetime"), self.pick(["1d", e("datetime")])),
                     lambda: "%s(%s)" % (self.pick(["isnull", "isnotnull"]), e(self.pick(NUMBERS + ["datetime", "dynamic"]))),
                     lambda: "%s(%s)" % (self.pick(["isempty", "isnotempty"]), e("string")),
                     lambda: "tobool(%s)" % e("string"),
                     lambda: "isnan(%s)" % e("real"),
                     lambda: "iff(%s, %s, %s)" % (e("bool"), e("bool"), e("bool"))],
            "int": [lambda: "toint(%s)" % e(self.pick(["string", "long", "real", "dynamic", "bool"])),
                    lambda: "-%s" % (name or "int(3)"),
                    lambda: "iff(%s, %s, %s)" % (e("bool"), e("int"), e("int"))],
            "long": [lambda: "%s %s %s" % (self.operand(e("long")), self.pick("+-*/%"), self.operand(e("long"))),
                     lambda: "%s %s %s" % (self.operand(e("int")), self.pick("+-*/%"), self.operand(e(self.pick(["int", "long"])))),
                     lambda: "tolong(%s)" % e(self.pick(["string", "real", "dynamic", "int", "datetime", "timespan", "decimal", "bool"])),
                     lambda: "strlen(%s)" % e("string"), lambda: "array_length(%s)" % self.array(e),
                     lambda: "iff(%s, %s, %s)" % (e("bool"), e("long"), e(self.pick(["long", "int"]))),
                     lambda: "case(%s, %s, %s, %s, %s)" % (e("bool"), e("long"), e("bool"), e("int"), e("long")),
                     lambda: "coalesce(%s, %s)" % (e("long"), e("long")),
                     lambda: "bin(%s, %d)" % (e("long"), self.random.randint(1, 9)),
                     lambda: "datetime_diff('%s', %s, %s)" % (self.pick(["day", "hour", "month", "year", "minute"]), e("datetime"), e("datetime")),
                     lambda: "%s(%s)" % (self.pick(["monthofyear", "getyear", "dayofmonth", "hourofday", "dayofyear"]), e("datetime")),
                     lambda: "hash(%s)" % e(self.pick(["string", "long"])), lambda: "max_of(%s, %s)" % (e("long"), e("int")),
                     lambda: "countof(%s, 'a')" % e("string"), lambda: "indexof(%s, 'b')" % e("string"),
                     lambda: "abs(%s)" % e("long"), lambda: "sign(%s)" % e("long")],
            "real": [lambda: "%s %s %s" % (self.operand(e("real")), self.pick("+-*/"), self.operand(e(self.pick(["real", "long", "int"])))),
                     lambda: "todouble(%s)" % e(self.pick(["string", "long", "dynamic", "int", "decimal"])),
                     lambda: "%s / %s" % (self.operand(e("timespan")), self.operand(e("timespan"))),
                     lambda: "%s(%s)" % (self.pick(["sqrt", "exp", "log", "sin", "ceiling"] if not self.fixed else ["sqrt", "ceiling"]), e("real")),
                     lambda: "round(%s, 2)" % e("real"), lambda: "abs(%s)" % e("real"), lambda: "bin(%s, 0.5)" % e("real"),
                     lambda: "pow(%s, 2)" % e("real"), lambda: "min_of(%s, %s)" % (e("real"), e("long"))],
            "decimal": [lambda: "%s %s %s" % (self.operand(e("decimal")), self.pick("+-*"), self.operand(e(self.pick(["decimal", "long"])))),
                        lambda: "todecimal(%s)" % e(self.pick(["string", "long", "real"]))],
            "datetime": [lambda: "%s %s %s" % (self.operand(e("datetime")), self.pick("+-"), self.operand(e("timespan"))),
                         lambda: "bin(%s, %s)" % (e("datetime"), self.pick(["1d", "1h", "15m", "7d"])),
                         lambda: "%s(%s)" % (self.pick(["startofday", "startofmonth", "startofyear", "startofweek", "endofday", "endofmonth"]), e("datetime")),
                         lambda: "todatetime(%s)" % e(self.pick(["string", "dynamic"])),
                         lambda: "datetime_add('%s', %s, %s)" % (self.pick(["day", "month", "hour"]), self.pick(["1", "-3", "2"]), e("datetime")),
                         lambda: "make_datetime(2025, 3, %d)" % self.random.randint(1, 28)],
            "timespan": [lambda: "%s - %s" % (self.operand(e("datetime")), self.operand(e("datetime"))),
                         lambda: "%s %s %s" % (self.operand(e("timespan")), self.pick("+-%"), self.operand(e("timespan"))),
                         lambda: "%s %s %s" % (self.operand(e("timespan")), self.pick("*/"), self.pick(["2", "3", "1.5"])),
                         lambda: "2 * %s" % self.operand(e("timespan")), lambda: "totimespan(%s)" % e(self.pick(["string", "dynamic"])),
                         lambda: "bin(%s, 5m)" % e("timespan"), lambda: "dayofweek(%s)" % e("datetime")],
            "guid": [lambda: "toguid(%s)" % e("string")],
            "string": [lambda: "strcat(%s, %s)" % (e("string"), e(self.pick(["string", "long", "datetime"]))),
                       lambda: "tostring(%s)" % e(self.pick(TYPES)), lambda: "%s(%s)" % (self.pick(["toupper", "tolower", "reverse"]), e("string")),
                       lambda: "substring(%s, %d, 2)" % (e("string"), self.random.randint(0, 3)), lambda: "iff(%s, %s, %s)" % (e("bool"), e("string"), e("string")),
                       lambda: "replace_string(%s, 'a', 'b')" % e("string"), lambda: "extract('([a-z]+)', 1, %s)" % e("string"),
                       lambda: "format_datetime(%s, 'yyyy-MM-dd')" % e("datetime"), lambda: "trim('[ab]', %s)" % e("string"), lambda: "strcat_delim('-', %s, %s)" % (e("string"), e("string")),
                       lambda: "case(%s, %s, %s)" % (e("bool"), e("string"), e("string")), lambda: "coalesce(%s, %s)" % (e("string"), e("string")), lambda: "gettype(%s)" % e(self.pick(TYPES))],
            "dynamic": [lambda: "bag_pack('a', %s, 'b', %s)" % (e(self.pick(TYPES)), e(self.pick(TYPES))), lambda: "pack_array(%s, %s)" % (e("long"), e("string")),
                        lambda: "%s.a" % (name or "dynamic({\"a\":1})"), lambda: "%s['b']" % (name or "dynamic({\"b\":1})"), lambda: "%s[0]" % (name or "dynamic([1])"),
                        lambda: "parse_json(%s)" % e("string"), lambda: "split(%s, ' ')" % e("string"), lambda: "todynamic(%s)" % e("string"),
                        lambda: "array_concat(%s, %s)" % (self.array(e), self.array(e)), lambda: "set_union(%s, %s)" % (self.array(e), self.array(e)),
                        lambda: "array_slice(%s, 0, 1)" % self.array(e), lambda: "bag_keys(bag_pack('k', %s))" % e("long"), lambda: "range(1, %d, 1)" % self.random.randint(1, 5)],
        }
        return self.pick(forms[kind])()

    def array(self, e):
        return self.pick(["dynamic([1,2])", "pack_array(%s)" % e("string"), "split(%s, ' ')" % e("string")])

    def operand(self, text):
        return "(%s)" % text if " " in text and not text.startswith("(") else text

    # operators

    def fresh(self):
        self.counter += 1
        return "x%dz" % self.counter

    def some(self, scope, least=1):
        names = list(scope)
        return self.random.sample(names, self.random.randint(min(least, len(names)), len(names))) if names else []

    def key(self, scope):
        groupable = [n for n, of in scope.items() if of != "dynamic"]
        choices = []
        if groupable:
            choices.append(lambda: (lambda n: (n, n, scope[n]))(self.pick(groupable)))
        times = [n for n, of in scope.items() if of == "datetime"]
        if times:
            choices.append(lambda: (lambda n: ("bin(%s, 1d)" % n, n, "datetime"))(self.pick(times)))
        choices.append(lambda: (lambda n, of: ("%s = %s" % (n, self.expression(scope, of, 1)), n, of))(self.fresh(), self.pick(["long", "string", "bool", "datetime"])))
        return self.pick(choices)()

    def aggregate(self, scope):
        e = lambda of: self.expression(scope, of, 2)
        name = self.fresh()
        kind, text = self.pick([
            ("long", lambda: "count()"), ("long", lambda: "countif(%s)" % e("bool")), ("long", lambda: "dcount(%s)" % e("string")), ("long", lambda: "sum(%s)" % e("long")),
            ("real", lambda: "sum(%s)" % e("real")), ("real", lambda: "avg(%s)" % e("long")), ("datetime", lambda: "min(%s)" % e("datetime")), ("long", lambda: "max(%s)" % e("long")),
            ("string", lambda: "max(%s)" % e("string")), ("dynamic", lambda: "make_list(%s)" % e("long")), ("dynamic", lambda: "make_set(%s)" % e("string")), ("long", lambda: "sumif(%s, %s)" % (e("long"), e("bool"))),
            ("real", lambda: "stdev(%s)" % e("real")), ("string", lambda: "take_any(%s)" % e("string")), ("real", lambda: "avgif(%s, %s)" % (e("real"), e("bool"))), ("long", lambda: "dcountif(%s, %s)" % (e("long"), e("bool"))),
            ("int", lambda: "min(%s)" % e("int")), ("timespan", lambda: "max(%s)" % e("timespan")), ("long", lambda: "percentile(%s, 50)" % e("long")), ("dynamic", lambda: "make_bag(bag_pack('k', %s))" % e("long")),
            ("long", lambda: "count_distinct(%s)" % e("long")), ("long", lambda: "minif(%s, %s)" % (e("long"), e("bool")))])
        return "%s = %s" % (name, text()), name, kind

    def operator(self, scope):
        """The text of an operator and the columns behind it."""
        e = lambda of: self.expression(scope, of)
        after = dict(scope)
        choice = self.pick(["where", "where", "extend", "extend", "project", "summarize", "summarize", "sort", "take", "distinct", "away", "keep", "rename", "reorder", "top", "join", "lookup", "union", "expand", "count", "serialize", "unnamed", "in", "apply", "series", "toscalar", "nothing", "argmax", "parse", "bysummarize"])
        if choice == "where":
            return "where %s" % e("bool"), after
        if choice == "extend":
            items = []
            for _ in range(self.random.randint(1, 3)):
                of = self.pick(TYPES)
                name = self.pick(list(scope)) if scope and self.chance(0.2) else self.fresh()
                if any(item.startswith(name + " = ") for item in items):
                    continue
                items.append("%s = %s" % (name, e(of)))
                after[name] = of
            return "extend %s" % ", ".join(items), after
        if choice == "project":
            after, items = {}, []
            for name in self.some(scope):
                after[name] = scope[name]
                items.append(name)
            for _ in range(self.random.randint(0, 2)):
                of, name = self.pick(TYPES), self.fresh()
                items.append("%s = %s" % (name, e(of)))
                after[name] = of
            return ("project %s" % ", ".join(items), after) if items else ("project n0 = 1", {"n0": "long"})
        if choice == "unnamed":
            columns = self.some(scope)[:2]
            return "project %s" % ", ".join(columns + [e(self.pick(TYPES))]), {c: scope[c] for c in columns}
        if choice in ("summarize", "bysummarize"):
            keys = [self.key(scope) for _ in range(self.random.randint(0, 2))]
            keys = [k for n, k in enumerate(keys) if k[1] not in [other[1] for other in keys[:n]]]
            aggregates = [] if choice == "bysummarize" and keys else [self.aggregate(scope) for _ in range(self.random.randint(1, 3))]
            after = {k[1]: k[2] for k in keys}
            after.update({a[1]: a[2] for a in aggregates})
            text = "summarize %s" % ", ".join(a[0] for a in aggregates)
            if keys:
                text = "%s by %s" % (text.rstrip(), ", ".join(k[0] for k in keys))
            return text, after
        if choice == "argmax" and scope:
            by, of = self.pick(list(scope)), self.some(scope)[:3]
            if scope[by] in ("dynamic", "bool", "guid"):
                return "take 5", after
            of = [n for n in of if n != by]
            return "summarize %s(%s)" % (self.pick(["arg_max", "arg_min"]), ", ".join([by] + of)), {n: scope[n] for n in [by] + of}
        if choice == "sort" and scope:
            names = [n for n in self.some(scope)[:2] if scope[n] != "dynamic"]
            if names:
                return "sort by %s" % ", ".join(n + self.pick(["", " asc", " desc", " asc nulls last", " desc nulls first"]) for n in names), after
        if choice == "top" and scope:
            names = [n for n, of in scope.items() if of != "dynamic"]
            if names:
                return "top %d by %s%s" % (self.random.randint(1, 9), self.pick(names), self.pick(["", " asc", " desc"])), after
        if choice == "distinct" and scope:
            names = [n for n in self.some(scope) if scope[n] != "dynamic"]
            if names:
                return "distinct %s" % ", ".join(names), {n: scope[n] for n in names}
        if choice == "away" and len(scope) > 1:
            gone = self.some(scope)[:len(scope) - 1]
            return "project-away %s" % ", ".join(gone), {n: of for n, of in scope.items() if n not in gone}
        if choice == "keep" and scope:
            kept = self.some(scope)
            return "project-keep %s" % ", ".join(kept), {n: of for n, of in scope.items() if n in kept}
        if choice == "rename" and scope:
            old, new = self.pick(list(scope)), self.fresh()
            return "project-rename %s = %s" % (new, old), {(new if n == old else n): of for n, of in scope.items()}
        if choice == "reorder" and scope:
            front = self.some(scope)[:3]
            return "project-reorder %s" % ", ".join(front), after
        if choice == "join":
            keys = [n for n in scope if n in OTHERS and scope[n] == OTHERS[n] and scope[n] != "dynamic"]
            if keys:
                kind = self.pick(["inner", "leftouter", "rightouter", "fullouter", "leftsemi", "leftanti", "innerunique", "rightsemi", "rightanti"])
                key = self.pick(keys)
                if kind in ("leftsemi", "leftanti"):
                    pass
                elif kind in ("rightsemi", "rightanti"):
                    after = dict(OTHERS)
                else:
                    for name, of in OTHERS.items():
                        new, number = name, 0
                        while new in after:
                            number += 1
                            new = "%s%d" % (name, number)
                        after[new] = of
                return "join kind=%s (Others) on %s" % (kind, self.pick([key, "$left.%s == $right.%s" % (key, key)])), after
        if choice == "lookup":
            keys = [n for n in scope if n in OTHERS and scope[n] == OTHERS[n] and scope[n] != "dynamic"]
            if keys and not any(n in scope for n in OTHERS if n not in keys[:1]):
                after.update(OTHERS)
                return "lookup kind=%s Others on %s" % (self.pick(["inner", "leftouter"]), keys[0]), after
        if choice == "union" and not any(n in scope and scope[n] != of for n, of in OTHERS.items()):
            after.update({n: of for n, of in OTHERS.items() if n not in after})
            return "union %s Others" % self.pick(["", "kind=outer"]), after
        if choice in ("expand", "apply"):
            names = [n for n, of in scope.items() if of == "dynamic"]
            if names:
                name = self.pick(names)
                if choice == "apply":
                    after_name = self.fresh()
                    after[after_name] = "long"
                    return "mv-apply %s to typeof(long) on (summarize %s = sum(%s))" % (name, after_name, name), after
                if self.chance(0.5):
                    after[name] = "string"
                    return "mv-expand %s to typeof(string)" % name, after
                return "mv-expand %s" % name, after
        if choice == "count":
            return "count", {"Count": "long"}
        if choice == "serialize":
            name = self.fresh()
            after[name] = "long"
            return "serialize %s = row_number()" % name, after
        if choice == "in" and "w" in scope and scope["w"] == "string":
            return "where w in (Others | project w)", after
        if choice == "series" and scope.get("t") == "datetime":
            name = self.fresh()
            return "make-series %s = count() default=0 on t from datetime(2025-01-01) to datetime(2025-01-05) step 1d" % name, {name: "dynamic", "t": "dynamic"}
        if choice == "toscalar":
            name = self.fresh()
            after[name] = "long"
            return "extend %s = toscalar(Others | count)" % name, after
        if choice == "parse" and scope:
            names = [n for n, of in scope.items() if of == "string"]
            if names:
                one, two = self.fresh(), self.fresh()
                after[one], after[two] = "string", "long"
                return "parse %s with %s 'a' %s:long *" % (self.pick(names), one, two), after
        return "take %d" % self.random.randint(1, 20), after

    def query(self, fixed=False):
        self.fixed, self.counter, self.scalars, lines = fixed, 0, {}, []
        for _ in range(self.random.randint(0, 2)):
            name, of = self.fresh(), self.pick(["long", "real", "string", "datetime", "timespan", "bool"])
            if self.chance(0.3):
                lines.append("let %s = (x:%s) { %s };" % (name, of, self.expression({"x": of}, of)))
            else:
                lines.append("let %s = %s;" % (name, self.expression({}, of)))
                self.scalars[name] = of
        kind = self.random.random()
        if kind < 0.15:
            lines.append("print %s" % ", ".join(self.expression({}, self.pick(TYPES)) for _ in range(self.random.randint(1, 4))))
            return "\n".join(lines)
        if kind < 0.25:
            scope = {"x": "long"}
            lines.append("range x from 1 to %d step %d" % (self.random.randint(1, 9), self.random.randint(1, 3)))
        elif kind < 0.3:
            scope = {"p": "long", "q": "string"}
            lines.append("datatable(p:long, q:string) [%s]" % ", ".join("%d, 'a%d'" % (n, n) for n in range(self.random.randint(0, 4))))
        else:
            table = self.pick(["Things", "Things", "Others"])
            scope = dict(TABLES[table])
            lines.append(table)
        for _ in range(self.random.randint(1, 6)):
            text, scope = self.operator(scope)
            lines.append("| " + text)
        return "\n".join(lines)


def main():
    args = argparse.ArgumentParser()
    args.add_argument("count", type=int)
    args.add_argument("--seed", type=int, default=20260711)
    args.add_argument("--rows", action="store_true")
    args = args.parse_args()
    generator = Generator(args.seed)
    for number in range(args.count):
        query = generator.query(fixed=args.rows)
        print(json.dumps({"id": "generated-%d-%d" % (args.seed, number), "query": (ROWS if args.rows else "") + query}))


if __name__ == "__main__":
    main()
