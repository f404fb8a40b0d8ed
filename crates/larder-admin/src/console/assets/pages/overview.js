/** The overview: the figures of the whole cache, and their course. */

import { html } from '../../vendor/htm-preact-standalone.module.js';
import { Chart } from '../components/chart.js';
import { Figures } from '../components/figures.js';
import { ErrorNotice, Loading } from '../components/notice.js';
import { TrafficCharts } from '../components/traffic-charts.js';
import { bytes, count, duration, percent, plural, rate } from '../format.js';
import { usePoll } from '../poll.js';
import { RangeChoice, useRange } from '../range.js';
import { countersOf } from '../sample.js';
import { samples as sampleStore } from '../sampler.js';
import { hitRatio, recent } from '../series.js';
import { useStore } from '../store.js';

const STORE_INTERVAL = 5000;
const total = (sample) => sample.total;

export function Overview() {
  const { stats, samples, error } = useStore(sampleStore);
  const store = usePoll('store', STORE_INTERVAL);
  const shown = useRange(samples);
  if (!stats) return html`<${ErrorNotice} error=${error} /><${Loading} />`;
  return html`
    <${ErrorNotice} error=${error} />
    <${Figures} label="The last ten seconds" isLarge list=${recentFigures(samples)} />
    <${Figures} label="Since the application started" list=${totalFigures(stats, store.data)} />
    <div class="row ends">
      <h2>Since this page was opened</h2>
      <${RangeChoice} />
    </div>
    <${TrafficCharts} samples=${shown} select=${total} />
    <div class="columns">
      <section class="card"><${MemoryChart} samples=${shown} /></section>
      ${store.data && html`<section class="card"><${StoreChart} history=${store.history} /></section>`}
    </div>
  `;
}

function recentFigures(samples) {
  const last = recent(samples, total);
  const { change, seconds } = last ?? {};
  const perSecond = (field) => last && change[field] / seconds;
  const note = last ? `of the last ${Math.round(seconds)} s` : 'in a moment';
  const ratio = last && hitRatio(change);
  return [
    { name: 'hit-rate-recent', label: 'Hit rate', value: ratio, text: percent(ratio), note },
    { name: 'requests-per-second', label: 'Requests', value: perSecond('requests'), text: rate(perSecond('requests')), note },
    { name: 'misses-per-second', label: 'Misses', value: perSecond('misses'), text: rate(perSecond('misses'), 'misses'), note },
    { name: 'saved-per-second', label: 'Handler time saved', value: perSecond('saved'), text: last ? `${duration(perSecond('saved'))} each second` : '–', note },
  ];
}

function totalFigures(stats, store) {
  const counters = countersOf(stats);
  return [
    { name: 'hit-rate', label: 'Hit rate', value: stats.hit_ratio, text: percent(stats.hit_ratio), note: 'since the start' },
    { name: 'requests', label: 'Requests', value: counters.requests, text: count(counters.requests), note: plural(counters.hits, 'hit') },
    { name: 'misses', label: 'Misses', value: counters.misses, text: count(counters.misses), note: `${count(stats.collapsed)} collapsed` },
    { name: 'bypasses', label: 'Bypasses', value: counters.bypasses, text: count(counters.bypasses), note: `${count(counters.stale)} stale` },
    { name: 'handler-seconds-saved', label: 'Handler time saved', value: counters.saved, text: duration(counters.saved), note: `${duration(stats.fill_seconds)} spent` },
    { name: 'fills', label: 'Fills', value: stats.fills, text: count(stats.fills), note: `${count(stats.stored)} stored` },
    { name: 'invalidations', label: 'Invalidations', value: stats.invalidations, text: count(stats.invalidations), note: 'issued here' },
    { name: 'memory-bytes', label: 'Memory', value: stats.memory_bytes, text: bytes(stats.memory_bytes), note: plural(stats.memory_entries, 'response') },
    { name: 'evictions', label: 'Evictions', value: stats.evictions, text: count(stats.evictions), note: 'from memory' },
    { name: 'store-errors', label: 'Store errors', value: stats.store_errors, text: count(stats.store_errors), note: `${count(stats.slow_polls)} slow polls` },
    store && { name: 'store-memory-bytes', label: 'Redis memory', value: store.memory_used, text: bytes(store.memory_used), note: limitNote(store) },
  ];
}

const limitNote = (store) => (store.memory_limit == null ? 'no limit' : `of ${bytes(store.memory_limit)}`);

function MemoryChart({ samples }) {
  const series = [{ label: 'responses', values: samples.map((sample) => sample.memoryBytes), colour: 1 }];
  return html`
    <${Chart} name="memory" title="Memory of this instance" times=${samples.map((sample) => sample.at)} series=${series} format=${bytes} />
  `;
}

function StoreChart({ history }) {
  const shown = useRange(history);
  const series = [{ label: 'used', values: shown.map(({ data }) => data.memory_used), colour: 1 }];
  return html`
    <${Chart} name="store-memory" title="Redis memory" times=${shown.map(({ at }) => at)} series=${series} format=${bytes} />
  `;
}
