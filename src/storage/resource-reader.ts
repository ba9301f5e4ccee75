import type { Change } from '../fhir/change.js';
import { FhirError } from '../fhir/fhir-error.js';
import {
  type FoundLinks,
  type HistoryOptions,
  type HistoryPage,
  type HistoryScope,
  type LinkedVersion,
  type PageMark,
  ResourceReader,
  type SearchOptions,
  type SearchPage,
  type WantedLinks,
} from '../pull/resource-reader.js';
import type { Query } from '../search/query.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import { changeOf, type ChangeRow } from './change-row.js';
import { CoalescedReads } from './coalesced-reads.js';
import { CommonKeys } from './common-keys.js';
import type { Queryable, Transactional } from './database.js';
import { storageFailure } from './database-failure.js';
import type { SearchStatement } from './bindings.js';
import type { SearchRow } from './search-order.js';
import type { SearchPlan } from './search-plan.js';
import { asksFullText, inIndexedSnapshot } from './indexed-snapshot.js';
import { mergedRows } from './merged-rows.js';
import { PendingKeys } from './pending-keys.js';
import { SEARCH_BOUNDS, type SearchBounds, tooCostly } from './search-bounds.js';
import { acceptsMark, markOf, SearchWalk } from './search-walk.js';
import type { Walk } from './walk.js';
import { CURRENT_RESOURCES } from './sql/current-resources.sql.js';
import { FIND_CONTEXT } from './sql/event-context.sql.js';
import { historyCountStatement, historyStatement } from './sql/history.sql.js';
import { RESOURCE_VERSION } from './sql/resource-version.sql.js';
import { TYPES_PRESENT } from './sql/types-present.sql.js';

/** The reading side of the store on PostgreSQL. Bodies pass through as text; only candidates that need verifying are parsed. */
export class PostgresResourceReader extends ResourceReader {
  private readonly reads: CoalescedReads<{ type: string; id: string }, Change>;
  private readonly common = new CommonKeys();
  private readonly pending: PendingKeys;
  private readonly bounds: SearchBounds;

  /**
   * @param db for reads by key and history
   * @param searches for searches, whose statements the server cancels after `budgetMilliseconds`
   */
  constructor(
    private readonly db: Queryable,
    private readonly searches: Transactional,
    private readonly semantics: SearchSemantics,
    private readonly budgetMilliseconds: number,
    bounds: Partial<SearchBounds> = {},
    /** Called where a search waits for the full-text index. */
    private readonly onWaiting: () => void = () => undefined,
  ) {
    super();
    this.bounds = { ...SEARCH_BOUNDS, ...bounds };
    this.pending = new PendingKeys(searches);
    this.reads = new CoalescedReads((keys) => this.load(keys), nameOf);
  }

  override current(type: string, id: string): Promise<Change | undefined> {
    return this.reads.get({ type, id });
  }

  override async version(type: string, id: string, version: number): Promise<Change | undefined> {
    const [row] = await this.db.rows<ChangeRow>(RESOURCE_VERSION, [type, id, version]);
    return row === undefined ? undefined : changeOf(row);
  }

  override async history(scope: HistoryScope, options: HistoryOptions): Promise<HistoryPage> {
    return withinBudget(async () => {
      const { since, at, after } = options;
      const ofInstance = scope.id !== undefined;
      const limit = options.count + 1;
      const statement = historyStatement(scope, { since, at }, { limit, after });
      const rows = await this.searches.rows<ChangeRow>(statement, statement.values);
      const versions = rows.slice(0, options.count).map(changeOf);
      const last = versions.at(-1);
      const next = rows.length > options.count && last !== undefined ? { next: historyMark(last, ofInstance) } : {};
      if (after === undefined && rows.length <= options.count) return { versions, total: versions.length };
      return ofInstance
        ? { versions, ...next, total: await this.countOf(historyCountStatement(scope, { since, at })) }
        : { versions, ...next };
    });
  }

  override async search(query: Query, options: SearchOptions): Promise<SearchPage> {
    return this.searching([query], async (search) => {
      const walk = await search.begin(query);
      if (options.after !== undefined && !acceptsMark(walk, options.after))
        throw new FhirError('value', 'This page mark fits another query', '_page');
      if (query.countOnly) return { matches: [], total: await search.count(walk) };
      const page = await matches(search, walk, options);
      const total = await this.wantedTotal(query, search, walk, page, options.after);
      return total === undefined ? page : { ...page, total };
    });
  }

  override async searchSeveral(queries: readonly Query[], options: SearchOptions): Promise<SearchPage> {
    const present = new Set(await this.typesPresent());
    const asked = queries.filter(({ type }) => present.has(type));
    return this.searching(asked, async (search) => {
      const [first] = asked;
      if (first === undefined) return { matches: [], ...(queries[0]?.total === 'none' ? {} : { total: 0 }) };
      const walks: Walk[] = [];
      for (const query of asked) walks.push(await search.begin(query));
      const { count, after } = options;
      if (after !== undefined && !walks[0]?.plan.order.accepts(after))
        throw new FhirError('value', 'This page mark fits another query', '_page');
      const counted = async () => {
        let total = 0;
        for (const walk of walks) total += await search.count(walk);
        return total;
      };
      if (first.countOnly) return { matches: [], total: await counted() };
      const { rows, more } = await mergedRows(search, walks, first.sort[0]?.descending ?? true, count, after);
      const last = rows.at(-1);
      const matches = rows.map(changeOf);
      const next = more && last !== undefined && walks[0] !== undefined ? { next: walks[0].plan.order.mark(last) } : {};
      if (first.total === 'none') return { matches, ...next };
      if (!more && after === undefined) return { matches, total: matches.length };
      return first.total === undefined ? { matches, ...next } : { matches, ...next, total: await counted() };
    });
  }

