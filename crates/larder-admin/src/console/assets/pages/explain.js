/** What the cache would do with a request, and why. */

import { html, useEffect, useState } from '../../vendor/htm-preact-standalone.module.js';
import { announce } from '../announce.js';
import { send } from '../api.js';
import { Explanation } from '../components/explanation.js';
import { ErrorNotice, NoApplicationNotice } from '../components/notice.js';
import { explanationText } from '../explanation-text.js';
import { parseFields, toRequest } from '../request-line.js';

const METHODS = ['GET', 'HEAD'];

export function Explain({ query }) {
  const [form, setForm] = useState({ address: query.get('url') ?? '', method: 'GET', fields: '' });
  const [result, setResult] = useState({});
  const set = (name) => (event) => setForm({ ...form, [name]: event.target.value });

  async function explain(event) {
    event?.preventDefault();
    try {
      const { uri, headers } = toRequest(form.address, parseFields(form.fields));
      const explanation = await send('POST', 'explain', { method: form.method, uri, headers });
      setResult({ explanation });
      announce(explanationText(explanation));
    } catch (error) {
      setResult({ error });
    }
  }

  useEffect(() => {
    if (form.address) explain();
  }, []);
  return html`
    <${NoApplicationNotice} />
    <form class="card fields" onSubmit=${explain}>
      <${Fields} form=${form} set=${set} />
      <div class="row"><button type="submit" class="primary">Explain</button></div>
    </form>
    <${ErrorNotice} error=${result.error} />
    ${result.explanation && html`<${Explanation} explanation=${result.explanation} />`}
  `;
}

function Fields({ form, set }) {
  return html`
    <div class="field">
      <label for="address">URL or path</label>
      <input id="address" value=${form.address} onInput=${set('address')} required autocomplete="off" spellcheck=${false}
        placeholder="/api/products/7" aria-describedby="address-help" />
      <p id="address-help" class="help">
        The host of a URL becomes the field Host. For a path, it is <code>${location.host}</code>, unless a field below says
        otherwise.
      </p>
    </div>
    <div class="field-row">
      <div class="field">
        <label for="method">Method</label>
        <select id="method" value=${form.method} onChange=${set('method')}>
          ${METHODS.map((method) => html`<option key=${method} value=${method}>${method}</option>`)}
        </select>
      </div>
      <div class="field">
        <label for="fields">Header fields, one in a line</label>
        <textarea id="fields" value=${form.fields} onInput=${set('fields')} spellcheck=${false} rows="3"
          placeholder="Accept-Language: en"></textarea>
      </div>
    </div>
  `;
}
