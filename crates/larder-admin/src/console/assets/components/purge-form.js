/** The form of a purge. */

import { html } from '../../vendor/htm-preact-standalone.module.js';
import { mayChange } from '../session.js';
import { Choice } from './choice.js';

const KINDS = [
  { value: 'tag', label: 'Tag', example: 'product:7', help: 'Everything with one of these tags.' },
  { value: 'key', label: 'Key', example: 'user:7', help: 'All variants under one of these keys: the text of a template, or a whole key.' },
  { value: 'uri', label: 'URI', example: '/api/products/7', help: 'The responses of these URIs: a path with its query, on every host, or //host/path.' },
  { value: 'prefix', label: 'Prefix', example: '/api/products', help: 'Every response below one of these paths.' },
  { value: 'glob', label: 'Glob', example: '/api/*/related', help: 'Every response whose path matches.' },
  { value: 'all', label: 'Everything', help: 'All responses and values of this cache, on all instances.' },
];

export function PurgeForm({ form, onChange, onDryRun, isBusy }) {
  const kind = KINDS.find((one) => one.value === form.kind);
  const set = (name) => (event) => onChange({ ...form, [name]: event.target.value });
  const isComplete = kind.value === 'all' || form.text.trim() !== '';
  return html`
    <form class="card fields" onSubmit=${(event) => { event.preventDefault(); onDryRun(); }}>
      <div class="field">
        <h2>What</h2>
        <${Choice} name="kind" legend="Purge by" options=${KINDS} value=${form.kind} onChange=${(value) => onChange({ ...form, kind: value })} />
        ${kind.value === 'all' && html`<p class="help">${kind.help}</p>`}
      </div>
      ${kind.value !== 'all' && html`
        <div class="field">
          <label for="selectors">${kind.label}, one in a line</label>
          <textarea id="selectors" value=${form.text} onInput=${set('text')} spellcheck=${false} rows="3"
            placeholder=${kind.example} aria-describedby="selectors-help"></textarea>
          <p id="selectors-help" class="help">${kind.help}</p>
        </div>
      `}
      <${How} form=${form} set=${set} />
      <div class="row">
        <button type="submit" class="primary" disabled=${isBusy || !isComplete || !mayChange()}
          aria-describedby=${mayChange() ? null : 'read-only'}>Dry run</button>
        <span class="muted">Shows the reach, and changes nothing.</span>
      </div>
    </form>
  `;
}

const How = ({ form, set }) => html`
  <div class="field-row">
    <fieldset class="choices">
      <legend>How</legend>
      <label><input type="radio" name="how" value="hard" checked=${form.how === 'hard'} onChange=${set('how')} /> Hard: refuse it</label>
      <label><input type="radio" name="how" value="soft" checked=${form.how === 'soft'} onChange=${set('how')} /> Soft: make it stale</label>
    </fieldset>
    <div class="field">
      <label for="refill">Fill again at once</label>
      <input id="refill" type="number" min="0" max="10000" value=${form.refill} onInput=${set('refill')} aria-describedby="refill-help" />
      <p id="refill-help" class="help">The number of responses, the most requested first. 0: the next requests fill them.</p>
    </div>
  </div>
`;
