/** What the samples say about the time between them. */

/** More points than these make no line clearer. */
const MAX_POINTS = 180;

/** The share of hits among the requests that could have been hits, or `null` without any. */
export function hitRatio(counters) {
  const lookups = counters.hits + counters.misses;
  return lookups > 0 ? counters.hits / lookups : null;
}

/** Returns what was counted between two samples of a scope. */
export function between(before, after) {
  const change = {};
  for (const name of ['requests', 'hits', 'stale', 'misses', 'bypasses', 'fills', 'saved', 'evictions']) {
    change[name] = after[name] - (before?.[name] ?? 0);
  }
  change.times = {};
  for (const [tier, one] of Object.entries(after.times)) {
    const earlier = before?.times[tier] ?? { count: 0, sum: 0 };
    change.times[tier] = { count: one.count - earlier.count, sum: one.sum - earlier.sum };
  }
  return change;
}

/** The mean time of a tier, or `null` if nothing was measured. */
export const meanTime = (change, tier) => {
  const one = change.times[tier];
  return one && one.count > 0 ? one.sum / one.count : null;
};

/**
 * Returns the changes of a scope over time: `[{ at, seconds, change }]`.
 *
 * There are at most 180: neighbours are put together, at least `width` of them. `select` finds the
 * scope in a sample.
 */
export function changes(samples, select, width = 1) {
  const step = Math.max(width, Math.ceil((samples.length - 1) / MAX_POINTS));
  const list = [];
  for (let index = (samples.length - 1) % step; index + step < samples.length; index += step) {
    const [before, after] = [samples[index], samples[index + step]];
    const [first, last] = [select(before), select(after)];
    if (!last) continue;
    const change = between(first, last);
    if (change.requests < 0) continue;
    list.push({ at: after.at, seconds: after.at - before.at, change });
  }
  return list;
}

/** Returns what was counted in the last seconds, and how many seconds these are. */
export function recent(samples, select, seconds = 10) {
  const last = samples.at(-1);
  const first = samples.find((sample) => sample.at >= (last?.at ?? 0) - seconds - 0.5);
  if (!last || first === last || !select(last)) return null;
  const change = between(select(first), select(last));
  return change.requests < 0 ? null : { seconds: last.at - first.at, change };
}
