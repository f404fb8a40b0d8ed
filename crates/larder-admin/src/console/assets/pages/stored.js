/** The stored responses and values of this instance, in pages. */

import { html, useState } from '../../vendor/htm-preact-standalone.module.js';
import { withQuery } from '../api.js';
import { Choice } from '../components/choice.js';
import { Inspection } from '../components/inspection.js';
import { ErrorNotice, Loading } from '../components/notice.js';
import { StoredFilter } from '../components/stored-filter.js';
import { responseColumns, valueColumns } from '../components/stored-columns.js';
import { Table } from '../components/table.js';
import { plural } from '../format.js';
import { useOnce } from '../poll.js';

const KINDS = [
  { value: 'responses', label: 'Responses' },
  { value: 'values', label: 'Values' },
];
const PAGE_SIZE = 50;

export function Stored({ query }) {
  const [kind, setKind] = useState(query.get('key')?.startsWith('v|') ? 'values' : 'responses');
  const [chosen, setChosen] = useState(query.get('key'));
  return html`
    <${Choice} name="kind" legend="What is listed" options=${KINDS} value=${kind} onChange=${setKind} />
    ${chosen && html`<${Inspection} key=${chosen} stored=${chosen} onClose=${() => setChosen(null)} />`}
    <${Listing} key=${kind} kind=${kind} chosen=${chosen} onChoose=${setChosen} />
  `;
}

/** The entries of one kind, and of them those that the filter leaves. */
function Listing({ kind, chosen, onChoose }) {
  const [{ filter, number }, setFilter] = useState({ filter: {}, number: 0 });
  const isReady = kind === 'responses' || Boolean(filter.collection);
  return html`
    <${StoredFilter} kind=${kind} onChange=${(next) => setFilter({ filter: next, number: number + 1 })} />
    ${isReady && html`<${Pages} key=${number} ...${{ kind, filter, chosen, onChoose }} />`}
  `;
}

/** `starts` has the cursors of the pages so far, the shown one last. */
function Pages({ kind, filter, chosen, onChoose }) {
  const [starts, setStarts] = useState(['']);
  const query = { ...filter, limit: PAGE_SIZE, after: starts.at(-1) };
  const { data: page, error } = useOnce(withQuery(kind, query));
  return html`
    <${ErrorNotice} error=${error} />
    ${!page && !error && html`<${Loading} />`}
    ${page && html`
      <${Pager} page=${page} starts=${starts} setStarts=${setStarts} />
      <${Table} name=${kind} label=${`Stored ${kind}`} rows=${page.entries} keyOf=${keyOf}
        columns=${kind === 'responses' ? responseColumns(onChoose) : valueColumns(onChoose)}
        isChosen=${(entry) => entry.key === chosen} empty="Nothing in memory matches." />
    `}
  `;
}

/** The variants of a response have the same key. */
const keyOf = (entry) => `${entry.key} ${(entry.variant ?? []).map(({ value }) => value).join()}`;

function Pager({ page, starts, setStarts }) {
  return html`
    <div class="row">
      <span data-figure="matched" data-value=${page.matched} role="status">${plural(page.matched, 'entry').replace('entrys', 'entries')} in memory, page ${starts.length}</span>
      <button type="button" class="small" disabled=${starts.length === 1} onClick=${() => setStarts(starts.slice(0, -1))}>Previous page</button>
      <button type="button" class="small" disabled=${!page.next} onClick=${() => setStarts([...starts, page.next])}>Next page</button>
    </div>
  `;
}
