import { FhirError } from '../fhir/fhir-error.js';
import { bearsCanonical } from './canonicals.js';
import { dateRange } from './date-range.js';
import { foldText } from './fold-text.js';
import { numberRange } from './number-range.js';
import { escapeValue, splitUnescaped, unescapeValue } from './query-text.js';
import type { ClauseValue, Comparator, Modifier } from './query.js';
import { isNear, parseNear } from './near.js';
import { mediaTypeAlone } from './media-types.js';
import { readReferenceText } from './read-reference.js';
import type { SearchDefinitions } from './search-definitions.js';
import { type KnownPlaces, placeName } from './part-of.js';
import { findsStrings, withoutCase } from './string-tokens.js';
import type { Terminology } from './terminology.js';
import type { DateValue, NumberValue, SearchParameter } from './values.js';

export interface ValueContext {
  definitions: SearchDefinitions;
  bases: readonly string[];
  now: number;
  places?: KnownPlaces;
  /** Read when it is first needed. */
  terminology: () => Terminology;
  /** How the parameter was written, for messages: `code:not`. */
  written: string;
}

/** One value of an OR list, escapes still in. @throws FhirError 400 */
export function parseValue(
  text: string,
  parameter: SearchParameter,
  modifier: Modifier | undefined,
  targetType: string | undefined,
  context: ValueContext,
): ClauseValue {
  if (modifier === 'missing') return parseMissing(text, context);
  if (modifier === 'identifier') return parseToken(text, context);
  if (modifier === 'of-type') return parseOfType(text, context);
  if (modifier === 'in' || modifier === 'not-in') return parseValueSet(text, context);
  if (
    parameter.type === 'token' &&
    (modifier === 'above' || modifier === 'below') &&
    !(modifier === 'below' && isMediaType(text))
  )
    return parseSubsumed(text, modifier, context);
  if (modifier === 'text') return { type: 'token-text', folded: parseText(text, context).folded };
  switch (parameter.type) {
    case 'token':
      if (modifier === 'below') return parseMediaType(text);
      return withoutCaseOfStrings(parseToken(text, context), parameter, context);
    case 'reference':
      if (modifier === 'above' || modifier === 'below') return parsePlace(text, parameter, modifier, context);
      return parseReference(text, parameter, targetType, context);
    case 'uri':
      return { type: 'uri', uri: unescapeValue(text) };
    case 'string':
      return modifier === 'exact' ? exactText(text) : parseText(text, context);
    case 'date':
      return parseDate(text, context);
    case 'number':
      return parseNumber(text, context);
    case 'quantity':
      return parseQuantity(text, context);
    case 'composite':
      return parseComposite(text, parameter, context);
    case 'special':
      if (isNear(parameter)) return parseNear(text) ?? noPosition(text, context);
      throw new FhirError('not-supported', `parameter '${parameter.code}' is not supported`, parameter.code);
  }
}

function malformed(context: ValueContext, text: string, expected: string): FhirError {
  const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return new FhirError('invalid', `parameter '${context.written}': '${shown}' is not ${expected}`, context.written);
}

function noPosition(text: string, context: ValueContext): never {
  throw malformed(context, text, 'a place (latitude|longitude|distance|unit, such as 51.5|-0.12|10|km)');
}

function parseMissing(text: string, context: ValueContext): ClauseValue {
  if (text !== 'true' && text !== 'false') throw malformed(context, text, 'true or false');
  return { type: 'missing', missing: text === 'true' };
}

function exactText(text: string): ClauseValue & { type: 'string' } {
  const exact = unescapeValue(text);
  return { type: 'string', exact, folded: foldText(exact) };
}

/** What folds to nothing would begin every text there is. */
function parseText(text: string, context: ValueContext): ClauseValue & { type: 'string' } {
  const value = exactText(text);
  if (value.folded === '') throw malformed(context, text, 'a text with letters or digits');
  return value;
}

