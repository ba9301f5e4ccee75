import { compare, decimal, type Decimal, halfOfLastPlace, negative, plus, tenth } from './decimals.js';
import { findNodes, type Node, type Resource } from './find-nodes.js';
import { type Definition, definitionOf, parametersOf, RESOURCE_TYPES } from './official-definitions.js';
import {
  type Amount,
  type Kind,
  type Position,
  readValues,
  type Reference,
  referenceOf,
  type Span,
  spanOf,
  type Token,
  type ValuesOf,
} from './read-values.js';
import { codesIn, isBelow } from './terms.js';

/** A condition that is none by the rules: to be answered 400. */
export class Refused extends Error {}

type Test<T> = (value: T) => boolean;
type Pair = readonly [name: string, value: string];

/**
 * What a search means, written down from the rules alone: official expressions are evaluated by `fhirpath`, values are read and compared as the
 * standard says (https://hl7.org/fhir/R4B/search.html), one resource after the other, without any index. Nothing of the hub is in it.
 */
export class PlainSearch {
  private readonly nodes = new Map<Resource, Map<string, readonly Node[]>>();
  private readonly parameters = new Map<string, ReadonlyMap<string, Definition>>();

  constructor(
    private readonly bases: readonly string[],
    private readonly now: number,
    /** All resources of a type. */
    private readonly all: (type: string) => readonly Resource[],
  ) {}

  /** The resources for which all conditions hold. @throws Refused */
  find(type: string, pairs: readonly Pair[]): Resource[] {
    const conditions = pairs.map((pair) => this.condition(type, pair));
    return this.all(type).filter((resource) => conditions.every((holds) => holds(resource)));
  }

  parametersOf(type: string): ReadonlyMap<string, Definition> {
    let known = this.parameters.get(type);
    if (known === undefined)
      this.parameters.set(type, (known = new Map(parametersOf(type).map((definition) => [definition.code, definition]))));
    return known;
  }

  /** What a parameter's expression finds in a resource, worked out once. */
  nodesOf(definition: Definition, resource: Resource): readonly Node[] {
    let ofResource = this.nodes.get(resource);
    if (ofResource === undefined) this.nodes.set(resource, (ofResource = new Map()));
    let found = ofResource.get(definition.url);
    if (found === undefined) ofResource.set(definition.url, (found = findNodes(definition.expression, resource)));
    return found;
  }

  valuesOf<K extends Kind>(kind: K, definition: Definition, resource: Resource): ValuesOf[K][] {
    return this.nodesOf(definition, resource).flatMap((node) => readValues(kind, node, this.bases));
  }

  private condition(type: string, [name, value]: Pair): Test<Resource> {
    const [code = '', modifier] = name.split(':');
    const definition = this.parametersOf(type).get(code);
    if (definition === undefined) throw new Refused(`unknown ${name}`);
    const texts = split(value, ',');
    if (texts.includes('')) throw new Refused('an empty value');
    if (modifier === 'missing') return this.missing(definition, texts);
    if (definition.type === 'composite') return this.composite(definition, modifier, texts);
    const { type: kind } = definition;
    const tests = texts.map((text) => this.test(kind, definition, modifier, text));
    const some: Test<Resource> = (resource) => {
      const values = this.valuesOf(kind, definition, resource);
      return tests.some((test) => values.some((each) => test(each as never)));
    };
    return modifier === 'not' || modifier === 'not-in' ? (resource) => !some(resource) : some;
  }

  private missing(definition: Definition, texts: readonly string[]): Test<Resource> {
    const { type: kind } = definition;
    if (kind === 'composite' || texts.length !== 1 || !/^(true|false)$/.test(texts[0] as string))
      throw new Refused('missing is true or false');
    return (resource) => (this.valuesOf(kind, definition, resource).length === 0) === (texts[0] === 'true');
  }

