import { FhirError } from '../fhir/fhir-error.js';
import type { Pair } from './query-pairs.js';

const TYPE_PARAMETER = '_type';

/**
 * Takes `_type` out of a search of several types: those of `offered` that it names; given twice, those that both name.
 * @throws FhirError 400 for a type that is not offered, or where none is left
 */
export function takeTypes(
  pairs: readonly Pair[],
  offered: readonly string[],
): { types: readonly string[]; typePairs: Pair[]; others: Pair[] } {
  const typePairs = pairs.filter(([name]) => name === TYPE_PARAMETER);
  let types = offered;
  for (const [, value] of typePairs) {
    const named = value.split(',');
    for (const name of named) {
      if (!offered.includes(name))
        throw new FhirError(
          'invalid',
          `parameter '_type': there is no resource type '${name.slice(0, 60)}' to search for here`,
          TYPE_PARAMETER,
        );
    }
    types = types.filter((type) => named.includes(type));
  }
  if (types.length === 0)
    throw new FhirError('invalid', "parameter '_type': no type is meant by all of its values", TYPE_PARAMETER);
  return { types, typePairs, others: pairs.filter(([name]) => name !== TYPE_PARAMETER) };
}