function parseToken(text: string, context: ValueContext): ClauseValue {
  const parts = splitUnescaped(text, '|').map(unescapeValue);
  const [first = '', second] = parts;
  if (parts.length > 2 || text === '|') throw malformed(context, text, 'a token (code, system|code, |code or system|)');
  if (second === undefined) return { type: 'token', code: first };
  return second === '' ? { type: 'token', system: first } : { type: 'token', system: first, code: second };
}

function withoutCaseOfStrings(value: ClauseValue, parameter: SearchParameter, { definitions }: ValueContext): ClauseValue {
  if (value.type !== 'token' || value.code === undefined || !findsStrings(definitions.elements, parameter)) return value;
  return { ...value, code: withoutCase(value.code) };
}

/** `text/xml`, which is not in a code system's hierarchy, for `:below`. https://hl7.org/fhir/R4B/search.html#mimetype */
const isMediaType = (text: string) => /^[^\s|\\]+\/[^\s|\\]+$/.test(text);

const parseMediaType = (text: string): ClauseValue => ({ type: 'token', code: mediaTypeAlone(text) });

function parseOfType(text: string, context: ValueContext): ClauseValue {
  const [system, code, value, ...more] = splitUnescaped(text, '|').map(unescapeValue);
  if (system === undefined || !code || !value || more.length > 0) throw malformed(context, text, 'system|code|value');
  return { type: 'of-type', system, code, value };
}

function parseValueSet(text: string, context: ValueContext): ClauseValue {
  const canonical = unescapeValue(text);
  return { type: 'codings', keys: listed(() => context.terminology().expand(canonical), context), text: escapeValue(canonical) };
}

/** https://hl7.org/fhir/R4B/search.html#subsumption */
function parseSubsumed(text: string, modifier: 'above' | 'below', context: ValueContext): ClauseValue {
  const [system, code, ...more] = splitUnescaped(text, '|').map(unescapeValue);
  if (!system || !code || more.length > 0)
    throw malformed(context, text, 'system|code, whose place in its code system is asked for');
  const keys = listed(() => context.terminology()[modifier](system, code), context);
  return { type: 'codings', keys, text: `${escapeValue(system)}|${escapeValue(code)}` };
}

/** Says of a list that cannot be made which parameter asked for it. */
function listed<T>(list: () => T, { written }: ValueContext): T {
  try {
    return list();
  } catch (error) {
    if (!(error instanceof FhirError)) throw error;
    const { code } = error.issues[0] ?? { code: 'not-supported' };
    throw new FhirError(code, `parameter '${written}': ${error.message}`, written, { status: 400 });
  }
}

const ID = /^[A-Za-z0-9\-.]{1,64}$/;

function parseReference(
  text: string,
  parameter: SearchParameter,
  targetType: string | undefined,
  context: ValueContext,
): ClauseValue {
  const reference = unescapeValue(text);
  if (ID.test(reference)) {
    const types = targetType === undefined ? parameter.targets : [targetType];
    return { type: 'reference', candidates: types.map((type) => ({ type, id: reference })) };
  }
  const target = readReferenceText(reference, context.bases);
  if (target?.type !== undefined && target.id !== undefined) {
    if (!context.definitions.isResourceType(target.type))
      throw malformed(context, reference, `a reference: there is no type ${target.type}`);
    if (targetType !== undefined && target.type !== targetType)
      throw malformed(context, reference, `a reference to ${targetType}`);
    return { type: 'reference', candidates: [{ type: target.type, id: target.id }], version: target.version };
  }
  if (target?.url === undefined || !/^[A-Za-z][A-Za-z0-9+.-]*:/.test(target.url))
    throw malformed(context, reference, 'a reference (id, Type/id or an absolute URL)');
  return { type: 'reference', candidates: [], url: target.url, version: target.version === '' ? undefined : target.version };
}

