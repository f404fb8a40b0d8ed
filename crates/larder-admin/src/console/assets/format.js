/** Numbers with their units. */

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const figures = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });
const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });
const moment = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });

/** A number that is not known. */
export const UNKNOWN = '–';

const known = (value) => value != null && Number.isFinite(value);

/** 12,345 */
export const count = (value) => (known(value) ? whole.format(value) : UNKNOWN);

/** 1.25 */
export const number = (value) => (known(value) ? figures.format(value) : UNKNOWN);

/** 98.7 % */
export const percent = (value) => (known(value) ? `${(value * 100).toFixed(1)} %` : UNKNOWN);

/** 201 requests/s */
export const rate = (value, unit = 'requests') => (known(value) ? `${short(value)} ${unit}/s` : UNKNOWN);

const short = (value) => (value >= 100 ? whole.format(value) : figures.format(value));

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** 12.3 MB */
export function bytes(value) {
  if (!known(value)) return UNKNOWN;
  let unit = 0;
  let scaled = value;
  while (Math.abs(scaled) >= 999.5 && unit < BYTE_UNITS.length - 1) {
    scaled /= 1000;
    unit += 1;
  }
  return `${figures.format(scaled)} ${BYTE_UNITS[unit]}`;
}

/** The units of time up to an hour, each with its number of seconds. */
const TIME_UNITS = [
  { unit: 'ns', seconds: 1e-9, below: 1e-6 },
  { unit: 'µs', seconds: 1e-6, below: 1e-3 },
  { unit: 'ms', seconds: 1e-3, below: 1 },
  { unit: 's', seconds: 1, below: 120 },
  { unit: 'min', seconds: 60, below: 7200 },
  { unit: 'h', seconds: 3600, below: 172800 },
];

/** 3.2 ms */
export function duration(seconds) {
  if (!known(seconds)) return UNKNOWN;
  if (seconds === 0) return '0 s';
  const { unit, seconds: one } =
    TIME_UNITS.find(({ below }) => seconds < below * 0.9995) ?? { unit: 'days', seconds: 86400 };
  return `${figures.format(seconds / one)} ${unit}`;
}

/** 14:03:07 */
export const time = (unixSeconds) => clock.format(unixSeconds * 1000);

/** 3 Oct 2026, 14:03:07 */
export const dateTime = (unixSeconds) => (known(unixSeconds) ? moment.format(unixSeconds * 1000) : UNKNOWN);

/** "never-stored" becomes "never stored". */
export const words = (text) => String(text).replaceAll(/[-_]/g, ' ');

/** "3 responses", "1 response" */
export const plural = (value, noun) => `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
