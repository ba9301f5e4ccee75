import { FhirError } from '../fhir/fhir-error.js';
import type { PageMark } from '../pull/resource-reader.js';
import { bearsCanonical, type Canonical, canonicalOf, keyOfOwnUrl, leadsTo } from '../search/canonicals.js';
import { clauseHolds } from '../search/clause-holds.js';
import { equalityKeysOf } from '../search/index-rows.js';
import type { LinkedQuery, Query, Reach } from '../search/query.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import type { ExtractedValues, SearchParameter } from '../search/values.js';
import type { SearchStatement } from './bindings.js';
import type { ChangeRow } from './change-row.js';
import type { Queryable } from './database.js';
import { FullTextSearch } from './full-text-search.js';
import { CommonKeys } from './common-keys.js';
import {
  type InnerSearches,
  type Named,
  LINK_BOUNDS,
  type LinkBounds,
  passLinks,
  resolveLinks,
  type TestedLink,
} from './resolve-links.js';
import { MemoryOrder } from './memory-order.js';
import type { Source } from './candidates.js';
import type { Run, SearchRow } from './search-order.js';
import { SearchPlan } from './search-plan.js';
import { type FoundRows, sortedRows } from './sorted-rows.js';
import { NAMED_VERSIONS } from './sql/named-versions.sql.js';
import { VERSION_BODIES } from './sql/version-bodies.sql.js';
import { walkFurther } from './walk-further.js';

/** Candidates read at a time where they have to be verified in memory. */
const VERIFIED_AT_A_TIME = 500;
/** The same at first where only links are tested: what is common is soon met. */
const TESTED_AT_FIRST = 64;
/** And later: the look-up of what refers to them costs by the square of their number. */
const TESTED_AT_A_TIME = 128;

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

/** How far a search has come, and how many rows it reads next. */
interface Place {
  after: PageMark | undefined;
  limit: number;
}

/** Most resources that bear the URLs of one batch of references, all their versions together. */
const MOST_OF_URLS = 10_000;

/** A plan, and the links that its candidates are still to be tested for. */
export interface Walk {
  plan: SearchPlan;
  /** Of what is not in the order of an index. */
  order?: MemoryOrder;
  tested: readonly TestedLink[];
  /** Whether the index alone decides. */
  exact: boolean;
}

/** One search and the searches within it, all done by one moment. */
export class SearchWalk implements InnerSearches {
  private readonly fullText: FullTextSearch;
  private readonly resolved = new Map<LinkedQuery, ReturnType<typeof resolveLinks>>();

  /** @param deadline in milliseconds since 1970; what takes longer is refused as too costly */
  constructor(
    private readonly searches: Queryable,
    private readonly semantics: SearchSemantics,
    private readonly deadline: number,
    private readonly bounds: SearchBounds = SEARCH_BOUNDS,
    private readonly common: CommonKeys = new CommonKeys(),
  ) {
    this.fullText = new FullTextSearch((statement) => this.select(statement), semantics, bounds.listed);
  }

  async begin(query: LinkedQuery & Partial<Pick<Query, 'sort'>>, within: readonly Reach[] = []): Promise<Walk> {
    const { reached, tested } = await this.linksOf(query);
    const { indexed, order } = MemoryOrder.divide(query.sort ?? []);
    const texts = await this.fullText.find(query.type, query.clauses);
    const plan = new SearchPlan({ ...query, sort: indexed }, [...within, ...reached], texts);
    return {
      plan,
      tested,
      exact: tested.length === 0 && plan.unverified.length === 0,
      ...(order === undefined ? {} : { order }),
    };
  }

  /** Matching rows in the order asked for, read `wanted` at a time. */
  rows(walk: Walk, wanted: number, after?: PageMark): AsyncGenerator<SearchRow> {
    if (walk.order === undefined) return this.inOrder(walk, wanted, after);
    const { plan, exact, order } = walk;
    const found: FoundRows = {
      walked: (atATime, start) => this.inOrder(walk, atATime, start),
      ...(exact ? { unordered: (limit: number) => this.select<{ id: string; version: number }>(plan.ids(limit)) } : {}),
      named: (versions) => this.rowsNamed(plan.type, versions),
      valuesOf: (row) => this.valuesOfRow(plan.type, row),
    };
    return sortedRows(found, order, wanted, after);
  }

