/** The live feed of invalidations. */

import { html, useState } from '../../vendor/htm-preact-standalone.module.js';
import { Table } from '../components/table.js';
import { feed } from '../feed.js';
import { count, plural, time } from '../format.js';
import { selectorText } from '../selector.js';
import { useStore } from '../store.js';

const MAX_SHOWN = 200;
const STATES = {
  live: { tone: 'good', text: 'live' },
  connecting: { tone: 'warning', text: 'connecting' },
  lost: { tone: 'bad', text: 'connection lost, tried again every 3 s' },
};

export function Invalidations() {
  const { state, events, total } = useStore(feed);
  const [paused, setPaused] = useState(null);
  const [filter, setFilter] = useState('');
  const shown = (paused ?? events).filter((event) => textOf(event).toLowerCase().includes(filter.trim().toLowerCase()));
  const newer = paused ? events.filter((event) => event.number > (paused[0]?.number ?? 0)).length : 0;
  return html`
    <section class="card">
      <div class="row">
        <span class="state ${STATES[state].tone}" data-figure="feed" data-value=${state}>${STATES[state].text}</span>
        <span data-figure="events" data-value=${total}>${plural(total, 'event')} since the login</span>
        <span class="space"></span>
        ${paused && html`<span class="muted">paused, ${plural(newer, 'newer event')}</span>`}
        <button type="button" aria-pressed=${String(paused !== null)} onClick=${() => setPaused(paused ? null : events)}>
          ${paused ? 'Go on' : 'Pause'}
        </button>
      </div>
      <div class="field">
        <label for="feed-filter">Filter</label>
        <input id="feed-filter" type="search" value=${filter} placeholder="product:7" autocomplete="off"
          onInput=${(event) => setFilter(event.target.value)} />
      </div>
    </section>
    <${Table} name="invalidations" label="Invalidations, the newest first" columns=${COLUMNS} rows=${shown.slice(0, MAX_SHOWN)}
      keyOf=${(event) => event.number} empty=${events.length ? 'No event matches.' : 'No invalidation yet.'} />
    ${shown.length > MAX_SHOWN && html`<p class="muted">${count(shown.length - MAX_SHOWN)} older ones match too. The page keeps the newest 1,000.</p>`}
  `;
}

function textOf(event) {
  if (event.event === 'invalidation') return selectorText(event.selector);
  return event.event === 'missed' ? `${count(event.count)} events missed` : 'log restarted: everything before is refused';
}

const isInvalidation = (event) => event.event === 'invalidation';

const COLUMNS = [
  { title: 'What', cell: (event) => html`<code data-figure="selector" data-value=${event.selector ?? ''}>${textOf(event)}</code>` },
  { title: 'When', cell: (event) => time(event.unix_millis == null ? event.seen : event.unix_millis / 1000) },
  { title: 'How', cell: (event) => (isInvalidation(event) ? (event.is_soft ? 'soft' : 'hard') : '') },
  { title: 'Status', cell: (event) => event.status ?? '' },
  { title: 'From', cell: (event) => (isInvalidation(event) ? (event.is_own ? 'this instance' : 'another one') : '') },
  { title: 'Place in the log', cell: (event) => html`<code>${event.log_id ?? ''}</code>` },
];
