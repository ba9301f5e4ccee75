/** What the HTTP client writes itself, or what would change how a request is framed: never anybody's own header. */
const FRAMING: ReadonlySet<string> = new Set([
  ...['host', 'content-length', 'transfer-encoding', 'connection', 'keep-alive', 'upgrade', 'te', 'trailer', 'expect'],
  ...['proxy-connection', 'proxy-authorization'],
]);

/** https://www.rfc-editor.org/rfc/rfc9110#name-tokens */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Whether it can be the name of an HTTP header. */
export function isHeaderName(name: string): boolean {
  return TOKEN.test(name);
}

/** Whether a header of this name, in upper or lower case, belongs to the connection. */
export function isFramingHeader(name: string): boolean {
  return FRAMING.has(name.toLowerCase());
}
