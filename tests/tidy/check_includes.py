#!/usr/bin/env python3
"""Fails when a file includes something that its module must not know (docs/architecture.md, One way down).

    check_includes.py ROOT            checks the tree
    check_includes.py --self-test     checks the checker
"""
import re
import sys
import tempfile
from pathlib import Path

# Modules in the order of dependence: each may include itself and those named here.
ALLOWED = {
    "core/base": [],
    "core/config": ["core/base"],
    "core/data": ["core/base"],
    "core/catalog": ["core/data", "core/base"],
    "core/store": ["core/catalog", "core/data", "core/base"],
    "core/kql": ["core/store", "core/catalog", "core/data", "core/base"],
    "core/ingest": ["core/kql", "core/store", "core/catalog", "core/data", "core/base"],
    "core/engine": ["core/ingest", "core/kql", "core/store", "core/catalog", "core/data", "core/base"],
    "core/queue": ["core/engine", "core/ingest", "core/store", "core/catalog", "core/data", "core/base"],
    "core/router": ["core/ingest", "core/kql", "core/store", "core/catalog", "core/data", "core/base"],
    "core/host": ["core/router", "core/config", "core/ingest", "core/data", "core/base", "plugins/sdk"],
    "connectors": ["core/router", "core/ingest", "core/store", "core/catalog", "core/data", "core/base"],
    "core/app": ["core/host", "core/queue", "core/engine", "core/router", "connectors", "core/config", "core/ingest", "core/kql", "core/store",
                 "core/catalog", "core/data", "core/base", "plugins/sdk", "plugins/testkit"],
    "plugins/sdk": [],
    "plugins/kafka": ["plugins/sdk"],
    "plugins/mqtt": ["plugins/sdk"],
    "plugins/fswatch": ["plugins/sdk"],
    "plugins/count": ["plugins/sdk"],
    "plugins/testkit": ["plugins/sdk", "core/host", "core/config", "core/base"],
}

# A third-party header has one home (guide: style 1).
HOMES = {
    r"duckdb\.h": ["core/store"],
    r"simdjson\.h": ["core/data"],
    r"zip\.h": ["core/data"],
    r"toml\+\+/": ["core/config"],
    r"boost/dll": ["core/host"],
    r"boost/(asio|beast)": ["core/app"],
    r"librdkafka/": ["plugins/kafka"],
    r"mqtt/|MQTTAsync": ["plugins/mqtt"],
    r"spdlog/": ["core/base"],
    r"CLI/": ["core/app"],
    r"histedit\.h": ["core/app"],
    r"openssl/": ["core/base", "core/host"],
    r"sys/inotify\.h": ["plugins/fswatch"],
}

# Nothing of these shows in a header that another module includes; a module's own headers may wrap them.
NOT_IN_SHARED_HEADERS = [r"nlohmann/", r"boost/", r"librdkafka/", r"mqtt/", r"toml\+\+/", r"simdjson", r"zip\.h", r"duckdb\.h", r"CLI/", r"histedit\.h"]

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)


def module_of(path):
    parts = Path(path).parts
    if parts[0] == "connectors":
        return "connectors"
    return "/".join(parts[:2])


def check(root):
    problems = []
    wrappers = {}  # header that shows a library -> the library
    for top in ("core", "plugins", "connectors"):
        for file in sorted((root / top).rglob("*")):
            if file.suffix not in (".hpp", ".cpp", ".h", ".c") or "template" in file.parts:
                continue
            relative = file.relative_to(root)
            module = module_of(relative)
            if module not in ALLOWED:
                problems.append(f"{relative}: module '{module}' has no rule in tests/tidy/check_includes.py")
                continue
            for kind, name in INCLUDE.findall(file.read_text(errors="replace")):
                problems += check_include(relative, module, kind, name)
                if kind == "<" and relative.suffix in (".hpp", ".h") and any(re.match(p, name) for p in NOT_IN_SHARED_HEADERS):
                    wrappers[str(relative)] = name
    return problems + check_wrappers(root, wrappers)


def check_wrappers(root, wrappers):
    found = []
    for top in ("core", "plugins", "connectors"):
        for file in sorted((root / top).rglob("*")):
            if file.suffix not in (".hpp", ".cpp", ".h", ".c"):
                continue
            relative = file.relative_to(root)
            for _, name in INCLUDE.findall(file.read_text(errors="replace")):
                if name in wrappers and module_of(name) != module_of(relative):
                    found.append(f"{relative}: {name} shows <{wrappers[name]}> and is private to {module_of(name)}")
    return found


def check_include(relative, module, kind, name):
    found = []
    target = None
    if kind == '"' and name.split("/")[0] in ("core", "plugins", "connectors"):
        target = module_of(name)
    elif kind == '"' and "/" not in name:
        found.append(f"{relative}: \"{name}\" is not included from the root")
    if name.startswith("sluice/"):
        target = "plugins/sdk"
    if target and target != module and target not in ALLOWED[module]:
        found.append(f"{relative}: {module} must not include {target} ({name})")
    if kind == "<":
        for pattern, homes in HOMES.items():
            if re.match(pattern, name) and module not in homes:
                found.append(f"{relative}: <{name}> belongs to {', '.join(homes)} alone")
    return found


def self_test():
    cases = [
        ("core/base/a.hpp", '#include "core/store/store.hpp"', True),
        ("core/store/a.cpp", '#include "core/base/result.hpp"', False),
        ("core/data/a.cpp", "#include <duckdb.h>", True),
        ("core/store/a.cpp", "#include <duckdb.h>", False),
        ("core/store/a.hpp", "#include <duckdb.h>", False),
        ("plugins/kafka/a.cpp", '#include "core/base/result.hpp"', True),
        ("plugins/kafka/a.cpp", "#include <sluice/source.hpp>", False),
        ("core/router/a.cpp", '#include "core/host/library.hpp"', True),
        ("connectors/event_hub/a.cpp", '#include "core/app/bridge.hpp"', True),
        ("core/unknown/a.cpp", "", True),
    ]
    for path, text, bad in cases:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for top in ("core", "plugins", "connectors"):
                (root / top).mkdir()
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text + "\n")
            if bool(check(root)) != bad:
                sys.exit(f"self-test failed: {path} with {text!r} should be {'refused' if bad else 'accepted'}")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in ("core/store", "core/kql", "plugins", "connectors"):
            (root / name).mkdir(parents=True)
        (root / "core/store/duck.hpp").write_text("#include <duckdb.h>\n")
        (root / "core/kql/a.cpp").write_text('#include "core/store/duck.hpp"\n')
        if not check(root):
            sys.exit("self-test failed: a header that shows duckdb.h should be private to core/store")
    print(f"{len(cases) + 1} cases of the checker hold")


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        self_test()
    else:
        problems = check(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
        print("\n".join(problems) or "every include arrow points down")
        sys.exit(1 if problems else 0)
