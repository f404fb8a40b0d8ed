/** The hottest keys. */

import { html, useState } from '../../vendor/htm-preact-standalone.module.js';
import { Choice } from '../components/choice.js';
import { ErrorNotice, Loading } from '../components/notice.js';
import { Table } from '../components/table.js';
import { bytes, count, duration } from '../format.js';
import { usePoll } from '../poll.js';
import { linkTo } from '../route.js';

const INTERVAL = 5000;
const BY = [
  { value: 'requests', label: 'Requests', text: count },
  { value: 'handler_micros', label: 'Handler time', text: (micros) => duration(micros / 1e6) },
  { value: 'bytes', label: 'Bytes', text: bytes },
  { value: 'misses', label: 'Misses', text: count },
];

export function TopKeys() {
  const [by, setBy] = useState('requests');
  const { data, error } = usePoll('top-keys', INTERVAL);
  if (error?.word === 'unsupported') {
    return html`<p class="notice" data-figure="not-counted">The cache does not count keys. <code>CacheBuilder::count_top_keys</code> turns it on.</p>`;
  }
  if (!data) return html`<${ErrorNotice} error=${error} />${!error && html`<${Loading} />`}`;
  const { label, text } = BY.find((one) => one.value === by);
  const rows = data[by].map((one, index) => ({ ...one, rank: index + 1 }));
  return html`
    <${ErrorNotice} error=${error} />
    <${Choice} name="by" legend="Keys with the most" options=${BY} value=${by} onChange=${setBy} />
    <${Table} name="top-keys" label="Keys with the most ${label.toLowerCase()}" columns=${columns(label, text)} rows=${rows}
      keyOf=${(row) => row.key} />
    <p class="help">Hits are counted from samples, one in 64. A number may be too high by its error.</p>
  `;
}

const columns = (label, text) => [
  { title: 'Key', sort: (row) => row.key, cell: (row) => html`<a href=${linkTo('stored', { key: row.key })}><code>${row.key}</code></a>` },
  { title: label, isNumber: true, sort: (row) => row.count, cell: (row) => html`<span data-figure="count" data-value=${row.count}>${text(row.count)}</span>` },
  { title: 'Error, at most', isNumber: true, sort: (row) => row.error, cell: (row) => text(row.error) },
  { title: 'Rank', isNumber: true, sort: (row) => row.rank, cell: (row) => row.rank },
];
