/** The stored responses and values of this instance, in pages. */

import { html, useEffect, useState } from '../../vendor/htm-preact-standalone.module.js';
import { get } from '../api.js';
import { Choice } from '../components/choice.js';
import { Inspection } from '../components/inspection.js';
import { ErrorNotice, Loading } from '../components/notice.js';
import { StoredFilter } from '../components/stored-filter.js';
import { responseColumns, valueColumns } from '../components/stored-columns.js';
import { Table } from '../components/table.js';
import { plural } from '../format.js';

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

/** The pages of one kind. `starts` has the cursors of the pages so far, the shown one last. */
function Listing({ kind, chosen, onChoose }) {
  const [filter, setFilter] = useState({});
  const [starts, setStarts] = useState(['']);
  const [{ page, error }, setAnswer] = useState({});
  const isReady = kind === 'responses' || Boolean(filter.collection);
  const after = starts.at(-1);

  useEffect(() => {
    let isOver = false;
    const query = { ...filter, limit: PAGE_SIZE, after };
    if (isReady) {
      get(kind, query).then(
        (page) => isOver || setAnswer({ page }),
        (error) => isOver || setAnswer({ error }),
      );
    }
    return () => {
      isOver = true;
    };
  }, [kind, filter, after]);

  function applyFilter(next) {
    setAnswer({});
    setStarts(['']);
    setFilter(next);
  }

  return html`
    <${StoredFilter} kind=${kind} onChange=${applyFilter} />
    <${ErrorNotice} error=${error} />
    ${isReady && !page && !error && html`<${Loading} />`}
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
