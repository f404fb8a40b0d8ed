/** A text with code between backticks. */

import { html } from '../../vendor/htm-preact-standalone.module.js';

export const CodeText = ({ text }) =>
  text.split('`').map((part, index) => (index % 2 ? html`<code>${part}</code>` : part));
