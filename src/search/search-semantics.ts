import { FhirError } from '../fhir/fhir-error.js';
import { catalogOf, type SearchCatalog } from './custom/custom-catalog.js';
import { type CustomParameters, NO_CUSTOM_PARAMETERS } from './custom/custom-definition.js';
import { extractValues, typeReader, type TypeReader } from './extract-values.js';
import { indexRowsOf } from './index-rows.js';
import { parseQuery } from './parse-query.js';
import { splitQuery, type QueryPairs } from './query-text.js';
import type { Query } from './query.js';
import { checkStandingLinks } from './standing-links.js';
import type { SearchDefinitions } from './search-definitions.js';
import type { KnownPlaces } from './part-of.js';
import type { Terminology } from './terminology.js';
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

  constructor(
    /** The official ones. */
    readonly definitions: SearchDefinitions,
    /** FHIR bases of this hub without trailing slash: absolute references under them are local ones. */
    readonly bases: readonly string[],
  ) {
    this.current = catalogOf(definitions, NO_CUSTOM_PARAMETERS);
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

  /**
   * `Type`, `Type?query` or `/Type?query` of a classic Subscription. Everything unknown is refused, result-shaping parameters are dropped.
   * Links are taken as far as they can be tested for each change.
   * @throws FhirError 400; the caller turns it into 422
   */
  parseCriteria(criteria: string): Query {
    const [, type, query] = CRITERIA.exec(criteria.trim()) ?? [];
    if (type === undefined || !this.definitions.isResourceType(type))
      throw new FhirError('invalid', `the criteria '${criteria.slice(0, 100)}' do not begin with a resource type`, 'criteria');
    return this.parseTerms(type, query ?? '', { links: true });
  }

  /**
   * Search string of a topic or the terms of one of its filters, for resources of `type`; a leading `Type?` must name that type. Links only
   * where the caller can look at other resources.
   * @throws FhirError 400; the caller turns it into 422
   */
  parseTerms(type: string, terms: string | QueryPairs, { links = false }: { links?: boolean } = {}): Query {
    const pairs = typeof terms === 'string' ? splitQuery(this.withoutType(type, terms.trim()), 'maybe-plain') : terms;
    const query = parseQuery(this.current.standing, type, pairs, { handling: 'criteria', bases: this.bases, links });
    checkStandingLinks(query);
    return query;
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

  private withoutType(type: string, terms: string): string {
    const [, named, query] = CRITERIA_WITH_QUERY.exec(terms) ?? [];
    if (named === undefined || !this.definitions.isResourceType(named)) return terms.replace(/^\?/, '');
    if (named !== type) throw new FhirError('invalid', `'${terms.slice(0, 100)}' asks for ${named} where ${type} is meant`);
    return query ?? '';
  }

  private readerOf(type: string): TypeReader {
    let reader = this.readers.get(type);
    if (!reader) {
      reader = typeReader(type, this.current.indexed.parametersOf(type), {
        elements: this.definitions.elements,
        bases: this.bases,
      });
      this.readers.set(type, reader);
    }
    return reader;
  }
}

const CRITERIA = /^\/?([A-Z][A-Za-z]{1,63})(?:\?([^]*))?$/;
const CRITERIA_WITH_QUERY = /^\/?([A-Z][A-Za-z]{1,63})\?([^]*)$/;
