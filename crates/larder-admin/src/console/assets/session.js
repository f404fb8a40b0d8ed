/**
 * The client that is logged in.
 *
 * The token is in this module alone: not in the storage of the browser, in a cookie or in the URL.
 * It is gone when the page is closed or loaded again.
 */

import { createStore } from './store.js';

let token = null;

/** The client: `{ name, role, version, … }`, or `null` if nobody is logged in. */
export const client = createStore(null);

/** The reason for which the last session ended, to be shown in the login form. */
export const endReason = createStore('');

/** Returns the token for a request. */
export const currentToken = () => token;

/** Begins a session. */
export function begin(newToken, newClient) {
  token = newToken;
  endReason.set('');
  client.set(newClient);
}

/** Ends the session, and forgets the token. */
export function end(reason) {
  token = null;
  endReason.set(reason);
  client.set(null);
}

/** Whether the client may change things. */
export const mayChange = () => client.get()?.role === 'purge';
