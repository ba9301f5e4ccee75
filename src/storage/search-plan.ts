import type { PageMark } from '../pull/resource-reader.js';
import type { Clause, Query, Reach } from '../search/query.js';
import { type Bind, Bindings, type SearchStatement } from './bindings.js';
import { atMost, columnsFor, foundByKeys, foundByRange, type Source } from './candidates.js';
import { CHANGE_COLUMNS } from './change-row.js';
import { clauseSql, type ClauseSql, reachSql } from './clause-sql.js';
import { type TextFinding, textFindingSql } from './full-text-search.js';
import { boundedConditions, groupSql, leadsByRange, rangeBranches, type RowGroup, rowGroups } from './row-groups.js';
import { farthestValue, noRowBefore, type Reading, type Run, SearchOrder } from './search-order.js';
import { StatementNames } from './statement-names.js';

/**
 * How a query is answered. `unverified` are the clauses that the index can only narrow down: their candidates are to be tested in memory.
 *
 * A page is read in at most two runs: resources that have a value to sort by (walked along the index of that value where nothing more
 * selective is at hand), then those that have none, which come last in either direction.
 */
export class SearchPlan {
  readonly unverified: readonly Clause[];
  readonly type: string;
  readonly order: SearchOrder;
  /** Clauses that rows decide, and the others. */
  private readonly groups: readonly RowGroup[];
  private readonly others: readonly Clause[];

  /**
   * @param reached what the links of the query came to: a match is in every one of them
   * @param texts what its full-text clauses came to
   */
  constructor(
    private readonly query: Pick<Query, 'type' | 'clauses' | 'sort'>,
    private readonly reached: readonly Reach[] = [],
    private readonly texts: ReadonlyMap<Clause, TextFinding> = new Map(),
  ) {
    this.unverified = query.clauses.filter((clause) => !texts.has(clause) && !clauseSql(query.type, clause, () => '').exact);
    this.type = query.type;
    ({ groups: this.groups, others: this.others } = rowGroups(query.clauses));
    this.order = new SearchOrder(query.type, query.sort);
  }

  /** The runs a page may take, beginning at `after`. */
  runs(after?: PageMark): Run[] {
    const first = this.order.first;
    if (first === undefined || first.kind === 'column') return ['all'];
    if (this.walkedGroup !== undefined) return ['present'];
    return after !== undefined && after.keys[0] === null ? ['missing'] : ['present', 'missing'];
  }

  /**
   * Up to `limit` rows of one run in order, after `after`; of the resources that lie there in order no more than `among` are looked at. Fewer
   * rows than `limit` may then mean that the others lie further on.
   */
  page(run: Run, limit: number, after?: PageMark, among?: number): SearchStatement {
    const bindings = new Bindings();
    const { bind } = bindings;
    const walked = run === 'present' ? this.walkedGroup : undefined;
    const page = this.pageSql(run, 'resource', this.clausesSql(bind, { met: walked, probes: true }), limit, after, bind, among);
    return bindings.statement(`${page} ORDER BY ${this.order.sorted(run, 'q.')}`);
  }

  /** What candidates can be looked up by, one after the other while there are too many; empty: they are met by walking alone. */
  get sources(): readonly Source[] {
    const byKey = this.clausesSql(() => '').some((clause) => clause.byKey === true);
    // Where one of the ranges is walked in order anyhow, looking them up first would gain nothing.
    const ranges = this.groups.filter((group) => group !== this.walkedGroup && leadsByRange(group));
    return [...(byKey ? (['keys'] as const) : []), ...ranges];
  }

  /** Whether all that match may be fewer than what is met on the way to them. */
  get isSelective(): boolean {
    return this.texts.size > 0 || this.sources.length > 0;
  }

  /** Says what candidates are looked up by, the same for the same; undefined where resources are listed, too, which differ each time. */
  askedOf(source: Source): string | undefined {
    const values: unknown[] = [];
    const bind = (value: unknown) => `$${String(values.push(value))}`;
    if (source !== 'keys')
      return JSON.stringify([this.type, source.param, rangeBranches(source, bind).map(({ met }) => met), values]);
    if ([...this.texts.values()].some(({ kind }) => kind === 'listed')) return undefined;
    const ofKeys = this.query.clauses.flatMap((clause) => {
      const kept: unknown[] = [];
      const { byKey, sql } = clauseSql(this.type, clause, (value) => `$${String(kept.push(value))}`);
      return byKey === true ? [sql, kept] : [];
    });
    return JSON.stringify([this.type, ofKeys, this.reached]);
  }

