/** Short texts for screen readers, in a live region that is always there. */

import { createStore } from './store.js';

export const announcement = createStore('');

/** Says a text. The same text twice is said twice. */
export function announce(text) {
  announcement.set('');
  setTimeout(() => announcement.set(text), 50);
}