  /** All parts have to hold of the same node. */
  private composite(definition: Definition, modifier: string | undefined, texts: readonly string[]): Test<Resource> {
    const parts = (definition.component ?? []).map(({ definition: url, expression }) => ({
      part: definitionOf(url),
      expression,
    }));
    const alternatives = texts.map((text) => {
      const asked = split(text, '$');
      if (modifier !== undefined || asked.length !== parts.length || asked.includes('')) throw new Refused('not complete');
      return parts.map(({ part, expression }, i) => {
        if (part.type === 'composite') throw new Error('a composite of composites');
        const { type: kind } = part;
        const test = this.test(kind, part, undefined, asked[i] as string) as Test<unknown>;
        return (node: Node, resource: Resource) =>
          findNodes(expression, resource, node).some((each) => readValues(kind, each, this.bases).some(test));
      });
    });
    return (resource) =>
      this.nodesOf(definition, resource).some((node) =>
        alternatives.some((tests) => tests.every((test) => test(node, resource))),
      );
  }

  private test<K extends Kind>(kind: K, definition: Definition, modifier: string | undefined, text: string): Test<ValuesOf[K]> {
    const tests: { [Each in Kind]: () => Test<ValuesOf[Each]> } = {
      token: () => tokenTest(modifier, text),
      reference: () => this.referenceTest(definition, modifier, text),
      date: () => plain(modifier, dateTest(text, this.now)),
      number: () => plain(modifier, amountTest(unescaped(text))),
      quantity: () => plain(modifier, quantityTest(text)),
      string: () => stringTest(modifier, unescaped(text)),
      uri: () => uriTest(modifier, unescaped(text)),
      special: () => plain(modifier, nearTest(text)),
    };
    return tests[kind]();
  }

  private referenceTest({ target }: Definition, modifier: string | undefined, text: string): Test<Reference> {
    if (modifier === 'identifier') {
      const test = tokenTest(undefined, text);
      return ({ identifier }) => identifier !== undefined && test(identifier);
    }
    if (modifier === 'above' || modifier === 'below') {
      const { url } = referenceOf(unescaped(text), this.bases) ?? {};
      if (/^[A-Za-z][A-Za-z0-9+.-]*:/.test(url ?? '')) {
        if (!(target ?? RESOURCE_TYPES).some(bearsCanonical)) throw new Refused('no canonical');
        const test = versionTest(modifier, unescaped(text));
        return (found) => found.url !== undefined && test(`${found.url}|${found.version ?? ''}`);
      }
      return this.placeTest(target ?? RESOURCE_TYPES, modifier, unescaped(text));
    }
    const isType = modifier !== undefined && RESOURCE_TYPES.includes(modifier);
    if (modifier !== undefined && !(isType && (target?.includes(modifier) ?? true)))
      throw new Refused(`:${modifier} of a reference`);
    const asked = unescaped(text);
    if (/^[A-Za-z0-9\-.]{1,64}$/.test(asked))
      return ({ type = '', id }) =>
        id === asked && (modifier === undefined ? (target?.includes(type) ?? true) : type === modifier);
    const { type, id, url, version } = referenceOf(asked, this.bases) ?? {};
    if (type === undefined && !/^[A-Za-z][A-Za-z0-9+.-]*:/.test(url ?? '')) throw new Refused('no reference');
    if (type !== undefined && (!RESOURCE_TYPES.includes(type) || (modifier !== undefined && modifier !== type)))
      throw new Refused('no such type');
    return (found) =>
      found.type === type && found.id === id && found.url === url && (version === undefined || found.version === version);
  }

  /** Where a reference leads to what is part of a place, or to what the place is part of; the place itself included. */
  private placeTest(targets: readonly string[], modifier: 'above' | 'below', asked: string): Test<Reference> {
    const { type: named, id = asked } = referenceOf(asked, this.bases) ?? {};
    const types = (named === undefined ? targets : [named]).filter((type) => partOf(type) !== undefined);
    if (types.length === 0) throw new Refused('no hierarchy');
    return ({ type = '', id: found = '' }) =>
      types.includes(type) && (modifier === 'below' ? this.isWithin(type, found, id) : this.isWithin(type, id, found));
  }

