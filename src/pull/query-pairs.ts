import { FhirError } from '../fhir/fhir-error.js';

export type Pair = readonly [name: string, value: string];

const MOST_PAIRS = 200;
const MOST_CHARACTERS = 8192;

/**
 * The part of a request's URL after `?`, as name-value pairs in order.
 * @throws FhirError 400 for broken percent encoding, characters that no value can hold, and queries beyond all reason
 */
export function pairsOfUrl(url: string): Pair[] {
  if (url.length > MOST_CHARACTERS) {
    throw new FhirError(
      'too-long',
      `The URL has ${String(url.length)} characters; at most ${String(MOST_CHARACTERS)} are read. Longer queries go in the body of POST [type]/_search`,
      longestName(url),
      { status: 400 },
    );
  }
  const start = url.indexOf('?');
  return start < 0 ? [] : pairsOfForm(url.slice(start + 1));
}

/** The parameter that takes the most room. */
function longestName(url: string): string | undefined {
  const [, query = ''] = url.split(/\?(.*)/s, 2);
  const [longest = ''] = query.split('&').sort((a, b) => b.length - a.length);
  return longest.split('=', 1)[0]!.slice(0, 100) || undefined;
}

/** The same for the body of `POST [type]/_search`. */
export function pairsOfForm(text: string): Pair[] {
  if (text === '') return [];
  const pairs: Pair[] = [];
  for (const part of text.split('&')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const name = decode(equals < 0 ? part : part.slice(0, equals));
    pairs.push([name, equals < 0 ? '' : decode(part.slice(equals + 1), name)]);
    if (pairs.length > MOST_PAIRS)
      throw new FhirError('too-long', `A query has at most ${String(MOST_PAIRS)} parameters`, name, { status: 400 });
  }
  return pairs;
}

function decode(text: string, name?: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw new FhirError('value', `"${text.slice(0, 100)}" is not percent-encoded UTF-8`, name ?? text.slice(0, 100));
  }
  if (decoded.includes('\0'))
    throw new FhirError('value', 'A NUL character can be part of no value', name ?? decoded.replaceAll('\0', ''));
  return decoded;
}

/** Pairs as the query part of a link. Separators of search values stay readable. */
export function queryText(pairs: readonly Pair[]): string {
  return pairs.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&');
}

function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(/%(2C|3A|2F|24)/g, (escaped) => decodeURIComponent(escaped));
}
