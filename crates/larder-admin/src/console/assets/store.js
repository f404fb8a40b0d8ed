/** Values that components watch. */

import { useEffect, useReducer } from '../vendor/htm-preact-standalone.module.js';

/** Creates a value whose changes can be watched. */
export function createStore(initial) {
  let value = initial;
  const listeners = new Set();
  return {
    get: () => value,
    set(next) {
      value = next;
      listeners.forEach((listener) => listener(next));
    },
    /** Calls the listener after each change. Returns a function that ends this. */
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Returns the value, and renders the component again when it changes. */
export function useStore(store) {
  const [, render] = useReducer((count) => count + 1, 0);
  useEffect(() => store.subscribe(() => render()), [store]);
  return store.get();
}
