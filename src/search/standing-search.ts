import { FhirError } from '../fhir/fhir-error.js';
import { parseQuery } from './parse-query.js';
import { splitQuery, type QueryPairs } from './query-text.js';
import type { Query } from './query.js';
import type { SearchDefinitions } from './search-definitions.js';
import { checkStandingLinks } from './standing-links.js';

/** How criteria, topics and filters are read: by definitions that stay as they are. */
export class StandingSearch {
  constructor(
    readonly definitions: SearchDefinitions,
    private readonly bases: readonly string[],
    /** What tells it from those that may mean something else by the same words; empty: the official definitions alone. */
    readonly name = '',
  ) {}

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
    const query = parseQuery(this.definitions, type, pairs, { handling: 'criteria', bases: this.bases, links });
    checkStandingLinks(query);
    return query;
  }

  private withoutType(type: string, terms: string): string {
    const [, named, query] = CRITERIA_WITH_QUERY.exec(terms) ?? [];
    if (named === undefined || !this.definitions.isResourceType(named)) return terms.replace(/^\?/, '');
    if (named !== type) throw new FhirError('invalid', `'${terms.slice(0, 100)}' asks for ${named} where ${type} is meant`);
    return query ?? '';
  }
}

const CRITERIA = /^\/?([A-Z][A-Za-z]{1,63})(?:\?([^]*))?$/;
const CRITERIA_WITH_QUERY = /^\/?([A-Z][A-Za-z]{1,63})\?([^]*)$/;
