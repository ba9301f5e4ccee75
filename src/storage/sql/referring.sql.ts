import type { ClauseSql } from '../clause-sql.js';

/**
 * Which of the questions numbered $n find a current resource of their type that has their key and meets their conditions. Questions of
 * one shape, which differ in values alone, share a branch: its columns are arrays, an element a question. Each key is looked up by itself, so
 * that what is common is not gathered.
 */
export function referringBranch(columns: readonly string[], conditions: readonly ClauseSql[]): string {
  const names = ['n', 'type', 'key', ...columns.slice(3).map((_, index) => `p${String(index)}`)];
  const ofClauses = (byKey: boolean) => conditions.filter((one) => (one.byKey ?? false) === byKey).map(({ sql }) => sql);
  return `
  SELECT c.n
  FROM unnest(${columns.join(', ')}) AS c (${names.join(', ')})
  CROSS JOIN LATERAL (
    WITH keyed AS MATERIALIZED (
      SELECT r.rid, r.type, r.id, r.version, r.last_updated, r.keys, r.deleted
      FROM resource AS r
      WHERE ${['r.keys @> ARRAY[c.key]', ...ofClauses(true)].join(' AND ')}
    )
    SELECT FROM keyed AS r WHERE ${['r.type = c.type', 'NOT r.deleted', ...ofClauses(false)].join(' AND ')} LIMIT 1
  ) AS hit`;
}
