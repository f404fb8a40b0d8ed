/** How much of the past the charts show. */

import { html } from '../vendor/htm-preact-standalone.module.js';
import { Choice } from './components/choice.js';
import { createStore, useStore } from './store.js';

const OPTIONS = [
  { value: '60', label: '1 min' },
  { value: '300', label: '5 min' },
  { value: '1800', label: '30 min' },
];

const range = createStore('300');

/** Returns the newest entries of a list, as far back as the range goes. Entries have `at`. */
export function useRange(list) {
  const seconds = Number(useStore(range));
  const newest = list.at(-1)?.at ?? 0;
  return list.filter((entry) => entry.at >= newest - seconds);
}

export function RangeChoice() {
  const value = useStore(range);
  return html`
    <${Choice} name="range" legend="Time range of the charts" options=${OPTIONS} value=${value} onChange=${range.set} />
  `;
}
