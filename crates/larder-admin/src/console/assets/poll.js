/** Data that is asked for again and again, while a page shows it. */

import { get } from './api.js';
import { useCallback, useEffect, useRef, useState } from '../vendor/htm-preact-standalone.module.js';

/** How many answers are kept: half an hour at one answer in five seconds. */
const MAX_HISTORY = 360;

/**
 * Returns `{ data, error, history, reload }` of a resource. Asks again after each interval.
 *
 * `history` has the answers of this page, each with its time: `[{ at, data }]`.
 */
export function usePoll(path, interval) {
  const [state, setState] = useState({ data: null, error: null, history: [] });
  const load = useRef(async () => {});
  useEffect(() => {
    let timer = null;
    let isOver = false;
    load.current = async () => {
      clearTimeout(timer);
      const next = await get(path).then(succeeded, (error) => (last) => ({ ...last, error }));
      if (isOver) return;
      setState(next);
      clearTimeout(timer);
      timer = setTimeout(() => load.current(), interval);
    };
    load.current();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [path, interval]);
  return { ...state, reload: useCallback(() => load.current(), []) };
}

const succeeded = (data) => (last) => ({
  data,
  error: null,
  history: [...last.history, { at: Date.now() / 1000, data }].slice(-MAX_HISTORY),
});
