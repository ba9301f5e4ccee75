import type { Change } from '../fhir/change.js';
import { FhirError } from '../fhir/fhir-error.js';
import {
  type HistoryOptions,
  type HistoryPage,
  type HistoryScope,
  type PageMark,
  ResourceReader,
  type SearchOptions,
  type SearchPage,
} from '../pull/resource-reader.js';
import type { Query } from '../search/query.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import { clauseHolds } from '../search/clause-holds.js';
import { changeOf, type ChangeRow } from './change-row.js';
import { CoalescedReads } from './coalesced-reads.js';
import type { Queryable } from './database.js';
import { storageFailure } from './database-failure.js';
import type { SearchStatement } from './bindings.js';
import { SearchPlan, type SearchRow } from './search-plan.js';
import { CURRENT_RESOURCES } from './sql/current-resources.sql.js';
import { historyCountStatement, historyStatement } from './sql/history.sql.js';
import { RESOURCE_VERSION } from './sql/resource-version.sql.js';

/** Candidates read at a time where they have to be verified in memory. */
const VERIFIED_AT_A_TIME = 500;

/** The reading side of the store on PostgreSQL. Bodies pass through as text; only candidates that need verifying are parsed. */
export class PostgresResourceReader extends ResourceReader {
  private readonly reads: CoalescedReads<{ type: string; id: string }, Change>;

  /**
   * @param db for reads by key and history
   * @param searches for searches, whose statements the server cancels after `budgetMilliseconds`
   */
  constructor(
    private readonly db: Queryable,
    private readonly searches: Queryable,
    private readonly semantics: SearchSemantics,
    private readonly budgetMilliseconds: number,
  ) {
    super();
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
    return withinBudget(async () => {
      const plan = new SearchPlan(query);
      const deadline = Date.now() + this.budgetMilliseconds;
      if (options.after !== undefined && !plan.accepts(options.after))
        throw new FhirError('value', 'This page mark fits another query', '_page');
      if (query.countOnly) return { matches: [], total: await this.total(plan, deadline) };
      const page = await this.matches(plan, options, deadline);
      const total = await this.wantedTotal(query, plan, page, options.after, deadline);
      return total === undefined ? page : { ...page, total };
    });
  }

  override async findIds(query: Query, limit: number): Promise<string[]> {
    const { matches } = await withinBudget(() =>
      this.matches(new SearchPlan(query), { count: limit }, Date.now() + this.budgetMilliseconds),
    );
    return matches.map(({ id }) => id);
  }

  private async load(keys: readonly { type: string; id: string }[]): Promise<Map<string, Change>> {
    const rows = await this.db.rows<ChangeRow>(CURRENT_RESOURCES, [keys.map(({ type }) => type), keys.map(({ id }) => id)]);
    return new Map(rows.map((row) => [nameOf(row), changeOf(row)]));
  }

  private async matches(plan: SearchPlan, { count, after }: SearchOptions, deadline: number): Promise<SearchPage> {
    const found: SearchRow[] = [];
    for await (const row of this.verified(plan, count + 1, deadline, after)) {
      if (found.push(row) > count) break;
    }
    const matches = found.slice(0, count).map(changeOf);
    const last = found[count - 1];
    return found.length > count && last !== undefined ? { matches, next: plan.mark(last) } : { matches };
  }

  /** Matching rows in order. Reads `wanted` at first, more only where some of them fail the clauses that SQL cannot decide. */
  private async *verified(plan: SearchPlan, wanted: number, deadline: number, after?: PageMark): AsyncGenerator<SearchRow> {
    const verifies = plan.unverified.length > 0;
    const limit = verifies ? Math.max(wanted, VERIFIED_AT_A_TIME) : wanted;
    let gathers = plan.gathers;
    let place = after;
    let [run, ...runs] = plan.runs(after);
    while (run !== undefined) {
      if (Date.now() > deadline) throw tooCostly();
      let rows: SearchRow[];
      if (gathers) {
        const found = await this.select<SearchRow & { many: boolean; rid: bigint | null }>(plan.gathered(limit, place));
        gathers = found[0]?.many === false;
        if (!gathers) continue;
        rows = found.filter(({ rid }) => rid !== null);
      } else {
        rows = await this.select<SearchRow>(plan.page(run, limit, place));
      }
      for (const row of rows) {
        if (!verifies || this.holds(plan, row)) yield row;
      }
      const last = rows.at(-1);
      if (rows.length === limit && last !== undefined) place = plan.mark(last);
      else if (gathers) return;
      else [run, ...runs] = runs;
    }
  }

  /** The one definition of "matches" decides where the index could only narrow down. */
  private holds(plan: SearchPlan, { body }: SearchRow): boolean {
    if (body === null) return false;
    const values = this.semantics.extract(plan.type, JSON.parse(body));
    return plan.unverified.every((clause) => clauseHolds(clause, values));
  }

  private async wantedTotal(query: Query, plan: SearchPlan, page: SearchPage, after: PageMark | undefined, deadline: number) {
    if (query.total === 'none') return undefined;
    if (page.next === undefined && after === undefined) return page.matches.length;
    if (query.total === 'accurate') return this.total(plan, deadline);
    return query.total === 'estimate' ? this.estimate(plan) : undefined;
  }

  private async total(plan: SearchPlan, deadline: number): Promise<number> {
    if (plan.unverified.length === 0) return this.countOf(plan.count());
    let total = 0;
    for await (const _ of this.verified(plan, VERIFIED_AT_A_TIME, deadline)) total++;
    return total;
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

const EXACT_ESTIMATE = 1000;

const nameOf = ({ type, id }: { type: string; id: string }) => `${type}/${id}`;

function historyMark({ version, position }: Change, ofInstance: boolean): PageMark {
  return ofInstance
    ? { keys: [], tie: String(version) }
    : { keys: [String(position.epoch), String(position.xid)], tie: String(position.seq) };
}

/** PostgreSQL's `query_canceled`: the statement's time ran out. */
const CANCELLED = '57014';

async function withinBudget<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw (error as { code?: unknown }).code === CANCELLED ? tooCostly() : storageFailure(error).error;
  }
}

function tooCostly(): FhirError {
  return new FhirError('too-costly', 'The query took longer than this server allows and was cancelled; narrow it down');
}
