/** Requests to the API. Each has a time limit, and ends with the session. */

import { currentToken, end, sessionSignal } from './session.js';

/** The API is beside the scripts, wherever the router is nested. */
const API = new URL('../api/', import.meta.url);

/** The maximum time for an answer that only shows something. */
const READ_TIMEOUT = 10_000;
/** The maximum time for a change. It may wait for Redis, and for a preview of many entries. */
const CHANGE_TIMEOUT = 60_000;

/** An answer of the API that is an error, or the reason for which there is none: the status is 0. */
export class ApiError extends Error {
  constructor(status, word, message) {
    super(message);
    this.status = status;
    this.word = word;
  }
}

/** Returns the JSON of a resource. */
export const get = (path, signal) => call('GET', path, { signal, limit: READ_TIMEOUT });

/** Sends JSON with a method, and returns the JSON of the answer. */
export const send = (method, path, body) => call(method, path, { body, limit: CHANGE_TIMEOUT });

/** Asks which client a token belongs to. */
export const identify = (token) => call('GET', 'client', { token, limit: READ_TIMEOUT });

/** Opens a resource whose answer does not end. The caller limits the time by the signal. */
export const open = (path, signal) => request('GET', path, { signal });

/** The limit is for the whole answer. */
async function call(method, path, { limit, signal, ...rest }) {
  const signals = [signal, AbortSignal.timeout(limit)].filter(Boolean);
  const response = await request(method, path, { ...rest, signal: AbortSignal.any(signals) });
  return response.json().catch((error) => {
    throw unanswered(error, method);
  });
}

async function request(method, path, { body, signal, token = currentToken() }) {
  const headers = { authorization: `Bearer ${token}` };
  if (body !== undefined) headers['content-type'] = 'application/json';
  const response = await fetch(new URL(path, API), {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.any([signal, sessionSignal()]),
    cache: 'no-store',
    credentials: 'same-origin',
    redirect: 'error',
  }).catch((error) => {
    throw unanswered(error, method);
  });
  if (response.ok) return response;
  throw await errorOf(response, token);
}

/** Returns the error of a request without a whole answer. */
function unanswered(error, method) {
  if (error.name === 'AbortError') return new ApiError(0, 'ended', 'The request was ended.');
  if (error.name !== 'TimeoutError') return new ApiError(0, 'unreachable', 'The application does not answer.');
  const note = method === 'GET' ? '' : ' The change may have taken effect.';
  return new ApiError(0, 'timeout', `The application does not answer in time.${note}`);
}

async function errorOf(response, token) {
  const answer = await response.json().catch(() => ({}));
  if (response.status === 401 && token === currentToken()) {
    end('The token is no longer accepted. Log in again.');
  }
  let message = answer.message ?? `The answer has the status ${response.status}.`;
  const wait = response.headers.get('retry-after');
  if (wait) message += `. Try again in ${wait} s`;
  return new ApiError(response.status, answer.error ?? 'unknown', message);
}

/** Returns the path of a resource with a query, without the parameters that have no value. */
export function withQuery(path, query) {
  const given = Object.entries(query).filter(([, value]) => value !== '' && value != null);
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
}
