import { FhirError } from '../fhir/fhir-error.js';
import { MAX_PAIRS, MAX_QUERY_LENGTH } from './search-limits.js';

export type QueryPairs = readonly (readonly [name: string, value: string])[];

/**
 * The decoded `name=value` pairs of a query string. `+` is a space. A `%` that begins no escape is refused in a request; in criteria,
 * which may come unencoded, it stands for itself.
 */
export function splitQuery(text: string, encoding: 'encoded' | 'maybe-plain'): QueryPairs {
  if (text.length > MAX_QUERY_LENGTH) throw new FhirError('too-costly', 'the query is too long', undefined, { status: 400 });
  const pairs: [string, string][] = [];
  for (const pair of text.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = equals < 0 ? pair : pair.slice(0, equals);
    pairs.push([decode(name, name, encoding), equals < 0 ? '' : decode(pair.slice(equals + 1), name, encoding)]);
  }
  return checkedPairs(pairs);
}

export function checkedPairs(pairs: QueryPairs): QueryPairs {
  if (pairs.length > MAX_PAIRS)
    throw new FhirError('too-costly', `more than ${MAX_PAIRS} search parameters in one query`, undefined, { status: 400 });
  return pairs;
}

function decode(text: string, name: string, encoding: 'encoded' | 'maybe-plain'): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text;
  if (!spaced.includes('%')) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    if (encoding === 'maybe-plain') return spaced;
    throw new FhirError('invalid', `the percent-encoding of parameter '${name.slice(0, 100)}' is broken`, name.slice(0, 100));
  }
}

/** Splits at `separator` where no backslash stands before it; the escapes stay in. One pass, whatever the text. */
export function splitUnescaped(text: string, separator: string): string[] {
  if (!text.includes('\\')) return text.split(separator);
  const parts: string[] = [];
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === separator) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

/** https://hl7.org/fhir/R4B/search.html#escaping */
export function unescapeValue(text: string): string {
  return text.includes('\\') ? text.replace(/\\([\\,|$])/g, '$1') : text;
}

export function escapeValue(text: string): string {
  return text.replace(/[\\,|$]/g, '\\$&');
}

/** Only what would end or bend a pair, so that a canonical query stays readable. */
export function encodeForQuery(text: string): string {
  return text.replace(/[%&+#\u0000-\u0020\u007f]/g, (character) => encodeURIComponent(character));
}
