/** The shared store: its memory, its keys, its log. */

import { html } from '../../vendor/htm-preact-standalone.module.js';
import { Chart } from '../components/chart.js';
import { Figures } from '../components/figures.js';
import { ErrorNotice, Loading } from '../components/notice.js';
import { TimesTable } from '../components/times-table.js';
import { bytes, count, number, percent, plural, UNKNOWN } from '../format.js';
import { usePoll } from '../poll.js';
import { RangeChoice, useRange } from '../range.js';
import { samples as sampleStore } from '../sampler.js';
import { useStore } from '../store.js';

const INTERVAL = 2000;

export function Redis() {
  const { data, error, history } = usePoll('store', INTERVAL);
  return html`
    <${ErrorNotice} error=${error} />
    ${!data && !error && html`<${Loading} />`}
    ${data && html`
      <${Figures} label="Memory" isLarge list=${memoryFigures(data)} />
      <${Figures} label="Keys, clients and log" list=${keyFigures(data)} />
      <div class="row ends"><h2>Since this page was opened</h2><${RangeChoice} /></div>
      <${Charts} history=${history} />
    `}
    <${StoreTimes} />
  `;
}

const ratio = (part, all) => (part == null || !all ? null : part / all);
const lookups = ({ hits, misses }) => (hits == null || misses == null ? null : hits + misses);

function memoryFigures(store) {
  const fragmentation = ratio(store.memory_resident, store.memory_used);
  const full = ratio(store.memory_used, store.memory_limit);
  return [
    { name: 'memory-used', label: 'Memory used', value: store.memory_used, text: bytes(store.memory_used), note: full == null ? 'no limit' : `${percent(full)} of the limit` },
    { name: 'memory-limit', label: 'Limit', value: store.memory_limit, text: store.memory_limit == null ? 'none' : bytes(store.memory_limit), note: store.eviction == null ? 'eviction not known' : `evicts ${store.eviction}` },
    { name: 'memory-peak', label: 'Peak', value: store.memory_peak, text: bytes(store.memory_peak), note: 'since its start' },
    { name: 'fragmentation', label: 'Fragmentation', value: fragmentation, text: number(fragmentation), note: `${bytes(store.memory_resident)} resident` },
  ];
}

function keyFigures(store) {
  const hits = ratio(store.hits, lookups(store));
  return [
    { name: 'store-hit-rate', label: 'Hit rate', value: hits, text: percent(hits), note: 'of all its clients' },
    { name: 'evicted-keys', label: 'Evicted keys', value: store.evicted_keys, text: count(store.evicted_keys) },
    { name: 'expired-keys', label: 'Expired keys', value: store.expired_keys, text: count(store.expired_keys) },
    { name: 'expiring-keys', label: 'Keys with an expiry', value: store.expiring_keys, text: count(store.expiring_keys) },
    { name: 'log-length', label: 'Log length', value: store.log_length, text: store.log_length == null ? UNKNOWN : plural(store.log_length, 'event') },
    { name: 'log-bytes', label: 'Log size', value: store.log_bytes, text: bytes(store.log_bytes) },
    { name: 'connected-clients', label: 'Clients', value: store.connected_clients, text: count(store.connected_clients) },
    { name: 'servers', label: 'Servers', value: store.servers, text: count(store.servers) },
  ];
}

function Charts({ history }) {
  const shown = useRange(history);
  const times = shown.map(({ at }) => at);
  const values = (field) => shown.map(({ data }) => data[field]);
  const rates = (field) => shown.map((point, index) => perSecond(shown[index - 1], point, field));
  const chart = (name, title, format, series) => html`
    <section class="card"><${Chart} ...${{ name, title, times, format, series }} /></section>
  `;
  return html`
    <div class="columns">
      ${chart('memory', 'Memory', bytes, [
        { label: 'used', values: values('memory_used'), colour: 1 },
        { label: 'resident', values: values('memory_resident'), colour: 5 },
      ])}
      ${chart('removed-keys', 'Evictions and expirations', perSecondText, [
        { label: 'evicted', values: rates('evicted_keys'), colour: 4 },
        { label: 'expired', values: rates('expired_keys'), colour: 2 },
      ])}
      ${chart('log', 'Invalidation log', (value) => plural(value, 'event'), [{ label: 'length', values: values('log_length'), colour: 1 }])}
      ${chart('clients', 'Connected clients', count, [{ label: 'clients', values: values('connected_clients'), colour: 1 }])}
    </div>
  `;
}

const perSecondText = (value) => `${number(value)} keys/s`;

function perSecond(before, after, field) {
  if (!before || before.data[field] == null || after.data[field] == null) return null;
  return Math.max(0, after.data[field] - before.data[field]) / (after.at - before.at);
}

/** The times of the operations, as this instance measured them. */
function StoreTimes() {
  const { stats } = useStore(sampleStore);
  if (!stats) return null;
  const times = [
    ...Object.entries(stats.store_times).map(([name, one]) => ({ name: `Redis: ${name}`, times: one })),
    { name: 'Invalidation: append', times: stats.append_times },
    { name: 'Invalidation: lag', times: stats.invalidation_lag },
    { name: 'Wait for a lease', times: stats.lease_waits },
  ];
  return html`
    <section class="card">
      <h2>Times of this instance, since its start</h2>
      <${TimesTable} label="Times of this instance" times=${times} />
    </section>
  `;
}
