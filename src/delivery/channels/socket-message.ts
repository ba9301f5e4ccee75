/** What a client may say on the FHIR websocket. */
export type SocketMessage = { kind: 'bind-with-token'; token: string } | { kind: 'bind'; id: string };

const TOKEN = /^bind-with-token:?\s+(\S{1,200})$/;
const CLASSIC = /^bind\s+(?:Subscription\/)?([A-Za-z0-9\-.]{1,64})$/;

/**
 * `bind-with-token TOKEN`, with or without a colon (the Implementation Guide shows both), its JSON form as other servers take it, and
 * `bind ID` of classic Subscriptions; undefined for anything else.
 */
export function parseSocketMessage(text: string): SocketMessage | undefined {
  const trimmed = text.trim();
  const [, token] = TOKEN.exec(trimmed) ?? [];
  if (token !== undefined) return { kind: 'bind-with-token', token };
  const [, id] = CLASSIC.exec(trimmed) ?? [];
  if (id !== undefined) return { kind: 'bind', id };
  if (!trimmed.startsWith('{')) return undefined;
  try {
    const message = JSON.parse(trimmed) as { type?: unknown; payload?: { token?: unknown } | null };
    const value = message.payload?.token;
    if (message.type === 'bind-with-token' && typeof value === 'string' && /^\S{1,200}$/.test(value))
      return { kind: 'bind-with-token', token: value };
  } catch {
    // Not JSON: nothing we know.
  }
  return undefined;
}
