// node oracle.js MODULES TABLES: reads {"id", "query"} documents, one a line, and answers each with what the official
// parser makes of it: {"id", "errors": [{"code", "message", "start"}], "columns": [{"name", "type"}], "open"}.
// MODULES is the folder node_modules with the package; TABLES holds lines such as `.create table T (a:long)`.
'use strict';
const path = require('path');
const fs = require('fs');
const readline = require('readline');

const library = path.join(path.resolve(process.argv[2]), '@kusto', 'language-service-next');
require(path.join(library, 'bridge.min.js'));
require(path.join(library, 'Kusto.Language.Bridge.min.js'));
const { GlobalState, KustoCode, Symbols } = globalThis.Kusto.Language;

const tables = [];
for (const line of fs.readFileSync(process.argv[3], 'utf8').split('\n')) {
  const match = /^\.create\S* table (\S+) (\(.*\))/.exec(line);
  if (match) tables.push(Symbols.TableSymbol.From(match[2]).WithName(match[1]));
}
const globals = GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.$ctor2('conformance', null, tables));

function items(list) {
  const result = [];
  for (let i = 0; i < list.Count; ++i) result.push(list.getItem(i));
  return result;
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  if (!line.trim()) return;
  const request = JSON.parse(line);
  const answer = { id: request.id };
  let code;
  try {
    code = KustoCode.ParseAndAnalyze(request.query, globals);
  } catch (fault) {
    // The parser itself broke: it has no opinion.
    answer.errors = [];
    console.log(JSON.stringify(answer));
    return;
  }
  answer.errors = items(code.GetDiagnostics())
    .filter((d) => d.Severity === 'Error')
    .map((d) => ({ code: d.Code, message: d.Message, start: d.Start }));
  const type = code.ResultType;
  if (type && type.Columns) {
    answer.columns = items(type.Columns).map((c) => ({ name: c.Name, type: c.Type.Name }));
    answer.open = type.IsOpen;
  }
  console.log(JSON.stringify(answer));
});