  private isWithin(type: string, lower: string, upper: string, seen: readonly string[] = []): boolean {
    if (lower === upper) return true;
    const by = partOf(type);
    const resource = this.all(type).find(({ id }) => id === lower);
    if (by === undefined || resource === undefined || seen.includes(lower)) return false;
    return this.valuesOf('reference', by, resource).some(
      (parent) => parent.type === type && this.isWithin(type, parent.id ?? '', upper, [...seen, lower]),
    );
  }
}

/** The parameter by which a resource names what of its own type it is part of. */
export function partOf(type: string): Definition | undefined {
  return parametersOf(type).find(({ code, target }) => /^part-?of$/.test(code) && target?.length === 1 && target[0] === type);
}

/** Canonicals lead to what has a `url` of its own; that of a Device or Subscription is where it is reached. */
const bearsCanonical = (type: string) =>
  !['Device', 'Subscription'].includes(type) && parametersOf(type).some(({ code }) => code === 'url');

/** The parts between separators that have no backslash before them. */
function split(text: string, separator: string): string[] {
  const parts = text.match(/(?:\\[^]|[^\\])/g) ?? [];
  const ends = text.endsWith('\\') && parts.join('').length < text.length ? '\\' : '';
  const split: string[] = [''];
  for (const part of [...parts, ends]) {
    if (part === separator) split.push('');
    else split[split.length - 1] += part;
  }
  return split;
}

/** https://hl7.org/fhir/R4B/search.html#escaping */
const unescaped = (text: string) => text.replace(/\\([\\,|$])/g, '$1');

function plain<T>(modifier: string | undefined, test: Test<T>): Test<T> {
  if (modifier !== undefined) throw new Refused(`:${modifier}`);
  return test;
}

function tokenTest(modifier: string | undefined, text: string): Test<Token> {
  const parts = split(text, '|').map(unescaped);
  const [first = '', second, third] = parts;
  switch (modifier) {
    case undefined:
    case 'not':
      if (parts.length > 2 || (first === '' && (second ?? '') === '')) throw new Refused('no token');
      return ({ system, code, caseless }) => {
        const [asked, isCode] = second === undefined ? [first, true] : [second, second !== ''];
        const hasCode = code === asked || (caseless === true && code?.toLowerCase() === asked.toLowerCase());
        if (isCode && !hasCode) return false;
        if (second === undefined) return true;
        return first === '' ? system === undefined : system === first;
      };
    case 'text': {
      const test = stringTest(undefined, unescaped(text));
      return (token) => token.text !== undefined && test(token.text);
    }
    case 'of-type':
      if (parts.length !== 3 || second === '' || third === '') throw new Refused('not complete');
      return ({ code, types = [] }) =>
        code === third && types.some((type) => (type.system ?? '') === first && type.code === second);
    case 'in':
    case 'not-in': {
      const codes = codesIn(unescaped(text));
      if (codes === undefined) throw new Refused('an unknown value set');
      return ({ system, code }) => codes.has(`${system ?? ''} ${code ?? ''}`);
    }
    case 'above':
    case 'below': {
      if (modifier === 'below' && parts.length === 1 && /^[^\s\\]+\/[^\s\\]+$/.test(text))
        return ({ system, code }) =>
          system === 'urn:ietf:bcp:13' && mediaType(code ?? '') === mediaType(first) && mediaType(first) !== '';
      if (parts.length !== 2 || isBelow(first, '', '') === undefined) throw new Refused('an unknown code system');
      return ({ system, code }) => {
        if (system !== first || code === undefined) return false;
        const [lower, upper] = modifier === 'below' ? [code, second as string] : [second as string, code];
        return isBelow(first, lower, upper) === true;
      };
    }
    default:
      throw new Refused(`:${modifier} of a token`);
  }
}

/** A media type without its parameters. */
const mediaType = (text: string) => /^[^;]*/.exec(text)?.[0].trim().toLowerCase();

