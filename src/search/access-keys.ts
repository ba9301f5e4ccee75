import { combinationsAskedFor, compositeKey, isEqualityType } from './composite-keys.js';
import { formsOfClauseValue, keyOfForm } from './key-forms.js';
import { parameterKeys } from './parameter-keys.js';
import type { Clause, ClauseValue } from './query.js';

/** The clause holds where, and only where, none of its values match: `:not`, `:not-in`. */
export function isNegated(clause: Clause): boolean {
  return clause.modifier === 'not' || clause.modifier === 'not-in';
}

/**
 * Equality keys of which a resource has at least one exactly when one of the clause's values matches it, negation left aside; undefined
 * where keys cannot tell: ranges, strings, texts, composites with such a part, `:missing` (see {@link presenceKey}).
 */
export function valueKeysOf(clause: Clause): readonly number[] | undefined {
  return keysOfAll(clause, (value) => (value.parts.every(({ type }) => isEqualityType(type)) ? value.parts : undefined));
}

/**
 * Equality keys at least one of which every matching resource has, so that looking under them finds all matches (and maybe more);
 * undefined where there are none: negations, ranges, strings, texts. A composite is found by its codes.
 */
export function accessKeysOf(clause: Clause): readonly number[] | undefined {
  if (isNegated(clause)) return undefined;
  const [first] = clause.values;
  if (first?.type === 'missing') return first.missing ? undefined : [parameterKeys(clause.parameter).present];
  return keysOfAll(clause, ({ parts }) => parts);
}

/** All keys of all values, or undefined as soon as one value has none. `partsOf` says by which parts a composite may be found. */
function keysOfAll(
  { parameter, modifier, values }: Clause,
  partsOf: (composite: ClauseValue & { type: 'composite' }) => readonly ClauseValue[] | undefined,
): readonly number[] | undefined {
  const keys = new Set<number>();
  const { prefix } = parameterKeys(parameter);
  for (const value of values) {
    if (value.type === 'composite') {
      const parts = partsOf(value);
      if (!parts) return undefined;
      for (const combination of combinationsAskedFor(parts)) {
        const key = compositeKey(parameter, combination);
        if (key === undefined) return undefined;
        keys.add(key);
      }
      continue;
    }
    const forms = formsOfClauseValue(value, modifier);
    if (!forms) return undefined;
    for (const form of forms) keys.add(keyOfForm(prefix, form));
  }
  return [...keys];
}
