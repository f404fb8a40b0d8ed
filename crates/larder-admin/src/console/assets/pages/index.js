/**
 * The pages, in the order of the navigation.
 *
 * ## Hooks for tests
 *
 * | hook | where |
 * | --- | --- |
 * | `main[data-page=NAME]` | each page: NAME is in the list below, or `login` |
 * | `[data-figure=NAME]` | a figure or a result; its exact number or word is in `data-value` |
 * | `[data-table=NAME] [data-row=KEY]` | a table, and a row in it; figures of a row are inside it |
 * | `[data-chart=NAME]`, `[data-chart-value=LINE]` | a chart, and the newest value of a line |
 *
 * | page | figures |
 * | --- | --- |
 * | all | `health` (`true`, `false`), `client` (the role), `error`, `read-only` |
 * | `login` | `login-error` |
 * | `overview` | now: `hit-rate-recent`, `requests-per-second`, `misses-per-second`, `saved-per-second`; as in `api/stats`: `hit-rate`, `requests`, `misses`, `bypasses`, `handler-seconds-saved`, `fills`, `invalidations`, `memory-bytes`, `evictions`, `store-errors`; as in `api/store`: `store-memory-bytes`; charts `requests`, `hit-rate`, `latency`, `time-saved`, `memory`, `store-memory` |
 * | `routes` | tables `routes` (key `ROUTE · CLASS`), `classes`, `collections`, with `requests`, `hit-rate`, `fills`, `saved` in a row; `chosen`; `misses-REASON`, `bypasses-REASON`, `stale-REASON`, `not-stored-REASON` |
 * | `redis` | `memory-used`, `memory-limit`, `memory-peak`, `fragmentation`, `store-hit-rate`, `evicted-keys`, `expired-keys`, `expiring-keys`, `log-length`, `log-bytes`, `connected-clients`, `servers`; charts `memory`, `removed-keys`, `log`, `clients` |
 * | `instances` | `instances`, `instances-STATE`; table `instances` (key: the id) with `state`, `lag` |
 * | `invalidations` | `feed` (`live`, `connecting`, `lost`), `events`; table `invalidations` with `selector` |
 * | `advice` | `findings`; `[data-finding=KIND]` with a figure for each evidence |
 * | `top-keys` | table `top-keys` (key: the key) with `count`; `not-counted` |
 * | `explain` | `explanation` (`miss invalidated`), `outcome`, `key`, `memory-state`, `memory-verdict`, `shared-state`, `shared-verdict`, `invalidated-by`; `no-application` |
 * | `stored` | tables `responses`, `values`; `matched`; `inspection` (the key), `memory-state`, `shared-state`, `purge-outcome` |
 * | `purge` | `purge-outcome` (`dry-run`, `applied`, `deferred`), `reach-responses`, `reach-values`, `reach-bytes`, `reach-already-invalidated`, `purge-keys` |
 * | `switches` | `switches`, `switch-result`; table `switches` with `scope` |
 * | `warm` | table `jobs` (key: the number) with `filled`, `done`; `warm-result`, `no-application` |
 */

import { Advice } from './advice.js';
import { Explain } from './explain.js';
import { Instances } from './instances.js';
import { Invalidations } from './invalidations.js';
import { Overview } from './overview.js';
import { Purge } from './purge.js';
import { Redis } from './redis.js';
import { Routes } from './routes.js';
import { Stored } from './stored.js';
import { Switches } from './switches.js';
import { TopKeys } from './top-keys.js';
import { Warm } from './warm.js';

const SEE = 'See';
const UNDERSTAND = 'Understand';
const STEER = 'Steer';

export const PAGES = [
  { name: 'overview', group: SEE, title: 'Overview', view: Overview, summary: 'The whole cache, as this instance counts it.' },
  { name: 'routes', group: SEE, title: 'Routes', view: Routes, summary: 'The figures by route, lifetime class and collection, since the application started.' },
  { name: 'redis', group: SEE, title: 'Redis', view: Redis, summary: 'The shared store, with all its clients.' },
  { name: 'instances', group: SEE, title: 'Instances', view: Instances, summary: 'The instances that share the store.' },
  { name: 'invalidations', group: SEE, title: 'Invalidations', view: Invalidations, summary: 'Each invalidation, when it takes effect on this instance.' },
  { name: 'advice', group: UNDERSTAND, title: 'Advice', view: Advice, summary: 'What the figures say, with the evidence and the remedy.' },
  { name: 'top-keys', group: UNDERSTAND, title: 'Top keys', view: TopKeys, summary: 'The keys with the most requests, handler time, bytes and misses.' },
  { name: 'explain', group: UNDERSTAND, title: 'Explain', view: Explain, summary: 'What the cache would do with a request, and why. Nothing is filled or counted.' },
  { name: 'stored', group: UNDERSTAND, title: 'Stored', view: Stored, summary: 'The responses and values in the memory of this instance.' },
  { name: 'purge', group: STEER, title: 'Purge', view: Purge, summary: 'Invalidates responses and values on all instances.' },
  { name: 'switches', group: STEER, title: 'Switches', view: Switches, summary: 'Switches caching off for a time, to see whether it is to blame.' },
  { name: 'warm', group: STEER, title: 'Warm', view: Warm, summary: 'Sends requests through the application, so that their responses are stored.' },
];

/** Returns the page with this name, or the first one. */
export const pageOf = (name) => PAGES.find((page) => page.name === name) ?? PAGES[0];
