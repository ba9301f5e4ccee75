import type { SearchDefinitions } from './search-definitions.js';
import type { SearchParameter } from './values.js';

const NAMES = ['partof', 'part-of'];

/**
 * The parameter by which resources of a type name the one they are part of, where that is of the same type: what makes a hierarchy of
 * Locations, Organizations, Encounters … https://hl7.org/fhir/R4B/search.html#recursive
 */
export function partOf(definitions: SearchDefinitions, type: string): SearchParameter | undefined {
  for (const name of NAMES) {
    const parameter = definitions.findOfficial(type, name);
    if (parameter?.type === 'reference' && parameter.targets.length === 1 && parameter.targets[0] === type) return parameter;
  }
  return undefined;
}

export type Direction = 'above' | 'below';

/** The ids of a resource and of all that lie above or below it, by {@link placeName}. */
export type KnownPlaces = ReadonlyMap<string, readonly string[]>;

export const placeName = (direction: Direction, type: string, id: string): string => `${direction} ${type}/${id}`;
