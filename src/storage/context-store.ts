import { type NotifiedVersion, versionKey } from '../fhir/event-parts.js';
import { ContextStore, type FindResources, type FoundResources, type WantedResources } from '../subscriptions/context-store.js';
import type { ChangeRow } from './change-row.js';
import type { Database, Queryable } from './database.js';
import { FIND_CONTEXT, GROUP_TOPICS } from './sql/event-context.sql.js';
import { PREVIOUS_VERSIONS } from './sql/previous-versions.sql.js';
import { TOPICS_WRITTEN } from './sql/stored-topics.sql.js';

type ContextRow = NotifiedVersion & { key: bigint | null };

/** Most bytes of bodies that one look-up brings into memory. */
const CONTEXT_BYTES = 32 * 1024 * 1024;

/** What the context of events is made of, in PostgreSQL. */
export class PostgresContextStore extends ContextStore {
  constructor(
    private readonly database: Database,
    private readonly mostBytes = CONTEXT_BYTES,
  ) {
    super();
  }

  async topicsWritten(): Promise<number> {
    const [row] = await this.database.rows<{ written: bigint }>(TOPICS_WRITTEN);
    return Number(row?.written ?? 0n);
  }

  async topicsOf(groupIds: readonly number[]): Promise<ReadonlyMap<number, string>> {
    const rows = await this.database.rows<{ group_id: bigint; topic: string }>(GROUP_TOPICS, [groupIds]);
    return new Map(rows.map(({ group_id, topic }) => [Number(group_id), topic]));
  }

  async beforeDeletes(deletes: readonly NotifiedVersion[]): Promise<ReadonlyMap<string, string>> {
    const rows = await this.database.rows<ChangeRow & { n: number }>(PREVIOUS_VERSIONS, [
      deletes.map(({ type }) => type),
      deletes.map(({ id }) => id),
      deletes.map(({ version }) => version),
    ]);
    return new Map(rows.map(({ n, body }) => [versionKey(deletes[n - 1]!), body!]));
  }

  find(wanted: WantedResources, limit: number): Promise<FoundResources> {
    return this.findOn(this.database, wanted, limit);
  }

  /** Waits for no disk: there is nothing to commit. */
  atOneMoment<T>(work: (find: FindResources) => Promise<T>): Promise<T> {
    return this.database.transaction(
      async (tx) => {
        await tx.run({ text: 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY' });
        return work((wanted, limit) => this.findOn(tx, wanted, limit));
      },
      { durable: false },
    );
  }

  private async findOn(on: Queryable, { named, referring }: WantedResources, limit: number): Promise<FoundResources> {
    const rows = await withinTime(() =>
      on.rows<ContextRow>(FIND_CONTEXT, [
        named.map(({ type }) => type),
        named.map(({ id }) => id),
        referring.map(({ type }) => type),
        referring.map(({ key }) => key),
        limit,
        this.mostBytes,
      ]),
    );
    if (rows === undefined) return { named: [], referring: [], complete: false };
    const whole = rows.filter(({ body }) => body !== null);
    return {
      named: whole.filter(({ key }) => key === null),
      referring: whole.flatMap(({ key, ...version }) => (key === null ? [] : [{ key: Number(key), version }])),
      complete: whole.length === rows.length,
    };
  }
}

/** PostgreSQL's `query_canceled`, for the statement's time ran out, and what a transaction answers after that. */
const OUT_OF_TIME: readonly unknown[] = ['57014', '25P02'];

async function withinTime<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (OUT_OF_TIME.includes((error as { code?: unknown }).code)) return undefined;
    throw error;
  }
}
