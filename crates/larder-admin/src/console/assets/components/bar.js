/** The bar at the top: the name, the state of the instance, the client, the theme. */

import { html } from '../../vendor/htm-preact-standalone.module.js';
import { usePoll } from '../poll.js';
import { client, end } from '../session.js';
import { useStore } from '../store.js';
import { nextTheme, themeChoice } from '../theme.js';

const HEALTH_INTERVAL = 5000;

export function Bar({ isLoggedIn }) {
  return html`
    <header class="bar">
      <span class="brand"><span class="mark" aria-hidden="true"></span>Larder</span>
      ${isLoggedIn && html`<${Health} />`}
      <span class="space"></span>
      ${isLoggedIn && html`<${ClientName} />`}
      <${ThemeButton} />
      ${isLoggedIn && html`<button type="button" class="quiet" onClick=${() => end('')}>Log out</button>`}
    </header>
  `;
}

function Health() {
  const { data, error } = usePoll('health', HEALTH_INTERVAL);
  if (error) return html`<span class="state bad" data-figure="health">${error.message}</span>`;
  if (!data) return null;
  const tone = data.is_ready ? 'good' : 'bad';
  const text = data.is_ready ? 'ready' : 'not ready';
  return html`
    <span class="state ${tone}" data-figure="health" data-value=${data.is_ready} title=${data.text}>${text}</span>
  `;
}

function ClientName() {
  const { name, role } = useStore(client) ?? {};
  const rights = role === 'purge' ? 'may change' : 'may only read';
  return html`<span class="client" data-figure="client" data-value=${role}>${name} <span>${rights}</span></span>`;
}

function ThemeButton() {
  const choice = useStore(themeChoice);
  return html`
    <button type="button" class="quiet" onClick=${nextTheme} aria-label="Theme: ${choice}">
      <span class="theme-icon" aria-hidden="true"></span><span class="wide" aria-hidden="true">${choice}</span>
    </button>
  `;
}
