/** What a tier holds under the key of an explained request. */

import { html } from '../../vendor/htm-preact-standalone.module.js';
import { bytes, duration } from '../format.js';
import { Pairs } from './pairs.js';
import { Tags } from './tags.js';

export function ExplainedTier({ name, tier }) {
  return html`
    <p data-figure="${name}-state" data-value=${tier.state}>${tier.state.charAt(0).toUpperCase() + tier.state.slice(1)}.</p>
    ${tier.entries.map((entry) => html`<${Entry} key=${entry.key} entry=${entry} name=${name} />`)}
  `;
}

function Entry({ entry, name }) {
  return html`
    <div data-entry=${name}>
      <${Pairs} list=${[
        ['Verdict', html`<b data-figure="${name}-verdict" data-value=${entry.verdict}>${entry.verdict}</b>${entry.is_selected ? '' : ' (not selected by this request)'}`],
        ['Invalidated by', entry.invalidated_by.length > 0 && entry.invalidated_by.map((by) => html`<${Refusal} by=${by} />`)],
        ['Key', html`<code>${entry.key}</code>`],
        ['Status', entry.status ?? 'none: the key is uncacheable for now'],
        ['Age', duration(entry.age)],
        ['Still fresh for', duration(entry.remaining)],
        ['Lifetime', duration(entry.lifetime)],
        ['Body', bytes(entry.body_bytes)],
        ['Size', bytes(entry.bytes)],
        ['Tags', entry.tags.length > 0 && html`<${Tags} list=${entry.tags} />`],
        ['Varies on', entry.varies_on.map((field) => `${field.name}: ${field.value ?? '(absent)'}`).join(', ')],
        ['Position', html`<code>${entry.position}</code>`],
      ].filter(([, value]) => value !== false)} />
    </div>
  `;
}

const Refusal = ({ by }) => html`
  <div data-figure="invalidated-by" data-value=${by.name}>
    <b>${by.name}</b> (${by.is_soft ? 'soft' : 'hard'}) at <code>${by.place}</code>${by.age == null ? '' : `, ${duration(by.age)} ago`}
  </div>
`;
