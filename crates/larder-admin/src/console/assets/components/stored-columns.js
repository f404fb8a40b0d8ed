/** The columns of stored responses and values. */

import { html } from '../../vendor/htm-preact-standalone.module.js';
import { bytes, duration, words } from '../format.js';
import { Tags } from './tags.js';

const TONES = { fresh: 'good', stale: 'warning', 'softly-invalidated': 'warning', invalidated: 'bad', unconfirmed: 'warning' };

const key = (onChoose) => ({
  title: 'Key',
  sort: (entry) => entry.key,
  cell: (entry) => html`<button type="button" class="link mono" aria-label="Inspect ${entry.key}" onClick=${() => onChoose(entry.key)}>${entry.key}</button>`,
});
const state = { title: 'State', sort: (entry) => entry.state, cell: (entry) => html`<span class="state ${TONES[entry.state] ?? ''}" data-figure="state">${words(entry.state)}</span>` };
const age = { title: 'Age', isNumber: true, sort: (entry) => entry.age_seconds, cell: (entry) => duration(entry.age_seconds) };
const remaining = { title: 'Fresh for', isNumber: true, sort: (entry) => entry.remaining_seconds, cell: (entry) => duration(entry.remaining_seconds) };
const size = { title: 'Size', isNumber: true, sort: (entry) => entry.stored_bytes, cell: (entry) => bytes(entry.stored_bytes) };
const tags = { title: 'Tags', isText: true, cell: (entry) => html`<${Tags} list=${entry.tags} />` };

export const responseColumns = (onChoose) => [
  key(onChoose),
  { title: 'Status', isNumber: true, sort: (entry) => entry.status, cell: (entry) => entry.status },
  state,
  age,
  remaining,
  { title: 'Body', isNumber: true, sort: (entry) => entry.body_bytes, cell: (entry) => bytes(entry.body_bytes) },
  size,
  tags,
  { title: 'Variant', cell: (entry) => entry.variant.map((field) => `${field.name}: ${field.value ?? '(absent)'}`).join(', ') },
];

export const valueColumns = (onChoose) => [
  key(onChoose),
  state,
  { title: 'What', sort: (entry) => String(entry.is_absence), cell: (entry) => (entry.is_absence ? 'absence' : 'value') },
  age,
  remaining,
  { title: 'Load', isNumber: true, sort: (entry) => entry.load_seconds, cell: (entry) => duration(entry.load_seconds) },
  size,
  tags,
];
