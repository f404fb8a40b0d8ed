/** The navigation: a list on wide screens, behind a button on narrow ones. */

import { html, useEffect, useRef, useState } from '../../vendor/htm-preact-standalone.module.js';
import { linkTo } from '../route.js';

export function Navigation({ pages, current }) {
  const [isOpen, setOpen] = useState(false);
  const button = useRef(null);
  useEffect(() => setOpen(false), [current]);
  const groups = [...new Set(pages.map((page) => page.group))];

  function closeOnEscape(event) {
    if (event.key !== 'Escape' || !isOpen) return;
    setOpen(false);
    button.current.focus();
  }

  return html`
    <nav aria-label="Pages" class=${isOpen ? 'open' : ''} onKeyDown=${closeOnEscape}>
      <button type="button" class="menu" ref=${button} aria-expanded=${String(isOpen)} aria-controls="pages" onClick=${() => setOpen(!isOpen)}>
        <span class="menu-icon" aria-hidden="true"></span>Menu
      </button>
      <div id="pages">
        ${groups.map((group) => html`
          <h2 id="group-${group}">${group}</h2>
          <ul aria-labelledby="group-${group}">
            ${pages.filter((page) => page.group === group).map((page) => html`
              <li><a href=${linkTo(page.name)} aria-current=${page.name === current ? 'page' : null}>${page.title}</a></li>
            `)}
          </ul>
        `)}
      </div>
    </nav>
  `;
}
