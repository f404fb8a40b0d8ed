/** An explanation: the sentence first, then what leads to it. */

import { html } from '../../vendor/htm-preact-standalone.module.js';
import { explanationText } from '../explanation-text.js';
import { count, dateTime, duration, plural, words } from '../format.js';
import { CodeText } from './code-text.js';
import { ExplainedTier } from './explained-tier.js';
import { Pairs } from './pairs.js';
import { Policy } from './policy.js';
import { sentence } from './notice.js';
import { Table } from './table.js';
import { Tags } from './tags.js';

const TONES = { hit: 'good', stale: 'warning', miss: 'bad', bypass: 'warning' };

export function Explanation({ explanation }) {
  const { outcome, on_error: onError, remedy, switch: bypass } = explanation;
  return html`
    <section class="card" data-figure="explanation" data-value="${outcome.outcome} ${outcome.reason}">
      <div class="row">
        <span class="state ${TONES[outcome.outcome]}" data-figure="outcome" data-value=${outcome.outcome}>${outcome.outcome}</span>
        <h2>${explanationText(explanation)}</h2>
      </div>
      ${onError && html`<p>If the handler fails: ${onError.outcome}, ${words(onError.reason)}.</p>`}
      ${bypass && html`<p class="notice warning">Switched off by ${bypass.who} until ${dateTime(bypass.until)}.</p>`}
      ${explanation.may_be_nested && html`
        <p class="notice">A layer further in may handle the request: this route has not answered yet.</p>
      `}
      ${remedy && html`<p><b>If there are too many of these:</b> <${CodeText} text=${sentence(remedy)} /></p>`}
      <${Pairs} list=${[['Request', html`<code>${explanation.method} ${explanation.uri}</code>`], ['Route', html`<code>${explanation.route}</code>`]]} />
    </section>
    <div class="columns">
      <section class="card"><h2>Key</h2><${Key} explained=${explanation.key} /></section>
      <section class="card"><h2>Names</h2><${Names} names=${explanation.names} /></section>
    </div>
    <div class="columns">
      <section class="card"><h2>Memory tier</h2><${ExplainedTier} name="memory" tier=${explanation.memory} /></section>
      <section class="card"><h2>Shared tier</h2><${ExplainedTier} name="shared" tier=${explanation.shared} /></section>
    </div>
    <div class="columns">
      <section class="card"><h2>Policy</h2><${Policy} policy=${explanation.policy} /></section>
      <section class="card"><h2>Invalidation log</h2><${Log} log=${explanation.log} /></section>
    </div>
  `;
}

const PART_COLUMNS = [
  { title: 'Source', cell: (part) => part.source },
  { title: 'Text', cell: (part) => html`<code>${part.text}</code>` },
];

function Key({ explained }) {
  if (!explained) return html`<p class="muted">The request has none.</p>`;
  return html`
    <p><code data-figure="key">${explained.text}</code></p>
    <${Table} name="key-parts" label="Parts of the key" columns=${PART_COLUMNS} rows=${explained.parts} keyOf=${(part) => part.source} />
    ${explained.looked_up && html`<p>Looked up as <code>${explained.looked_up}</code></p>`}
  `;
}

function Names({ names }) {
  if (!names) return html`<p class="muted">The response has none.</p>`;
  return html`
    <p class="help">By each of these, the response can be purged.</p>
    <${Pairs} list=${[
      ['Tags', names.tags.length > 0 && html`<${Tags} list=${names.tags} />`],
      ['Keys', html`<${Tags} list=${names.keys} />`],
      ['URIs', html`<${Tags} list=${names.uris} />`],
      ['Prefixes', html`<${Tags} list=${names.prefixes} />`],
    ].filter(([, value]) => value)} />
  `;
}

const Log = ({ log }) => html`
  <${Pairs} list=${[
    ['Position', html`<code>${log.position}</code>`],
    ['Read to its end', log.confirmation_age_seconds == null ? 'not yet' : `${duration(log.confirmation_age_seconds)} ago`],
    ['Deferred', log.deferred > 0 ? plural(log.deferred, 'invalidation') : count(0)],
  ]} />
`;
