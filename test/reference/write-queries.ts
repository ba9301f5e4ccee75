import type { Decimal } from './decimals.js';
import type { Amount, Kind, Reference, Span, Token, ValuesOf } from './read-values.js';
import { partOf } from './plain-search.js';
import { codesIn, isBelow } from './terms.js';

/** Takes one of several ways, as a generator bids. */
export type Choose = <T>(of: readonly T[]) => T;

const PREFIXES = ['', 'eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap'];

export const escaped = (text: string) => text.replace(/[\\,|$]/g, '\\$&');

/** Modifiers that a query may bear for values of a kind; without one more often than with. */
export function modifiers(kind: Kind): readonly string[] {
  switch (kind) {
    case 'token':
      return ['', '', '', '', 'not', 'not', 'text', 'of-type', 'in', 'not-in', 'above', 'below'];
    case 'reference':
      return ['', '', '', 'identifier', ':type', 'above', 'below'];
    case 'string':
      return ['', '', 'exact', 'contains'];
    case 'uri':
      return ['', 'above', 'below'];
    default:
      return [''];
  }
}

/**
 * What a client could write to ask for a value, or for one beside it: cut, in another case or time zone, a neighbour of it. Undefined where
 * there is nothing to write.
 */
export function writeValue<K extends Kind>(
  kind: K,
  value: ValuesOf[K],
  modifier: string,
  choose: Choose,
  base: string,
): string | undefined {
  const writers: { [Each in Kind]: (value: ValuesOf[Each]) => string | undefined } = {
    token: (found) => writeToken(found, modifier, choose),
    reference: (found) => writeReference(found, modifier, choose, base),
    date: (found) => writeDate(found, choose),
    number: (found) => writeNumber(found, choose),
    quantity: (found) => writeQuantity(found, choose),
    string: (found) => escaped(writeText(found, choose)),
    uri: (found) => escaped(writeUri(found, choose)),
    special: ({ latitude, longitude }) => {
      const place = choose([
        [latitude, longitude],
        [latitude + 0.1, longitude - 0.2],
        [latitude, -longitude],
        [latitude - 3, longitude + 5],
      ] as const);
      const reach = choose(['', '|', '|10', '|10|km', '|25000|m', '|20|[mi_i]', '|0|m', '|700', '|7000|km', '|1|parsec']);
      return `${place.map((degrees) => degrees.toFixed(4)).join('|')}${reach}`;
    },
  };
  return writers[kind](value);
}

const swapCase = (text: string) => (text === text.toLowerCase() ? text.toUpperCase() : text.toLowerCase());

function writeToken({ system, code, text, types = [] }: Token, modifier: string, choose: Choose): string | undefined {
  const named = code === undefined || system === undefined ? undefined : `${escaped(system)}|${escaped(code)}`;
  switch (modifier) {
    case 'text':
      return text === undefined ? undefined : escaped(writeText(text, choose));
    case 'of-type': {
      const type = choose([...types, {}]);
      if (code === undefined || type.code === undefined) return undefined;
      return [type.system ?? '', choose([type.code, swapCase(type.code)]), choose([code, code, `${code}0`])]
        .map(escaped)
        .join('|');
    }
    case 'in':
    case 'not-in': {
      const sets = VALUE_SETS.filter((url) => codesIn(url)?.has(`${system ?? ''} ${code ?? ''}`) === true);
      return escaped(choose(sets.length === 0 ? VALUE_SETS : sets));
    }
    case 'above':
    case 'below':
      if (system === 'urn:ietf:bcp:13') return choose([code, code?.toUpperCase(), 'text/plain']);
      return system !== undefined && isBelow(system, '', '') !== undefined ? named : undefined;
    default: {
      const written = code === undefined || code === '' ? [] : [code, swapCase(code), `${code}x`, code.slice(1)];
      const forms = [
        named,
        named,
        ...written.filter((each) => each !== '').map(escaped),
        code === undefined || code === '' ? undefined : `|${escaped(code)}`,
        system === undefined || system === '' ? undefined : `${escaped(system)}|`,
        code === undefined || system === undefined ? undefined : `${escaped(system)}x|${escaped(code)}`,
      ];
      return choose(forms);
    }
  }
}

/** Sets of which every code is known. */
const VALUE_SETS = [
  'administrative-gender',
  'observation-status',
  'condition-clinical',
  'publication-status',
  'resource-types',
  'request-status',
  'event-status',
  'encounter-status',
  'c80-practice-codes',
]
  .map((name) => `http://hl7.org/fhir/ValueSet/${name}`)
  .filter((url) => codesIn(url) !== undefined);

