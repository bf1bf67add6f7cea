#!/bin/sh
# Fetches the official KQL parser into the cache, as a test oracle. Nothing of it is built into sluice or committed.
#
#     tests/kql/oracle/fetch.sh      needs npm; SLUICE_CACHE names the cache, otherwise .cache of this tree
set -eu
cache=${SLUICE_CACHE:-$(cd "$(dirname "$0")/../../.." && pwd)/.cache}
command -v npm >/dev/null || { echo "npm is not installed; without it the oracle is skipped" >&2; exit 1; }
mkdir -p "$cache/kql-oracle"
npm install --no-audit --no-fund --silent --prefix "$cache/kql-oracle" @kusto/language-service-next@12.4.1
echo "the oracle is in $cache/kql-oracle"
