import { comparePositions, type Change } from '../../../src/fhir/change.js';
import {
  type FoundLinks,
  type HistoryOptions,
  type HistoryPage,
  type HistoryScope,
  type PageMark,
  ResourceReader,
  type SearchOptions,
  type SearchPage,
  type WantedLinks,
} from '../../../src/pull/resource-reader.js';
import { clauseHolds } from '../../../src/search/clause-holds.js';
import { equalityKeysOf } from '../../../src/search/index-rows.js';
import type { Link, LinkedQuery, Query, SortKey } from '../../../src/search/query.js';
import type { SearchSemantics } from '../../../src/search/search-semantics.js';
import type { ReferenceValue, TokenValue } from '../../../src/search/values.js';

/** The reading side in memory: walks everything, with no index. Trusted because it passes the same contract suite as the Postgres one. */
export class MemoryResourceReader extends ResourceReader {
  constructor(
    private readonly log: readonly Change[],
    private readonly semantics: SearchSemantics,
  ) {
    super();
  }

  override async current(type: string, id: string): Promise<Change | undefined> {
    return this.log.findLast((change) => change.type === type && change.id === id);
  }

  override async version(type: string, id: string, version: number): Promise<Change | undefined> {
    return this.log.find((change) => change.type === type && change.id === id && change.version === version);
  }

  override async history(scope: HistoryScope, { since, at, count, after }: HistoryOptions): Promise<HistoryPage> {
    const all = this.log.filter(
      (change) =>
        (scope.type === undefined || change.type === scope.type) &&
        (scope.id === undefined || change.id === scope.id) &&
        scope.without?.includes(change.type) !== true &&
        (since === undefined || change.at >= since) &&
        (at === undefined || this.wasCurrent(change, at)),
    );
    const ordered = all.toSorted((a, b) => comparePositions(b.position, a.position));
    const rest = after === undefined ? ordered : ordered.filter(({ position }) => position.seq < BigInt(after.tie));
    const versions = rest.slice(0, count);
    const next = rest.length > count ? { next: { keys: [], tie: String(versions.at(-1)?.position.seq) } satisfies PageMark } : {};
    const complete = after === undefined && rest.length <= count;
    return { versions, ...next, ...(complete || scope.id !== undefined ? { total: all.length } : {}) };
  }

  override async search(query: Query, { count, after }: SearchOptions): Promise<SearchPage> {
    const all = this.sorted(query);
    if (query.countOnly) return { matches: [], total: all.length };
    const rest = after === undefined ? all : all.filter((place) => this.comparePlaces(query, place, after) > 0);
    const matches = rest.slice(0, count).map(({ change }) => change);
    const last = rest[count - 1];
    const more = rest.length > count && last !== undefined ? { next: { keys: last.keys, tie: last.tie } } : {};
    const told = query.total === 'accurate' || query.total === 'estimate' || (query.total !== 'none' && all.length <= count);
    return { matches, ...more, ...(told ? { total: all.length } : {}) };
  }

  override async findIds(query: Query, limit: number): Promise<string[]> {
    return this.sorted(query)
      .slice(0, limit)
      .map(({ change }) => change.id);
  }

  override async searchSeveral(queries: readonly Query[], { count, after }: SearchOptions): Promise<SearchPage> {
    const [first] = queries as [Query];
    const all = queries.flatMap((query) => this.sorted(query)).sort((a, b) => this.comparePlaces(first, a, b));
    if (first.countOnly) return { matches: [], total: all.length };
    const rest = after === undefined ? all : all.filter((place) => this.comparePlaces(first, place, after) > 0);
    const matches = rest.slice(0, count).map(({ change }) => change);
    const last = rest[count - 1];
    const told = first.total === 'accurate' || first.total === 'estimate' || (first.total !== 'none' && all.length <= count);
    return {
      matches,
      ...(rest.length > count && last !== undefined ? { next: { keys: last.keys, tie: last.tie } } : {}),
      ...(told ? { total: all.length } : {}),
    };
  }

  override async linked({ named, versions, keyed }: WantedLinks, limit: number): Promise<FoundLinks> {
    const present = (changes: (Change | undefined)[]) => changes.flatMap((change) => (change?.body == null ? [] : [change]));
    const current = await Promise.all(named.map(({ type, id }) => this.current(type, id)));
    const old = await Promise.all(versions.map(({ type, id, version }) => this.version(type, id, version)));
    return {
      named: present(current),
      versions: present(old),
      keyed: keyed.flatMap(({ type, key }) =>
        this.matching({ type, clauses: [], links: [{ kind: 'reach', reach: { ids: [], keys: [key] } }] })
          .slice(0, limit)
          .map((version) => ({ key, version })),
      ),
      complete: true,
    };
  }

