import { bearsCanonical, type Canonical, canonicalOf, keyOfOwnUrl, leadsTo } from '../search/canonicals.js';
import { equalityKeysOf } from '../search/index-rows.js';
import type { LinkedQuery, Reach } from '../search/query.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import type { ExtractedValues, SearchParameter } from '../search/values.js';
import type { SearchStatement } from './bindings.js';
import type { ChangeRow } from './change-row.js';
import type { CommonKeys } from './common-keys.js';
import type { InnerSearches, Named } from './resolve-links.js';
import { tooCostly } from './search-bounds.js';
import type { SearchRow } from './search-order.js';

import { VERSION_BODIES } from './sql/version-bodies.sql.js';
import type { Walk } from './walk.js';

/** What a search within a search is done by. */
export interface OneSearch {
  begin(query: LinkedQuery, within?: readonly Reach[]): Promise<Walk>;
  rows(walk: Walk, wanted: number): AsyncGenerator<SearchRow>;
  matching(query: LinkedQuery, limit: number, within?: readonly Reach[]): Promise<{ id: string; version: number }[]>;
  rowsNamed(type: string, versions: readonly { id: string; version: number }[]): Promise<ChangeRow[]>;
  valuesOfRow(type: string, row: Pick<ChangeRow, 'body' | 'id' | 'at'>): ExtractedValues;
  select<Row>(statement: SearchStatement): Promise<Row[]>;
}

/** Most resources that bear the URLs of one batch of references, all their versions together. */
const MOST_OF_URLS = 10_000;

/** Resources read at a time where each is looked at. */
const READ_AT_A_TIME = 500;

/** The searches at the other ends of the links of one search. */
export class LinkedSearches implements InnerSearches {
  constructor(
    private readonly search: OneSearch,
    private readonly semantics: SearchSemantics,
    private readonly common: CommonKeys,
  ) {}

  async atMost(query: LinkedQuery, most: number): Promise<{ id: string; version: number }[] | undefined> {
    const walk = await this.search.begin(query);
    if (!walk.exact) return fewEnough(await this.search.matching(query, most + 1), most);
    const asked = walk.plan.ids(most + 1);
    const name = JSON.stringify([asked.text, asked.values], (_, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    );
    if (this.common.has(name)) return undefined;
    const found = fewEnough(await this.search.select<{ id: string; version: number }>(asked), most);
    if (found === undefined) this.common.add(name);
    return found;
  }

  async valuesOf(type: string, versions: readonly { id: string; version: number }[]): Promise<ExtractedValues[]> {
    if (versions.length === 0) return [];
    const values = [type, versions.map(({ id }) => id), versions.map(({ version }) => version)];
    const rows = await this.search.select<{ body: string }>({ ...VERSION_BODIES, values });
    return rows.map(({ body }) => this.semantics.extract(type, JSON.parse(body)));
  }

  bearsCanonical(type: string): boolean {
    return bearsCanonical(this.semantics.definitions, type);
  }

  async named(type: string, versions: readonly { id: string; version: number }[]): Promise<Named[]> {
    if (!this.bearsCanonical(type)) return versions.map(({ id }) => ({ id, canonical: undefined }));
    return (await this.search.rowsNamed(type, versions)).map((row) => ({
      id: row.id,
      canonical: canonicalOf(this.search.valuesOfRow(type, row)),
    }));
  }

  async bearing(type: string, canonicals: readonly Canonical[]): Promise<string[]> {
    const keys = this.keysOfUrls(type, canonicals);
    if (keys.length === 0) return [];
    const found = await this.search.matching({ type, clauses: [], links: [] }, MOST_OF_URLS + 1, [{ ids: [], keys }]);
    if (found.length > MOST_OF_URLS) throw tooCostly();
    const named = await this.named(type, found);
    return named.flatMap(({ id, canonical }) =>
      canonical !== undefined && canonicals.some((each) => leadsTo(each, canonical)) ? [id] : [],
    );
  }

  async among(query: LinkedQuery, ids: readonly string[], canonicals: readonly Canonical[]): Promise<Named[]> {
    const keys = this.keysOfUrls(query.type, canonicals);
    if (keys.length === 0) {
      if (ids.length === 0) return [];
      const found = await this.search.matching(query, ids.length, [{ ids, keys }]);
      return found.map(({ id }) => ({ id, canonical: undefined }));
    }
    const found = await this.search.matching(query, ids.length + MOST_OF_URLS + 1, [{ ids, keys }]);
    if (found.length > ids.length + MOST_OF_URLS) throw tooCostly();
    return this.named(query.type, found);
  }

  async keysHit(query: LinkedQuery, parameter: SearchParameter, keys: readonly number[]): Promise<ReadonlySet<number>> {
    const { plan, exact } = await this.search.begin(query);
    if (exact) {
      const rows = await this.search.select<{ key: bigint }>(plan.keysHit(keys));
      return new Set(rows.map(({ key }) => Number(key)));
    }
    const hit = new Set<number>();
    for await (const row of this.search.rows(await this.search.begin(query, [{ ids: [], keys }]), READ_AT_A_TIME)) {
      for (const key of equalityKeysOf(this.search.valuesOfRow(query.type, row), [parameter.code])) hit.add(key);
    }
    return hit;
  }

  /** Keys that whatever of a type bears one of the URLs has; none where the type bears no canonicals. */
  private keysOfUrls(type: string, canonicals: readonly Canonical[]): number[] {
    if (!this.bearsCanonical(type)) return [];
    return [...new Set(canonicals.map(({ url }) => url))].map((url) => keyOfOwnUrl(type, url));
  }
}

function fewEnough<T>(found: T[], most: number): T[] | undefined {
  return found.length > most ? undefined : found;
}
