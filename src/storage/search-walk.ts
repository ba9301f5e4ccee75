import type { PageMark } from '../pull/resource-reader.js';
import { clauseHolds } from '../search/clause-holds.js';
import type { LinkedQuery, Query, Reach } from '../search/query.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import type { ExtractedValues } from '../search/values.js';
import type { SearchStatement } from './bindings.js';
import type { Source } from './candidates.js';
import type { ChangeRow } from './change-row.js';
import { CommonKeys } from './common-keys.js';
import type { Queryable } from './database.js';
import { FullTextSearch } from './full-text-search.js';
import { LinkedSearches, type OneSearch } from './linked-searches.js';
import { MemoryOrder } from './memory-order.js';
import { passLinks, resolveLinks, type TestedLink } from './resolve-links.js';
import { SEARCH_BOUNDS, type SearchBounds, tooCostly } from './search-bounds.js';
import type { Run, SearchRow } from './search-order.js';
import { SearchPlan } from './search-plan.js';
import { type FoundRows, sortedRows } from './sorted-rows.js';
import { NAMED_VERSIONS } from './sql/named-versions.sql.js';
import { walkFurther } from './walk-further.js';
import type { Walk } from './walk.js';

/** Candidates read at a time where they have to be verified in memory. */
const VERIFIED_AT_A_TIME = 500;
/** The same at first where only links are tested: what is common is soon met. */
const TESTED_AT_FIRST = 64;
/** And later: the look-up of what refers to them costs by the square of their number. */
const TESTED_AT_A_TIME = 128;

/** How far a search has come, and how many rows it reads next. */
interface Place {
  after: PageMark | undefined;
  limit: number;
}

/** One search and the searches within it, all done by one moment. */
export class SearchWalk implements OneSearch {
  private readonly fullText: FullTextSearch;
  private readonly inner: LinkedSearches;
  private readonly resolved = new Map<LinkedQuery, ReturnType<typeof resolveLinks>>();

  /** @param deadline in milliseconds since 1970; what takes longer is refused as too costly */
  constructor(
    private readonly searches: Queryable,
    private readonly semantics: SearchSemantics,
    private readonly deadline: number,
    private readonly bounds: SearchBounds = SEARCH_BOUNDS,
    private readonly common: CommonKeys = new CommonKeys(),
  ) {
    this.inner = new LinkedSearches(this, semantics, common);
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

  select<Row>({ text, values, name }: SearchStatement): Promise<Row[]> {
    if (Date.now() > this.deadline) throw tooCostly();
    return this.searches.rows<Row>({ text, name }, values);
  }

  rowsNamed(type: string, versions: readonly { id: string; version: number }[]): Promise<ChangeRow[]> {
    const { text } = NAMED_VERSIONS;
    return this.select<ChangeRow>({ text, values: [type, versions.map(({ id }) => id), versions.map(({ version }) => version)] });
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
    return passLinks(plan.type, holding, valuesOf, tested, this.inner);
  }

  valuesOfRow(type: string, { body, id, at }: Pick<ChangeRow, 'body' | 'id' | 'at'>): ExtractedValues {
    return this.semantics.extract(type, JSON.parse(body ?? '{}'), { id, lastUpdated: at });
  }

  /** Once for each query, though it may be asked for with every batch of candidates. */
  private linksOf(query: LinkedQuery): ReturnType<typeof resolveLinks> {
    let links = this.resolved.get(query);
    if (!links) this.resolved.set(query, (links = resolveLinks(query.type, query.links, this.inner, this.bounds)));
    return links;
  }
}

/** The mark that leads on from a row. */
export function markOf({ plan, order }: Walk, row: SearchRow): PageMark {
  return order === undefined ? plan.order.mark(row) : order.mark(row);
}

/** Whether a mark has the form that the order of a walk makes. */
export function acceptsMark({ plan, order }: Walk, mark: PageMark): boolean {
  return order === undefined ? plan.order.accepts(mark) : order.accepts(mark);
}
