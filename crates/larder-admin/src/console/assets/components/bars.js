/** Counts by reason, as bars. */

import { html } from '../../vendor/htm-preact-standalone.module.js';
import { count, percent, words } from '../format.js';

const byCount = (counts) => Object.entries(counts ?? {}).sort(([, one], [, other]) => other - one);

/** A bar for each reason, with its count and its share. */
export function Bars({ counts, name, empty = 'None yet.' }) {
  const entries = byCount(counts);
  const total = entries.reduce((sum, [, one]) => sum + one, 0);
  if (total === 0) return html`<p class="muted">${empty}</p>`;
  return html`
    <ul class="bars">
      ${entries.map(([reason, value]) => html`
        <li key=${reason}>
          <span>${words(reason)}</span>
          <span class="track" aria-hidden="true"><div class="fill-bar" style=${{ width: `${(value / total) * 100}%` }}></div></span>
          <span data-figure="${name}-${reason}" data-value=${value}>${count(value)} <span class="muted">${percent(value / total)}</span></span>
        </li>
      `)}
    </ul>
  `;
}

/** The most reasons that have a colour of their own. */
const MAX_COLOURS = 5;

/** All reasons in one bar, for a table. */
export function StackedBar({ counts, label }) {
  const entries = byCount(counts);
  const total = entries.reduce((sum, [, one]) => sum + one, 0);
  if (total === 0) return html`<span class="muted">none</span>`;
  const text = entries.map(([reason, value]) => `${words(reason)} ${count(value)}`).join(', ');
  return html`
    <div class="stack" role="img" aria-label="${label}: ${text}" title=${text}>
      ${entries.map(([reason, value], index) => html`
        <span key=${reason} class="series-${Math.min(index + 1, MAX_COLOURS)}" style=${{ width: `${(value / total) * 100}%` }}></span>
      `)}
    </div>
    <span class="muted nowrap">${words(entries[0][0])} ${percent(entries[0][1] / total)}</span>
  `;
}
