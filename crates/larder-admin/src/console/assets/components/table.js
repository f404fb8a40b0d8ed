/** A table that scrolls inside its own box, and can be sorted by its columns. */

import { html, useState } from '../../vendor/htm-preact-standalone.module.js';

/**
 * Columns are `{ title, cell, sort, isNumber, isText }`: `cell` returns what a row shows, and
 * `sort` what it is sorted by. The first column is the heading of its row.
 */
export function Table({ label, columns, rows, keyOf, isChosen = () => false, empty = 'Nothing yet.', name }) {
  const [order, setOrder] = useState(null);
  const sorted = order ? sort(rows, columns[order.column], order.isDescending) : rows;
  const sortBy = (column) =>
    setOrder({ column, isDescending: order?.column === column ? !order.isDescending : Boolean(columns[column].isNumber) });
  return html`
    <div class="scroll" role="region" tabindex="0" aria-label=${label} data-table=${name}>
      <table>
        <caption class="hidden">${label}</caption>
        <thead>
          <tr>
            ${columns.map((column, index) => html`
              <${Heading} column=${column} order=${order?.column === index ? order : null} onSort=${() => sortBy(index)} />
            `)}
          </tr>
        </thead>
        <tbody>
          ${sorted.map((row) => html`
            <tr key=${keyOf(row)} class=${isChosen(row) ? 'chosen' : ''} data-row=${keyOf(row)}>
              ${columns.map((column, index) => html`<${Cell} column=${column} row=${row} isFirst=${index === 0} />`)}
            </tr>
          `)}
        </tbody>
      </table>
      ${rows.length === 0 && html`<p class="empty">${empty}</p>`}
    </div>
  `;
}

function Heading({ column, order, onSort }) {
  const direction = order && (order.isDescending ? 'descending' : 'ascending');
  return html`
    <th scope="col" class=${column.isNumber ? 'end' : ''} aria-sort=${direction}>
      ${column.sort
        ? html`<button type="button" class="sort" onClick=${onSort}>${column.title}</button>`
        : column.title}
    </th>
  `;
}

function Cell({ column, row, isFirst }) {
  const kind = column.isNumber ? 'end' : column.isText ? 'text' : '';
  const content = column.cell(row);
  return isFirst
    ? html`<th scope="row" class=${kind}>${content}</th>`
    : html`<td class=${kind}>${content}</td>`;
}

function sort(rows, column, isDescending) {
  const sorted = [...rows].sort((one, other) => compare(column.sort(one), column.sort(other)));
  return isDescending ? sorted.reverse() : sorted;
}

/** Rows without a number are the smallest. */
function compare(one, other) {
  if (typeof one === 'string') return one.localeCompare(other);
  return (one ?? -Infinity) - (other ?? -Infinity) || 0;
}