  override async findIds(query: Query, limit: number): Promise<string[]> {
    return this.searching([query], async (search) => {
      const found = await matches(search, await search.begin(query), { count: limit });
      return found.matches.map(({ id }) => id);
    });
  }

  override async linked({ named, versions, keyed }: WantedLinks, limit: number): Promise<FoundLinks> {
    return withinBudget(async () => {
      const rows =
        named.length + keyed.length === 0
          ? []
          : await this.searches.rows<LinkedVersion & { key: bigint | null }>(FIND_CONTEXT, [
              named.map(({ type }) => type),
              named.map(({ id }) => id),
              keyed.map(({ type }) => type),
              keyed.map(({ key }) => key),
              limit,
              MOST_LINKED_BYTES,
            ]);
      const old = await Promise.all(versions.map(({ type, id, version }) => this.version(type, id, version)));
      const whole = rows.filter(({ body }) => body !== null);
      return {
        named: whole.filter(({ key }) => key === null),
        versions: old.flatMap((change) => (change === undefined || change.body === null ? [] : [change])),
        keyed: whole.flatMap(({ key, ...version }) => (key === null ? [] : [{ key: Number(key), version }])),
        complete: whole.length === rows.length,
      };
    });
  }

  override async typesPresent(): Promise<string[]> {
    const rows = await withinBudget(() => this.searches.rows<{ type: string }>(TYPES_PRESENT));
    return rows.map(({ type }) => type);
  }

  /** Full text is searched in one snapshot, since what the index holds and what it does not hold yet are asked for one after the other. */
  private searching<T>(queries: readonly Query[], work: (search: SearchWalk) => Promise<T>): Promise<T> {
    this.pending.searched();
    const deadline = Date.now() + this.budgetMilliseconds;
    const search = (on: Queryable) => new SearchWalk(on, this.semantics, deadline, this.bounds, this.common);
    return withinBudget(() =>
      queries.some(asksFullText)
        ? inIndexedSnapshot(this.searches, deadline, this.onWaiting, (tx) => work(search(tx)))
        : work(search(this.searches)),
    );
  }

  private async load(keys: readonly { type: string; id: string }[]): Promise<Map<string, Change>> {
    const rows = await this.db.rows<ChangeRow>(CURRENT_RESOURCES, [keys.map(({ type }) => type), keys.map(({ id }) => id)]);
    return new Map(rows.map((row) => [nameOf(row), changeOf(row)]));
  }

  private async wantedTotal(query: Query, search: SearchWalk, walk: Walk, page: SearchPage, after: PageMark | undefined) {
    if (query.total === 'none') return undefined;
    if (page.next === undefined && after === undefined) return page.matches.length;
    if (query.total === 'accurate') return search.count(walk);
    return query.total === 'estimate' ? this.estimate(walk.plan) : undefined;
  }

  /** Exact while small; beyond that what the planner thinks, which costs nothing. */
  private async estimate(plan: SearchPlan): Promise<number> {
    const counted = await this.countOf(plan.count(EXACT_ESTIMATE + 1));
    if (counted <= EXACT_ESTIMATE) return counted;
    const { text, values } = plan.count();
    const [row] = await this.select<{ 'QUERY PLAN': { Plan: { Plans?: { 'Plan Rows': number }[] } }[] }>({
      text: `EXPLAIN (FORMAT JSON) ${text}`,
      values,
    });
    return Math.max(counted, row?.['QUERY PLAN'][0]?.Plan.Plans?.[0]?.['Plan Rows'] ?? 0);
  }

  private async countOf(statement: SearchStatement): Promise<number> {
    const [row] = await this.select<{ count: bigint }>(statement);
    return Number(row?.count ?? 0n);
  }

  private select<Row>({ text, values }: SearchStatement): Promise<Row[]> {
    return this.searches.rows<Row>({ text }, values);
  }
}

/** Most bytes of texts that one look-up of linked resources brings into memory. */
const MOST_LINKED_BYTES = 32 * 1024 * 1024;

const EXACT_ESTIMATE = 1000;

async function matches(search: SearchWalk, walk: Walk, { count, after }: SearchOptions): Promise<SearchPage> {
  const found: SearchRow[] = [];
  for await (const row of search.rows(walk, count + 1, after)) {
    if (found.push(row) > count) break;
  }
  const shown = found.slice(0, count).map(changeOf);
  const last = found[count - 1];
  return found.length > count && last !== undefined ? { matches: shown, next: markOf(walk, last) } : { matches: shown };
}

const nameOf = ({ type, id }: { type: string; id: string }) => `${type}/${id}`;

function historyMark({ version, position }: Change, ofInstance: boolean): PageMark {
  return ofInstance
    ? { keys: [], tie: String(version) }
    : { keys: [String(position.epoch), String(position.xid)], tie: String(position.seq) };
}

/** PostgreSQL's `query_canceled`: the statement's time ran out. */
const CANCELLED = '57014';

export async function withinBudget<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw (error as { code?: unknown }).code === CANCELLED ? tooCostly() : storageFailure(error).error;
  }
}
