import { keysReferringTo } from './canonicals.js';
import type { SearchParameter } from './values.js';

/** A resource within a Bundle is a copy of its own: the Bundle holds it and does not refer to the one that bears its id. */
const HOLDS_COPIES = 'Bundle';

/** The equality keys of which every resource has one that refers to this one by an element that can be searched by. */
export function keysOfReferring(
  types: readonly string[],
  parametersOf: (type: string) => readonly SearchParameter[],
  type: string,
  id: string,
): number[] {
  return types
    .filter((source) => source !== HOLDS_COPIES)
    .flatMap((source) =>
      parametersOf(source)
        .filter((parameter) => parameter.type === 'reference')
        .flatMap(({ code }) => keysReferringTo({ base: source, code }, { type, id, canonical: undefined })),
    );
}
