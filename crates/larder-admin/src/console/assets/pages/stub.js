/** A page that is not there yet. */

import { html } from '../../vendor/htm-preact-standalone.module.js';

export const Stub = () => html`<p>Not yet.</p>`;
