/**
 * One sample of the counters, made small: the sampler keeps many of them.
 *
 * A scope is a route, a class, a collection, or the whole cache. Its counters only grow.
 */

const sum = (byReason = {}) => Object.values(byReason).reduce((total, one) => total + one, 0);

/** Returns the counters of all scopes: `{ at, total, routes, classes, collections }`. */
export function takeSample(stats, at) {
  const classes = mapOf(Object.entries(stats.classes), ([name]) => name, ([, one]) => countersOf(one));
  return {
    at,
    total: { ...countersOf(stats), times: addTimes([...classes.values()]) },
    memoryBytes: stats.memory_bytes,
    routes: mapOf(stats.routes, routeId, countersOf),
    classes,
    collections: mapOf(Object.entries(stats.values), ([name]) => name, ([, one]) => countersOf(one)),
  };
}

/** A route can have several classes, so both identify it. */
export const routeId = (route) => `${route.route} · ${route.class}`;

const mapOf = (list, name, counters) => new Map(list.map((one) => [name(one), counters(one)]));

/** Returns the counters of one scope. Collections have loads in place of fills. */
export function countersOf(scope) {
  const [stale, misses, bypasses] = [sum(scope.stale), sum(scope.misses), sum(scope.bypasses)];
  const hits = scope.hits_memory + scope.hits_shared + stale;
  return {
    requests: hits + misses + bypasses,
    hits,
    stale,
    misses,
    bypasses,
    fills: scope.fills ?? scope.loads ?? 0,
    saved: scope.handler_seconds_saved ?? scope.load_seconds_saved ?? 0,
    evictions: scope.evictions ?? 0,
    times: timesOf(scope),
  };
}

function timesOf(scope) {
  const times = scope.times ?? { memory: scope.hit_times, miss: scope.load_times };
  const measured = Object.entries(times).filter(([, one]) => one);
  return Object.fromEntries(measured.map(([tier, one]) => [tier, { count: one.count, sum: one.sum_seconds }]));
}

function addTimes(scopes) {
  const total = {};
  for (const { times } of scopes) {
    for (const [tier, one] of Object.entries(times)) {
      total[tier] ??= { count: 0, sum: 0 };
      total[tier].count += one.count;
      total[tier].sum += one.sum;
    }
  }
  return total;
}
