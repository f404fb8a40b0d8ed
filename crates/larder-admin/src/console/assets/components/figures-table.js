/** The figures of a chart, as a table. */

import { html } from '../../vendor/htm-preact-standalone.module.js';
import { UNKNOWN } from '../format.js';
import { Table } from './table.js';

export function FiguresTable({ label, series, format }) {
  const text = (value) => (value == null ? UNKNOWN : format(value));
  const columns = [
    { title: 'Line', cell: (row) => row.label },
    { title: 'Now', cell: (row) => text(row.now), isNumber: true },
    { title: 'Lowest', cell: (row) => text(row.lowest), isNumber: true },
    { title: 'Mean', cell: (row) => text(row.mean), isNumber: true },
    { title: 'Highest', cell: (row) => text(row.highest), isNumber: true },
  ];
  return html`<${Table} label=${label} columns=${columns} rows=${series.map(summary)} keyOf=${(row) => row.label} />`;
}

function summary({ label, values }) {
  const known = values.filter((value) => value != null);
  if (known.length === 0) return { label };
  return {
    label,
    now: values.at(-1),
    lowest: Math.min(...known),
    mean: known.reduce((sum, value) => sum + value, 0) / known.length,
    highest: Math.max(...known),
  };
}
