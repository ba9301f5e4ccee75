import type { LinkedQuery } from '../search/query.js';
import { Bindings, type SearchStatement } from './bindings.js';
import { clauseSql } from './clause-sql.js';
import { referringBranch } from './sql/referring.sql.js';

/** Who refers to a resource: resources of a type that have this key, and of which a query holds. */
export interface ReferringQuestion {
  key: number;
  source: LinkedQuery;
}

/** One statement for all questions, which gives the places of those that find somebody. */
export function referringStatement(questions: readonly ReferringQuestion[]): SearchStatement {
  const shapes = new Map<string, { rows: Row[]; conditions: ReturnType<typeof conditionsOf>['conditions'] }>();
  questions.forEach(({ key, source }, n) => {
    const { conditions, values } = conditionsOf(source);
    const shape = conditions.map(({ sql, byKey }) => `${sql} ${String(byKey)}`).join('\n');
    let known = shapes.get(shape);
    if (known === undefined) shapes.set(shape, (known = { rows: [], conditions }));
    known.rows.push([n, source.type, key, ...values]);
  });
  const bindings = new Bindings();
  const branches = [...shapes.values()].map(({ rows, conditions }) => {
    const columns = rows[0]!.map((_, column) => {
      const type = TYPES[column] ?? 'text[]';
      return `${bindings.bind(rows.map((row) => row[column]))}::${type}`;
    });
    return referringBranch(columns, conditions);
  });
  return bindings.statement(branches.join('\n  UNION ALL'));
}

type Row = [n: number, type: string, key: number, ...values: string[]];
const TYPES: readonly string[] = ['integer[]', 'text[]', 'bigint[]'];
const INT4 = 0x8000_0000;

/** What `source` asks, its values being columns p0, p1 … of texts. */
function conditionsOf(source: LinkedQuery) {
  const values: string[] = [];
  const bind = (value: unknown): string => {
    const column = `c.p${String(values.length)}`;
    values.push(textOf(value));
    if (typeof value !== 'number') return column;
    return Number.isInteger(value) && value >= -INT4 && value < INT4 ? `${column}::integer` : `${column}::float8`;
  };
  const conditions = source.clauses.map((clause) => clauseSql(source.type, clause, bind));
  if (source.links.length > 0 || conditions.some(({ exact }) => !exact))
    throw new Error('Who refers by _has is asked of the index alone');
  return { conditions, values };
}

/** A value as PostgreSQL reads it from a text. */
function textOf(value: unknown): string {
  if (!Array.isArray(value)) return String(value);
  return `{${value.map((one) => (typeof one === 'number' ? String(one) : `"${String(one).replace(/["\\]/g, '\\$&')}"`)).join(',')}}`;
}
