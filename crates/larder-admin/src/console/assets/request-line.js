/** What an operator pastes: a URL or a path, and header fields. */

/** Parses lines such as "Accept: text/html" into pairs. Throws an error that names a wrong line. */
export function parseFields(text) {
  return lines(text).map((line) => {
    const colon = line.indexOf(':');
    if (colon < 1) throw new Error(`This line is no header field: ${line}`);
    return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
  });
}

/** The lines that are not empty. */
export const lines = (text) => text.split('\n').map((line) => line.trim()).filter(Boolean);

/**
 * Turns a URL into what a client sends: a path with a query, and the field `Host`. A host in the
 * fields stays.
 */
export function toRequest(address, fields) {
  const match = /^(?:https?:)?\/\/([^/?#]+)([^#]*)/i.exec(address.trim());
  const uri = (match ? match[2] : address.trim().split('#', 1)[0]) || '/';
  const hasHost = fields.some(([name]) => name.toLowerCase() === 'host');
  const host = match ? match[1] : location.host;
  return { uri: uri.startsWith('?') ? `/${uri}` : uri, headers: hasHost ? fields : [['host', host], ...fields] };
}
