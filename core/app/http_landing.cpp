#include "core/app/http_api.hpp"
#include "core/app/version.hpp"

#include <fmt/format.h>

namespace sluice::app {

std::string landing_page(std::string_view base_path) {
    return fmt::format(R"(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>sluice</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1rem; color: #1c2733; background: #fbfcfd }}
h1 {{ margin-bottom: 0 }} .version {{ color: #66788a }} a {{ color: #0a6ebd }}
pre {{ background: #eef2f6; padding: .8rem 1rem; overflow-x: auto; border-radius: 6px; font-size: .9rem }}
td {{ padding: .15rem 1.5rem .15rem 0; vertical-align: top }} code {{ font-size: .92em }}
@media (prefers-color-scheme: dark) {{ body {{ color: #d7e0e8; background: #14191f }} pre {{ background: #1f2730 }} a {{ color: #6db7f2 }} }}
</style>
<h1>sluice</h1>
<p class="version">version {0}: events from Kafka, MQTT and folders, in tables that answer KQL.</p>
<h2>Ask</h2>
<pre>sluice query '.show tables'
sluice query --db Telemetry 'Devices | summarize count() by bin(ingestion_time(), 1m)'</pre>
<p>or with any Kusto client, whose cluster address is this page's, or with curl:</p>
<pre>curl -H 'Content-Type: application/json' http://127.0.0.1:8080{1}/v1/rest/query \
     -d '{{"db":"Telemetry","csl":"Devices | take 10"}}'</pre>
<h2>Send</h2>
<pre>curl --data-binary @rows.json 'http://127.0.0.1:8080{1}/v1/rest/ingest/Telemetry/Devices?streamFormat=multijson'</pre>
<h2>Look inside</h2>
<table>
<tr><td><a href="{1}/v1/sluice/status">status</a></td><td>connections, tables and their path</td></tr>
<tr><td><a href="{1}/metrics">metrics</a></td><td>for Prometheus</td></tr>
<tr><td><a href="{1}/readyz">readyz</a>, <a href="{1}/healthz">healthz</a></td><td>for whoever watches over this process</td></tr>
</table>
<h2>Endpoints</h2>
<table>
<tr><td><code>POST /v2/rest/query</code></td><td>queries</td></tr>
<tr><td><code>POST /v1/rest/query</code></td><td>queries, older form</td></tr>
<tr><td><code>POST /v1/rest/mgmt</code></td><td>management commands</td></tr>
<tr><td><code>POST /v1/rest/ingest/DATABASE/TABLE</code></td><td>streaming ingestion</td></tr>
<tr><td><code>POST /v1/rest/ingestion/queued/DATABASE/TABLE</code></td><td>queued ingestion</td></tr>
</table>
</html>
)",
                       kVersion, base_path);
}

} // namespace sluice::app
