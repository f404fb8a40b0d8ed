/** The overview: the big figures. */

import { html } from '../../vendor/htm-preact-standalone.module.js';
import { count, percent } from '../format.js';
import { samples } from '../sampler.js';
import { useStore } from '../store.js';

export function Overview() {
  const { stats } = useStore(samples);
  if (!stats) return html`<p role="status">Loading …</p>`;
  return html`
    <p data-figure="hit-rate" data-value=${stats.hit_ratio}>${percent(stats.hit_ratio)}</p>
    <p data-figure="fills" data-value=${stats.fills}>${count(stats.fills)}</p>
  `;
}
