/** The frame around all pages: the bar, the navigation, and the page. */

import { html, useEffect, useRef } from '../vendor/htm-preact-standalone.module.js';
import { announcement } from './announce.js';
import { Bar } from './components/bar.js';
import { Navigation } from './components/navigation.js';
import { Login } from './pages/login.js';
import { PAGES, pageOf } from './pages/index.js';
import { route } from './route.js';
import { client } from './session.js';
import { useStore } from './store.js';

/** The whole console. */
export function App() {
  const { name, query } = useStore(route);
  const isLoggedIn = useStore(client) !== null;
  return html`
    <a class="skip" href="#content" onClick=${skipToContent}>Skip to the content</a>
    <${Bar} isLoggedIn=${isLoggedIn} />
    ${isLoggedIn ? html`<${LoggedIn} name=${name} query=${query} />` : html`<${Login} />`}
    <${Announcement} />
  `;
}

function LoggedIn({ name, query }) {
  const page = pageOf(name);
  return html`
    <div class="frame">
      <${Navigation} pages=${PAGES} current=${page.name} />
      <main id="content" data-page=${page.name}>
        <${Heading} page=${page} />
        <${page.view} key=${`${page.name}?${query}`} query=${query} />
      </main>
    </div>
  `;
}

/** The heading takes the focus when the page changes, so that screen readers begin there. */
function Heading({ page }) {
  const heading = useRef(null);
  useEffect(() => {
    document.title = `${page.title} · Larder console`;
    heading.current.focus();
  }, [page]);
  return html`
    <header class="page-header">
      <h1 tabindex="-1" ref=${heading}>${page.title}</h1>
      <p>${page.summary}</p>
    </header>
  `;
}

function Announcement() {
  return html`<div class="hidden" role="status" aria-live="polite">${useStore(announcement)}</div>`;
}

/** The fragment of the URL names the page, so the link moves the focus by itself. */
function skipToContent(event) {
  event.preventDefault();
  document.querySelector('main h1')?.focus();
}
