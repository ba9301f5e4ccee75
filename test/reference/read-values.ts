import { decimal, plus, times, type Decimal } from './decimals.js';
import type { Node, Resource } from './find-nodes.js';
import { impliedSystem } from './official-definitions.js';

export interface Token {
  system?: string;
  code?: string;
  /** What `:text` searches. */
  text?: string;
  /** The codings of an Identifier's type. */
  types?: readonly { system?: string; code?: string }[];
  /** Of type string, where case does not count. */
  caseless?: boolean;
}

/** Where a reference leads: to a resource of this server, or to a URL elsewhere. */
export interface Reference {
  type?: string;
  id?: string;
  url?: string;
  version?: string;
  identifier?: Token;
}

/** Milliseconds since 1970, `to` is no part of it. */
export interface Span {
  from: number;
  to: number;
}

/** From and to, each part of it unless it is open; without an end it has no end. */
export interface Amount {
  low?: Decimal;
  lowOpen?: boolean;
  high?: Decimal;
  highOpen?: boolean;
  system?: string;
  code?: string;
  unit?: string;
}

export interface Position {
  latitude: number;
  longitude: number;
}

export interface ValuesOf {
  token: Token;
  reference: Reference;
  date: Span;
  number: Amount;
  quantity: Amount;
  string: string;
  uri: string;
  special: Position;
}

export type Kind = keyof ValuesOf;

type Json = Record<string, unknown>;

/** What a node says to a parameter of some kind, by the tables of https://hl7.org/fhir/R4B/search.html#table */
export function readValues<K extends Kind>(kind: K, node: Node, bases: readonly string[]): ValuesOf[K][] {
  if (node.type === 'Extension') {
    const extension = node.data as Json;
    return Object.keys(extension)
      .filter((name) => name.startsWith('value'))
      .flatMap((name) => readValues(kind, { ...node, type: dataType(name.slice(5)), data: extension[name] }, bases));
  }
  const readers = { token, reference, date, number, quantity, string, uri, special: position };
  return readers[kind](node, bases) as ValuesOf[K][];
}

const PRIMITIVES = /^(System\.String|[a-z][A-Za-z]*)$/;
const COMPLEX = new Set(['Coding', 'CodeableConcept', 'Identifier', 'Quantity', 'Reference', 'Period', 'Range', 'Money']);

function dataType(suffix: string): string {
  return COMPLEX.has(suffix) ? suffix : suffix.charAt(0).toLowerCase() + suffix.slice(1);
}

function list(value: unknown): Json[] {
  return Array.isArray(value) ? (value as Json[]) : value === undefined ? [] : [value as Json];
}

function token(node: Node): Token[] {
  const data = node.data as Json;
  switch (node.type) {
    case 'Coding':
      return [{ system: data.system as string, code: data.code as string, text: data.display as string }];
    case 'CodeableConcept':
      return [
        ...list(data.coding).flatMap((coding) => token({ ...node, type: 'Coding', data: coding })),
        ...(data.text === undefined ? [] : [{ text: data.text as string }]),
      ];
    case 'CodeableReference':
      return list(data.concept).flatMap((concept) => token({ ...node, type: 'CodeableConcept', data: concept }));
    case 'Identifier': {
      if (data.system === undefined && data.value === undefined) return [];
      const type = data.type as Json | undefined;
      return [
        { system: data.system as string, code: data.value as string, text: type?.text as string, types: list(type?.coding) },
      ];
    }
    case 'ContactPoint':
      return data.value === undefined ? [] : [{ system: data.system as string, code: data.value as string }];
    case 'code':
      return [{ system: impliedSystem(node.owner, node.name), code: node.data as string }];
    case 'string':
      return [{ code: node.data as string, caseless: true }];
    default:
      return PRIMITIVES.test(node.type) && node.data !== undefined ? [{ code: String(node.data) }] : [];
  }
}

