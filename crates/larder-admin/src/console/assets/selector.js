/** Selectors of invalidations, as they stand in the log: a letter, a colon, and the text. */

const KINDS = { t: 'tag', k: 'key', u: 'URI', x: 'path', p: 'prefix', g: 'glob', '#': 'digest' };

/** "t:product:7" becomes "tag product:7". */
export function selectorText(selector) {
  if (selector === 'a:') return 'everything';
  const kind = KINDS[selector.slice(0, selector.indexOf(':'))];
  return kind ? `${kind} ${selector.slice(2)}` : selector;
}
