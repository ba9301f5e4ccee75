import {
  type Combination,
  combinationsOf,
  compositeKey,
  compositeParam,
  compositeQuantityParam,
  compositeUnitKey,
  isEqualityType,
  unitKeysOf,
} from './composite-keys.js';
import { keyAfter, parameterId } from './equality-key.js';
import { type EmitForm, formsOfValues } from './key-forms.js';
import { KeySet } from './key-set.js';
import { keysOf, type ParameterKeys } from './parameter-keys.js';
import type { ExtractedValues, IndexRows, ParameterValues } from './values.js';

/** Columns of the resource itself, and always there: neither a key nor a row is kept for them. */
export const IN_COLUMNS: ReadonlySet<string> = new Set(['_id', '_lastUpdated']);

/** What the store keeps of a resource. Duplicate keys are left out. */
export function indexRowsOf(values: ExtractedValues): IndexRows {
  const keys = new KeySet();
  const rows: IndexRows = { keys: keys.keys, dates: [], numbers: [], quantities: [], strings: [] };
  const { resourceType } = values;
  let ofParameter: ParameterKeys;
  const emit: EmitForm = (form, first, second, third) => keys.add(keyAfter(ofParameter.prefix[form], first, second, third));
  for (const [code, found] of values.entries()) {
    if (IN_COLUMNS.has(code)) continue;
    ofParameter = keysOf(resourceType, code);
    keys.add(ofParameter.present);
    if (found.type === 'composite') addComposite(resourceType, code, found.values, keys, rows);
    else if (isEqualityType(found.type)) formsOfValues(found, emit);
    else addRows(parameterIdOf(resourceType, code), found, rows);
  }
  return rows;
}

/**
 * The equality keys alone, of all parameters or of some: what matching looks up in its index. Where only some parameters are ever asked
 * for, naming them spares the extraction of the others.
 */
export function equalityKeysOf(values: ExtractedValues, codes?: Iterable<string>): Set<number> {
  const keys = new Set<number>();
  if (codes === undefined) for (const [code, found] of values.entries()) addEqualityKeys(values.resourceType, code, found, keys);
  else {
    for (const code of codes) {
      const found = values.get(code);
      if (found) addEqualityKeys(values.resourceType, code, found, keys);
    }
  }
  return keys;
}

function addEqualityKeys(resourceType: string, code: string, found: ParameterValues, keys: Set<number>): void {
  keys.add(keysOf(resourceType, code).present);
  if (found.type !== 'composite') return addKeys(resourceType, code, found, keys);
  const parameter = { base: resourceType, code };
  for (const parts of found.values) addCompositeKeys(parameter, combinationsOf(parts), keys);
}

function addKeys(resourceType: string, code: string, found: ParameterValues, keys: Keys): void {
  const { prefix } = keysOf(resourceType, code);
  formsOfValues(found, (form, first, second, third) => keys.add(keyAfter(prefix[form], first, second, third)));
}

function addCompositeKeys(parameter: { base: string; code: string }, combinations: readonly Combination[], keys: Keys): void {
  for (const combination of combinations) {
    const key = compositeKey(parameter, combination);
    if (key !== undefined) keys.add(key);
  }
}

function addRows(param: number, found: ParameterValues, rows: IndexRows): void {
  switch (found.type) {
    case 'date':
      for (const { low, high } of found.values) rows.dates.push({ param, low, high });
      return;
    // The latitude alone: it narrows the candidates down, and the distance is worked out for those.
    case 'special':
      for (const { latitude } of found.values) rows.numbers.push({ param, low: latitude, high: latitude });
      return;
    case 'number':
      for (const { low, high } of found.values) rows.numbers.push({ param, low, high });
      return;
    case 'string':
      for (const { folded, exact } of found.values) rows.strings.push({ param, folded, exact });
      return;
    case 'quantity':
      for (const value of found.values)
        rows.quantities.push({ param, low: value.low, high: value.high, unitKeys: unitKeysOf(value) });
      return;
    default:
      return;
  }
}

/** See composite-keys.ts for how a part stays together with the codes beside it. */
function addComposite(
  resourceType: string,
  code: string,
  composites: readonly (readonly ParameterValues[])[],
  keys: Keys,
  rows: IndexRows,
): void {
  const parameter = { base: resourceType, code };
  for (const parts of composites) {
    const combinations = combinationsOf(parts);
    addCompositeKeys(parameter, combinations, keys);
    for (let position = 0; position < parts.length; position++) {
      const part = parts[position] as ParameterValues;
      if (isEqualityType(part.type)) continue;
      if (part.type !== 'quantity') {
        for (const combination of combinations) addRows(compositeParam(parameter, position, combination), part, rows);
        continue;
      }
      const param = compositeQuantityParam(parameter, position);
      for (const value of part.values) {
        rows.quantities.push({ param, low: value.low, high: value.high, unitKeys: unitsWith(combinations, unitKeysOf(value)) });
      }
    }
  }
}

/** Each combination with any unit and with each of these. */
function unitsWith(combinations: readonly Combination[], units: readonly number[]): number[] {
  const keys: number[] = [];
  for (const combination of combinations) {
    keys.push(compositeUnitKey(combination, undefined));
    for (const unit of units) keys.push(compositeUnitKey(combination, unit));
  }
  return keys;
}

/** What takes keys: the set of all for the store, a plain set for matching. */
interface Keys {
  add(key: number): unknown;
}

const ids = new Map<string, Map<string, number>>();

function parameterIdOf(type: string, code: string): number {
  let ofType = ids.get(type);
  if (!ofType) ids.set(type, (ofType = new Map()));
  let id = ofType.get(code);
  if (id === undefined) ofType.set(code, (id = parameterId(type, code)));
  return id;
}