  /**
   * The same in one go where candidates are few, which nobody knows before: the statistics hold only the most common keys. All candidates
   * are gathered by one source, up to `most`, and the rest is done with those. (They are read no further than that; a limit
   * where they are found by keys would lead the planner to walk the primary key instead.) If there are more, the only row says so
   * (`many`) and another way is better, since walking in order soon meets enough of what is common. `all`: candidates are what meets every
   * condition.
   */
  gathered(source: Source | 'all', limit: number, after: PageMark | undefined, most: number): SearchStatement {
    const bindings = new Bindings();
    const { bind } = bindings;
    const isRange = typeof source === 'object';
    const clauses = this.clausesSql(bind, { met: isRange ? source : undefined, probes: isRange, whole: source === 'all' });
    const early = isRange ? [] : clauses.filter(({ byKey }) => source === 'all' || byKey === true);
    const late = clauses.filter((clause) => !early.includes(clause));
    const limited = bind(most);
    const ofType = this.ofType(bind);
    const candidates = isRange
      ? foundByRange(source, ofType, limited, bind)
      : foundByKeys(early, ofType, { columns: columnsFor(late), limit: `${limited} + 1` });
    const counted = isRange ? 'hit' : 'found';
    const fewEnough: ClauseSql = { sql: atMost(counted, limited), exact: true };
    const page = this.pageSql('gathered', 'found', [fewEnough, ...late], limit, after, bind);
    const statement = bindings.statement(`
  WITH ${candidates.trim()}
  SELECT f.many, page.*
  FROM (SELECT count(*) > ${limited} AS many FROM ${counted}) AS f
  LEFT JOIN (${page}) AS page ON NOT f.many
  ORDER BY ${this.order.sorted('gathered', 'page.')}`);
    return source === 'keys' ? { ...statement, name: BY_KEYS.nameOf(statement.text) } : statement;
  }

  /** The group on the parameter that the results are sorted by, if each resource has one value of it: its range is walked, and no more. */
  private get walkedGroup(): RowGroup | undefined {
    const { first } = this.order;
    if (first?.kind !== 'narrow' || !first.single) return undefined;
    return this.groups.find(({ param }) => param === first.param);
  }

  private pageSql(
    run: Reading,
    source: 'resource' | 'found',
    conditions: readonly ClauseSql[],
    limit: number,
    after: PageMark | undefined,
    bind: Bind,
    among?: number,
  ): string {
    const where: string[] = [];
    /** Conditions that decide where the walk begins and ends. */
    const ofWalk: string[] = [];
    const from: string[] = [];
    const keys = this.order.orders.map((order, i): string => {
      const alias = `s${String(i)}`;
      if (order.kind === 'column') return order.sql;
      if (i > 0 || run === 'gathered') {
        from.push(`CROSS JOIN LATERAL (${farthestValue(order, bind)}) AS ${alias}`);
        return `${alias}.value`;
      }
      if (run === 'missing') {
        where.push(`NOT EXISTS (SELECT FROM ${order.table} AS o WHERE o.rid = r.rid AND o.param = ${bind(order.param)})`);
        return `NULL::${order.cast}`;
      }
      ofWalk.push(`s0.param = ${bind(order.param)}`);
      if (this.walkedGroup !== undefined) ofWalk.push(...boundedConditions(this.walkedGroup, 's0', bind));
      if (!order.single) where.push(noRowBefore(order, bind));
      return order.value('s0');
    });
    // The walked index bears the rid too; named so, the order is the index's own.
    const tie = run === 'present' ? 's0.rid' : 'r.rid';
    // The missing follow the present: a mark among the present lies before all of them.
    if (after !== undefined && (run !== 'missing' || after.keys[0] === null))
      (keys.length === 1 ? ofWalk : where).push(this.order.afterMark(run, keys, tie, after, bind));
    const ofType = source === 'resource' ? this.ofType(bind) : [];
    const walked = this.order.first?.kind === 'narrow' && run === 'present' ? this.order.first : undefined;
    if (walked === undefined)
      ofWalk.push(...ofType, ...conditions.filter(({ ofColumn }) => ofColumn === true).map(({ sql }) => sql));
    else where.push(...ofType);
    where.push(...conditions.filter(({ ofColumn }) => walked !== undefined || ofColumn !== true).map(({ sql }) => sql));
    const inOrder = () => this.order.sorted(run, '', keys, tie);
    const bounded = (table: string, alias: string) =>
      among === undefined || run === 'missing'
        ? { table: `${table} AS ${alias}`, rest: ofWalk }
        : {
            table: `(SELECT ${alias}.ctid, ${alias}.* FROM ${table} AS ${alias} WHERE ${ofWalk.join(' AND ')} ORDER BY ${inOrder()} LIMIT ${bind(among)}) AS ${alias}`,
            rest: [],
          };
    const { table, rest } = walked === undefined ? bounded(source, 'r') : bounded(walked.table, 's0');
    where.unshift(...rest);
    if (walked !== undefined) from.unshift('JOIN resource AS r ON r.rid = s0.rid');
    return `
  SELECT ${CHANGE_COLUMNS}, q.*
  FROM (
    SELECT r.rid, r.type AS of_type, r.id AS of_id, r.version AS of_version${keys.map((key, i) => `, ${key} AS o${String(i)}, (${key})::text AS k${String(i)}`).join('')}
    FROM ${table} ${from.join(' ')}
    WHERE ${where.length === 0 ? 'true' : where.join('\n      AND ')}
    ORDER BY ${inOrder()}
    LIMIT ${bind(limit)}
  ) AS q
  JOIN resource_version AS v ON v.type = q.of_type AND v.id = q.of_id AND v.version = q.of_version`;
  }

