/** The settings of a drawing, in the colours of the theme. */

import { time } from '../format.js';

const FONT = '11px system-ui, sans-serif';
/** The charts of a page share one cursor. */
const CURSOR_GROUP = 'time';

export function plotOptions({ series, format, max, isLogarithmic, setCursor }) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  return {
    legend: { show: false },
    cursor: { sync: { key: CURSOR_GROUP }, y: false, drag: { x: false, y: false }, points: { size: 6 } },
    scales: { x: { time: true }, y: isLogarithmic ? { distr: 3 } : { range: (_, low, high) => linearRange(high, max) } },
    axes: axes({ format, colour, isLogarithmic }),
    series: [{}, ...series.map((one, index) => line(one, colour(`--series-${one.colour}`), index))],
    hooks: { setCursor: [(plot) => setCursor(plot.cursor.idx)] },
  };
}

/** The first line has a light ground, to stand out. */
const line = (one, stroke, index) => ({
  label: one.label,
  stroke,
  width: 1.6,
  fill: index === 0 ? `${stroke}1f` : undefined,
  points: { show: false },
  spanGaps: true,
});

function axes({ format, colour, isLogarithmic }) {
  const common = { stroke: colour('--muted'), font: FONT, ticks: { show: false } };
  const grid = { stroke: colour('--line'), width: 1 };
  return [
    { ...common, grid: { show: false }, space: 90, size: 26, values: (_, splits) => splits.map(time) },
    {
      ...common,
      grid,
      size: (_, labels) => widthOf(labels),
      space: 34,
      values: (_, splits) => splits.map((value) => (value == null ? '' : format(value))),
      ...(isLogarithmic ? { filter: powersOfTen, grid: { ...grid, filter: powersOfTen } } : {}),
    },
  ];
}

/** Room for the longest label, in pixels. */
const widthOf = (labels) => Math.max(44, 14 + 6.4 * Math.max(0, ...(labels ?? []).map((label) => label?.length ?? 0)));

/** The axis of times has a label for each power of ten alone. */
const powersOfTen = (_, splits) =>
  splits.map((value) => (Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-6 ? value : null));

/** Lines begin at zero, and have some air above. */
function linearRange(high, max) {
  if (max !== undefined) return [0, max];
  return [0, high > 0 ? high * 1.15 : 1];
}
