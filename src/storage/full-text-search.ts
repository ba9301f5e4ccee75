import { clauseHolds } from '../search/clause-holds.js';
import type { Clause, ClauseValue } from '../search/query.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import type { Bind, SearchStatement } from './bindings.js';
import type { ClauseSql } from './clause-sql.js';
import {
  RESOURCES_WITH_PHRASES,
  RESOURCES_WITH_WORDS,
  UNDECIDED_RESOURCES,
  UNINDEXED_RESOURCES,
} from './sql/full-text-search.sql.js';
import { VERSION_BODIES } from './sql/version-bodies.sql.js';
import { textQuerySql, type TextQuerySql } from './text-query-sql.js';

/** A resource as it is in the snapshot of a search. */
interface Found {
  rid: bigint;
  version: number;
}

/** What a full-text clause comes to for one type, in one snapshot: a list of all matches, or too many of them to be listed. */
export type TextFinding =
  | { kind: 'listed'; rids: readonly bigint[] }
  /** `tested`: matches that the index does not tell. */
  | { kind: 'common'; query: TextQuerySql; tested: readonly Found[] };

/** Most changes behind the index that a search looks at itself. */
export const MOST_UNINDEXED = 2_000;
/** Texts read at a time. */
const TESTED_AT_A_TIME = 50;

/**
 * Full-text clauses of one search, within one snapshot. The index (`resource_words`) stands a little behind the change log: what changed since
 * is tested here, by the one definition of "matches", and so is what is too long for it.
 */
export class FullTextSearch {
  private unindexed?: Promise<readonly (Found & { type: string; id: string; deleted: boolean })[]>;

  constructor(
    private readonly select: <Row>(statement: SearchStatement) => Promise<Row[]>,
    private readonly semantics: SearchSemantics,
    /** Most matches that are listed. What is more common is soon met by whoever walks in order. */
    private readonly mostListed: number,
  ) {}

  async find(type: string, clauses: readonly Clause[]): Promise<ReadonlyMap<Clause, TextFinding>> {
    const findings = new Map<Clause, TextFinding>();
    for (const clause of clauses) {
      const [value] = clause.values;
      if (value?.type === 'full-text') findings.set(clause, await this.findingOf(type, clause, value));
    }
    return findings;
  }

  private async findingOf(type: string, clause: Clause, { query }: ClauseValue & { type: 'full-text' }): Promise<TextFinding> {
    const sql = textQuerySql(type, query, clause.parameter.code === '_text' ? 'A' : '');
    this.unindexed ??= this.select({ text: UNINDEXED_RESOURCES.text, values: [MOST_UNINDEXED] });
    const unindexed = await this.unindexed;
    const changed = new Set(unindexed.map(({ rid }) => rid));
    const undecided = await this.select<Found & { id: string }>({
      text: UNDECIDED_RESOURCES.text,
      values: [type, sql.withoutPlaces ?? null],
    });
    const tested = await this.tested(type, clause, [
      ...unindexed.filter((resource) => resource.type === type && !resource.deleted),
      ...undecided.filter(({ rid }) => !changed.has(rid)),
    ]);
    const { text } = sql.withoutPlaces === undefined ? RESOURCES_WITH_WORDS : RESOURCES_WITH_PHRASES;
    const found = await this.select<Found>({ text, values: [sql.exact, this.mostListed + 1] });
    if (found.length > this.mostListed) return { kind: 'common', query: sql, tested };
    // A row of a resource that has changed since speaks of an old version.
    const current = found.filter(({ rid }) => !changed.has(rid));
    return { kind: 'listed', rids: [...current, ...tested].map(({ rid }) => rid) };
  }

  private async tested<Each extends Found & { id: string }>(
    type: string,
    clause: Clause,
    resources: readonly Each[],
  ): Promise<Found[]> {
    const holding: Found[] = [];
    for (let from = 0; from < resources.length; from += TESTED_AT_A_TIME) {
      const some = resources.slice(from, from + TESTED_AT_A_TIME);
      const bodies = await this.select<{ id: string; body: string }>({
        text: VERSION_BODIES.text,
        values: [type, some.map(({ id }) => id), some.map(({ version }) => version)],
      });
      const texts = new Map(bodies.map(({ id, body }) => [id, body]));
      for (const { id, rid, version } of some) {
        const body = texts.get(id);
        if (body !== undefined && clauseHolds(clause, this.semantics.extract(type, JSON.parse(body))))
          holding.push({ rid, version });
      }
    }
    return holding;
  }
}

/**
 * A finding as a condition on `resource AS r`.
 * @param whole whether all matches are wanted, and not the first of some order: then the index leads
 */
export function textFindingSql(finding: TextFinding, bind: Bind, whole: boolean): ClauseSql {
  if (finding.kind === 'listed') return { sql: `r.rid = ANY (${bind(finding.rids)}::bigint[])`, exact: true, byKey: true };
  const { query, tested } = finding;
  const holds = `w.words @@ ${bind(query.exact)}::tsquery${query.withoutPlaces === undefined ? '' : ' AND w.placed'}`;
  const rids = `${bind(tested.map(({ rid }) => rid))}::bigint[]`;
  if (!whole)
    return {
      sql: `(r.rid = ANY (${rids}) OR EXISTS (
        SELECT FROM resource_words AS w WHERE w.rid = r.rid AND w.version = r.version AND ${holds} OFFSET 0))`,
      exact: true,
    };
  const versions = `${bind(tested.map(({ version }) => version))}::integer[]`;
  return {
    sql: `(r.rid, r.version) IN (
        SELECT w.rid, w.version FROM resource_words AS w WHERE ${holds} UNION ALL SELECT * FROM unnest(${rids}, ${versions}))`,
    exact: true,
  };
}
