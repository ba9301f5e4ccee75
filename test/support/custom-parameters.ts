import type { CustomDefinition } from '../../src/search/custom/custom-definition.js';
import { SearchSemantics } from '../../src/search/search-semantics.js';
import { SEMANTICS } from './semantics.js';

/** What a search means with these parameters beside the official ones, all of them indexed. */
export function semanticsWith(...definitions: CustomDefinition[]): SearchSemantics {
  const semantics = new SearchSemantics(SEMANTICS.definitions, SEMANTICS.bases);
  const types = new Set(definitions.flatMap(({ rows }) => Object.keys(rows)));
  semantics.adopt({
    revision: 1,
    generation: 1,
    parameters: definitions.map((definition, i) => ({ id: `p${String(i)}`, definition, generation: 1 })),
    walks: [...types].map((type) => ({ type, wanted: 1, done: 1, walking: null, walked: 0, total: 0, reason: null })),
  });
  return semantics;
}
