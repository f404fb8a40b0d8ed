/** Jobs that fill the cache before clients ask. */

import { html, useState } from '../../vendor/htm-preact-standalone.module.js';
import { useAction } from '../action.js';
import { send } from '../api.js';
import { ErrorNotice, Loading, NoApplicationNotice, ReadOnlyNotice } from '../components/notice.js';
import { Table } from '../components/table.js';
import { count, plural } from '../format.js';
import { usePoll } from '../poll.js';
import { lines, parseFields } from '../request-line.js';
import { client } from '../session.js';
import { useStore } from '../store.js';

const INTERVAL = 1000;

export function Warm() {
  const { role, has_application: hasApplication } = useStore(client) ?? {};
  const { data, error, reload } = usePoll('warm', INTERVAL);
  const action = useAction((text) => text);
  const mayChange = role === 'purge' && !action.isBusy;
  const change = (method, path, body, text) => action.run(async () => {
    const job = await send(method, path, body);
    await reload();
    return text(job);
  });
  const start = (form) => change('POST', 'warm', bodyOf(form), (job) => `The job ${job.job} has started.`);
  const stop = ({ job }) => change('DELETE', `warm/${job}`, undefined, (last) => `The job ${job} has ended after ${plural(last.done, 'request')}.`);

  return html`
    <${ReadOnlyNotice} />
    <${NoApplicationNotice} />
    <${ErrorNotice} error=${error ?? action.error} />
    ${action.result && html`<p class="notice good" data-figure="warm-result">${action.result}</p>`}
    <${WarmForm} onStart=${start} isEnabled=${mayChange && hasApplication} />
    <section class="card">
      <h2>Jobs</h2>
      ${data
        ? html`<${Table} name="jobs" label="Jobs, the newest first" rows=${data.jobs} keyOf=${({ job }) => job} columns=${columns(stop, mayChange)} empty="No job yet." />`
        : html`<${Loading} />`}
    </section>
  `;
}

function bodyOf({ uris, fields, concurrency, perSecond }) {
  const headers = parseFields(fields);
  const hasHost = headers.some(([name]) => name.toLowerCase() === 'host');
  return {
    uris: lines(uris),
    headers: hasHost ? headers : [['host', location.host], ...headers],
    concurrency: concurrency === '' ? null : Number(concurrency),
    per_second: perSecond === '' ? null : Number(perSecond),
  };
}

function WarmForm({ onStart, isEnabled }) {
  const [form, setForm] = useState({ uris: '', fields: '', concurrency: '', perSecond: '' });
  const set = (name) => (event) => setForm({ ...form, [name]: event.target.value });
  return html`
    <form class="card fields" onSubmit=${(event) => { event.preventDefault(); onStart(form); }}>
      <h2>Start a job</h2>
      <div class="field-row">
        <div class="field">
          <label for="uris">Paths, one in a line</label>
          <textarea id="uris" value=${form.uris} onInput=${set('uris')} rows="5" spellcheck=${false} placeholder="/api/products/7"></textarea>
        </div>
        <div class="field">
          <label for="warm-fields">Header fields, one in a line</label>
          <textarea id="warm-fields" value=${form.fields} onInput=${set('fields')} rows="5" spellcheck=${false} placeholder="Host: ${location.host}"></textarea>
          <p class="help">Without Host, it is <code>${location.host}</code>.</p>
        </div>
      </div>
      <div class="field-row">
        <div class="field">
          <label for="concurrency">Requests at a time</label>
          <input id="concurrency" type="number" min="1" value=${form.concurrency} onInput=${set('concurrency')} placeholder="default" />
        </div>
        <div class="field">
          <label for="per-second">Requests per second, at most</label>
          <input id="per-second" type="number" min="1" value=${form.perSecond} onInput=${set('perSecond')} placeholder="default" />
        </div>
      </div>
      <div class="row"><button type="submit" class="primary" disabled=${!isEnabled || form.uris.trim() === ''}>Start</button></div>
    </form>
  `;
}

const columns = (stop, isEnabled) => [
  { title: 'Job', cell: (job) => `${job.what} ${job.job}` },
  { title: 'Progress', cell: (job) => html`<${Progress} job=${job} />` },
  { title: 'Filled', isNumber: true, cell: (job) => html`<span data-figure="filled" data-value=${job.filled}>${count(job.filled)}</span>` },
  { title: 'Hits', isNumber: true, cell: (job) => count(job.hits) },
  { title: 'Failed', isNumber: true, cell: (job) => count(job.failed) },
  { title: 'Skipped', isNumber: true, cell: (job) => count(job.skipped) },
  { title: 'Started by', cell: (job) => job.who },
  { title: 'Action', cell: (job) => html`<button type="button" class="small" disabled=${!isEnabled} aria-label="${job.is_done ? 'Remove' : 'Stop'} the job ${job.job}" onClick=${() => stop(job)}>${job.is_done ? 'Remove' : 'Stop'}</button>` },
];

function Progress({ job }) {
  const text = `${count(job.done)} of ${job.total == null ? 'unknown' : count(job.total)}${job.is_done ? ', done' : ''}`;
  return html`
    <progress max=${job.total ?? 1} value=${job.total == null ? null : job.done} aria-label="Progress of the job ${job.job}"></progress>
    <div data-figure="done" data-value=${job.done}>${text}</div>
  `;
}
