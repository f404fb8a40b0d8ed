/** The invalidations that took effect since this page was opened. */

import { ApiError, open } from './api.js';
import { client } from './session.js';
import { createStore } from './store.js';

const MAX_EVENTS = 1000;
const RETRY_AFTER = 3000;

const EMPTY = { state: 'connecting', events: [], total: 0 };

/**
 * `{ state, events, total }`: whether the feed is `live`, `connecting` or `lost`; the newest events,
 * the newest first; and how many there were.
 */
export const feed = createStore(EMPTY);

let abort = new AbortController();
let lastNumber = 0;

client.subscribe((now) => {
  abort.abort();
  abort = new AbortController();
  feed.set(EMPTY);
  lastNumber = 0;
  if (now) follow(abort.signal);
});

async function follow(signal) {
  while (!signal.aborted) {
    try {
      await read(signal);
    } catch (error) {
      if (!(error instanceof ApiError || error instanceof TypeError || signal.aborted)) throw error;
    }
    if (signal.aborted) return;
    feed.set({ ...feed.get(), state: 'lost' });
    await new Promise((resolve) => setTimeout(resolve, RETRY_AFTER));
  }
}

/** Reads the lines of one answer. A line may come in parts. */
async function read(signal) {
  const response = await open('invalidations', signal);
  feed.set({ ...feed.get(), state: 'live' });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split('\n');
    rest = lines.pop();
    add(lines.filter((line) => line.trim()).map((line) => JSON.parse(line)));
  }
}

function add(events) {
  if (events.length === 0) return;
  const numbered = events.map((event) => ({ ...event, number: (lastNumber += 1), seen: Date.now() / 1000 }));
  const last = feed.get();
  feed.set({ ...last, events: [...numbered.reverse(), ...last.events].slice(0, MAX_EVENTS), total: lastNumber });
}
