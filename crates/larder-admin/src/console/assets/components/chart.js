/** A chart of figures over time, with the same figures as text. */

import uPlot from '../../vendor/uPlot.esm.js';
import { html, useEffect, useRef, useState } from '../../vendor/htm-preact-standalone.module.js';
import { time, UNKNOWN } from '../format.js';
import { useStore } from '../store.js';
import { isDark } from '../theme.js';
import { plotOptions } from './plot-options.js';
import { FiguresTable } from './figures-table.js';

const HEIGHT = 180;

/**
 * Series are `{ label, values, colour }` with a colour from 1 to 6. `format` writes a value with its
 * unit. A value that is not known is `null`, and a gap in the line.
 */
export function Chart({ title, name, times, series, format, max, isLogarithmic = false }) {
  const [cursor, setCursor] = useState(null);
  const shown = cursor != null && cursor < times.length ? cursor : times.length - 1;
  const now = (one) => one.values[shown] ?? null;
  return html`
    <figure class="chart" data-chart=${name}>
      <figcaption>
        <h2>${title}</h2>
        <ul class="legend">
          ${series.map((one) => html`
            <li key=${one.label}>
              <span class="swatch series-${one.colour}" aria-hidden="true"></span>${one.label}
              ${' '}<b data-chart-value=${one.label} data-value=${now(one) ?? ''}>${now(one) == null ? UNKNOWN : format(now(one))}</b>
            </li>
          `)}
        </ul>
      </figcaption>
      ${times.length < 2
        ? html`<p class="waiting">The line begins in a moment.</p>`
        : html`<${Plot} ...${{ title, times, series, format, max, isLogarithmic, setCursor }} />`}
      <details>
        <summary>Figures of this chart</summary>
        <${FiguresTable} label=${`${title}: figures`} series=${series} format=${format} />
      </details>
    </figure>
  `;
}

/** The drawing. It is made once, and then gets new data. */
function Plot({ title, times, series, format, max, isLogarithmic, setCursor }) {
  const box = useRef(null);
  const plot = useRef(null);
  const dark = useStore(isDark);
  const data = [times, ...series.map((one) => one.values)];
  useEffect(() => {
    const options = plotOptions({ series, format, max, isLogarithmic, setCursor });
    const size = { width: box.current.clientWidth, height: HEIGHT };
    plot.current = new uPlot({ ...options, ...size }, data, box.current);
    const observer = new ResizeObserver(() => plot.current.setSize({ width: box.current.clientWidth, height: HEIGHT }));
    observer.observe(box.current);
    return () => {
      observer.disconnect();
      plot.current.destroy();
    };
  }, [dark, series.map((one) => one.label).join(), isLogarithmic]);
  useEffect(() => plot.current.setData(data), [times.at(-1), times[0], times.length]);
  const range = `from ${time(times[0])} to ${time(times.at(-1))}`;
  return html`<div class="plot" ref=${box} role="img" aria-label="Chart: ${title}, ${range}"></div>`;
}
