/** Data of the API, while a page shows it. */

import { get } from './api.js';
import { useCallback, useEffect, useRef, useState } from '../vendor/htm-preact-standalone.module.js';

/** How many answers are kept: half an hour at one answer in five seconds. */
const MAX_HISTORY = 360;
/** After a request without an answer. */
const RETRY_PAUSE = 3000;

/**
 * Returns `{ data, error, history, reload }` of a resource. Asks again after each interval.
 *
 * `history` has the answers of this page, each with its time: `[{ at, data }]`.
 */
export const usePoll = (path, interval) =>
  useResource(path, (error) => (isUnanswered(error) ? Math.min(RETRY_PAUSE, interval) : interval));

/**
 * Returns the same of a resource that is asked for once: again only if there is no answer. Without
 * a path, there is no request.
 */
export const useOnce = (path) => useResource(path, (error) => (isUnanswered(error) ? RETRY_PAUSE : null));

const isUnanswered = (error) => error?.status === 0;

/** `pauseAfter` returns the time until the next request, or `null` if there is none. */
function useResource(path, pauseAfter) {
  const [state, setState] = useState({ data: null, error: null, history: [] });
  const load = useRef(async () => {});
  useEffect(() => {
    let timer = null;
    const over = new AbortController();
    load.current = async () => {
      clearTimeout(timer);
      const { data, error } = await get(path, over.signal).then((data) => ({ data }), (error) => ({ error }));
      if (over.signal.aborted) return;
      setState(error ? (last) => ({ ...last, error }) : succeeded(data));
      clearTimeout(timer);
      const pause = pauseAfter(error);
      if (pause !== null) timer = setTimeout(() => load.current(), pause);
    };
    if (path) load.current();
    return () => {
      over.abort();
      clearTimeout(timer);
    };
  }, [path]);
  return { ...state, reload: useCallback(() => load.current(), []) };
}

const succeeded = (data) => (last) => ({
  data,
  error: null,
  history: [...last.history, { at: Date.now() / 1000, data }].slice(-MAX_HISTORY),
});
