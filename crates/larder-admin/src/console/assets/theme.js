/** Dark and light. The choice is kept in memory. `system-theme.js` sets the first theme. */

import { createStore } from './store.js';

const CHOICES = ['system', 'light', 'dark'];
const system = matchMedia('(prefers-color-scheme: dark)');

/** The choice of the operator. */
export const themeChoice = createStore('system');

/** Whether the page is dark now. */
export const isDark = createStore(system.matches);

system.addEventListener('change', apply);

/** Goes on to the next choice. */
export function nextTheme() {
  themeChoice.set(CHOICES[(CHOICES.indexOf(themeChoice.get()) + 1) % CHOICES.length]);
  apply();
}

function apply() {
  const choice = themeChoice.get();
  const dark = choice === 'system' ? system.matches : choice === 'dark';
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
  isDark.set(dark);
}
