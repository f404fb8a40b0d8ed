/** The page, by the fragment of the URL: `#/purge?tag=product:7`. */

import { createStore } from './store.js';

/** The name of the page, and what it is opened with. */
export const route = createStore(parse());

addEventListener('hashchange', () => route.set(parse()));

function parse() {
  const [name, query] = location.hash.replace(/^#\/?/, '').split('?', 2);
  return { name: name || 'overview', query: new URLSearchParams(query ?? '') };
}

/** Returns the link to a page. */
export function linkTo(name, query = {}) {
  const text = new URLSearchParams(query).toString();
  return `#/${name}${text && `?${text}`}`;
}
