/** Tags, or other short words. */

import { html } from '../../vendor/htm-preact-standalone.module.js';

export const Tags = ({ list }) => list.map((tag) => html`<code key=${tag} class="chip">${tag}</code>`);
