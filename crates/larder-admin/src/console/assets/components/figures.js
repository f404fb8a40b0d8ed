/** Figures with their names. */

import { html } from '../../vendor/htm-preact-standalone.module.js';

/**
 * A list of figures: `{ name, label, value, text, note }`. `value` is the exact number, and `text`
 * the one with a unit.
 */
export function Figures({ list, label, isLarge = false }) {
  return html`
    <dl class="figures ${isLarge ? 'large' : ''}" aria-label=${label}>
      ${list.filter(Boolean).map((figure) => html`
        <div key=${figure.name}>
          <dt>${figure.label}</dt>
          <dd data-figure=${figure.name} data-value=${figure.value ?? ''}><${Text} text=${figure.text} /></dd>
          ${figure.note && html`<dd class="note">${figure.note}</dd>`}
        </div>
      `)}
    </dl>
  `;
}

/** A number, and its unit in smaller letters. */
function Text({ text }) {
  const space = text.indexOf(' ');
  return space < 0 ? text : html`${text.slice(0, space)}<span class="unit">${text.slice(space)}</span>`;
}
