/** The reach of a purge, or of a dry run. */

import { html } from '../../vendor/htm-preact-standalone.module.js';
import { bytes, count, plural } from '../format.js';
import { purgeText } from '../purge-text.js';
import { linkTo } from '../route.js';
import { Figures } from './figures.js';

export function PurgeResult({ result }) {
  const { outcome, here, refill } = result;
  const tone = { 'dry-run': '', applied: 'good', deferred: 'warning' }[outcome] ?? '';
  return html`
    <section class="card">
      <p class="notice ${tone}" data-figure="purge-outcome" data-value=${outcome}>${purgeText(result)}</p>
      <${Figures} label="Reach on this instance" list=${figures(here)} />
      ${refill?.job && html`
        <p>The job <a href=${linkTo('warm')}>${refill.job.job}</a> fills ${plural(refill.job.total ?? 0, 'response')} again.
        ${' '}${plural(refill.left_out, 'response')} left out, ${count(refill.not_rebuilt)} cannot be requested again.</p>
      `}
      ${here.keys.length > 0 && html`
        <details open>
          <summary>Keys, ${count(here.keys.length)} of them shown</summary>
          <div class="scroll list" role="region" tabindex="0" aria-label="Keys that are reached" data-figure="purge-keys">
            <ul>${here.keys.map((key) => html`<li key=${key}><code>${key}</code></li>`)}</ul>
          </div>
        </details>
      `}
    </section>
  `;
}

const figures = (here) => [
  { name: 'reach-responses', label: 'Responses', value: here.responses, text: count(here.responses) },
  { name: 'reach-values', label: 'Values', value: here.values, text: count(here.values) },
  { name: 'reach-bytes', label: 'Bytes', value: here.bytes, text: bytes(here.bytes) },
  { name: 'reach-already-invalidated', label: 'Already invalidated', value: here.already_invalidated, text: count(here.already_invalidated) },
];
