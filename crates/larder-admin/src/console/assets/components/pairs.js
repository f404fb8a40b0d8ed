/** Names and what they stand for. Empty ones are left out. */

import { html } from '../../vendor/htm-preact-standalone.module.js';

const isEmpty = (value) => value == null || value === '' || (Array.isArray(value) && value.length === 0);

/** The list has pairs of a name and a content. */
export const Pairs = ({ list }) => html`
  <dl class="pairs">
    ${list.filter(([, value]) => !isEmpty(value)).map(([name, value]) => html`<dt key=${name}>${name}</dt><dd>${value}</dd>`)}
  </dl>
`;

/** The same, side by side, for short contents. */
export const Evidence = ({ list }) => html`
  <dl class="evidence">
    ${list.filter(([, value]) => !isEmpty(value)).map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}
  </dl>
`;
