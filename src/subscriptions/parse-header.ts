import { isFramingHeader, isHeaderName } from '../outbound/header-names.js';

/** Names that belong to the message the hub writes, never to a Subscription. */
const OWN_NAMES: ReadonlySet<string> = new Set([
  ...['content-type', 'content-encoding', 'proxy-authenticate'],
  ...['webhook-id', 'webhook-timestamp', 'webhook-signature'],
]);

/** Splits `Name: value` at the first colon. A text instead of a pair says why the line cannot become a request header. */
export function parseHeader(line: string): readonly [name: string, value: string] | string {
  if (/[\r\n\0]/.test(line)) return 'A header must not hold line breaks or NUL.';
  const colon = line.indexOf(':');
  if (colon < 0) return 'A header has the form "Name: value"; this one has no colon.';
  const name = line.slice(0, colon).trim();
  const value = line.slice(colon + 1).trim();
  if (name === '') return 'The header has no name before its colon.';
  if (!isHeaderName(name)) return 'What stands before the colon cannot be the name of an HTTP header.';
  if (/[\u0000-\u0008\u000a-\u001f\u007f]|[^\u0000-\u00ff]/.test(value))
    return `The value of the header ${name} holds characters that HTTP cannot carry.`;
  if (isFramingHeader(name) || OWN_NAMES.has(name.toLowerCase()))
    return `The header ${name} belongs to the connection or is set by the hub itself.`;
  return [name, value];
}
