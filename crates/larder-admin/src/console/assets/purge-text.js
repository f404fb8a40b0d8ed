/** What a purge did or would do, as sentences. */

import { bytes, plural } from './format.js';

/** "3 responses and 1 value, 4.2 kB" */
export const reachText = (here) =>
  `${plural(here.responses, 'response')} and ${plural(here.values, 'value')}, ${bytes(here.bytes)}`;

/** The result of a purge or a dry run. */
export function purgeText({ outcome, here }) {
  if (outcome === 'dry-run') return `This would reach ${reachText(here)} in the memory of this instance.`;
  const reached = `It reached ${reachText(here)} in the memory of this instance.`;
  return outcome === 'deferred'
    ? `Purged here. The other instances follow when Redis is back. ${reached}`
    : `Purged on all instances. ${reached}`;
}
