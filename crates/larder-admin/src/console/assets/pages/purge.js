/** Purging: a dry run first, which shows the reach. */

import { html, useState } from '../../vendor/htm-preact-standalone.module.js';
import { useAction } from '../action.js';
import { send } from '../api.js';
import { ErrorNotice, ReadOnlyNotice } from '../components/notice.js';
import { PurgeForm } from '../components/purge-form.js';
import { PurgeResult } from '../components/purge-result.js';
import { purgeText } from '../purge-text.js';
import { lines } from '../request-line.js';
import { client, mayChange } from '../session.js';
import { useStore } from '../store.js';

const KINDS = ['tag', 'key', 'uri', 'prefix', 'glob'];
const CONFIRMATION = 'everything';

export function Purge({ query }) {
  useStore(client);
  const [form, setForm] = useState(formOf(query));
  /** The body that the last dry run was for. */
  const [tried, setTried] = useState(null);
  const action = useAction(purgeText);
  const body = bodyOf(form);
  const isTried = tried !== null && JSON.stringify(tried) === JSON.stringify(body);

  function change(next) {
    setForm(next);
    setTried(null);
    action.clear();
  }

  const dryRun = () => action.run(async () => {
    const result = await send('POST', 'purge', { ...body, dry_run: true });
    setTried(body);
    return result;
  });

  const purge = () => action.run(async () => {
    const confirm = body.all ? form.confirmation : undefined;
    const result = await send('POST', 'purge', { ...body, confirm, refill: Number(form.refill) || 0 });
    setTried(null);
    return result;
  });

  return html`
    <${ReadOnlyNotice} />
    <${PurgeForm} form=${form} onChange=${change} onDryRun=${dryRun} isBusy=${action.isBusy} />
    <${ErrorNotice} error=${action.error} />
    ${action.result && html`<${PurgeResult} result=${action.result} />`}
    ${isTried && html`
      <${Confirmation} form=${form} setForm=${setForm} onPurge=${purge} isBusy=${action.isBusy} isAll=${body.all} />
    `}
  `;
}

/** The second step: the button, and for everything the word to type. */
function Confirmation({ form, setForm, onPurge, isBusy, isAll }) {
  const isConfirmed = !isAll || form.confirmation === CONFIRMATION;
  return html`
    <form class="card fields" onSubmit=${(event) => { event.preventDefault(); onPurge(); }}>
      ${isAll && html`
        <div class="field">
          <label for="confirmation">Type <code>${CONFIRMATION}</code> to purge everything on all instances</label>
          <input id="confirmation" value=${form.confirmation} autocomplete="off"
            onInput=${(event) => setForm({ ...form, confirmation: event.target.value })} />
        </div>
      `}
      <div class="row">
        <button type="submit" class="danger" disabled=${isBusy || !isConfirmed || !mayChange()}>
          ${form.how === 'soft' ? 'Make stale now' : 'Purge now'}
        </button>
        <span class="muted">On all instances that share the store.</span>
      </div>
    </form>
  `;
}

function formOf(query) {
  const kind = KINDS.find((one) => query.has(one)) ?? 'tag';
  return { kind, text: query.get(kind) ?? '', how: 'hard', refill: '0', confirmation: '' };
}

/** The body of the request, without the confirmation. */
function bodyOf({ kind, text, how }) {
  const soft = how === 'soft';
  return kind === 'all' ? { all: true, soft } : { [LISTS[kind]]: lines(text), soft };
}

const LISTS = { tag: 'tags', key: 'keys', uri: 'uris', prefix: 'prefixes', glob: 'globs' };
