import { extendKey, finishKey, parameterId, unitKey, type KeyPrefix } from './equality-key.js';
import { formsOfClauseValue, formsOfValues, type FormTexts } from './key-forms.js';
import { parameterKeys } from './parameter-keys.js';
import type { ClauseValue } from './query.js';
import { MAX_COMPOSITE_COMBINATIONS } from './search-limits.js';
import type { ParameterValues, QuantityValue, SearchParameter } from './values.js';

/*
 * How the parts of a composite are kept together in the index. The parts that equality decides (token, reference, uri) are combined:
 * each combination of their forms is one key of form `composite`. A part that is a range or a string becomes a narrow row that carries
 * the combination: a date, number or string by a `param` of its own for each combination, a quantity by unit keys for each.
 */

/** Every combination of the equality parts of one composite value; one empty combination where there is no such part. */
export function combinationsOf(parts: readonly ParameterValues[]): FormTexts[][] {
  const choices: FormTexts[][] = [];
  for (const part of parts) {
    if (!isEqualityType(part.type)) continue;
    const forms: FormTexts[] = [];
    formsOfValues(part, (form, ...texts) => {
      if (form !== 'below' && form !== 'of-type') forms.push([form, ...(texts.filter((text) => text !== undefined) as string[])]);
    });
    choices.push(forms);
  }
  return cross(choices);
}

/** The combinations a clause's value asks for: more than one where a bare id may mean several types. */
export function combinationsAskedFor(parts: readonly ClauseValue[]): FormTexts[][] {
  return cross(parts.flatMap((part) => [formsOfClauseValue(part, undefined)]).filter((forms) => forms !== undefined));
}

function cross(choices: readonly (readonly FormTexts[])[]): FormTexts[][] {
  let combinations: FormTexts[][] = [[]];
  for (const forms of choices) {
    combinations = combinations.flatMap((begun) => forms.map((form) => [...begun, form]));
    if (combinations.length > MAX_COMPOSITE_COMBINATIONS) combinations.length = MAX_COMPOSITE_COMBINATIONS;
  }
  return combinations;
}

export function isEqualityType(type: string): boolean {
  return type === 'token' || type === 'reference' || type === 'uri';
}

/** The key of one combination; undefined where the composite has no equality part. */
export function compositeKey(parameter: Pick<SearchParameter, 'base' | 'code'>, forms: readonly FormTexts[]): number | undefined {
  if (forms.length === 0) return undefined;
  return finishKey(extendByForms(parameterKeys(parameter).prefix.composite, forms));
}

/** `param` of the narrow rows for the part at `position`, where the equality parts have these forms. */
export function compositeParam(
  parameter: Pick<SearchParameter, 'base' | 'code'>,
  position: number,
  forms: readonly FormTexts[],
): number {
  return parameterId(parameter.base, parameter.code, String(position), ...forms.flatMap((form) => ['form', ...form]));
}

/** `param` of the quantity rows of a composite: the same for all combinations, which stand in their unit keys. */
export function compositeQuantityParam(parameter: Pick<SearchParameter, 'base' | 'code'>, position: number): number {
  return parameterId(parameter.base, parameter.code, String(position));
}

/** A unit key that also says the combination; `unit` is a {@link unitKey}, undefined for any unit. */
export function compositeUnitKey(forms: readonly FormTexts[], unit: number | undefined): number {
  return finishKey(extendKey(extendByForms(COMPOSITE_UNIT, forms), unit === undefined ? '' : String(unit)));
}

const COMPOSITE_UNIT: KeyPrefix = { a: 0x510e527f, b: 0x1f83d9ab };

function extendByForms(prefix: KeyPrefix, forms: readonly FormTexts[]): KeyPrefix {
  let state = prefix;
  for (const form of forms) for (const text of ['form', ...form]) state = extendKey(state, text);
  return state;
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
