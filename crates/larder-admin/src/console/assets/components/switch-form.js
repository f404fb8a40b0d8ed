/** The form of a switch. */

import { html, useState } from '../../vendor/htm-preact-standalone.module.js';
import { samples } from '../sampler.js';
import { useStore } from '../store.js';
import { Choice } from './choice.js';

const KINDS = [
  { value: 'route', label: 'A route' },
  { value: 'class', label: 'A lifetime class' },
  { value: 'all', label: 'Everything' },
];
/** A day. */
const MAX_MINUTES = 1440;

export function SwitchForm({ onSet, isEnabled }) {
  const { stats } = useStore(samples);
  const [form, setForm] = useState({ kind: 'route', name: '', minutes: '10', reach: 'instance' });
  const names = namesOf(stats, form.kind);
  const name = names.includes(form.name) ? form.name : (names[0] ?? '');
  const set = (field) => (event) => setForm({ ...form, [field]: event.target.value });

  function submit(event) {
    event.preventDefault();
    const scope = form.kind === 'all' ? 'all' : { [form.kind]: name };
    onSet({ scope, seconds: Math.round(Number(form.minutes) * 60), fleet: form.reach === 'fleet' });
  }

  return html`
    <form class="card fields" onSubmit=${submit}>
      <h2>Switch caching off</h2>
      <${Choice} name="switch-kind" legend="Off for" options=${KINDS} value=${form.kind} onChange=${(kind) => setForm({ ...form, kind })} />
      <div class="field-row">
        ${form.kind !== 'all' && html`
          <div class="field">
            <label for="switch-name">${form.kind === 'route' ? 'Route' : 'Lifetime class'}</label>
            <select id="switch-name" value=${name} onChange=${set('name')}>
              ${names.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}
            </select>
          </div>
        `}
        <div class="field">
          <label for="minutes">Minutes</label>
          <input id="minutes" type="number" min="0.1" step="any" max=${MAX_MINUTES} required value=${form.minutes} onInput=${set('minutes')} />
        </div>
        <${Reach} form=${form} set=${set} />
      </div>
      <p class="help">Until then, requests go to the handlers, and nothing is stored. What is stored stays.</p>
      <div class="row">
        <button type="submit" class="danger" disabled=${!isEnabled || (form.kind !== 'all' && !name)}>Switch off</button>
      </div>
    </form>
  `;
}

const Reach = ({ form, set }) => html`
  <fieldset class="choices">
    <legend>Where</legend>
    <label><input type="radio" name="reach" value="instance" checked=${form.reach === 'instance'} onChange=${set('reach')} /> This instance</label>
    <label><input type="radio" name="reach" value="fleet" checked=${form.reach === 'fleet'} onChange=${set('reach')} /> All instances</label>
  </fieldset>
`;

function namesOf(stats, kind) {
  if (!stats || kind === 'all') return [];
  const names = kind === 'route' ? stats.routes.map(({ route }) => route) : Object.keys(stats.classes);
  return [...new Set(names)].sort();
}
