/**
 * The start of the console.
 *
 * | file | what it does |
 * | --- | --- |
 * | `store.js` | values that components watch |
 * | `api.js` | requests to the API, with their time limits |
 * | `session.js` | the token, in memory alone, until the page is left |
 * | `sampler.js`, `sample.js`, `series.js` | the counters over time |
 * | `feed.js` | the invalidations that this page has seen |
 * | `poll.js` | data that a page shows, asked for again and again or until there is an answer |
 * | `route.js` | the page, by the fragment of the URL |
 * | `theme.js` | dark and light; `system-theme.js` sets the first theme |
 * | `format.js` | numbers with their units |
 * | `app.js` | the frame around all pages |
 * | `components/` | parts of pages |
 * | `pages/` | the pages; `pages/index.js` lists them, and the hooks for tests |
 */

import { h, render } from '../vendor/htm-preact-standalone.module.js';
import { App } from './app.js';

render(h(App), document.getElementById('console'));