  /**
   * Matching rows in the order of an index. Reads `wanted` at first, more only where some of them fail what SQL cannot decide.
   *
   * First the candidates of each source are gathered, if they are few. If not, resources are walked in order, which soon meets enough of what is
   * common; if it does not, all that match are gathered; and if those are very many, the walk goes on.
   */
  private async *inOrder(walk: Walk, wanted: number, after?: PageMark): AsyncGenerator<SearchRow> {
    const { plan, exact } = walk;
    const place: Place = {
      after,
      limit: exact ? wanted : Math.max(wanted, plan.unverified.length > 0 ? VERIFIED_AT_A_TIME : TESTED_AT_FIRST),
    };
    const { sources } = plan;
    for (const source of sources) {
      if (yield* this.gathered(walk, source, this.bounds.gathered, place)) return;
    }
    for (let [run, ...runs] = plan.runs(after); run !== undefined;) {
      const bounded = plan.isSelective && plan.order.isBoundable && run !== 'missing';
      if (yield* this.walked(walk, run, place, bounded ? this.bounds.walked : undefined)) [run, ...runs] = runs;
      else if (yield* this.gathered(walk, 'all', this.bounds.sorted, place)) return;
      else if (yield* this.walked(walk, run, place)) [run, ...runs] = runs;
    }
  }

  /** What candidates of a source match. False, and nothing, where they are too many. */
  private async *gathered(walk: Walk, source: Source | 'all', most: number, place: Place): AsyncGenerator<SearchRow, boolean> {
    // Each page gathers anew.
    if (source === 'all' && !walk.exact) place.limit = Math.max(place.limit, VERIFIED_AT_A_TIME);
    const asked = source === 'all' ? undefined : walk.plan.askedOf(source);
    if (asked !== undefined && this.common.has(asked)) return false;
    for (;;) {
      const { limit } = place;
      const found = await this.select<SearchRow & { many: boolean; rid: bigint | null }>(
        walk.plan.gathered(source, limit, place.after, most),
      );
      if (found[0]?.many !== false) {
        if (asked !== undefined) this.common.add(asked);
        return false;
      }
      const rows = found.filter(({ rid }) => rid !== null);
      yield* this.holding(walk, rows, place);
      if (rows.length < limit) return true;
    }
  }

  /**
   * One run in order: `among` the next so many resources, and further ones where they promise to fill the page. False: behind those that were looked
   * at there may be more.
   */
  private async *walked(walk: Walk, run: Run, place: Place, among?: number): AsyncGenerator<SearchRow, boolean> {
    let lookedAt = among;
    let left = this.bounds.walkedOn;
    let wanted = place.limit;
    for (;;) {
      const rows = await this.select<SearchRow>(walk.plan.page(run, wanted, place.after, lookedAt));
      yield* this.holding(walk, rows, place);
      if (rows.length >= wanted) {
        wanted = place.limit;
        continue;
      }
      if (lookedAt === undefined) return true;
      if (walk.exact) wanted -= rows.length;
      lookedAt = walkFurther({ lookedAt, met: rows.length, wanted }, left);
      if (lookedAt === undefined) return false;
      left -= lookedAt;
    }
  }

  /** Those rows that hold; what comes next lies behind them. */
  private async *holding(
    { plan, tested, exact }: Walk,
    rows: readonly SearchRow[],
    place: Place,
  ): AsyncGenerator<SearchRow, void> {
    const last = rows.at(-1);
    if (last !== undefined) place.after = plan.order.mark(last);
    yield* exact ? rows : await this.verified(plan, tested, rows);
    if (!exact) place.limit = Math.max(place.limit, Math.min(place.limit * 2, TESTED_AT_A_TIME));
  }

  async count(walk: Walk): Promise<number> {
    if (walk.exact) {
      const [row] = await this.select<{ count: bigint }>(walk.plan.count());
      return Number(row?.count ?? 0n);
    }
    let total = 0;
    for await (const _ of this.inOrder(walk, VERIFIED_AT_A_TIME)) total++;
    return total;
  }

  async matching(query: LinkedQuery, limit: number, within: readonly Reach[] = []): Promise<{ id: string; version: number }[]> {
    const walk = await this.begin(query, within);
    if (walk.exact) return this.select<{ id: string; version: number }>(walk.plan.ids(limit));
    const found: { id: string; version: number }[] = [];
    for await (const row of this.rows(walk, Math.min(limit, VERIFIED_AT_A_TIME))) {
      if (found.push({ id: row.id, version: row.version }) >= limit) break;
    }
    return found;
  }

  async atMost(query: LinkedQuery, most: number): Promise<{ id: string; version: number }[] | undefined> {
    const walk = await this.begin(query);
    if (!walk.exact) return fewEnough(await this.matching(query, most + 1), most);
    const asked = walk.plan.ids(most + 1);
    const name = JSON.stringify([asked.text, asked.values]);
    if (this.common.has(name)) return undefined;
    const found = fewEnough(await this.select<{ id: string; version: number }>(asked), most);
    if (found === undefined) this.common.add(name);
    return found;
  }

  async valuesOf(type: string, versions: readonly { id: string; version: number }[]): Promise<ExtractedValues[]> {
    if (versions.length === 0) return [];
    const rows = await this.searches.rows<{ body: string }>(VERSION_BODIES, [
      type,
      versions.map(({ id }) => id),
      versions.map(({ version }) => version),
    ]);
    return rows.map(({ body }) => this.semantics.extract(type, JSON.parse(body)));
  }

