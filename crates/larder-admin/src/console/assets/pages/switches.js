/** The kill switch: caching is off for a route, a class or everything, until a time. */

import { html } from '../../vendor/htm-preact-standalone.module.js';
import { useAction } from '../action.js';
import { send } from '../api.js';
import { ErrorNotice, Loading, ReadOnlyNotice } from '../components/notice.js';
import { SwitchForm } from '../components/switch-form.js';
import { Table } from '../components/table.js';
import { dateTime, duration, plural } from '../format.js';
import { usePoll } from '../poll.js';
import { client } from '../session.js';
import { useStore } from '../store.js';

const INTERVAL = 2000;

export function Switches() {
  const { role } = useStore(client) ?? {};
  const { data, error, reload } = usePoll('switches', INTERVAL);
  const action = useAction((text) => text);
  const mayChange = role === 'purge';

  const change = (method, body, text) => action.run(async () => {
    await send(method, 'switches', body);
    await reload();
    return text;
  });
  const set = ({ scope, seconds, fleet }) =>
    change('POST', { scope, seconds, fleet }, `Caching is off for ${scopeText(scope)}, for ${duration(seconds)}.`);
  const end = ({ scope, reach }) =>
    change('DELETE', { scope, fleet: reach === 'fleet' }, `Caching is on again for ${scopeText(scope)}.`);

  return html`
    <${ReadOnlyNotice} />
    <${ErrorNotice} error=${error ?? action.error} />
    ${action.result && html`<p class="notice good" data-figure="switch-result">${action.result}</p>`}
    <section class="card">
      <h2 data-figure="switches" data-value=${data?.length ?? ''}>${data ? `${plural(data.length, 'switch').replace('switchs', 'switches')} set` : 'Switches'}</h2>
      ${data
        ? html`<${Table} name="switches" label="Switches that are set" rows=${data} keyOf=${switchId}
            columns=${columns(end, mayChange && !action.isBusy)} empty="Caching is on everywhere." />`
        : html`<${Loading} />`}
    </section>
    <${SwitchForm} onSet=${set} isEnabled=${mayChange && !action.isBusy} />
  `;
}

/** The scope is `all`, or has a route or a class. */
function scopeText(scope) {
  if (scope === 'all') return 'everything';
  return scope.route === undefined ? `the class ${scope.class}` : `the route ${scope.route}`;
}

const switchId = (one) => `${one.reach} ${scopeText(one.scope)}`;
const left = (one) => one.until - Date.now() / 1000;

const columns = (end, isEnabled) => [
  { title: 'Off for', cell: (one) => html`<b data-figure="scope">${scopeText(one.scope)}</b>` },
  { title: 'Where', cell: (one) => (one.reach === 'fleet' ? 'all instances' : 'this instance') },
  { title: 'Set by', cell: (one) => one.who },
  { title: 'Since', cell: (one) => dateTime(one.since) },
  { title: 'Until', cell: (one) => dateTime(one.until) },
  { title: 'Left', isNumber: true, cell: (one) => duration(Math.max(0, Math.round(left(one)))) },
  { title: 'Action', cell: (one) => html`<button type="button" class="small" disabled=${!isEnabled} aria-label="End the switch for ${scopeText(one.scope)}" onClick=${() => end(one)}>End</button>` },
];
