/** Everything under one key, in both tiers. */

import { html, useEffect, useRef, useState } from '../../vendor/htm-preact-standalone.module.js';
import { useAction } from '../action.js';
import { send, withQuery } from '../api.js';
import { bytes, duration, plural, words } from '../format.js';
import { useOnce } from '../poll.js';
import { purgeText } from '../purge-text.js';
import { linkTo } from '../route.js';
import { client } from '../session.js';
import { useStore } from '../store.js';
import { ErrorNotice, Loading, ReadOnlyNotice } from './notice.js';
import { Pairs } from './pairs.js';
import { Tags } from './tags.js';

/** A digest stands for a credential, so such a key does not name what is stored. */
const HAS_DIGEST = /\^#[0-9a-f]{8}/;

export function Inspection({ stored, onClose }) {
  const { data: found, error, reload } = useOnce(withQuery('inspect', { key: stored }));
  const heading = useRef(null);
  useEffect(() => heading.current.focus(), []);
  return html`
    <section class="card" data-figure="inspection" data-value=${stored} aria-label="Inspection">
      <div class="row ends">
        <h2 tabindex="-1" ref=${heading}><code>${stored}</code></h2>
        <button type="button" class="small" onClick=${onClose}>Close</button>
      </div>
      <${ErrorNotice} error=${error} />
      ${!found && !error && html`<${Loading} />`}
      ${found && html`
        <${PurgeKey} found=${found} onPurged=${reload} />
        <div class="columns"><div><h3>Memory tier</h3>
        <${Tier} name="memory" responses=${found.responses} values=${found.values} vary=${found.vary} hitForMiss=${found.hit_for_miss_seconds} />
        </div><div><h3>Shared tier</h3>
        ${found.store
          ? html`<${Tier} name="shared" responses=${found.store.responses} values=${[found.store.value].filter(Boolean)} vary=${found.store.vary} unreadable=${found.store.unreadable} error=${found.store.error} />`
          : html`<p class="muted">There is none.</p>`}
        </div></div>
      `}
    </section>
  `;
}

function PurgeKey({ found, onPurged }) {
  const { role } = useStore(client) ?? {};
  const action = useAction(purgeText);
  const [isArmed, setArmed] = useState(false);
  const isHidden = HAS_DIGEST.test(found.key);
  const uri = found.responses[0]?.uris.at(-1);
  const purge = () => action.run(async () => {
    const result = await send('POST', 'purge', { keys: [found.key] });
    setArmed(false);
    await onPurged();
    return result;
  });
  return html`
    <${ReadOnlyNotice} />
    ${isHidden && html`<p class="notice">The key has a credential, which is not shown. Purge by tag or URI instead.</p>`}
    <div class="row">
      ${isArmed
        ? html`
          <button type="button" class="danger" disabled=${action.isBusy} onClick=${purge}>Yes, purge this key</button>
          <button type="button" onClick=${() => setArmed(false)}>Cancel</button>`
        : html`<button type="button" disabled=${role !== 'purge' || isHidden} onClick=${() => setArmed(true)}>Purge this key</button>`}
      ${uri && html`<a href=${linkTo('explain', { url: uri })}>Explain a request for it</a>`}
    </div>
    <${ErrorNotice} error=${action.error} />
    ${action.result && html`<p class="notice good" data-figure="purge-outcome" data-value=${action.result.outcome}>${purgeText(action.result)}</p>`}
  `;
}

function Tier({ name, responses, values, vary, hitForMiss, unreadable, error }) {
  const isEmpty = responses.length + values.length === 0 && hitForMiss == null && !error;
  return html`
    ${error && html`<p class="notice bad">${error}</p>`}
    ${isEmpty && html`<p class="muted" data-figure="${name}-empty">Nothing is stored under this key.</p>`}
    ${hitForMiss != null && html`<p>The key is uncacheable for ${duration(hitForMiss)} more (hit-for-miss).</p>`}
    ${unreadable > 0 && html`<p>${plural(unreadable, 'value')} of another version cannot be read.</p>`}
    ${vary.length > 0 && html`<p>Varies on ${vary.join(', ')}.</p>`}
    ${[...responses, ...values].map((entry) => html`<${Entry} entry=${entry} name=${name} />`)}
  `;
}

const Entry = ({ entry, name }) => html`
  <div data-entry=${name}>
    <${Pairs} list=${[
      ['State', html`<span data-figure="${name}-state" data-value=${entry.state}>${words(entry.state)}</span>`],
      ['Status', entry.status],
      ['Path', entry.path && html`<code>${entry.path}</code>`],
      ['What', entry.is_absence === true ? 'absence' : entry.is_partial ? 'a part of the body' : null],
      ['Age', duration(entry.age_seconds)],
      ['Fresh for', duration(entry.remaining_seconds)],
      ['Body', entry.body_bytes == null ? null : bytes(entry.body_bytes)],
      ['Size', bytes(entry.stored_bytes)],
      ['Load', entry.load_seconds == null ? null : duration(entry.load_seconds)],
      ['Tags', entry.tags.length > 0 ? html`<${Tags} list=${entry.tags} />` : null],
      ['URIs', entry.uris?.length > 0 ? html`<${Tags} list=${entry.uris} />` : null],
      ['Variant', entry.variant?.map((field) => `${field.name}: ${field.value ?? '(absent)'}`).join(', ')],
      ['Position', html`<code>${entry.position}</code>`],
    ]} />
  </div>
`;