  bearsCanonical(type: string): boolean {
    return bearsCanonical(this.semantics.definitions, type);
  }

  async named(type: string, versions: readonly { id: string; version: number }[]): Promise<Named[]> {
    if (!this.bearsCanonical(type)) return versions.map(({ id }) => ({ id, canonical: undefined }));
    return (await this.rowsNamed(type, versions)).map((row) => ({
      id: row.id,
      canonical: canonicalOf(this.valuesOfRow(type, row)),
    }));
  }

  async bearing(type: string, canonicals: readonly Canonical[]): Promise<string[]> {
    const keys = this.keysOfUrls(type, canonicals);
    if (keys.length === 0) return [];
    const found = await this.matching({ type, clauses: [], links: [] }, MOST_OF_URLS + 1, [{ ids: [], keys }]);
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
      const found = await this.matching(query, ids.length, [{ ids, keys }]);
      return found.map(({ id }) => ({ id, canonical: undefined }));
    }
    const found = await this.matching(query, ids.length + MOST_OF_URLS + 1, [{ ids, keys }]);
    if (found.length > ids.length + MOST_OF_URLS) throw tooCostly();
    return this.named(query.type, found);
  }

  async keysHit(query: LinkedQuery, parameter: SearchParameter, keys: readonly number[]): Promise<ReadonlySet<number>> {
    const { plan, exact } = await this.begin(query);
    if (exact) {
      const rows = await this.select<{ key: bigint }>(plan.keysHit(keys));
      return new Set(rows.map(({ key }) => Number(key)));
    }
    const hit = new Set<number>();
    for await (const row of this.rows(await this.begin(query, [{ ids: [], keys }]), VERIFIED_AT_A_TIME)) {
      for (const key of equalityKeysOf(this.valuesOfRow(query.type, row), [parameter.code])) hit.add(key);
    }
    return hit;
  }

  select<Row>({ text, values, name }: SearchStatement): Promise<Row[]> {
    if (Date.now() > this.deadline) throw tooCostly();
    return this.searches.rows<Row>({ text, name }, values);
  }

  private rowsNamed(type: string, versions: readonly { id: string; version: number }[]): Promise<ChangeRow[]> {
    const { text } = NAMED_VERSIONS;
    return this.select<ChangeRow>({ text, values: [type, versions.map(({ id }) => id), versions.map(({ version }) => version)] });
  }

  /** Keys that whatever of a type bears one of the URLs has; none where the type bears no canonicals. */
  private keysOfUrls(type: string, canonicals: readonly Canonical[]): number[] {
    if (!this.bearsCanonical(type)) return [];
    return [...new Set(canonicals.map(({ url }) => url))].map((url) => keyOfOwnUrl(type, url));
  }

  /** The one definition of "matches" decides where the index could only narrow down. */
  private async verified(
    plan: SearchPlan,
    tested: readonly TestedLink[],
    rows: readonly SearchRow[],
  ): Promise<readonly SearchRow[]> {
    const known = new Map<SearchRow, ExtractedValues>();
    const valuesOf = (row: SearchRow) => {
      let values = known.get(row);
      if (!values) known.set(row, (values = this.valuesOfRow(plan.type, row)));
      return values;
    };
    const holding = rows.filter((row) => plan.unverified.every((clause) => clauseHolds(clause, valuesOf(row))));
    return passLinks(plan.type, holding, valuesOf, tested, this);
  }

  private valuesOfRow(type: string, { body, id, at }: Pick<ChangeRow, 'body' | 'id' | 'at'>): ExtractedValues {
    return this.semantics.extract(type, JSON.parse(body ?? '{}'), { id, lastUpdated: at });
  }

  /** Once for each query, though it may be asked for with every batch of candidates. */
  private linksOf(query: LinkedQuery): ReturnType<typeof resolveLinks> {
    let links = this.resolved.get(query);
    if (!links) this.resolved.set(query, (links = resolveLinks(query.type, query.links, this, this.bounds)));
    return links;
  }
}

function fewEnough<T>(found: T[], most: number): T[] | undefined {
  return found.length > most ? undefined : found;
}

/** The mark that leads on from a row. */
export function markOf({ plan, order }: Walk, row: SearchRow): PageMark {
  return order === undefined ? plan.order.mark(row) : order.mark(row);
}

/** Whether a mark has the form that the order of a walk makes. */
export function acceptsMark({ plan, order }: Walk, mark: PageMark): boolean {
  return order === undefined ? plan.order.accepts(mark) : order.accepts(mark);
}

export function tooCostly(): FhirError {
  return new FhirError('too-costly', 'The query took longer than this server allows and was cancelled; narrow it down');
}
