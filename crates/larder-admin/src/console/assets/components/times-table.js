/** How times are distributed. */

import { html } from '../../vendor/htm-preact-standalone.module.js';
import { count, duration } from '../format.js';
import { Table } from './table.js';

const time = (title, field) => ({ title, isNumber: true, cell: ({ times }) => duration(times[field]) });

const COLUMNS = [
  { title: 'What', cell: ({ name }) => name },
  { title: 'Measured', isNumber: true, cell: ({ times }) => count(times.count) },
  time('Mean', 'mean_seconds'),
  time('Half below', 'p50_seconds'),
  time('90 % below', 'p90_seconds'),
  time('99 % below', 'p99_seconds'),
];

/** The list has `{ name, times }`. Quantiles are exact within a factor of two. */
export const TimesTable = ({ label, times }) => html`
  <${Table} label=${label} columns=${COLUMNS} rows=${times} keyOf=${({ name }) => name} />
`;