/** Letters without accents or case, single spaces. */
function base(text: string): string {
  const letters = [...text.normalize('NFKD')].filter((character) => !/\p{M}/u.test(character));
  const caseless = letters.map((letter) => letter.toUpperCase().toLowerCase()).join('');
  return caseless
    .split(/\s+/)
    .filter((word) => word !== '')
    .join(' ');
}

function stringTest(modifier: string | undefined, asked: string): Test<string> {
  if (modifier === 'exact') return (found) => found === asked;
  if (base(asked) === '') throw new Refused('no text');
  if (modifier === undefined) return (found) => base(found).startsWith(base(asked));
  if (modifier === 'contains') return (found) => base(found).includes(base(asked));
  throw new Refused(`:${modifier} of a string`);
}

function uriTest(modifier: string | undefined, asked: string): Test<string> {
  if (modifier === undefined) return (found) => found === asked;
  const [, version = ''] = canonical(asked);
  if (version !== '' && (modifier === 'below' || modifier === 'above')) {
    const test = versionTest(modifier, asked);
    return (found) => (canonical(found)[1] === '' ? false : test(found));
  }
  if (modifier === 'below') return (found) => isWithin(found, asked);
  if (modifier === 'above') return (found) => isWithin(asked, found);
  throw new Refused(`:${modifier} of a uri`);
}

/** The URL and the business version of a canonical. */
function canonical(text: string): [url: string, version: string] {
  const [url = '', ...rest] = text.split('|');
  return [url, rest.join('|')];
}

/** Of one URL, part of a version by part; below a URL without version lies every version of it. */
function versionTest(modifier: 'above' | 'below', asked: string): Test<string> {
  const [url, version] = canonical(asked);
  const lies = (lower: string, upper: string) =>
    upper === '' || lower === upper || (lower.startsWith(upper) && /^[.+-]/.test(lower.slice(upper.length)));
  return (found) => {
    const [foundUrl, foundVersion] = canonical(found);
    return foundUrl === url && (modifier === 'below' ? lies(foundVersion, version) : lies(version, foundVersion));
  };
}

/** Path by path, and of URLs alone; whether a path ends in a slash says nothing. */
function isWithin(lower: string, upper: string): boolean {
  if (lower === upper) return true;
  const [scheme, rest] = upper.split('://');
  return rest !== undefined && scheme !== '' && rest !== '' && `${lower}/`.startsWith(`${upper.replace(/\/$/, '')}/`);
}

const PREFIX = /^(eq|ne|gt|lt|ge|le|sa|eb|ap)?([^]*)$/;

/** https://hl7.org/fhir/R4B/search.html#prefix: the span asked for beside the span found. */
function dateTest(text: string, now: number): Test<Span> {
  const [, prefix = 'eq', written = ''] = PREFIX.exec(unescaped(text)) ?? [];
  const asked = spanOf(written);
  if (asked === undefined) throw new Refused('no date');
  const contains = ({ from, to }: Span) => from >= asked.from && to <= asked.to;
  const away = Math.round(Math.max(0, now - asked.to, asked.from - now) / 10);
  const tests: Record<string, Test<Span>> = {
    eq: contains,
    ne: (found) => !contains(found),
    gt: ({ to }) => to > asked.to,
    lt: ({ from }) => from < asked.from,
    ge: (found) => found.to > asked.to || contains(found),
    le: (found) => found.from < asked.from || contains(found),
    sa: ({ from }) => from >= asked.to,
    eb: ({ to }) => to <= asked.from,
    ap: ({ from, to }) => from < asked.to + away && to > asked.from - away,
  };
  return tests[prefix] as Test<Span>;
}

