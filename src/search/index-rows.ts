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
import { formsOfValues } from './key-forms.js';
import { keysOf } from './parameter-keys.js';
import type { ExtractedValues, IndexRows, ParameterValues } from './values.js';

/**
 * What the store keeps of a resource. `_lastUpdated` has no row: it is a column of the resource itself. Duplicate keys are left out.
 */
export function indexRowsOf(values: ExtractedValues): IndexRows {
  const keys = new Set<number>();
  const rows: IndexRows = { keys: [], dates: [], numbers: [], quantities: [], strings: [] };
  const { resourceType } = values;
  for (const [code, found] of values.entries()) {
    keys.add(keysOf(resourceType, code).present);
    if (found.type === 'composite') addComposite(resourceType, code, found.values, keys, rows);
    else if (isEqualityType(found.type)) addKeys(resourceType, code, found, keys);
    else if (code !== '_lastUpdated') addRows(parameterIdOf(resourceType, code), found, rows);
  }
  rows.keys = [...keys];
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

function addKeys(resourceType: string, code: string, found: ParameterValues, keys: Set<number>): void {
  const { prefix } = keysOf(resourceType, code);
  formsOfValues(found, (form, first, second, third) => keys.add(keyAfter(prefix[form], first, second, third)));
}

function addCompositeKeys(
  parameter: { base: string; code: string },
  combinations: readonly Combination[],
  keys: Set<number>,
): void {
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
  keys: Set<number>,
  rows: IndexRows,
): void {
  const parameter = { base: resourceType, code };
  for (const parts of composites) {
    const combinations = combinationsOf(parts);
    addCompositeKeys(parameter, combinations, keys);
    parts.forEach((part, position) => {
      if (isEqualityType(part.type)) return;
      if (part.type !== 'quantity') {
        for (const combination of combinations) addRows(compositeParam(parameter, position, combination), part, rows);
        return;
      }
      for (const value of part.values) {
        const units = [undefined, ...unitKeysOf(value)];
        const unitKeys = combinations.flatMap((combination) => units.map((unit) => compositeUnitKey(combination, unit)));
        rows.quantities.push({ param: compositeQuantityParam(parameter, position), low: value.low, high: value.high, unitKeys });
      }
    });
  }
}

const ids = new Map<string, Map<string, number>>();

function parameterIdOf(type: string, code: string): number {
  let ofType = ids.get(type);
  if (!ofType) ids.set(type, (ofType = new Map()));
  let id = ofType.get(code);
  if (id === undefined) ofType.set(code, (id = parameterId(type, code)));
  return id;
}
