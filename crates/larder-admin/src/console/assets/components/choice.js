/** A choice of one of a few: radio buttons that look like a switch. */

import { html } from '../../vendor/htm-preact-standalone.module.js';

/** Options are `{ value, label }`. */
export function Choice({ name, legend, options, value, onChange }) {
  return html`
    <fieldset>
      <legend class="hidden">${legend}</legend>
      <div class="segments">
        ${options.map((option) => html`
          <label key=${option.value}>
            <input type="radio" name=${name} value=${option.value} checked=${option.value === value}
              onChange=${() => onChange(option.value)} />
            ${option.label}
          </label>
        `)}
      </div>
    </fieldset>
  `;
}
