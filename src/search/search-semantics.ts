import { catalogOf, type SearchCatalog } from './custom/custom-catalog.js';
import { type CustomDefinition, type CustomParameters, NO_CUSTOM_PARAMETERS } from './custom/custom-definition.js';
import { definitionsAsked } from './custom/definitions-asked.js';
import { extractValues, typeReader, type TypeReader } from './extract-values.js';
import { FrozenReading } from './frozen-reading.js';
import { indexRowsOf } from './index-rows.js';
import { parseQuery } from './parse-query.js';
import type { QueryPairs } from './query-text.js';
import type { Query } from './query.js';
import type { SearchDefinitions } from './search-definitions.js';
import { StandingSearch } from './standing-search.js';
import type { KnownPlaces } from './part-of.js';
import type { Terminology } from './terminology.js';
import type { ReadingContext } from './value-reader.js';
import type { ExtractedValues, IndexRows, SearchParameter } from './values.js';

export type { QueryPairs };

export interface ParseOptions {
  /** `strict` refuses unknown parameters, `lenient` lists them in {@link Query.ignored}. */
  handling: 'strict' | 'lenient';
  /** Whether chains, `_has`, `_list` and includes are taken: only by who can look at other resources. */
  links?: boolean;
  /** The moment `ap` of a date is measured from; default: the current time. */
  now?: number;
  /** Resources are tested one by one: parameters that are still being indexed will do. */
  withoutIndex?: boolean;
  /** Hierarchies for `:above` and `:below` of references; without them they are refused. */
  places?: KnownPlaces;
  /** What is known of value sets and code systems; default: what comes with FHIR. */
  terminology?: Terminology;
}

/** What a search means, for pull and matching alike: one parser, one extraction, one set of index rows. */
export class SearchSemantics {
  private readers = new Map<string, TypeReader>();
  private current: SearchCatalog;
  private readonly context: ReadingContext;
  private readonly official: StandingSearch;
  private readonly frozen: FrozenReading;

  constructor(
    /** The official ones. */
    readonly definitions: SearchDefinitions,
    /** FHIR bases of this hub without trailing slash: absolute references under them are local ones. */
    readonly bases: readonly string[],
  ) {
    this.current = catalogOf(definitions, NO_CUSTOM_PARAMETERS);
    this.context = { elements: definitions.elements, bases };
    this.official = new StandingSearch(definitions, bases);
    this.frozen = new FrozenReading(definitions, this.context);
  }

  /** The definitions as they are known at this moment; replaced as a whole. */
  get catalog(): SearchCatalog {
    return this.current;
  }

  /** From now on searches and index rows go by these. */
  adopt(custom: CustomParameters): void {
    if (custom.generation !== this.current.generation) this.readers = new Map();
    this.current = catalogOf(this.definitions, custom);
  }

  /** @throws FhirError 400 naming the parameter */
  parse(type: string, query: string | QueryPairs, options: ParseOptions): Query {
    const { usable, indexed } = this.current;
    return parseQuery(options.withoutIndex === true ? indexed : usable, type, query, { ...options, bases: this.bases });
  }

  /** {@link StandingSearch.parseCriteria} by the official definitions. */
  parseCriteria(criteria: string): Query {
    return this.official.parseCriteria(criteria);
  }

  /** {@link StandingSearch.parseTerms} by the official definitions. */
  parseTerms(type: string, terms: string | QueryPairs, options: { links?: boolean } = {}): Query {
    return this.official.parseTerms(type, terms, options);
  }

  /** How something that stands is read which goes by these custom parameters beside the official ones, whatever has become of them. */
  standing(frozen: readonly CustomDefinition[] = []): StandingSearch {
    return frozen.length === 0 ? this.official : this.frozen.search(frozen);
  }

  /** The custom parameters that `read` asks for, as they are defined at this moment. */
  customAskedBy(read: (by: StandingSearch) => void): CustomDefinition[] {
    return definitionsAsked(this.definitions, this.bases, this.current.custom.parameters, read);
  }

  /**
   * The search values of a resource, each worked out when first asked for. `identity` stands in for `id` and `meta.lastUpdated`, which a
   * stored text carries and a client's may not.
   */
  extract(type: string, value: unknown, identity?: { id: string; lastUpdated: Date }): ExtractedValues {
    return extractValues(this.readerOf(type), value, identity);
  }

  indexRows(values: ExtractedValues): IndexRows {
    return indexRowsOf(values);
  }

  /** What can be searched by at this moment. */
  parametersOf(type: string): readonly SearchParameter[] {
    return this.current.usable.parametersOf(type);
  }

  private readerOf(type: string): TypeReader {
    let reader = this.readers.get(type);
    if (!reader) {
      reader = typeReader(type, this.current.indexed.parametersOf(type), this.context, this.frozen.readsOf(type));
      this.readers.set(type, reader);
    }
    return reader;
  }
}
