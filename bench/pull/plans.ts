import { join } from 'node:path';
import { built } from '../built.ts';

/** A statement that a request came to, as PostgreSQL carried it out. */
export interface Plan {
  text: string;
  milliseconds: number;
  /** Pages of 8 KB that were looked at. */
  buffers: number;
  /** What must not be: tables or indexes of the resources read as a whole. */
  faults: string[];
}

export interface Explained {
  plans(path: string): Promise<Plan[]>;
  close(): Promise<void>;
}

/** Tables whose size goes with the number of resources. */
const BIG = new Set([
  'resource',
  'resource_version',
  'search_date',
  'search_number',
  'search_quantity',
  'search_string',
  'resource_words',
]);
/** Rows met by one node, as a share of the table: from there on it counts as read whole. Small tables may be. */
const WHOLE = 0.5;
const SMALL = 100_000;

/**
 * Answers requests of the pull side in this process, by the hub's own classes and with the settings of its own connections, on the
 * database in `dataDir`; every statement is explained as it is carried out.
 */
export async function explained(dataDir: string): Promise<Explained> {
  const [
    { SearchDatabase },
    { PostgresResourceReader },
    { PostgresCompartmentMembers },
    { socketUrl },
    { SearchSemantics },
    { SearchDefinitions },
    { Compartments },
    { readSearch },
    { pairsOfUrl },
    { FaceReader },
    { Everything },
  ] = await Promise.all([
    built<typeof import('../../src/storage/search-database.js')>('storage/search-database.js'),
    built<typeof import('../../src/storage/resource-reader.js')>('storage/resource-reader.js'),
    built<typeof import('../../src/storage/compartment-members.js')>('storage/compartment-members.js'),
    built<typeof import('../../src/storage/postgres/socket-folder.js')>('storage/postgres/socket-folder.js'),
    built<typeof import('../../src/search/search-semantics.js')>('search/search-semantics.js'),
    built<typeof import('../../src/search/search-definitions.js')>('search/search-definitions.js'),
    built<typeof import('../../src/search/compartments.js')>('search/compartments.js'),
    built<typeof import('../../src/pull/search-request.js')>('pull/search-request.js'),
    built<typeof import('../../src/pull/query-pairs.js')>('pull/query-pairs.js'),
    built<typeof import('../../src/pull/face-reader.js')>('pull/face-reader.js'),
    built<typeof import('../../src/pull/everything.js')>('pull/everything.js'),
  ]);
  const database = new SearchDatabase(socketUrl(join(dataDir, 'postgres'), 'carillon'), 2, () => {}, BUDGET);
  const sizes = await tableSizes(database);
  let kept: Plan[] = [];
  const explaining: import('../../src/storage/database.js').Transactional = {
    transaction: (work) => work(explaining),
    rows: async <Row>(sql: Sql, values: readonly unknown[] = []): Promise<Row[]> => {
      kept.push(await planOf(database, sql, values, sizes));
      return database.rows<Row>(sql, values);
    },
    run: (sql: Sql, values: readonly unknown[] = []) => database.run(sql, values),
  };
  const semantics = new SearchSemantics(SearchDefinitions.load(), []);
  const stored = new PostgresResourceReader(explaining, explaining, semantics, BUDGET);
  const reader = new FaceReader(stored, semantics, []);
  const everything = new Everything(reader, new PostgresCompartmentMembers(explaining), Compartments.load(), semantics, BUDGET);
  const answer = async (path: string): Promise<void> => {
    const [address = ''] = path.split('?');
    const [type = '', id = '', operation] = address.split('/');
    if (operation === '$everything') return void (await everything.page('r4b', type, id, { count: 200, used: [] }));
    if (id !== '') return void (await reader.current('r4b', type, id));
    const search = readSearch(semantics, { types: [type], path: type }, pairsOfUrl(path), 'strict');
    const { matches } = await reader.searchAll('r4b', search.queries, { count: search.count });
    await reader.include('r4b', search.queries[0], matches);
  };
  return {
    async plans(path) {
      kept = [];
      await answer(path);
      return kept;
    },
    close: () => database.close(),
  };
}

const BUDGET = 60_000;

type Sql = { name?: string; text: string };
type Rows = { rows<Row>(sql: Sql, values?: readonly unknown[]): Promise<Row[]> };