/** Only eq and ne go by the precision in which the number is written; ap reaches a tenth to either side, and at least so far. */
function amountTest(text: string): Test<Amount> {
  const [, prefix = 'eq', written = ''] = PREFIX.exec(text) ?? [];
  const asked = decimal(written);
  if (asked === undefined) throw new Refused('no number');
  const half = halfOfLastPlace(written);
  const near = compare(tenth(asked), half) > 0 ? tenth(asked) : half;
  const below = (a: Decimal | undefined, b: Decimal) => a === undefined || compare(a, b) < 0;
  const above = (a: Decimal | undefined, b: Decimal) => a === undefined || compare(a, b) > 0;
  const isAt = (a: Decimal | undefined, isOpen: boolean | undefined) =>
    a !== undefined && compare(a, asked) === 0 && isOpen !== true;
  const contains = ({ low, high }: Amount) =>
    low !== undefined &&
    high !== undefined &&
    compare(low, plus(asked, negative(half))) >= 0 &&
    compare(high, plus(asked, half)) < 0;
  const tests: Record<string, Test<Amount>> = {
    eq: contains,
    ne: (found) => !contains(found),
    gt: ({ high }) => above(high, asked),
    lt: ({ low }) => below(low, asked),
    ge: ({ high, highOpen }) => above(high, asked) || isAt(high, highOpen),
    le: ({ low, lowOpen }) => below(low, asked) || isAt(low, lowOpen),
    sa: ({ low, lowOpen }) => low !== undefined && (compare(low, asked) > 0 || (compare(low, asked) === 0 && lowOpen === true)),
    eb: ({ high, highOpen }) =>
      high !== undefined && (compare(high, asked) < 0 || (compare(high, asked) === 0 && highOpen === true)),
    ap: ({ low, high }) =>
      (low === undefined || compare(low, plus(asked, near)) <= 0) &&
      (high === undefined || compare(high, plus(asked, negative(near))) >= 0),
  };
  return tests[prefix] as Test<Amount>;
}

/** `5.4`, `5.4|system|code`, or `5.4||unit`, which is compared with the code and with what people read. */
function quantityTest(text: string): Test<Amount> {
  const [number = '', system, unit, ...more] = split(text, '|').map(unescaped);
  if (more.length > 0 || (system !== undefined && (unit ?? '') === '')) throw new Refused('no quantity');
  const test = amountTest(number);
  if (unit === undefined) return test;
  return (found) =>
    test(found) && (system === '' ? found.code === unit || found.unit === unit : found.system === system && found.code === unit);
}

/** Kilometers around the earth. */
const AROUND_KM = 40_030.17;
const UNITS_KM: Record<string, number> = { km: 1, m: 1 / 1000, '[mi_i]': 1.609344, '[mi_us]': 1.609347219, mi: 1.609344 };

/** `latitude|longitude|distance|unit`: along the surface of the earth. https://hl7.org/fhir/R4B/location.html#positional */
function nearTest(text: string): Test<Position> {
  const parts = split(text, '|').map(unescaped);
  const [latitude = '', longitude = '', distance = '', unit = ''] = parts;
  const far = distance === '' ? 50 : Number(distance) * (UNITS_KM[unit === '' ? 'km' : unit] ?? NaN);
  const isNumber = [latitude, longitude].every((each) => /^-?[\d.]+$/.test(each));
  if (!isNumber || parts.length > 4 || !(far >= 0) || Math.abs(Number(latitude)) > 90 || Math.abs(Number(longitude)) > 180)
    throw new Refused('no place');
  const center = direction({ latitude: Number(latitude), longitude: Number(longitude) });
  // The angle between the two directions from the middle of the earth.
  return (position) => (angle(center, direction(position)) / (2 * Math.PI)) * AROUND_KM <= far;
}

type Direction = readonly [number, number, number];

function direction({ latitude, longitude }: Position): Direction {
  const [north, east] = [(latitude * Math.PI) / 180, (longitude * Math.PI) / 180];
  return [Math.cos(north) * Math.cos(east), Math.cos(north) * Math.sin(east), Math.sin(north)];
}

/** By half the chord: the arc's cosine says nothing of small angles. */
function angle(a: Direction, b: Direction): number {
  return 2 * Math.asin(Math.min(1, Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]) / 2));
}
