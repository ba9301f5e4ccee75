/** What a client may say on the FHIR websocket. */
export type SocketMessage =
  | {
      kind: 'bind-with-token';
      token: string;
      /** Number of the last event the client has: of the one Subscription of the token, or by the id of each. */
      after?: number | ReadonlyMap<string, number>;
    }
  | { kind: 'bind'; id: string };

const TOKEN = /^bind-with-token:?\s+(\S{1,200})$/;
const CLASSIC = /^bind\s+(?:Subscription\/)?([A-Za-z0-9\-.]{1,64})$/;

/**
 * `bind-with-token TOKEN`, with or without a colon (the Implementation Guide shows both), its JSON form as other servers take it (with
 * `after`, which is ours), and `bind ID` of classic Subscriptions; undefined for anything else.
 */
export function parseSocketMessage(text: string): SocketMessage | undefined {
  const trimmed = text.trim();
  const [, token] = TOKEN.exec(trimmed) ?? [];
  if (token !== undefined) return { kind: 'bind-with-token', token };
  const [, id] = CLASSIC.exec(trimmed) ?? [];
  if (id !== undefined) return { kind: 'bind', id };
  return trimmed.startsWith('{') ? parseJsonMessage(trimmed) : undefined;
}

function parseJsonMessage(text: string): SocketMessage | undefined {
  let message: { type?: unknown; payload?: { token?: unknown; after?: unknown } | null };
  try {
    message = JSON.parse(text) as typeof message;
  } catch {
    return undefined;
  }
  const { token, after } = message.payload ?? {};
  if (message.type !== 'bind-with-token' || typeof token !== 'string' || !/^\S{1,200}$/.test(token)) return undefined;
  if (after === undefined) return { kind: 'bind-with-token', token };
  const start = parseAfter(after);
  return start === undefined ? undefined : { kind: 'bind-with-token', token, after: start };
}

function parseAfter(after: unknown): number | ReadonlyMap<string, number> | undefined {
  if (isNumber(after)) return after;
  if (typeof after !== 'object' || after === null || Array.isArray(after)) return undefined;
  const numbers = Object.entries(after as Record<string, unknown>);
  return numbers.every((pair): pair is [string, number] => isNumber(pair[1])) ? new Map(numbers) : undefined;
}

const isNumber = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
