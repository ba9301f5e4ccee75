import { FhirError } from '../fhir/fhir-error.js';
import { LINK_BOUNDS, type LinkBounds } from './resolve-links.js';

/** Up to where one way of finding a page goes before another is taken. They decide how long it takes, never what is found. */
export interface SearchBounds extends LinkBounds {
  /** Candidates that are sorted and tested one by one rather than met while walking in order. */
  gathered: number;
  /** Resources looked at in order before all that match are gathered instead. */
  walked: number;
  /** Resources that are then looked at, too, where as many matches as were met so far promise the rest of the page among them. */
  walkedOn: number;
  /** Matches that are gathered and sorted for one page. Where there are more, of a million resources one in twenty matches. */
  sorted: number;
  /** Matches of a full-text clause that are listed. */
  listed: number;
}

export const SEARCH_BOUNDS: SearchBounds = {
  ...LINK_BOUNDS,
  gathered: 2000,
  walked: 10_000,
  walkedOn: 50_000,
  sorted: 50_000,
  listed: 10_000,
};

export function tooCostly(): FhirError {
  return new FhirError('too-costly', 'The query took longer than this server allows and was cancelled; narrow it down');
}
