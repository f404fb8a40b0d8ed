/**
 * The counters over time, since this page was opened: one request a second.
 *
 * The cache has counters, and no history. So the history is in this page, and ends with it.
 */

import { ApiError, get } from './api.js';
import { takeSample } from './sample.js';
import { client } from './session.js';
import { createStore } from './store.js';

const INTERVAL = 1000;
/** After a late answer. Samples that are closer make a rate of few requests. */
const MIN_PAUSE = 700;
/** Half an hour. */
const MAX_SAMPLES = 1800;
/** A sample has counters of each scope. With many scopes, fewer samples are kept. */
const MAX_COUNTERS = 100_000;

/** `{ stats, samples, error }`: the newest answer, and the samples with the oldest first. */
export const samples = createStore({ stats: null, samples: [], error: null });

let timer = null;

client.subscribe((now) => {
  clearTimeout(timer);
  samples.set({ stats: null, samples: [], error: null });
  if (now) tick(now);
});

async function tick(owner) {
  const begun = performance.now();
  try {
    const next = await sampleNow(samples.get());
    if (client.get() === owner) samples.set(next);
  } finally {
    const pause = Math.max(MIN_PAUSE, INTERVAL - (performance.now() - begun));
    if (client.get() === owner) timer = setTimeout(() => tick(owner), pause);
  }
}

async function sampleNow(last) {
  try {
    const begun = Date.now();
    const stats = await get('stats');
    // The application counted at some moment between the request and its answer.
    const at = (begun + Date.now()) / 2000;
    return { stats, samples: append(last.samples, takeSample(stats, at)), error: null };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { ...last, error };
  }
}

function append(list, sample) {
  const last = list.at(-1);
  // The application has started again.
  const kept = last && sample.total.requests < last.total.requests ? [] : list;
  const scopes = 1 + sample.routes.size + sample.classes.size + sample.collections.size;
  const most = Math.max(60, Math.min(MAX_SAMPLES, Math.floor(MAX_COUNTERS / scopes)));
  return [...kept.slice(1 - most), sample];
}