function writeReference(found: Reference, modifier: string, choose: Choose, base: string): string | undefined {
  const { type, id, url, version, identifier } = found;
  if (modifier === 'identifier') return identifier === undefined ? undefined : writeToken(identifier, '', choose);
  if (modifier === 'above' || modifier === 'below') {
    if (url !== undefined) return escaped(choose([url, `${url}|${version ?? '1'}`, `${url}|${version ?? '1'}.1`, `${url}|1`]));
    return type !== undefined && partOf(type) !== undefined ? `${type}/${id ?? ''}` : undefined;
  }
  if (type !== undefined && id !== undefined) {
    if (modifier !== '') return choose([id, id, `${type}/${id}`, `${modifier}/${id}`]);
    return choose([
      `${type}/${id}`,
      id,
      id,
      `${base}/${type}/${id}`,
      `${type}/${id}/_history/${version ?? '1'}`,
      `http://other.example/fhir/${type}/${id}`,
      `${type}/${id}0`,
      `Basic/${id}`,
    ]);
  }
  if (url === undefined) return undefined;
  return escaped(choose([url, url, version === undefined ? url : `${url}|${version}`, `${url}|0`, `${url}/`, swapCase(url)]));
}

function writeDate({ from, to }: Span, choose: Choose): string {
  const end = choose([from, from, to, (from + to) / 2]);
  const known = Number.isFinite(end) ? end : [from, to].find(Number.isFinite);
  const at = Math.round(known ?? 0) + choose([0, 0, 0, 1, -1, 1000, -1000, 60_000, -3_600_000, 86_400_000, -86_400_000]);
  const [minutes, zone] = choose([
    [0, 'Z'],
    [0, 'Z'],
    [330, '+05:30'],
    [-480, '-08:00'],
    [840, '+14:00'],
    [-210, '-03:30'],
    [0, ''],
  ] as const);
  const iso = new Date(at + minutes * 60_000).toISOString();
  if (!/^\d{4}-/.test(iso)) return choose(PREFIXES) + '2000';
  const cut = choose([4, 7, 10, 10, 16, 19, 21, 22, 23]);
  return choose(PREFIXES) + (cut > 10 ? iso.slice(0, cut) + zone : iso.slice(0, cut));
}

/** As digits with a point: `-12.30`. */
function plain({ digits, scale }: Decimal, zeros = 0): string {
  if (scale < 0) return plain({ digits: digits * 10n ** BigInt(-scale), scale: 0 }, zeros);
  const size = String(digits < 0n ? -digits : digits).padStart(scale + 1, '0');
  const whole = size.slice(0, size.length - scale);
  const fraction = size.slice(size.length - scale) + '0'.repeat(zeros);
  return `${digits < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

function writeNumber({ low, high }: Amount, choose: Choose): string {
  const known = choose([low, high]) ?? low ?? high;
  // The hub compares numbers as doubles, which hold 15 digits of whatever is written.
  const { digits, scale } = known === undefined || String(known.digits).length > 12 ? { digits: 1n, scale: 0 } : known;
  const value = choose([
    { digits, scale },
    { digits, scale },
    { digits: digits + 1n, scale },
    { digits: digits - 1n, scale },
    // Where ranges of precision end: half a place away.
    { digits: digits * 10n + 5n, scale: scale + 1 },
    { digits: digits * 10n - 5n, scale: scale + 1 },
    { digits: digits * 100n + 49n, scale: scale + 2 },
    { digits: digits / 10n, scale: scale - 1 },
    { digits: digits * 11n, scale: scale + 1 },
    { digits: digits * 9n, scale: scale + 1 },
    { digits: -digits, scale },
  ]);
  const power = `${String(value.digits)}e${String(-value.scale)}`;
  const text = Math.abs(value.scale) > 40 ? power : choose([plain(value), plain(value), plain(value, 1), plain(value, 3), power]);
  return choose(PREFIXES) + text;
}

function writeQuantity(found: Amount, choose: Choose): string {
  const { system, code, unit } = found;
  const name = code ?? unit;
  const forms = name === undefined ? [''] : ['', '', `|${escaped(system ?? '')}|${escaped(name)}`, `||${escaped(name)}`];
  if (unit !== undefined) forms.push(`||${escaped(unit)}`, `|http://unitsofmeasure.org|${escaped(unit)}`);
  return writeNumber(found, choose) + choose(forms);
}

function writeText(found: string, choose: Choose): string {
  const cut = choose([0, 1, 2, 3, 5, 8, 13, found.length - 1, found.length]) % (found.length + 1);
  const text = choose([found, found.slice(0, cut), found.slice(0, cut), found.slice(cut)]).toWellFormed();
  return choose([
    text,
    text,
    text.toUpperCase(),
    text.toLowerCase(),
    text.normalize('NFD'),
    text.normalize('NFD').replace(/\p{M}/gu, ''),
    text.replace(/[aeiou]/i, '$&\u0301').normalize('NFC'),
    text.replace(/ /g, '  '),
    ` ${text}`,
    `${text}q`,
  ]);
}

function writeUri(found: string, choose: Choose): string {
  const slash = found.lastIndexOf('/');
  return choose([
    found,
    found,
    slash > 0 ? found.slice(0, slash) : found,
    slash > 0 ? found.slice(0, slash + 1) : found,
    found.slice(0, found.indexOf('/', 9) + 1) || found,
    found.slice(0, -1) || found,
    `${found}/`,
    `${found.split('|')[0] ?? ''}|${choose(['1', '4', '4.0', '4.3.0-cibuild'])}`,
    `${found}/more`,
    `${found}/more/still`,
    `${found}x`,
    swapCase(found),
  ]);
}
