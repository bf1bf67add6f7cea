"""The official clients from their registries, at pinned versions, in a cache outside the tree."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

SKIPPED = 77  # ctest's SKIP_RETURN_CODE

PYTHON = ["azure-kusto-data==6.0.4", "azure-kusto-ingest==6.0.4", "pandas==3.1.1"]


def cache():
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "sluice" / "sdk"


def skip(why):
    print(f"skipped: {why}")
    sys.exit(SKIPPED)


def install(folder, wanted, command, **options):
    """Runs `command` once for a list of packages; what it makes is in `folder`. Without a registry the test is skipped."""
    mark = folder / ".installed"
    if mark.exists() and mark.read_text() == "\n".join(wanted):
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        result = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600, **options)
    except (OSError, subprocess.TimeoutExpired) as problem:
        skip(f"{' '.join(wanted)} cannot be installed: {problem}")
    if result.returncode != 0:
        skip(f"{' '.join(wanted)} cannot be installed:\n{result.stdout[-1500:]}")
    mark.write_text("\n".join(wanted))


def use_python():
    """Makes the Python packages importable in this process."""
    folder = cache() / f"python-{sys.version_info.major}.{sys.version_info.minor}"
    install(folder, PYTHON, [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), *PYTHON])
    sys.path.insert(0, str(folder))