/** A node of EXPLAIN (FORMAT JSON). */
interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Actual Rows'?: number;
  'Actual Loops'?: number;
  'Rows Removed by Filter'?: number;
  'Rows Removed by Index Recheck'?: number;
  'Shared Hit Blocks'?: number;
  'Shared Read Blocks'?: number;
  Plans?: PlanNode[];
}

async function planOf(database: Rows, sql: Sql, values: readonly unknown[], sizes: ReadonlyMap<string, number>): Promise<Plan> {
  const [measured] = await database.rows<{
    'QUERY PLAN': [{ Plan: PlanNode; 'Execution Time': number; 'Planning Time': number }];
  }>({ text: `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${sql.text}` }, values);
  const lines = await database.rows<{ 'QUERY PLAN': string }>({ text: `EXPLAIN (ANALYZE, BUFFERS) ${sql.text}` }, values);
  const kept = sql.name === undefined ? [] : await keptPlan(database, sql.text);
  const { Plan: root, 'Execution Time': execution, 'Planning Time': planning } = measured!['QUERY PLAN'][0];
  return {
    text: [sql.text.trim(), lines.map((line) => line['QUERY PLAN']).join('\n'), ...kept].join('\n\n'),
    milliseconds: execution + planning,
    buffers: (root['Shared Hit Blocks'] ?? 0) + (root['Shared Read Blocks'] ?? 0),
    faults: [...faultsOf(root, sizes), ...kept.flatMap(seqScansIn)],
  };
}

/** The plan that a named statement may come to use for all values. */
async function keptPlan(database: Rows, text: string): Promise<string[]> {
  const lines = await database.rows<{ 'QUERY PLAN': string }>({ text: `EXPLAIN (GENERIC_PLAN) ${text}` });
  return [`Kept for all values:\n${lines.map((line) => line['QUERY PLAN']).join('\n')}`];
}

function seqScansIn(plan: string): string[] {
  return [...plan.matchAll(/Seq Scan on (\w+)/g)].flatMap(([found, table = '']) =>
    BIG.has(table) ? [`${found}, in the plan kept`] : [],
  );
}

function* faultsOf(node: PlanNode, sizes: ReadonlyMap<string, number>): Generator<string> {
  const table = node['Relation Name'];
  const kind = node['Node Type'];
  if (table !== undefined && BIG.has(table)) {
    const once =
      (node['Actual Rows'] ?? 0) + (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0);
    const met = once * (node['Actual Loops'] ?? 0);
    const size = sizes.get(table) ?? 0;
    if (kind === 'Seq Scan') yield `${kind} on ${table}`;
    else if (size > SMALL && met > WHOLE * size) yield `${kind} on ${table} meets ${met} of ${size} rows`;
  }
  for (const child of node.Plans ?? []) yield* faultsOf(child, sizes);
}

async function tableSizes(database: Rows): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for (const table of BIG) {
    const [row] = await database.rows<{ count: bigint }>({ text: `SELECT count(*) AS count FROM ${table}` });
    sizes.set(table, Number(row!.count));
  }
  return sizes;
}

/** A table or an index on the disk. */
export interface Size {
  name: string;
  bytes: number;
  isIndex: boolean;
}

export async function sizesOnDisk(dataDir: string): Promise<Size[]> {
  const { SearchDatabase } = await built<typeof import('../../src/storage/search-database.js')>('storage/search-database.js');
  const { socketUrl } = await built<typeof import('../../src/storage/postgres/socket-folder.js')>(
    'storage/postgres/socket-folder.js',
  );
  const database = new SearchDatabase(socketUrl(join(dataDir, 'postgres'), 'carillon'), 1, () => {}, BUDGET);
  try {
    const rows = await database.rows<{ name: string; bytes: bigint; is_index: boolean }>(
      {
        text: `
  SELECT c.relname AS name, c.relkind = 'i' AS is_index,
         pg_relation_size(c.oid) + CASE WHEN c.reltoastrelid = 0 THEN 0 ELSE pg_total_relation_size(c.reltoastrelid) END AS bytes
  FROM pg_class AS c
  LEFT JOIN pg_index AS i ON i.indexrelid = c.oid
  WHERE coalesce(i.indrelid, c.oid) = ANY ($1::text[]::regclass[]) AND c.relkind IN ('r', 'i')
  ORDER BY 3 DESC`,
      },
      [[...BIG]],
    );
    return rows.map(({ name, bytes, is_index }) => ({ name, bytes: Number(bytes), isIndex: is_index }));
  } finally {
    await database.close();
  }
}
