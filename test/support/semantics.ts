import { SearchDefinitions } from '../../src/search/search-definitions.js';
import { SearchSemantics } from '../../src/search/search-semantics.js';

/** What a search means, with the official definitions; made once for a test file. */
export const SEMANTICS = new SearchSemantics(SearchDefinitions.load(), [
  'http://127.0.0.1:8080/fhir/r4b',
  'http://127.0.0.1:8080/fhir/r4',
]);
