import { extendByNumbers, extendKey, finishKey, parameterId, unitKey, type KeyPrefix } from './equality-key.js';
import { formsOfClauseValue, formsOfValues } from './key-forms.js';
import { parameterKeys } from './parameter-keys.js';
import type { ClauseValue } from './query.js';
import { MAX_COMPOSITE_COMBINATIONS } from './search-limits.js';
import type { ParameterValues, QuantityValue, SearchParameter } from './values.js';

/*
 * How the parts of a composite are kept together in the index. The parts that equality decides (token, reference, uri) are combined:
 * each combination of their forms is one key of form `composite`. A part that is a range or a string becomes a narrow row that carries
 * the combination: a date, number or string by a `param` of its own for each combination, a quantity by unit keys for each.
 */

/** One form for each equality part of a composite, in order, hashed; {@link NO_PARTS} where it has no such part. */
export type Combination = KeyPrefix;

const NO_PARTS: Combination = { a: 0x3c6ef372, b: 0x510e527f };

type ParameterName = Pick<SearchParameter, 'base' | 'code'>;

/** Every combination that one composite value answers to. */
export function combinationsOf(parts: readonly ParameterValues[]): Combination[] {
  let combinations: Combination[] = [NO_PARTS];
  for (const part of parts) {
    if (!isEqualityType(part.type)) continue;
    const extended: Combination[] = [];
    const begun = combinations;
    formsOfValues(part, (form, first, second, third) => {
      if (form === 'below' || form === 'url-below' || form === 'of-type') return; // modifiers have no place in a composite
      for (const combination of begun) extended.push(withForm(combination, form, first, second, third));
    });
    combinations = bounded(extended);
  }
  return combinations;
}

/** The combinations a clause's value asks for: more than one where a bare id may mean several types. */
export function combinationsAskedFor(parts: readonly ClauseValue[]): Combination[] {
  let combinations: Combination[] = [NO_PARTS];
  for (const part of parts) {
    const forms = formsOfClauseValue(part, undefined);
    if (!forms) continue;
    combinations = bounded(
      combinations.flatMap((begun) => forms.map(([form, first, second, third]) => withForm(begun, form, first, second, third))),
    );
  }
  return combinations;
}

function withForm(begun: Combination, form: string, first = '', second?: string, third?: string): Combination {
  let state = extendKey(extendKey(begun, form), first);
  if (second !== undefined) state = extendKey(state, second);
  return third === undefined ? state : extendKey(state, third);
}

function bounded(combinations: Combination[]): Combination[] {
  return combinations.length > MAX_COMPOSITE_COMBINATIONS ? combinations.slice(0, MAX_COMPOSITE_COMBINATIONS) : combinations;
}

export function isEqualityType(type: string): boolean {
  return type === 'token' || type === 'reference' || type === 'uri';
}

/** The key of one combination; undefined where the composite has no equality part. */
export function compositeKey(parameter: ParameterName, combination: Combination): number | undefined {
  if (combination === NO_PARTS) return undefined;
  return finishKey(extendByNumbers(parameterKeys(parameter).prefix.composite, combination.a, combination.b));
}

/** `param` of the narrow rows for the part at `position`, where the equality parts have these forms. */
export function compositeParam(parameter: ParameterName, position: number, { a, b }: Combination): number {
  return parameterId(parameter.base, parameter.code, String(position), `${a},${b}`);
}

/** `param` of the quantity rows of a composite: the same for all combinations, which stand in their unit keys. */
export function compositeQuantityParam(parameter: ParameterName, position: number): number {
  return parameterId(parameter.base, parameter.code, String(position));
}

/** A unit key that also says the combination; `unit` is a {@link unitKey}, undefined for any unit. */
export function compositeUnitKey(combination: Combination, unit: number | undefined): number {
  const [high, low] = unit === undefined ? [-1, -1] : [Math.floor(unit / 0x1_0000_0000), unit | 0];
  return finishKey(extendByNumbers(combination, high, low));
}

/** The ways a query may name the unit of this quantity. */
export function unitKeysOf({ system, code, unit }: QuantityValue): number[] {
  const keys: number[] = [];
  if (code !== undefined) keys.push(unitKey(undefined, code));
  if (unit !== undefined && unit !== code) keys.push(unitKey(undefined, unit));
  if (system !== undefined && code !== undefined) keys.push(unitKey(system, code));
  return keys;
}

/** The unit key that a clause's value asks for; undefined where any unit will do. */
export function unitKeyAskedFor({ system, code }: { system?: string; code?: string }): number | undefined {
  return code === undefined ? undefined : unitKey(system, code);
}
