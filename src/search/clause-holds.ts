import { isNegated } from './access-keys.js';
import { versionsAbove } from './business-version.js';
import { pathAskedBelow, pathsAbove, urisAbove } from './key-forms.js';
import { isWithin } from './near.js';
import { mediaTypeOf } from './media-types.js';
import type { Clause, ClauseValue, Comparator, Modifier } from './query.js';
import type {
  DateValue,
  ExtractedValues,
  NumberValue,
  ParameterValues,
  QuantityValue,
  ReferenceValue,
  StringValue,
  TokenValue,
} from './values.js';
import { textHolds } from './full-text/text-query.js';
import { foldText } from './fold-text.js';
import { codingKey } from './terminology.js';

/**
 * Whether the resource with these values passes the clause: the definition of "matches" for search and push. Any value of the resource
 * may answer any value of the clause; `:not` and `:not-in` hold where none does, so also where the parameter is absent.
 * https://hl7.org/fhir/R4B/search.html
 */
export function clauseHolds(clause: Clause, values: ExtractedValues): boolean {
  const found = values.get(clause.parameter.code);
  const holds = clause.values.some((value) => valueHolds(value, clause.modifier, found));
  return isNegated(clause) ? !holds : holds;
}

function valueHolds(value: ClauseValue, modifier: Modifier | undefined, found: ParameterValues | undefined): boolean {
  if (value.type === 'missing') return (found === undefined) === value.missing;
  if (found === undefined) return false;
  switch (value.type) {
    case 'token':
      if (modifier === 'below') return found.type === 'token' && found.values.some((token) => mediaTypeOf(token) === value.code);
      if (found.type === 'token') return found.values.some((token) => tokenHolds(value, token));
      return found.type === 'reference' && found.values.some(({ identifier }) => identifier && tokenHolds(value, identifier));
    case 'token-text':
      return (
        found.type === 'token' && found.values.some(({ text }) => text !== undefined && foldText(text).startsWith(value.folded))
      );
    case 'codings':
      return found.type === 'token' && found.values.some((token) => isOneOf(value.keys, token));
    case 'of-type':
      return found.type === 'token' && found.values.some((token) => ofTypeHolds(value, token));
    case 'reference':
      return found.type === 'reference' && found.values.some((reference) => referenceHolds(value, modifier, reference));
    case 'uri':
      return found.type === 'uri' && found.values.some((uri) => uriHolds(value.uri, modifier, uri));
    case 'string':
      return found.type === 'string' && found.values.some((text) => stringHolds(value, modifier, text));
    case 'date':
      return found.type === 'date' && found.values.some((range) => dateHolds(value.comparator, value.range, range));
    case 'number':
      return found.type === 'number' && found.values.some((range) => numberHolds(value.comparator, value, range));
    case 'quantity':
      return (
        found.type === 'quantity' &&
        found.values.some((each) => unitHolds(value, each) && numberHolds(value.comparator, value, each))
      );
    case 'near':
      return found.type === 'special' && found.values.some((position) => isWithin(value, position));
    case 'full-text':
      return found.type === 'full-text' && found.values.some((words) => textHolds(value.query, words));
    case 'composite':
      return (
        found.type === 'composite' &&
        found.values.some((parts) => value.parts.every((part, i) => valueHolds(part, undefined, parts[i])))
      );
  }
}

/** `system` '' asks for a code without system, an absent `code` for any code of the system. */
function tokenHolds(asked: { system?: string; code?: string }, token: TokenValue): boolean {
  if (asked.code !== undefined && asked.code !== token.code) return false;
  if (asked.system === undefined) return true;
  return asked.code !== undefined && asked.system === '' ? token.system === undefined : asked.system === token.system;
}

function isOneOf(keys: ReadonlySet<string>, { system, code }: TokenValue): boolean {
  return system !== undefined && code !== undefined && keys.has(codingKey(system, code));
}

function ofTypeHolds(asked: { system: string; code: string; value: string }, { code, typeCodings }: TokenValue): boolean {
  if (code !== asked.value || !typeCodings) return false;
  return typeCodings.some((coding) => (coding.system ?? '') === asked.system && coding.code === asked.code);
}

/** A version is compared only where the search names one, or asks for what lies above one. */
function referenceHolds(
  asked: ClauseValue & { type: 'reference' },
  modifier: Modifier | undefined,
  { type, id, url, version }: ReferenceValue,
): boolean {
  if (asked.url !== undefined && (modifier === 'above' || modifier === 'below')) {
    if (asked.url !== url) return false;
    if (modifier === 'below') return asked.version === undefined || (!!version && versionsAbove(version).includes(asked.version));
    return !version || (asked.version !== undefined && versionsAbove(asked.version).includes(version));
  }
  if (asked.version !== undefined && asked.version !== version) return false;
  if (asked.url !== undefined && asked.url === url) return true;
  return asked.candidates.some((candidate) => candidate.id === id && candidate.type === type);
}

function uriHolds(asked: string, modifier: Modifier | undefined, uri: string): boolean {
  if (modifier === 'below') return pathsAbove(uri).includes(pathAskedBelow(asked));
  if (modifier === 'above') return urisAbove(asked).includes(uri);
  return uri === asked;
}

function stringHolds(asked: StringValue, modifier: Modifier | undefined, { exact, folded }: StringValue): boolean {
  if (modifier === 'exact') return exact === asked.exact;
  return modifier === 'contains' ? folded.includes(asked.folded) : folded.startsWith(asked.folded);
}

/** A search without unit takes any unit. */
function unitHolds(asked: { system?: string; code?: string }, { system, code, unit }: QuantityValue): boolean {
  if (asked.code === undefined) return true;
  if (asked.system !== undefined) return asked.system === system && asked.code === code;
  return asked.code === code || asked.code === unit;
}

/** Half-open ranges, the search's against the resource's: https://hl7.org/fhir/R4B/search.html#prefix */
function dateHolds(comparator: Comparator, asked: DateValue, { low, high }: DateValue): boolean {
  const within = low >= asked.low && high <= asked.high;
  switch (comparator) {
    case 'eq':
      return within;
    case 'ne':
      return !within;
    case 'gt':
      return high > asked.high;
    case 'lt':
      return low < asked.low;
    case 'ge':
      return high > asked.high || within;
    case 'le':
      return low < asked.low || within;
    case 'sa':
      return low >= asked.high;
    case 'eb':
      return high <= asked.low;
    case 'ap':
      return low < asked.high && high > asked.low;
  }
}

/** Only eq and ne mind the precision of the number asked for, and ap its reach; the others compare with the number itself. */
function numberHolds(comparator: Comparator, asked: { value: number; range: NumberValue }, { low, high }: NumberValue): boolean {
  const { value, range } = asked;
  switch (comparator) {
    case 'eq':
      return low >= range.low && high < range.high;
    case 'ne':
      return !(low >= range.low && high < range.high);
    case 'gt':
      return high > value;
    case 'lt':
      return low < value;
    case 'ge':
      return high >= value;
    case 'le':
      return low <= value;
    case 'sa':
      return low > value;
    case 'eb':
      return high < value;
    case 'ap':
      return low <= range.high && high >= range.low;
  }
}
