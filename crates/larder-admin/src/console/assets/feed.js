/** The invalidations that took effect since this page was opened. */

import { ApiError, open } from './api.js';
import { client, sessionSignal } from './session.js';
import { createStore } from './store.js';

const MAX_EVENTS = 1000;
const RETRY_AFTER = 3000;
/** The maximum time for the beginning of the answer. */
const HEAD_TIMEOUT = 10_000;
/** The maximum time without a line. The application sends an empty one every 15 s. */
const MAX_SILENCE = 45_000;

const EMPTY = { state: 'connecting', events: [], total: 0 };

/**
 * `{ state, events, total }`: whether the feed is `live`, `connecting` or `lost`; the newest events,
 * the newest first; and how many there were.
 */
export const feed = createStore(EMPTY);

let lastNumber = 0;

client.subscribe((now) => {
  feed.set(EMPTY);
  lastNumber = 0;
  if (now) follow(sessionSignal());
});

/** The end of the session ends the feed, so a page has one at most. */
async function follow(session) {
  while (!session.aborted) {
    const attempt = new AbortController();
    try {
      await read(attempt);
    } catch (error) {
      if (!isLoss(error)) reportError(error);
    } finally {
      // A feed that is not read any more must not keep its connection.
      attempt.abort();
    }
    if (session.aborted) return;
    feed.set({ ...feed.get(), state: 'lost' });
    await new Promise((resolve) => setTimeout(resolve, RETRY_AFTER));
  }
}

const isLoss = (error) => error instanceof ApiError || error instanceof TypeError || error.name === 'AbortError';

/** Reads the lines of one answer. A line may come in parts. */
async function read(attempt) {
  const patience = new Patience(attempt);
  try {
    patience.allow(HEAD_TIMEOUT);
    const response = await open('invalidations', attempt.signal);
    patience.allow(MAX_SILENCE);
    feed.set({ ...feed.get(), state: 'live' });
    await readLines(response.body.pipeThrough(new TextDecoderStream()).getReader(), patience);
  } finally {
    patience.end();
  }
}

/** Aborts an attempt that is silent for too long. */
class Patience {
  #attempt;
  #timer = null;

  constructor(attempt) {
    this.#attempt = attempt;
  }

  allow(limit) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#attempt.abort(), limit);
  }

  end() {
    clearTimeout(this.#timer);
  }
}

async function readLines(reader, patience) {
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    patience.allow(MAX_SILENCE);
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
