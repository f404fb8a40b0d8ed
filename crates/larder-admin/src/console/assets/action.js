/** A change that an operator asks for: at most one at a time, with its result or its error. */

import { useState } from '../vendor/htm-preact-standalone.module.js';
import { announce } from './announce.js';

/**
 * Returns `{ run, clear, isBusy, result, error }`. `run` calls a function that returns a promise,
 * and says the result: `textOf` writes it as a sentence.
 */
export function useAction(textOf) {
  const [state, setState] = useState({ isBusy: false, result: null, error: null });
  async function run(act) {
    if (state.isBusy) return;
    setState({ isBusy: true, result: null, error: null });
    try {
      const result = await act();
      setState({ isBusy: false, result, error: null });
      announce(textOf(result));
    } catch (error) {
      setState({ isBusy: false, result: null, error });
    }
  }
  const clear = () => setState({ isBusy: false, result: null, error: null });
  return { ...state, run, clear };
}
