/** The instances that share the store. */

import { html } from '../../vendor/htm-preact-standalone.module.js';
import { Figures } from '../components/figures.js';
import { ErrorNotice, Loading } from '../components/notice.js';
import { Table } from '../components/table.js';
import { count, dateTime, duration, percent } from '../format.js';
import { usePoll } from '../poll.js';

const INTERVAL = 2000;
const TONES = { following: 'good', starting: 'warning', detached: 'bad', silent: 'bad' };

export function Instances() {
  const { data, error } = usePoll('instances', INTERVAL);
  if (!data) return html`<${ErrorNotice} error=${error} />${!error && html`<${Loading} />`}`;
  return html`
    <${ErrorNotice} error=${error} />
    <${Figures} label="Instances by state" list=${figures(data.instances)} />
    <${Table} name="instances" label="Instances" columns=${columns(data.this)} rows=${data.instances} keyOf=${(one) => one.id} />
  `;
}

function figures(instances) {
  const inState = (state) => instances.filter((one) => one.state === state).length;
  const figure = (state) => ({ name: `instances-${state}`, label: `${state[0].toUpperCase()}${state.slice(1)}`, value: inState(state), text: count(inState(state)) });
  return [
    { name: 'instances', label: 'Instances', value: instances.length, text: count(instances.length) },
    ...Object.keys(TONES).map(figure),
  ];
}

const columns = (here) => [
  { title: 'Instance', sort: (one) => one.id, cell: (one) => html`<code title=${one.id}>${one.id.slice(0, 8)}</code>${one.id === here && html` <span class="chip">this one</span>`}` },
  { title: 'Host', sort: (one) => one.host, cell: (one) => one.host },
  { title: 'Version', sort: (one) => one.version, cell: (one) => one.version },
  { title: 'State', sort: (one) => one.state, cell: (one) => html`<span class="state ${TONES[one.state] ?? ''}" data-figure="state">${one.state}</span>` },
  { title: 'Lag', isNumber: true, sort: (one) => one.lag_seconds, cell: (one) => html`<span data-figure="lag" data-value=${one.lag_seconds ?? ''}>${duration(one.lag_seconds)}</span>` },
  { title: 'Log read', isNumber: true, sort: (one) => one.confirmation_age_seconds, cell: (one) => `${duration(one.confirmation_age_seconds)} ago` },
  { title: 'Of its limit', isNumber: true, sort: (one) => one.staleness_ratio, cell: (one) => percent(one.staleness_ratio) },
  { title: 'Deferred', isNumber: true, sort: (one) => one.deferred, cell: (one) => count(one.deferred) },
  { title: 'Slow polls', isNumber: true, sort: (one) => one.slow_polls, cell: (one) => count(one.slow_polls) },
  { title: 'Circuits not closed', cell: (one) => circuits(one.circuits) },
  { title: 'Seen', isNumber: true, sort: (one) => one.seen_seconds_ago, cell: (one) => `${duration(one.seen_seconds_ago)} ago` },
  { title: 'Since', sort: (one) => one.started_at_millis, cell: (one) => html`<span class="nowrap">${dateTime(one.started_at_millis / 1000)}</span>` },
];

/** A store with one server has circuits without an address. */
const circuits = (list) =>
  list.length === 0 ? 'none' : list.map((one) => html`<span class="chip">${one.node ?? 'Redis'}: ${one.state}</span>`);
