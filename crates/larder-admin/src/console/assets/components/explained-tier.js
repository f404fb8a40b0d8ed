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
  const { response } = entry;
  return html`
    <div data-entry=${name}>
      <${Pairs} list=${[
        ['Verdict', html`<b data-figure="${name}-verdict" data-value=${entry.verdict}>${entry.verdict}</b>${entry.is_selected ? '' : ' (not selected by this request)'}`],
        ['Invalidated by', entry.invalidated_by.length > 0 && entry.invalidated_by.map((by) => html`<${Refusal} by=${by} />`)],
        ['Key', html`<code>${entry.key}</code>`],
        ['Uncacheable for', entry.hit_for_miss_seconds != null && `${duration(entry.hit_for_miss_seconds)} more`],
        ...(response ? responsePairs(response) : []),
      ].filter(([, value]) => value !== false)} />
    </div>
  `;
}

const responsePairs = (response) => [
  ['Status', response.status],
  ['Age', duration(response.age_seconds)],
  ['Still fresh for', duration(response.remaining_seconds)],
  ['Lifetime', duration(response.lifetime_seconds)],
  ['Body', bytes(response.body_bytes)],
  ['Size', bytes(response.stored_bytes)],
  ['Tags', response.tags.length > 0 && html`<${Tags} list=${response.tags} />`],
  ['Varies on', response.variant.map((field) => `${field.name}: ${field.value ?? '(absent)'}`).join(', ')],
  ['Position', html`<code>${response.position}</code>`],
];

const Refusal = ({ by }) => html`
  <div data-figure="invalidated-by" data-value=${by.name}>
    <b>${by.name}</b> (${by.is_soft ? 'soft' : 'hard'}) at <code>${by.place}</code>${by.age_seconds == null ? '' : `, ${duration(by.age_seconds)} ago`}
  </div>
`;
