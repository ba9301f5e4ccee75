const MASK = '***';
/** A shorter one would blot out half of any text, and keeps nobody out. */
const SHORTEST_SECRET = 4;

/**
 * What an endpoint answered, fit to be shown: a hostile or chatty one repeats what it was sent. Header values and signing secrets of the
 * Subscription (whole, their credentials alone, as JSON or URL writes them) are masked, and so is every longer piece of the content
 * that was sent, as long as it is repeated letter by letter.
 */
export function maskAnswer(text: string, values: readonly string[], sent: readonly string[]): string {
  const secrets = [...new Set(values.flatMap(formsOf))]
    .filter((secret) => secret.length >= SHORTEST_SECRET)
    .sort((a, b) => b.length - a.length);
  let masked = text.replace(UNPRINTABLE, '\uFFFD');
  for (const secret of secrets) masked = masked.replaceAll(secret, MASK);
  return withoutEcho(withoutCutSecret(masked, secrets), sent);
}

const UNPRINTABLE = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F]/g;

/** The ways in which a value, or what is secret in it, may come back. */
function formsOf(value: string): string[] {
  const [, credentials] = /^[\w-]+ +(\S.*)$/.exec(value) ?? [];
  const decoded = /^basic /i.test(value) ? Buffer.from(credentials ?? '', 'base64').toString('utf8') : undefined;
  const password = decoded?.slice(decoded.indexOf(':') + 1);
  const plain = [value, credentials, decoded, password].filter((form) => form !== undefined);
  return plain.flatMap((form) => [form, JSON.stringify(form).slice(1, -1), encodeURIComponent(form.toWellFormed())]);
}

/** The text was cut somewhere: what stands at its end may be the beginning of a secret. */
function withoutCutSecret(text: string, secrets: readonly string[]): string {
  for (const secret of secrets) {
    for (let length = Math.min(secret.length - 1, text.length); length >= SHORTEST_SECRET; length--) {
      if (text.endsWith(secret.slice(0, length))) return text.slice(0, -length) + MASK;
    }
  }
  return text;
}

/** Looked for every so many characters, so that no piece of {@link SHORTEST_ECHO} slips through between. */
const STEP = 8;
const WINDOW = 32;
const SHORTEST_ECHO = WINDOW + STEP;
/** An excerpt holds only the beginning of an answer, so what it repeats lies near the beginning, too. */
const MOST_SENT = 256 * 1024;

function withoutEcho(text: string, sent: readonly string[]): string {
  if (text.length < SHORTEST_ECHO || sent.length === 0) return text;
  const whole = sent.join('\n').slice(0, MOST_SENT);
  const sources = text.includes('\\"') ? [whole, JSON.stringify(whole).slice(1, -1)] : [whole];
  let kept = '';
  let from = 0;
  for (let at = 0; at + WINDOW <= text.length; at += STEP) {
    const piece = sources.map((source) => commonPiece(text, from, at, source)).find((found) => found !== undefined);
    if (!piece) continue;
    kept += text.slice(from, piece.start) + MASK;
    from = piece.end;
    at = from - STEP;
  }
  return kept + text.slice(from);
}

/** The piece around `at` that stands in `source` as it does in `text`, if it is long enough. */
function commonPiece(text: string, from: number, at: number, source: string): { start: number; end: number } | undefined {
  const found = source.indexOf(text.slice(at, at + WINDOW));
  if (found < 0) return undefined;
  let start = at;
  while (start > from && source[found - (at - start) - 1] === text[start - 1]) start--;
  let end = at + WINDOW;
  while (end < text.length && source[found + (end - at)] === text[end]) end++;
  return end - start >= SHORTEST_ECHO || end === text.length ? { start, end } : undefined;
}