  /** How many resources the index finds. */
  count(atMost?: number): SearchStatement {
    const bindings = new Bindings();
    const where = this.conditions(bindings.bind, true).join('\n      AND ');
    return atMost === undefined
      ? bindings.statement(`SELECT count(*) AS count FROM resource AS r WHERE ${where}`)
      : bindings.statement(
          `SELECT count(*) AS count FROM (SELECT FROM resource AS r WHERE ${where} LIMIT ${bindings.bind(atMost)}) AS counted`,
        );
  }

  /**
   * The ids of up to `limit` resources that the index finds, in no order. The inner query is planned as if all were read: a limit would lead
   * the planner to walk a table in the hope of meeting enough soon.
   */
  ids(limit: number): SearchStatement {
    const bindings = new Bindings();
    const { bind } = bindings;
    return bindings.statement(`
  WITH ${foundByKeys(this.clausesSql(bind), this.ofType(bind), { columns: 'r.id, r.version', limit: bind(limit) }).trim()}
  SELECT id, version FROM found`);
  }

  /** Which of these keys the resources have that the index finds: all in one pass, since each look-up passes what the index has not sorted in yet. */
  keysHit(keys: readonly number[]): SearchStatement {
    const bindings = new Bindings();
    const bind = bindings.bind;
    const asked = `${bind(keys)}::bigint[]`;
    const clauses = this.clausesSql(bind);
    const ofClauses = (byKey: boolean) => clauses.filter((clause) => (clause.byKey ?? false) === byKey).map(({ sql }) => sql);
    return bindings.statement(`
  WITH keyed AS MATERIALIZED (
    SELECT r.rid, r.type, r.id, r.version, r.last_updated, r.keys, r.deleted
    FROM resource AS r
    WHERE ${[`r.keys && ${asked}`, ...ofClauses(true)].join(' AND ')}
  )
  SELECT DISTINCT hit.key
  FROM keyed AS r
  CROSS JOIN LATERAL unnest(r.keys) AS hit (key)
  WHERE ${[...this.ofType(bind), ...ofClauses(false), `hit.key = ANY (${asked})`].join(' AND ')}`);
  }

  /** @param whole whether all that meet them are wanted, and not the first of some order */
  private conditions(bind: Bind, whole = false): string[] {
    return [...this.ofType(bind), ...this.clausesSql(bind, { whole }).map(({ sql }) => sql)];
  }

  private ofType(bind: Bind): string[] {
    return [`r.type = ${bind(this.type)}`, 'NOT r.deleted'];
  }

  /** All conditions, but of a group that is met already. `whole`: all that meet them are wanted, not the first of some order or of a few. */
  private clausesSql(
    bind: Bind,
    { met, probes = false, whole = false }: { met?: RowGroup; probes?: boolean; whole?: boolean } = {},
  ): ClauseSql[] {
    return [
      ...this.others.map((clause) => {
        const text = this.texts.get(clause);
        return text === undefined ? clauseSql(this.type, clause, bind, probes) : textFindingSql(text, bind, whole);
      }),
      ...this.groups.filter((group) => group !== met).map((group) => ({ sql: groupSql(group, probes, bind), exact: true })),
      ...this.reached.map((reach) => reachSql(reach, bind)),
    ];
  }
}

/** Gathering by keys goes one way whatever the keys are: planned anew each time, a search by patient and code took the database twice as long. */
const BY_KEYS = new StatementNames('by-keys');