  override async typesPresent(): Promise<string[]> {
    const types = [...new Set(this.log.map(({ type }) => type))];
    return types.filter((type) => this.matching({ type, clauses: [], links: [] }).length > 0).sort();
  }

  private wasCurrent(change: Change, { low, high }: { low: Date; high: Date }): boolean {
    if (change.at >= high) return false;
    if (change.at >= low) return true;
    const next = this.log.find(
      ({ type, id, version }) => type === change.type && id === change.id && version === change.version + 1,
    );
    return change.interaction !== 'delete' && (next === undefined || next.at > low);
  }

  private matching(query: LinkedQuery): Change[] {
    const current = new Map<string, Change>();
    for (const change of this.log) if (change.type === query.type) current.set(change.id, change);
    return [...current.values()].filter((change) => {
      if (change.body === null) return false;
      const values = this.valuesOf(change);
      return (
        query.clauses.every((clause) => clauseHolds(clause, values)) && query.links.every((link) => this.isLinked(change, link))
      );
    });
  }

  private isLinked(change: Change, link: Link): boolean {
    switch (link.kind) {
      case 'chain':
        return link.targets.some((target) =>
          this.matching(target).some((other) => this.refers(change, link.parameter.code, other)),
        );
      case 'has':
        return this.matching(link.source).some((other) => this.refers(other, link.parameter.code, change));
      case 'reach':
        return (
          link.reach.ids.includes(change.id) ||
          [...equalityKeysOf(this.valuesOf(change))].some((key) => link.reach.keys.includes(key))
        );
    }
  }

  private refers(from: Change, code: string, to: Change): boolean {
    const found = this.valuesOf(from).get(code);
    const own = JSON.parse(to.body ?? '{}') as { url?: string; version?: string };
    return (
      found?.type === 'reference' &&
      found.values.some(({ type, id, url, version }) =>
        type === undefined
          ? url !== undefined && url === own.url && [undefined, '', own.version].includes(version)
          : type === to.type && id === to.id,
      )
    );
  }

  private sorted(query: Query): Place[] {
    const matching = this.matching(query);
    const places = matching.map((change) => ({
      change,
      keys: query.sort.length === 0 ? [change.at.getTime()] : query.sort.map((key) => this.sortValue(change, key) ?? null),
      tie: String(this.log.findIndex(({ type, id }) => type === change.type && id === change.id)),
    }));
    return places.sort((a, b) => this.comparePlaces(query, a, b));
  }

  /** The tie is broken in the direction of the first key. */
  private comparePlaces({ sort }: Query, a: PageMark, b: PageMark): number {
    for (const [i, key] of a.keys.entries()) {
      const order = compare(key, b.keys[i] ?? null, sort[i]?.descending ?? true);
      if (order !== 0) return order;
    }
    return compare(Number(a.tie), Number(b.tie), sort[0]?.descending ?? true);
  }

  private sortValue(change: Change, { parameter, descending }: SortKey): number | string | undefined {
    if (parameter.code === '_id') return change.id;
    const found = this.valuesOf(change).get(parameter.code);
    const values = (found?.values ?? []).map((value) => {
      if (typeof value === 'string') return value;
      if ('low' in value) return value.low;
      if ('folded' in value) return value.folded;
      const { code, system = '', type, id, url, version = '' } = value as TokenValue & ReferenceValue;
      if (type !== undefined || url !== undefined) return [url ?? `${type ?? ''}/${id ?? ''}`, version].join('\0');
      return code === undefined ? undefined : [code, system].join('\0');
    });
    return values
      .filter((value) => value !== undefined)
      .reduce<number | string | undefined>(
        (best, value) => (best === undefined || (descending ? value > best : value < best) ? value : best),
        undefined,
      );
  }

  private valuesOf(change: Change) {
    return this.semantics.extract(change.type, JSON.parse(change.body ?? 'null'));
  }
}

interface Place extends PageMark {
  change: Change;
}

function compare(a: number | string | null, b: number | string | null, descending: boolean): number {
  if (a === b) return 0;
  if (a === null) return 1;
  if (b === null) return -1;
  return a < b === descending ? 1 : -1;
}
