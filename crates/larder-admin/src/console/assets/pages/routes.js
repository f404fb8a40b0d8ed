/** The figures of each route, lifetime class and collection. */

import { html, useState } from '../../vendor/htm-preact-standalone.module.js';
import { StackedBar } from '../components/bars.js';
import { Choice } from '../components/choice.js';
import { ErrorNotice, Loading } from '../components/notice.js';
import { ScopeDetails } from '../components/scope-details.js';
import { Table } from '../components/table.js';
import { bytes, count, duration, number, percent } from '../format.js';
import { countersOf, routeId } from '../sample.js';
import { samples as sampleStore } from '../sampler.js';
import { hitRatio, recent } from '../series.js';
import { useStore } from '../store.js';

const KINDS = [
  { value: 'routes', label: 'Routes' },
  { value: 'classes', label: 'Lifetime classes' },
  { value: 'collections', label: 'Collections' },
];

export function Routes() {
  const { stats, samples, error } = useStore(sampleStore);
  const [kind, setKind] = useState('routes');
  const [chosen, setChosen] = useState({});
  if (!stats) return html`<${ErrorNotice} error=${error} /><${Loading} />`;
  const rows = scopes(stats, samples, kind);
  const current = rows.find((row) => row.id === chosen[kind]) ?? mostRequested(rows);
  const choose = (id) => setChosen({ ...chosen, [kind]: id });
  return html`
    <${ErrorNotice} error=${error} />
    <${Choice} name="kind" legend="Figures by" options=${KINDS} value=${kind} onChange=${setKind} />
    <${Table} name=${kind} label=${KINDS.find((one) => one.value === kind).label} rows=${rows}
      columns=${columns(kind, choose, current)} keyOf=${(row) => row.id} isChosen=${(row) => row === current}
      empty=${kind === 'collections' ? 'This cache has no collection of values.' : 'No request yet.'} />
    ${current && html`<${ScopeDetails} key=${`${kind} ${current.id}`} kind=${kind} row=${current} samples=${samples} />`}
  `;
}

/** Returns the scopes of a kind: `{ id, name, scope, counters, last }`. */
function scopes(stats, samples, kind) {
  const named = {
    routes: () => stats.routes.map((scope) => ({ id: routeId(scope), name: scope.route, scope })),
    classes: () => Object.entries(stats.classes).map(([name, scope]) => ({ id: name, name, scope })),
    collections: () => Object.entries(stats.values).map(([name, scope]) => ({ id: name, name, scope })),
  };
  return named[kind]().map((one) => ({
    ...one,
    counters: countersOf(one.scope),
    last: recent(samples, (sample) => sample[kind].get(one.id)),
  }));
}

const mostRequested = (rows) =>
  rows.reduce((most, row) => (most && most.counters.requests >= row.counters.requests ? most : row), undefined);

const perSecond = ({ last }) => (last ? last.change.requests / last.seconds : null);

function columns(kind, choose, current) {
  const figure = (name, value, text) => html`<span data-figure=${name} data-value=${value ?? ''}>${text}</span>`;
  return [
    { title: 'Name', sort: (row) => row.name, cell: (row) => html`<${NameButton} row=${row} isChosen=${row === current} choose=${choose} />` },
    kind === 'routes' && { title: 'Class', sort: (row) => row.scope.class, cell: (row) => row.scope.class },
    { title: 'Requests/s', isNumber: true, sort: perSecond, cell: (row) => number(perSecond(row)) },
    { title: 'Requests', isNumber: true, sort: (row) => row.counters.requests, cell: (row) => figure('requests', row.counters.requests, count(row.counters.requests)) },
    { title: 'Hit rate', isNumber: true, sort: (row) => hitRatio(row.counters), cell: (row) => figure('hit-rate', hitRatio(row.counters), percent(hitRatio(row.counters))) },
    { title: 'Misses by reason', sort: (row) => row.counters.misses, cell: (row) => html`<${StackedBar} counts=${row.scope.misses} label="Misses" />` },
    { title: 'Age at hit', isNumber: true, sort: (row) => row.scope.age_at_hit.p50_seconds, cell: (row) => duration(row.scope.age_at_hit.p50_seconds) },
    { title: 'Age at eviction', isNumber: true, sort: (row) => row.scope.age_at_eviction.p50_seconds, cell: (row) => duration(row.scope.age_at_eviction.p50_seconds) },
    { title: kind === 'collections' ? 'Loads' : 'Fills', isNumber: true, sort: (row) => row.counters.fills, cell: (row) => figure('fills', row.counters.fills, count(row.counters.fills)) },
    { title: 'Time saved', isNumber: true, sort: (row) => row.counters.saved, cell: (row) => figure('saved', row.counters.saved, duration(row.counters.saved)) },
    kind === 'collections'
      ? { title: 'Memory', isNumber: true, sort: (row) => row.scope.memory_bytes, cell: (row) => bytes(row.scope.memory_bytes) }
      : { title: 'Bytes served', isNumber: true, sort: (row) => row.scope.bytes_served, cell: (row) => bytes(row.scope.bytes_served) },
  ].filter(Boolean);
}

const NameButton = ({ row, isChosen, choose }) => html`
  <button type="button" class="link" aria-pressed=${String(isChosen)} onClick=${() => choose(row.id)}>${row.name}</button>
`;
