import pg from 'pg';
import { isUnanswered } from './database-failure.js';
import { DEAD_PEER_PROBES, DEAD_PEER_SETTINGS, sessionOptions } from './dead-peers.js';

/** A statement written by hand. `name` makes it prepared: parsed once per connection. Leave it out where the text varies. */
export interface Sql {
  name?: string;
  text: string;
}

export interface Queryable {
  /** int8, xid8 and their arrays arrive as bigint, timestamptz as Date (to the millisecond; ±Infinity as number). */
  rows<Row>(sql: Sql, values?: readonly unknown[]): Promise<Row[]>;
  /** For statements without result rows: the number of rows touched. */
  run(sql: Sql, values?: readonly unknown[]): Promise<number>;
}

const INT8 = 20;
const INT8_ARRAY = 1016;
const XID8 = 5069;

const types: pg.CustomTypesConfig = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    if (oid === INT8 || oid === XID8) return (text: string) => BigInt(text);
    if (oid === INT8_ARRAY) return (text: string) => (text === '{}' ? [] : text.slice(1, -1).split(',').map(BigInt));
    return pg.types.getTypeParser(oid, format as 'text');
  },
};

const USUAL_SETTINGS = { statement_timeout: 30_000, idle_in_transaction_session_timeout: 10_000, timezone: 'UTC' };
/** Longest wait for a connection, be it a free one of the pool or a new one. */
const CONNECT_MILLISECONDS = 10_000;
/** The server cancels a statement at its time-out and says so. Where nothing is heard so long after, the connection leads nowhere. */
const SILENCE_MILLISECONDS = 5_000;
/**
 * Bounds a transaction as a whole, beyond what its statements may take. Where the way to us breaks between two messages of one question,
 * the server waits for the rest under neither `statement_timeout` nor `idle_in_transaction_session_timeout`; as long as something on the
 * way holds its end open, so would the locks of the transaction, and its place at the horizon of the log, behind which nothing is
 * matched. Known to PostgreSQL from 17 on; an older one is left to its keepalives.
 */
const BOUND_TRANSACTIONS = `
  SELECT CASE WHEN current_setting('server_version_num')::integer >= 170000 THEN set_config('transaction_timeout', $1, false) END`;
const TRANSACTION_STATEMENTS = 2;
const TRANSACTION_SLACK_MILLISECONDS = 10_000;

/** A database of which nothing else is used. */
export type Transactional = Queryable & Pick<Database, 'transaction'>;

const BEGIN_SNAPSHOT = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY';

/** PostgreSQL as the stages' stores see it: prepared statements on a pool, and transactions. */
export class Database implements Queryable {
  private readonly pool: pg.Pool;

  constructor(
    connectionString: string,
    maxConnections: number,
    onIdleError: (error: Error) => void,
    /** Settings of PostgreSQL for these connections, over the usual ones; time-outs in milliseconds. */
    {
      transaction_timeout,
      ...settings
    }: Readonly<Record<string, string | number> & { statement_timeout?: number; transaction_timeout?: number }> = {},
  ) {
    const all = { ...USUAL_SETTINGS, ...settings };
    const mostMilliseconds =
      transaction_timeout ?? TRANSACTION_STATEMENTS * all.statement_timeout + TRANSACTION_SLACK_MILLISECONDS;
    this.pool = new pg.Pool({
      connectionString,
      max: maxConnections,
      types,
      application_name: 'carillon',
      options: sessionOptions({ ...DEAD_PEER_SETTINGS, ...all }),
      connectionTimeoutMillis: CONNECT_MILLISECONDS,
      query_timeout: all.statement_timeout + SILENCE_MILLISECONDS,
      ...DEAD_PEER_PROBES,
      // Waited for before the connection is used.
      onConnect: (client) => client.query(BOUND_TRANSACTIONS, [String(mostMilliseconds)]) as unknown as void,
    });
    // Without a listener a connection that the server closes would end the process: an idle one, and one in a transaction between two
    // statements, of which the next fails.
    this.pool.on('error', onIdleError);
    this.pool.on('connect', (client) => client.on('error', () => {}));
  }

  async rows<Row>(sql: Sql, values: readonly unknown[] = []): Promise<Row[]> {
    return rowsOn<Row>(this.pool, sql, values);
  }

  async run(sql: Sql, values: readonly unknown[] = []): Promise<number> {
    return runOn(this.pool, sql, values);
  }

  /**
   * Runs `work` in one transaction and commits. `durable: false` does not wait for the commit to reach the disk: for what can be
   * worked out again from the change log (later durable commits carry it along, so order is kept). `snapshot`: all statements see the
   * database as the first of them does, and none may write.
   */
  async transaction<T>(
    work: (tx: Queryable) => Promise<T>,
    { durable = true, snapshot = false }: { durable?: boolean; snapshot?: boolean } = {},
  ): Promise<T> {
    const client = await this.pool.connect();
    let broken: Error | undefined;
    try {
      await client.query(snapshot ? BEGIN_SNAPSHOT : durable ? 'BEGIN' : 'BEGIN; SET LOCAL synchronous_commit = off');
      const result = await work({
        rows: (sql, values = []) => rowsOn(client, sql, values),
        run: (sql, values = []) => runOn(client, sql, values),
      });
      await client.query('COMMIT');
      return result;
    } catch (error) {
      // Where one question is not answered, another would not be either.
      if (isUnanswered(error)) broken = error;
      else {
        await client.query('ROLLBACK').catch((rollbackError: Error) => {
          broken = rollbackError;
        });
      }
      throw error;
    } finally {
      client.release(broken);
    }
  }

  /** How its connections are used at this moment. */
  get connections(): { inUse: number; idle: number; waiting: number } {
    const { totalCount, idleCount, waitingCount } = this.pool;
    return { inUse: totalCount - idleCount, idle: idleCount, waiting: waitingCount };
  }

  async close(): Promise<void> {
    await this.pool.end();
  }
}

async function rowsOn<Row>(on: pg.Pool | pg.PoolClient, sql: Sql, values: readonly unknown[]): Promise<Row[]> {
  const result = await on.query({ name: sql.name, text: sql.text, values: values as unknown[] });
  return result.rows as Row[];
}

async function runOn(on: pg.Pool | pg.PoolClient, sql: Sql, values: readonly unknown[]): Promise<number> {
  const result = await on.query({ name: sql.name, text: sql.text, values: values as unknown[] });
  return result.rowCount ?? 0;
}
