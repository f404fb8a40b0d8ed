/** Requests to the API. */

import { currentToken, end } from './session.js';

/** The API is beside the scripts, wherever the router is nested. */
const API = new URL('../api/', import.meta.url);

/** An answer of the API that is an error. */
export class ApiError extends Error {
  constructor(status, word, message) {
    super(message);
    this.status = status;
    this.word = word;
  }
}

/** Returns the JSON of a resource. */
export const get = (path, query) => call('GET', path + queryText(query));

/** Sends JSON with a method, and returns the JSON of the answer. */
export const send = (method, path, body) => call(method, path, { body });

async function call(method, path, { body } = {}) {
  const response = await request(path, { method, body });
  return response.json();
}

/** Asks which client a token belongs to. */
export async function identify(token) {
  const response = await request('client', { token });
  return response.json();
}

/** Opens a resource whose answer does not end. */
export const open = (path, signal) => request(path, { signal });

async function request(path, { method = 'GET', body, signal, token = currentToken() }) {
  const headers = { authorization: `Bearer ${token}` };
  if (body !== undefined) headers['content-type'] = 'application/json';
  const response = await fetch(new URL(path, API), {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
    signal,
    cache: 'no-store',
    credentials: 'same-origin',
    redirect: 'error',
  }).catch((error) => {
    if (error.name === 'AbortError') throw error;
    throw new ApiError(0, 'unreachable', 'The application does not answer.');
  });
  if (response.ok) return response;
  throw await errorOf(response, token);
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

function queryText(query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== '' && value != null);
  return given.length ? `?${new URLSearchParams(given)}` : '';
}