/** A canonical, whose versions have an order of their own, or a reference and those above or below it in the hierarchy of its type. */
function parsePlace(text: string, parameter: SearchParameter, modifier: 'above' | 'below', context: ValueContext): ClauseValue {
  const asked = parseReference(text, parameter, undefined, context);
  const { definitions } = context;
  const isCanonical = asked.type === 'reference' && asked.url !== undefined;
  if (isCanonical && parameter.targets.some((type) => bearsCanonical(definitions, type))) return asked;
  const known = asked.type === 'reference' ? asked.candidates : [];
  const candidates = known.flatMap(({ type, id }) =>
    (context.places?.get(placeName(modifier, type, id)) ?? []).map((each) => ({ type, id: each })),
  );
  if (candidates.length > 0) return { type: 'reference', candidates };
  const why = context.places === undefined ? 'looks at other resources' : 'needs Type/id of a type that is part of its like';
  throw new FhirError(
    'not-supported',
    `parameter '${context.written}' ${why}, such as a Location, or a canonical`,
    context.written,
  );
}

const COMPARATOR = /^(eq|ne|gt|lt|ge|le|sa|eb|ap)(?=[-+\d. ])/;

function splitComparator(text: string): [Comparator, string] {
  const found = COMPARATOR.exec(text)?.[1] as Comparator | undefined;
  return found ? [found, text.slice(2)] : ['eq', text];
}

/** `ap` of a date reaches a tenth of its distance to now further on both sides. */
function parseDate(text: string, context: ValueContext): ClauseValue {
  const [comparator, date] = splitComparator(unescapeValue(text));
  const exact = dateRange(date);
  if (!exact) throw malformed(context, text, 'a date (such as 2013, 2013-01-14 or 2013-01-14T10:00:00Z)');
  return {
    type: 'date',
    comparator,
    range: comparator === 'ap' ? around(exact, context.now) : exact,
    text: date.replace(' ', '+'),
  };
}

function around({ low, high }: DateValue, now: number): DateValue {
  const gap = Math.round(Math.max(0, now - high, low - now) / 10);
  return { low: low - gap, high: high + gap };
}

function parseNumber(text: string, context: ValueContext): ClauseValue {
  const [comparator, number] = splitComparator(unescapeValue(text));
  const parsed = numberRange(number);
  if (!parsed) throw malformed(context, text, 'a number');
  return { type: 'number', comparator, text: number, ...widened(comparator, parsed) };
}

function parseQuantity(text: string, context: ValueContext): ClauseValue {
  const [number = '', system, code, ...more] = splitUnescaped(text, '|').map(unescapeValue);
  const [comparator, digits] = splitComparator(number);
  const parsed = numberRange(digits);
  const complete = system === undefined ? more.length === 0 : code !== undefined && code !== '' && more.length === 0;
  if (!parsed || !complete) throw malformed(context, text, 'a quantity (number, number|system|code or number||unit)');
  const unit = code === undefined ? {} : system === '' ? { code } : { system, code };
  return { type: 'quantity', comparator, text: digits, ...widened(comparator, parsed), ...unit };
}

/** `ap` reaches a tenth of the number to both sides, and never less than its own precision. */
function widened(
  comparator: Comparator,
  { value, range }: { value: number; range: NumberValue },
): { value: number; range: NumberValue } {
  if (comparator !== 'ap') return { value, range };
  const reach = Math.abs(value) / 10;
  return { value, range: { low: Math.min(range.low, value - reach), high: Math.max(range.high, value + reach) } };
}

function parseComposite(text: string, parameter: SearchParameter, context: ValueContext): ClauseValue {
  const texts = splitUnescaped(text, '$');
  if (texts.length !== parameter.components.length)
    throw malformed(context, text, `${parameter.components.length} values joined by $`);
  const parts = parameter.components.map((component, i) => {
    const part = texts[i] as string;
    if (part === '') throw malformed(context, text, 'complete: a part is empty');
    const definition = context.definitions.findByUrl(parameter.base, component.url);
    const targets = definition?.targets ?? [];
    return parseValue(part, { ...parameter, type: component.type, targets, components: [] }, undefined, undefined, context);
  });
  return { type: 'composite', parts };
}
