import pg from 'pg';
import { accessKeysOf } from '../search/access-keys.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import { DatabaseFigures, type OwedPlace, type Figures, type LogHorizon } from '../telemetry/database-figures.js';
import type { Sql } from './database.js';
import {
  AGES_OF_EVENTS,
  LEASES,
  LOG_HORIZON,
  SEARCH_PARAMETERS,
  SET_ASIDE,
  SOURCES,
  SUBSCRIPTIONS_BY_STATUS,
  UNINDEXED,
  UNMATCHED,
} from './sql/figures.sql.js';

const STATUSES = ['requested', 'active', 'error', 'off'] as const;
const CONNECT_MS = 1000;
const STATEMENT_MS = 2000;

type Row = Record<string, number>;
type Ask = <R = Row>(sql: Sql, values?: readonly unknown[]) => Promise<R[]>;

/** The oldest writer as the database tells it; without `seconds` its beginning may not be seen, or it has just ended. */
export interface HorizonRow {
  xid: string;
  pid: number | null;
  application_name: string | null;
  database: string | null;
  state: string | null;
  seconds: number | null;
}

/**
 * Figures from PostgreSQL. Each reading has a connection of its own, so it waits for nobody's work, holds up nobody's, and a server that is
 * away or hangs is known within {@link CONNECT_MS} + {@link STATEMENT_MS}.
 */
export class PostgresFigures extends DatabaseFigures {
  private readonly statusKeys: readonly number[];
  private readonly activeEndpoint: number;
  private hidden?: { xid: string; since: number };

  constructor(
    private readonly connectionString: string,
    /** Name of this process in leases. */
    private readonly process: string,
    semantics: SearchSemantics,
  ) {
    super();
    this.statusKeys = STATUSES.map((status) => keyOf(semantics, `Subscription?status=${status}`));
    this.activeEndpoint = keyOf(semantics, 'Endpoint?status=active');
  }

  read(places: readonly OwedPlace[]): Promise<Figures> {
    return this.connected(async (ask) => {
      const statuses = await ask<{ status: string; subscriptions: number }>(SUBSCRIPTIONS_BY_STATUS, [STATUSES, this.statusKeys]);
      const aside = one(await ask(SET_ASIDE));
      const leases = one(await ask(LEASES, [this.process]));
      const [unmatched] = await ask(UNMATCHED);
      const parameters = one(await ask(SEARCH_PARAMETERS));
      const [unindexed] = await ask(UNINDEXED);
      const sources = one(await ask(SOURCES, [this.activeEndpoint]));
      return {
        subscriptions: new Map(statuses.map(({ status, subscriptions }) => [status, subscriptions])),
        deadLetters: aside['dead_letters']!,
        replays: aside['replays']!,
        shards: { held: leases['shards_held']!, free: leases['shards_free']! },
        matching: { own: leases['matching_own']!, others: leases['matching_others']!, nobody: leases['matching_nobody']! },
        processes: leases['processes']!,
        unmatched: { changes: unmatched?.['changes'] ?? 0, seconds: unmatched?.['seconds'] ?? 0 },
        unindexed: { changes: unindexed?.['changes'] ?? 0, seconds: unindexed?.['seconds'] ?? 0 },
        horizon: this.horizonOf(await ask<HorizonRow>(LOG_HORIZON)),
        sources: { well: sources['well']!, failing: sources['failing']!, lagSeconds: sources['lag_seconds']! },
        searchParameters: { usable: parameters['usable']!, indexing: parameters['indexing']!, left: parameters['left']! },
        oldestOwedSeconds: await oldestOf(ask, places),
      };
    });
  }

  horizon(): Promise<LogHorizon | undefined> {
    return this.connected(async (ask) => this.horizonOf(await ask<HorizonRow>(LOG_HORIZON)));
  }

  /** One whose beginning may not be seen is timed from when it was first met. */
  private horizonOf([row]: HorizonRow[]): LogHorizon | undefined {
    const hidden = row !== undefined && row.seconds === null ? row.xid : undefined;
    if (hidden === undefined) this.hidden = undefined;
    else if (this.hidden?.xid !== hidden) this.hidden = { xid: hidden, since: performance.now() };
    if (row === undefined) return undefined;
    return {
      pid: row.pid ?? -1,
      seconds: row.seconds ?? (performance.now() - this.hidden!.since) / 1000,
      applicationName: row.application_name ?? undefined,
      database: row.database ?? undefined,
      state: row.state ?? undefined,
    };
  }

  private async connected<T>(work: (ask: Ask) => Promise<T>): Promise<T> {
    const client = new pg.Client({
      connectionString: this.connectionString,
      application_name: 'carillon metrics',
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: STATEMENT_MS,
      // Sorting and hashing are small; to compile such statements or to start workers for them takes longer than to run them.
      options: `-c statement_timeout=${STATEMENT_MS} -c jit=off -c max_parallel_workers_per_gather=0`,
    });
    // What ends the connection also fails the statement under way, which tells.
    client.on('error', () => {});
    try {
      await client.connect();
      return await work(
        async (sql, values = []) => (await client.query({ text: sql.text, values: values.slice() })).rows as never,
      );
    } finally {
      client.end().catch(() => {});
    }
  }
}

async function oldestOf(ask: Ask, places: readonly OwedPlace[]): Promise<ReadonlyMap<string, number>> {
  const oldest = new Map<string, number>();
  if (places.length === 0) return oldest;
  for (const row of await ask(AGES_OF_EVENTS, [places.map(({ groupId }) => groupId), places.map(({ n }) => n)])) {
    const { channel } = places[row['place']! - 1]!;
    oldest.set(channel, Math.max(row['seconds']!, oldest.get(channel) ?? 0));
  }
  return oldest;
}

/** The equality key that resources matching these criteria, a single code, are found under. */
function keyOf(semantics: SearchSemantics, criteria: string): number {
  const [key] = accessKeysOf(semantics.parseCriteria(criteria).clauses[0]!) ?? [];
  if (key === undefined) throw new Error(`${criteria} is found under no key`);
  return key;
}

function one(rows: Row[]): Row {
  const [row] = rows;
  if (row === undefined) throw new Error('A count has one row');
  return row;
}
