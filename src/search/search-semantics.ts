import type { Query } from './query.js';
import type { SearchDefinitions } from './search-definitions.js';
import type { ExtractedValues, IndexRows, SearchParameter } from './values.js';

export type QueryPairs = readonly (readonly [name: string, value: string])[];

export interface ParseOptions {
  /** `strict` refuses unknown parameters, `lenient` lists them in {@link Query.ignored}. */
  handling: 'strict' | 'lenient';
  /** The moment `ap` of a date is measured from; default: the current time. */
  now?: number;
}

/** What a search means, for pull and matching alike: one parser, one extraction, one set of index rows. */
export class SearchSemantics {
  constructor(
    readonly definitions: SearchDefinitions,
    /** FHIR bases of this hub without trailing slash: absolute references under them are local ones. */
    readonly bases: readonly string[],
  ) {}

  /** @throws FhirError 400 naming the parameter */
  parse(_type: string, _query: string | QueryPairs, _options: ParseOptions): Query {
    throw new Error('being built');
  }

  /**
   * `Type`, `Type?query` or `/Type?query` of a classic Subscription. Everything unknown is refused, result-shaping parameters are dropped.
   * @throws FhirError 400; the caller turns it into 422
   */
  parseCriteria(_criteria: string): Query {
    throw new Error('being built');
  }

  /**
   * Search string of a topic or the terms of one of its filters, for resources of `type`; a leading `Type?` must name that type.
   * @throws FhirError 400; the caller turns it into 422
   */
  parseTerms(_type: string, _terms: string | QueryPairs): Query {
    throw new Error('being built');
  }

  /** `identity` stands in for `id` and `meta.lastUpdated`, which a stored text carries and a client's may not. */
  extract(_type: string, _value: unknown, _identity?: { id: string; lastUpdated: Date }): ExtractedValues {
    throw new Error('being built');
  }

  indexRows(_values: ExtractedValues): IndexRows {
    throw new Error('being built');
  }

  parametersOf(_type: string): readonly SearchParameter[] {
    throw new Error('being built');
  }
}
