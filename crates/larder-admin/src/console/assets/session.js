/**
 * The client that is logged in.
 *
 * The token is in this module alone: not in the storage of the browser, in a cookie or in the URL.
 * It is gone when the page is left, closed or loaded again.
 */

import { createStore } from './store.js';

let token = null;
let ending = new AbortController();

/** The client: `{ name, role, version, … }`, or `null` if nobody is logged in. */
export const client = createStore(null);

/** The reason for which the last session ended, to be shown in the login form. */
export const endReason = createStore('');

/** Returns the token for a request. */
export const currentToken = () => token;

/** Returns the signal that ends the requests of this session. */
export const sessionSignal = () => ending.signal;

/** Begins a session. */
export function begin(newToken, newClient) {
  token = newToken;
  endReason.set('');
  client.set(newClient);
}

/** Ends the session with its requests, and forgets the token. */
export function end(reason) {
  token = null;
  ending.abort();
  ending = new AbortController();
  endReason.set(reason);
  client.set(null);
}

/** Whether the client may change things. */
export const mayChange = () => client.get()?.role === 'purge';

/**
 * A browser may keep a page that is left, to show it again (the back/forward cache). Such a page
 * must not keep the token, or a connection: with HTTP/1.1, a browser has six to a host.
 */
addEventListener('pagehide', () => end(token === null ? '' : 'You have left this page. Log in again.'));
