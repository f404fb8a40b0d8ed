/** An explanation in one sentence. */

import { duration, words } from './format.js';

const HANDLER = {
  no: 'The handler does not run.',
  yes: 'The handler runs, and the request waits for it.',
  background: 'The handler runs in the background, to refresh the response.',
  shared: 'The handler runs already for another request, and this one waits for it.',
};

/** For example: "A hit: the memory tier answers. The handler does not run." */
export function explanationText(explanation) {
  return `${outcomeText(explanation)} ${HANDLER[explanation.handler] ?? ''}`.trim();
}

function outcomeText(explanation) {
  const { outcome, reason, tier } = explanation.outcome;
  switch (outcome) {
    case 'hit':
      return `A hit: the ${tier} tier answers.`;
    case 'stale':
      return `A stale response from the ${tier ?? 'memory'} tier (${words(reason)}).`;
    case 'bypass':
      return `A bypass: the cache does not handle the request (${words(reason)}).`;
    default:
      return `A miss: ${words(reason)}${refusalText(explanation)}.`;
  }
}

/** The invalidation that refused the response, if it was one. */
function refusalText(explanation) {
  const by = firstRefusal(explanation);
  if (!by) return '';
  const when = by.age_seconds == null ? '' : `, ${duration(by.age_seconds)} ago`;
  return ` by ${by.name === 'all' ? 'a purge of everything' : by.name}${when}`;
}

/** Returns the invalidation that refuses the response that the request selects. */
export function firstRefusal({ outcome, memory, shared }) {
  if (outcome.reason !== 'invalidated') return undefined;
  const entries = [...memory.entries, ...shared.entries].filter((entry) => entry.is_selected);
  return entries.flatMap((entry) => entry.invalidated_by).find((by) => !by.is_soft);
}
