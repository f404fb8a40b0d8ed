/** Notices: errors, explanations, results. */

import { html } from '../../vendor/htm-preact-standalone.module.js';
import { client } from '../session.js';
import { useStore } from '../store.js';

/** An error of the API, read aloud at once. */
export const ErrorNotice = ({ error }) =>
  error && html`<p class="notice bad" role="alert" data-figure="error">${sentence(error.message)}</p>`;

/** Why the buttons that change things are disabled, if they are. */
export function ReadOnlyNotice() {
  const now = useStore(client);
  if (!now || now.role === 'purge') return null;
  return html`
    <p class="notice warning" id="read-only" data-figure="read-only">
      The token <b>${now.name}</b> may only read. To change anything, log in with a token that has the role
      ${' '}<code>purge</code>.
    </p>
  `;
}

/** What is missing in the application, if it was built without `AdminRouter::application`. */
export function NoApplicationNotice() {
  const now = useStore(client);
  if (!now || now.has_application) return null;
  return html`
    <p class="notice warning" data-figure="no-application">
      The router does not know the application. <code>AdminRouter::application</code> sets it.
    </p>
  `;
}

export const Loading = () => html`<p class="muted">Loading …</p>`;

/** Begins with a capital letter, and ends with a full stop. */
export function sentence(text) {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`;
}
