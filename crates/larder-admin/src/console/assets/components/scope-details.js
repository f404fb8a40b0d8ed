/** One route, class or collection: its charts, its reasons, its times. */

import { html } from '../../vendor/htm-preact-standalone.module.js';
import { usePoll } from '../poll.js';
import { RangeChoice, useRange } from '../range.js';
import { Bars } from './bars.js';
import { CollectionPolicy } from './collection-policy.js';
import { Policy } from './policy.js';
import { TimesTable } from './times-table.js';
import { TrafficCharts } from './traffic-charts.js';

/** Policies change when layers are created, which is seldom. */
const POLICY_INTERVAL = 60_000;

export function ScopeDetails({ kind, row, samples }) {
  const shown = useRange(samples);
  const select = (sample) => sample[kind].get(row.id);
  return html`
    <div class="row ends">
      <h2 data-figure="chosen" data-value=${row.id}>${row.id}</h2>
      <${RangeChoice} />
    </div>
    <${TrafficCharts} samples=${shown} select=${select} />
    <div class="columns">
      <section class="card"><h3>Misses by reason</h3><${Bars} counts=${row.scope.misses} name="misses" /></section>
      <section class="card"><h3>Bypasses by reason</h3><${Bars} counts=${row.scope.bypasses} name="bypasses" /></section>
      <section class="card"><h3>Stale by reason</h3><${Bars} counts=${row.scope.stale} name="stale" /></section>
      <section class="card"><h3>Not stored by reason</h3><${Bars} counts=${row.scope.not_stored} name="not-stored" /></section>
    </div>
    <section class="card">
      <h3>Times since the start</h3>
      <${TimesTable} label="Times since the start" times=${timesOf(row.scope)} />
    </section>
    ${kind === 'routes' && html`<${RoutePolicy} route=${row.scope.route} name=${row.scope.class} />`}
    ${kind === 'collections' && html`<${CollectionPolicies} name=${row.id} />`}
  `;
}

function timesOf(scope) {
  const requests = Object.entries(scope.times ?? {}).map(([tier, times]) => ({ name: `Request: ${tier}`, times }));
  return [
    ...requests,
    scope.hit_times && { name: 'Hit in memory', times: scope.hit_times },
    scope.fill_times && { name: 'Fill', times: scope.fill_times },
    scope.load_times && { name: 'Load', times: scope.load_times },
    { name: 'Age at hit', times: scope.age_at_hit },
    { name: 'Age at eviction', times: scope.age_at_eviction },
  ].filter(Boolean);
}

function RoutePolicy({ route, name }) {
  const { data } = usePoll('policies', POLICY_INTERVAL);
  const policy = data?.policies.find((one) => one.class === name && one.routes.includes(route));
  return policy && html`<section class="card"><h3>Policy</h3><${Policy} policy=${policy} /></section>`;
}

/** Several collections may have one name. */
function CollectionPolicies({ name }) {
  const { data } = usePoll('policies', POLICY_INTERVAL);
  const policies = data?.collections.filter((one) => one.name === name) ?? [];
  return policies.map((one) => html`
    <section class="card"><h3>Options</h3><${CollectionPolicy} policy=${one} /></section>
  `);
}
