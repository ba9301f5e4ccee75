import { FhirError } from '../../fhir/fhir-error.js';
import type { ParameterRow, SearchDefinitions } from '../search-definitions.js';
import { type CustomParameters, percentOf, progressOf } from './custom-definition.js';

/** The search definitions there are at one moment, by what they are for. */
export interface SearchCatalog {
  revision: number;
  generation: number;
  custom: CustomParameters;
  /** For searches: official and custom ones whose index is complete; the others are refused. */
  usable: SearchDefinitions;
  /** For index rows: all there are. */
  indexed: SearchDefinitions;
}

const RETRY_SECONDS = '5';

/** @param official without custom ones */
export function catalogOf(official: SearchDefinitions, custom: CustomParameters): SearchCatalog {
  const { revision, generation, parameters, walks } = custom;
  const all: Record<string, ParameterRow[]> = {};
  const usable: Record<string, ParameterRow[]> = {};
  /** By type and code: the SearchParameter, and how far its index is. */
  const known = new Map<string, { id: string; percent?: number }>();
  for (const parameter of parameters) {
    const progress = progressOf(parameter, walks);
    for (const [type, row] of Object.entries(parameter.definition.rows)) {
      (all[type] ??= []).push(row);
      if (progress === undefined) (usable[type] ??= []).push(row);
      known.set(nameOf(type, row.code), {
        id: parameter.id,
        ...(progress === undefined ? {} : { percent: percentOf(progress) }),
      });
    }
  }
  return {
    ...{ revision, generation, custom },
    usable: official.with(usable, (type, code) => {
      const percent = known.get(nameOf(type, code))?.percent;
      return percent === undefined ? undefined : beingIndexed(known.get(nameOf(type, code))!.id, type, code, percent);
    }),
    indexed: official.with(all),
  };
}

const nameOf = (type: string, code: string) => `${type} ${code}`;

/** For as long as some resources are not found by a parameter, nothing is: half an answer looks like a whole one. */
function beingIndexed(id: string, type: string, code: string, percent: number): FhirError {
  return new FhirError(
    'transient',
    `parameter '${code}' of ${type} is being indexed, ${String(percent)} %; SearchParameter/${id}/$reindex-status tells when it can be used`,
    code,
    { headers: { 'Retry-After': RETRY_SECONDS } },
  );
}
