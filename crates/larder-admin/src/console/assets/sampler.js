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
  const next = await sampleNow(samples.get());
  if (client.get() !== owner) return;
  samples.set(next);
  timer = setTimeout(() => tick(owner), Math.max(100, INTERVAL - (performance.now() - begun)));
}

async function sampleNow(last) {
  try {
    const stats = await get('stats');
    return { stats, samples: append(last.samples, takeSample(stats, Date.now() / 1000)), error: null };
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