export function referenceOf(text: string, bases: readonly string[]): Reference | undefined {
  if (text.startsWith('#')) return undefined;
  const base = bases.find((each) => text.startsWith(`${each}/`));
  const parts = (base === undefined ? text : text.slice(base.length + 1)).split('/');
  const isLocal =
    (parts.length === 2 || (parts.length === 4 && parts[2] === '_history')) &&
    /^[A-Z][A-Za-z]+$/.test(parts[0] as string) &&
    parts.slice(1).every((part) => /^[A-Za-z0-9\-._]{1,64}$/.test(part));
  if (isLocal) return { type: parts[0], id: parts[1], version: parts[3] };
  const [url, ...version] = text.split('|');
  return version.length === 0 ? { url } : { url, version: version.join('|') };
}

function reference({ type, data }: Node, bases: readonly string[]): Reference[] {
  const json = data as Json;
  switch (type) {
    case 'Reference': {
      const target = typeof json.reference === 'string' ? referenceOf(json.reference, bases) : undefined;
      const [identifier] = list(json.identifier).flatMap((each) =>
        token({ type: 'Identifier', data: each, owner: 'Reference', name: 'identifier' }),
      );
      return target === undefined && identifier === undefined ? [] : [{ ...target, identifier }];
    }
    case 'CodeableReference':
      return list(json.reference).flatMap((each) => reference({ type: 'Reference', data: each, owner: '', name: '' }, bases));
    case 'canonical':
    case 'uri':
    case 'url': {
      const target = referenceOf(data as string, bases);
      return target === undefined ? [] : [target];
    }
    default: {
      // A resource within another, as in Bundle.entry.resource.
      const { resourceType, id } = json as Partial<Resource>;
      return resourceType === undefined || id === undefined ? [] : [{ type: resourceType, id }];
    }
  }
}

const DATE = /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)?)?)?$/;

/** All the time that a date or dateTime of some precision may mean; without a zone it is UTC's. Parts of milliseconds are left aside. */
export function spanOf(text: string): Span | undefined {
  const match = DATE.exec(text);
  if (match === null) return undefined;
  const [, year = '', month, day, hour, minute, second, fraction, zone = 'Z'] = match;
  const written = `${year}-${month ?? '01'}-${day ?? '01'}`;
  const milliseconds = (fraction ?? '').slice(0, 3);
  const time = `${hour ?? '00'}:${minute ?? '00'}:${second ?? '00'}.${milliseconds.padEnd(3, '0')}`;
  const start = new Date(`${written}T${time}${zone}`);
  // 30 February would be another day.
  const isReal = !Number.isNaN(start.getTime()) && new Date(`${written}T00:00:00Z`).toISOString().startsWith(written);
  if (!isReal) return undefined;
  const end = new Date(start);
  if (month === undefined) end.setUTCFullYear(end.getUTCFullYear() + 1);
  else if (day === undefined) end.setUTCMonth(end.getUTCMonth() + 1);
  else if (hour === undefined) end.setUTCDate(end.getUTCDate() + 1);
  else if (second === undefined) end.setUTCMinutes(end.getUTCMinutes() + 1);
  else if (fraction === undefined) end.setUTCSeconds(end.getUTCSeconds() + 1);
  else end.setTime(end.getTime() + 10 ** (3 - milliseconds.length));
  return { from: start.getTime(), to: end.getTime() };
}

function period(data: Json): Span[] {
  const start = spanOf(String(data.start));
  const end = spanOf(String(data.end));
  if (start !== undefined && end !== undefined && start.from >= end.to) return [{ from: end.from, to: start.to }];
  return start === undefined && end === undefined ? [] : [{ from: start?.from ?? -Infinity, to: end?.to ?? Infinity }];
}

function date({ type, data }: Node): Span[] {
  switch (type) {
    case 'date':
    case 'dateTime':
    case 'instant':
      return [spanOf(data as string)].filter((span) => span !== undefined);
    case 'Period':
      return period(data as Json);
    case 'Timing': {
      const { event, repeat } = data as Json;
      const spans = [
        ...list(event).map((moment) => spanOf(moment as unknown as string)),
        ...list((repeat as Json | undefined)?.boundsPeriod).flatMap(period),
      ].filter((span) => span !== undefined);
      if (spans.length === 0) return [];
      return [{ from: Math.min(...spans.map(({ from }) => from)), to: Math.max(...spans.map(({ to }) => to)) }];
    }
    default:
      return [];
  }
}

