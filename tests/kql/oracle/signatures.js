// node signatures.js MODULES: one call of each form of each function and aggregate that the official parser knows, as
// {"id", "query"} documents, one a line, over the table Things of tables.kql. Every argument is tried with every type
// that the parser takes there. MODULES is the folder node_modules with the package.
'use strict';
const path = require('path');

const library = path.join(path.resolve(process.argv[2]), '@kusto', 'language-service-next');
require(path.join(library, 'bridge.min.js'));
require(path.join(library, 'Kusto.Language.Bridge.min.js'));
const { Functions, Aggregates, Symbols } = globalThis.Kusto.Language;
const { ParameterTypeKind: Kind, ArgumentKind } = Symbols;

const columns = { bool: 'b', int: 'i', long: 'l', real: 'r', decimal: 'd', datetime: 't', timespan: 's', guid: 'g', string: 'w', dynamic: 'y' };
const literals = {
  bool: 'true', int: 'int(1)', long: '1', real: '1.5', decimal: 'decimal(1)', datetime: 'datetime(2020-01-01)', timespan: '1h',
  guid: 'guid(74be27de-1e4e-49d9-b579-fe0b331d3642)', string: "'x'", dynamic: 'dynamic([1])',
};
const numbers = ['int', 'long', 'real', 'decimal'];
const all = Object.keys(columns);
const typesOf = {
  [Kind.Integer]: ['int', 'long'], [Kind.RealOrDecimal]: ['real', 'decimal'], [Kind.StringOrDynamic]: ['string', 'dynamic'],
  [Kind.StringOrArray]: ['string', 'dynamic'], [Kind.IntegerOrArray]: ['int', 'dynamic'], [Kind.DynamicArray]: ['dynamic'],
  [Kind.DynamicBag]: ['dynamic'], [Kind.Number]: numbers, [Kind.NumberOrBool]: [...numbers, 'bool'], [Kind.CommonNumber]: numbers,
  [Kind.Summable]: [...numbers, 'timespan', 'datetime'], [Kind.CommonSummable]: [...numbers, 'timespan', 'datetime'],
  [Kind.Orderable]: [...numbers, 'timespan', 'datetime', 'string'], [Kind.CommonOrderable]: [...numbers, 'timespan', 'datetime', 'string'],
};
const isCommon = (kind) => kind >= Kind.CommonScalar;
const items = (list) => (list ? globalThis.Bridge.toArray(list) : []);

// The texts that may stand for a parameter; nothing when it takes no scalar.
function choices(parameter) {
  const kind = parameter.TypeKind;
  if (kind === Kind.Tabular || kind === Kind.Database || kind === Kind.Cluster) return [];
  const values = items(parameter.Values);
  if (values.length) return values.map((value) => JSON.stringify(String(value)));
  const types = kind === Kind.Declared ? items(parameter.DeclaredTypes).map((type) => type.Name) : typesOf[kind] || all;
  const fixed = [ArgumentKind.Literal, ArgumentKind.LiteralNotEmpty, ArgumentKind.Constant].includes(parameter.ArgumentKind);
  return types.filter((type) => columns[type]).map((type) => (fixed ? literals : columns)[type]);
}

// Which parameters a call has: those it needs, then one optional parameter more each time.
function forms(parameters) {
  const needed = parameters.flatMap((parameter, i) => Array(parameter.MinOccurring).fill(i));
  const result = [needed];
  parameters.forEach((parameter, last) => {
    if (parameter.MinOccurring === 0) result.push(parameters.map((_, i) => i).filter((i) => i <= last || parameters[i].MinOccurring > 0));
  });
  return result;
}

const seen = new Set();
function emit(id, query) {
  if (seen.has(query)) return;
  seen.add(query);
  console.log(JSON.stringify({ id, query }));
}

// These need a name of something that is there.
const entities = ['cluster', 'database', 'table', 'external_table', 'materialized_view', 'toscalar', 'materialize', 'graph', 'stored_query_result', 'entity_group'];
// Known to the parser, to no page of the reference.
const undocumented = ['hll_isvalid', 'tdigest_isvalid', 'passthrough'];
for (const [list, plain, named] of [
  [Functions.All, 'Things | serialize | project ', 'Things | serialize | project v = '],
  [Aggregates.All, 'Things | summarize ', 'Things | summarize v = '],
]) {
  for (const symbol of items(list)) {
    if (symbol.Name.startsWith('__') || entities.includes(symbol.Name) || undocumented.includes(symbol.Name)) continue;
    for (const signature of items(symbol.Signatures)) {
      const parameters = items(signature.Parameters);
      const texts = parameters.map(choices);
      if (texts.some((list) => !list.length)) continue;
      for (const form of forms(parameters)) {
        const base = form.map((i) => texts[i][0]);
        emit(symbol.Name, `${plain}${symbol.Name}(${base.join(', ')})`);
        form.forEach((i, at) => {
          for (const text of texts[i]) {
            const call = form.map((j, n) => (n === at || (isCommon(parameters[i].TypeKind) && parameters[j].TypeKind === parameters[i].TypeKind) ? text : base[n]));
            emit(symbol.Name, `${named}${symbol.Name}(${call.join(', ')})`);
          }
        });
      }
    }
  }
}
