/** What the figures say, with evidence and remedy. */

import { html } from '../../vendor/htm-preact-standalone.module.js';
import { CodeText } from '../components/code-text.js';
import { ErrorNotice, Loading } from '../components/notice.js';
import { Evidence } from '../components/pairs.js';
import { bytes, duration, number, percent, plural, words } from '../format.js';
import { usePoll } from '../poll.js';

/** Each answer asks Redis for its statistics. */
const INTERVAL = 10_000;
const SEVERITIES = {
  warning: { tone: 'bad', text: 'warning' },
  hint: { tone: 'warning', text: 'hint' },
  good: { tone: 'good', text: 'good' },
};

export function Advice() {
  const { data, error } = usePoll('advice', INTERVAL);
  if (!data) return html`<${ErrorNotice} error=${error} />${!error && html`<${Loading} />`}`;
  return html`
    <${ErrorNotice} error=${error} />
    <p data-figure="findings" data-value=${data.length}>${plural(data.length, 'finding')}, the most severe first.</p>
    ${data.length === 0 && html`
      <p class="notice good">Nothing to say. A hit rate needs 1,000 lookups, and a route 100 requests.</p>
    `}
    ${data.map((finding) => html`<${Finding} key=${`${finding.kind} ${finding.subject}`} finding=${finding} />`)}
  `;
}

function Finding({ finding }) {
  const severity = SEVERITIES[finding.severity];
  return html`
    <section class="card" data-finding=${finding.kind}>
      <div class="row">
        <span class="state ${severity.tone}">${severity.text}</span>
        <h2>${capital(words(finding.kind))}: ${finding.subject}</h2>
      </div>
      <p><${CodeText} text=${finding.remedy} /></p>
      <${Evidence} list=${[
        ['Reason', finding.reason && words(finding.reason)],
        ...Object.entries(finding.evidence).map(([name, value]) => [
          capital(words(name.replace(/_(bytes|seconds)$/, ''))),
          html`<span data-figure=${name} data-value=${value}>${evidenceText(name, value)}</span>`,
        ]),
      ]} />
    </section>
  `;
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** The name of a figure ends with its unit, if it has one. */
function evidenceText(name, value) {
  if (name.endsWith('_bytes')) return bytes(value);
  if (name.endsWith('_seconds')) return duration(value);
  if (name.endsWith('ratio') || name.endsWith('share')) return percent(value);
  return number(value);
}