const decimalOf = (value: unknown) => decimal(String(value)) as Decimal;

function number({ type, data }: Node): Amount[] {
  if (['integer', 'decimal', 'positiveInt', 'unsignedInt'].includes(type)) {
    const value = decimalOf(data);
    return [{ low: value, high: value }];
  }
  return type === 'Range' ? rangeOf(data as Json) : [];
}

/** `< 5` is all that is less: it has no lower end, and 5 is no part of it. */
function amount(data: Json): Amount[] {
  const { comparator, system, code, unit } = data as Record<string, string | undefined>;
  if (data.value === undefined) return [];
  const value = decimalOf(data.value);
  const named = { system, code, unit };
  if (comparator?.startsWith('<') === true) return [{ ...named, high: value, highOpen: comparator === '<' }];
  if (comparator?.startsWith('>') === true) return [{ ...named, low: value, lowOpen: comparator === '>' }];
  return [{ ...named, low: value, high: value }];
}

function rangeOf(data: Json): Amount[] {
  const [low] = list(data.low).flatMap(amount);
  const [high] = list(data.high).flatMap(amount);
  if (low === undefined && high === undefined) return [];
  const { system, code, unit } = (low ?? high) as Amount;
  const areSwapped = low?.low !== undefined && high?.high !== undefined && isLess(high.high, low.low);
  if (areSwapped) return [{ low: high.low, high: low.high, system, code, unit }];
  return [{ low: low?.low, high: high?.high, system, code, unit }];
}

function isLess(a: Decimal, b: Decimal): boolean {
  return plus(a, { ...b, digits: -b.digits }).digits < 0n;
}

function quantity({ type, data }: Node): Amount[] {
  const json = data as Json;
  switch (type) {
    case 'Money':
      return amount({ ...json, system: 'urn:iso:std:iso:4217', code: json.currency, unit: undefined, comparator: undefined }).map(
        (each) => (each.code === undefined ? { ...each, system: undefined } : each),
      );
    case 'Range':
      return rangeOf(json);
    case 'SampledData': {
      // From the least to the greatest sample.
      const [origin] = list(json.origin).flatMap(amount);
      const samples = String(json.data).split(' ').map(decimal);
      const known = samples.filter((sample) => sample !== undefined);
      if (origin?.low === undefined || known.length === 0) return [];
      const factor = decimalOf(json.factor ?? 1);
      const values = known.map((sample) => plus(origin.low as Decimal, times(sample, factor)));
      const sorted = values.sort((a, b) => (isLess(a, b) ? -1 : 1));
      return [{ ...origin, low: sorted[0], high: sorted.at(-1) }];
    }
    case 'Quantity':
    case 'SimpleQuantity':
    case 'Age':
    case 'Count':
    case 'Distance':
    case 'Duration':
      return amount(json);
    default:
      return [];
  }
}

const PARTS: Readonly<Record<string, readonly string[]>> = {
  HumanName: ['text', 'family', 'given', 'prefix', 'suffix'],
  Address: ['text', 'line', 'city', 'district', 'state', 'postalCode', 'country'],
  CodeableConcept: ['text'],
  Annotation: ['text'],
};

function string({ type, data }: Node): string[] {
  const parts = PARTS[type];
  if (parts === undefined) return PRIMITIVES.test(type) && typeof data === 'string' ? [data] : [];
  return parts.flatMap((part) => list((data as Json)[part]) as unknown as string[]).filter((text) => typeof text === 'string');
}

function uri({ type, data }: Node): string[] {
  if (!['uri', 'url', 'canonical', 'oid', 'uuid'].includes(type)) return [];
  const text = data as string;
  // A canonical is found with its version and without.
  return type === 'canonical' && text.includes('|') ? [text, text.slice(0, text.indexOf('|'))] : [text];
}

function position({ data }: Node): Position[] {
  const { latitude, longitude } = data as Partial<Position>;
  return latitude === undefined || longitude === undefined ? [] : [{ latitude, longitude }];
}
