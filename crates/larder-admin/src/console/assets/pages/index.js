/**
 * The pages, in the order of the navigation.
 *
 * ## Hooks for tests
 *
 * | hook | where |
 * | --- | --- |
 * | `main[data-page=NAME]` | each page; NAME is in the list below, or `login` |
 * | `[data-figure=NAME]` | a figure, with its exact number in `data-value` |
 */

import { Overview } from './overview.js';
import { Stub } from './stub.js';

const SEE = 'See';
const EXPLAIN = 'Understand';
const STEER = 'Steer';

export const PAGES = [
  { name: 'overview', group: SEE, title: 'Overview', view: Overview, summary: 'This instance, since this page was opened.' },
  { name: 'routes', group: SEE, title: 'Routes', view: Stub, summary: 'By route, lifetime class and collection.' },
  { name: 'redis', group: SEE, title: 'Redis', view: Stub, summary: 'The shared store.' },
  { name: 'instances', group: SEE, title: 'Instances', view: Stub, summary: 'The instances that share the store.' },
  { name: 'invalidations', group: SEE, title: 'Invalidations', view: Stub, summary: 'Invalidations, as they take effect here.' },
  { name: 'advice', group: EXPLAIN, title: 'Advice', view: Stub, summary: 'What the figures say.' },
  { name: 'top-keys', group: EXPLAIN, title: 'Top keys', view: Stub, summary: 'The hottest keys.' },
  { name: 'explain', group: EXPLAIN, title: 'Explain', view: Stub, summary: 'What the cache would do with a request, and why.' },
  { name: 'stored', group: EXPLAIN, title: 'Stored', view: Stub, summary: 'What is stored in memory.' },
  { name: 'purge', group: STEER, title: 'Purge', view: Stub, summary: 'Invalidate responses and values.' },
  { name: 'switches', group: STEER, title: 'Switches', view: Stub, summary: 'Switch caching off for a time.' },
  { name: 'warm', group: STEER, title: 'Warm', view: Stub, summary: 'Fill the cache before clients ask.' },
];

/** Returns the page with this name, or the first one. */
export const pageOf = (name) => PAGES.find((page) => page.name === name) ?? PAGES[0];
