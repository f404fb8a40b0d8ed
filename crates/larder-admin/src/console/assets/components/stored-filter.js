/** The filter of what is listed. */

import { html, useEffect, useState } from '../../vendor/htm-preact-standalone.module.js';
import { useOnce } from '../poll.js';
import { ErrorNotice } from './notice.js';

export function StoredFilter({ kind, onChange }) {
  const [form, setForm] = useState({ collection: '', prefix: '', tag: '', key: '' });
  const isValues = kind === 'values';
  const { data, error } = useOnce(isValues ? 'values' : null);
  const collections = data?.collections ?? [];
  useEffect(() => {
    if (data) chooseCollection(collections[0] ?? '');
  }, [data]);

  const set = (name) => (event) => setForm({ ...form, [name]: event.target.value });
  function chooseCollection(collection) {
    const next = { ...form, collection };
    setForm(next);
    onChange(given(next));
  }

  return html`
    <${ErrorNotice} error=${error} />
    <form class="card fields" onSubmit=${(event) => { event.preventDefault(); onChange(given(form)); }}>
      <div class="field-row">
        ${isValues
          ? html`
            <div class="field">
              <label for="collection">Collection</label>
              <select id="collection" value=${form.collection} onChange=${(event) => chooseCollection(event.target.value)}>
                ${collections.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}
              </select>
            </div>`
          : html`<${Text} id="prefix" label="Path begins with" value=${form.prefix} onInput=${set('prefix')} example="/api/products" />`}
        <${Text} id="tag" label="Tag" value=${form.tag} onInput=${set('tag')} example="product:7" />
        <${Text} id="key" label="Key contains" value=${form.key} onInput=${set('key')} example="products" />
      </div>
      <div class="row"><button type="submit" class="primary">List</button></div>
    </form>
  `;
}

/** The fields that are not empty. */
const given = (form) => Object.fromEntries(Object.entries(form).filter(([, value]) => value !== ''));

const Text = ({ id, label, value, onInput, example }) => html`
  <div class="field">
    <label for="filter-${id}">${label}</label>
    <input id="filter-${id}" value=${value} onInput=${onInput} placeholder=${example} autocomplete="off" spellcheck=${false} />
  </div>
`;
