#!/bin/sh
# Fetches pyarrow into the cache, as another writer of Parquet than DuckDB. Nothing of it is built into sluice or
# committed. parquet_pyarrow calls this when it is missing.
#
#     tests/core/store/pyarrow/fetch.sh      needs python3 with venv; SLUICE_CACHE names the cache, otherwise .cache of this tree
set -eu
cache=${SLUICE_CACHE:-$(cd "$(dirname "$0")/../../../.." && pwd)/.cache}
mkdir -p "$cache"
python3 -m venv "$cache/pyarrow.new"
"$cache/pyarrow.new/bin/python" -m pip install --quiet --disable-pip-version-check pyarrow==26.0.1 numpy
rm -rf "$cache/pyarrow"
mv "$cache/pyarrow.new" "$cache/pyarrow"
echo "pyarrow is in $cache/pyarrow"
