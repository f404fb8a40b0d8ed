/** The charts of one scope: requests, hit rate, latency by tier, time saved. */

import { html } from '../../vendor/htm-preact-standalone.module.js';
import { duration, number, percent } from '../format.js';
import { changes, hitRatio, meanTime } from '../series.js';
import { Chart } from './chart.js';

/** The tiers, in the order of their speed. */
const TIERS = [
  { tier: 'memory', label: 'memory', colour: 1 },
  { tier: 'shared', label: 'shared', colour: 2 },
  { tier: 'stale', label: 'stale', colour: 6 },
  { tier: 'miss', label: 'miss', colour: 3 },
  { tier: 'bypass', label: 'bypass', colour: 5 },
];
/** One request in 64 is timed, so a point needs some seconds. */
const SECONDS_FOR_TIMES = 5;

/** `select` finds the scope in a sample. */
export function TrafficCharts({ samples, select }) {
  const points = changes(samples, select);
  const times = points.map((point) => point.at);
  const perSecond = (field) => points.map((point) => point.change[field] / point.seconds);
  const requests = [
    { label: 'hits', values: perSecond('hits'), colour: 1 },
    { label: 'misses', values: perSecond('misses'), colour: 3 },
    { label: 'bypasses', values: perSecond('bypasses'), colour: 5 },
  ];
  const ratios = [{ label: 'hit rate', values: points.map((point) => hitRatio(point.change)), colour: 1 }];
  const saved = [{ label: 'saved each second', values: perSecond('saved'), colour: 1 }];
  return html`
    <div class="columns">
      <section class="card"><${Chart} name="requests" title="Requests" times=${times} series=${requests} format=${perSecondText} /></section>
      <section class="card"><${Chart} name="hit-rate" title="Hit rate" times=${times} series=${ratios} format=${percent} max=${1} /></section>
      <section class="card"><${LatencyChart} samples=${samples} select=${select} /></section>
      <section class="card"><${Chart} name="time-saved" title="Handler time saved" times=${times} series=${saved} format=${duration} /></section>
    </div>
  `;
}

const perSecondText = (value) => `${number(value)} /s`;

function LatencyChart({ samples, select }) {
  const points = changes(samples, select, SECONDS_FOR_TIMES);
  const series = TIERS.map((one) => ({ ...one, values: points.map((point) => meanTime(point.change, one.tier)) }));
  const measured = series.filter((one) => one.values.some((value) => value != null));
  return html`
    <${Chart} name="latency" title="Mean latency by tier" times=${points.map((point) => point.at)} series=${measured}
      format=${duration} isLogarithmic=${true} />
  `;
}
