import { type CandidatesAsked, type ExportBounds, type ExportedVersion, ExportSource } from '../export/export-source.js';
import {
  type ExportFileState,
  type ExportJob,
  ExportJobs,
  type ExportLease,
  type ExportPlace,
  type NewExport,
} from '../export/export-jobs.js';
import type { ExportDefinition } from '../export/export-definition.js';
import type { Database } from './database.js';
import { keysParameter } from './array-parameters.js';
import { BODY_AT, BY_INDEX, EXPORT_CANDIDATES, EXPORT_PAGE, EXPORT_PAGE_OF } from './sql/export-page.sql.js';
import * as sql from './sql/exports.sql.js';

interface JobRow {
  id: string;
  definition: string;
  request: string;
  transactionTime: Date;
  askedAt: Date;
  state: ExportJob['state'];
  folder: string | null;
  placeWalk: number;
  placeId: string;
  failures: number;
  reason: string | null;
  expires: Date | null;
  files: ExportFileState[];
}

/** How long a write may have waited between reading the clock and beginning its transaction. */
const SETTLE_SECONDS = 2;

/** Export jobs on PostgreSQL; leases and expiry by the database's clock. */
export class PostgresExportJobs extends ExportJobs {
  constructor(
    private readonly database: Database,
    private readonly settleSeconds = SETTLE_SECONDS,
  ) {
    super();
  }

  override add({ id, definition, request, transactionTime }: NewExport, most: number): Promise<boolean> {
    return this.database.transaction(async (tx) => {
      await tx.rows(sql.COUNT_EXPORTS_ALONE);
      return (await tx.run(sql.ADD_EXPORT, [id, JSON.stringify(definition), request, transactionTime, most])) > 0;
    });
  }

  override async find(id: string): Promise<ExportJob | undefined> {
    const [row] = await this.database.rows<JobRow>(sql.FIND_EXPORT, [id]);
    return row && jobOf(row);
  }

  override async remove(id: string): Promise<boolean> {
    return (await this.database.run(sql.REMOVE_EXPORT, [id])) > 0;
  }

  override async lease(process: string, seconds: number): Promise<ExportLease | undefined> {
    const values = [process, seconds, this.settleSeconds];
    const [row] = await this.database.rows<JobRow & { token: string }>(sql.LEASE_EXPORT, values);
    return row && { job: jobOf(row), token: row.token };
  }

  override async begin({ job, token }: ExportLease, folder: string): Promise<boolean> {
    return (await this.database.rows(sql.BEGIN_EXPORT, [job.id, token, folder])).length > 0;
  }

  override async advance(
    { job, token }: ExportLease,
    place: ExportPlace,
    files: readonly ExportFileState[],
    leaseSeconds: number,
  ): Promise<boolean> {
    const columns = [files.map(({ name }) => name), files.map(({ lines }) => lines), files.map(({ bytes }) => bytes)];
    const values = [job.id, token, place.walk, place.id, leaseSeconds, ...columns];
    return (await this.database.rows(sql.ADVANCE_EXPORT, values)).length > 0;
  }

  override async finish({ job, token }: ExportLease, keepHours: number): Promise<boolean> {
    return (await this.database.run(sql.FINISH_EXPORT, [job.id, token, keepHours])) > 0;
  }

  override async release({ job, token }: ExportLease): Promise<void> {
    await this.database.run(sql.RELEASE_EXPORT, [job.id, token]);
  }

  override async fail(
    { job, token }: ExportLease,
    failure: { reason: string; waitSeconds: number; final?: { keepHours: number } },
  ): Promise<void> {
    const values = [job.id, token, failure.reason, failure.waitSeconds, failure.final?.keepHours ?? null];
    await this.database.run(sql.FAIL_EXPORT, values);
  }

  override expire(): Promise<number> {
    return this.database.run(sql.EXPIRE_EXPORTS);
  }

  override async known(ids: readonly string[]): Promise<string[]> {
    return (await this.database.rows<{ id: string }>(sql.KNOWN_EXPORTS, [ids])).map(({ id }) => id);
  }
}

/** Most resources, and most bytes of text, that are in memory at a time. */
const PAGE = { resources: 500, bytes: 4 * 2 ** 20 };

export class PostgresExportSource extends ExportSource {
  constructor(
    private readonly database: Database,
    private readonly limits: { resources: number; bytes: number } = PAGE,
  ) {
    super();
  }

  override async page(
    type: string,
    after: string,
    { until, since }: ExportBounds,
    only?: readonly string[],
  ): Promise<ExportedVersion[]> {
    const values: unknown[] = [type, after, until, since ?? null, this.limits.resources, this.limits.bytes];
    if (only !== undefined) values.push(only.filter((id) => id > after));
    const statement = only === undefined ? EXPORT_PAGE : EXPORT_PAGE_OF;
    const rows = await this.database.rows<Omit<ExportedVersion, 'at'> & { at: Date | null }>(statement, values);
    return rows.map(({ at, ...row }) => (at === null ? row : { ...row, at }));
  }

  override candidates(type: string, { keys, ids, after, most }: CandidatesAsked): Promise<string[] | undefined> {
    return this.database.transaction(async (tx) => {
      await tx.run(BY_INDEX);
      const values = [type, keysParameter([keys]), ids, after, most + 1];
      const rows = await tx.rows<{ kind: string; id: string }>(EXPORT_CANDIDATES, values);
      const isFull = (kind: string) => rows.filter((row) => row.kind === kind).length > most;
      const found = new Set(rows.map(({ id }) => id));
      if (found.size > most || ['keyed', 'named', 'changed'].some(isFull)) return undefined;
      return [...found].sort();
    });
  }

  override async bodyAt(type: string, id: string, until: Date): Promise<string | null | undefined> {
    const [row] = await this.database.rows<{ body: string | null }>(BODY_AT, [type, id, until]);
    return row?.body;
  }
}

function jobOf(row: JobRow): ExportJob {
  const { id, request, transactionTime, askedAt, state, placeWalk, placeId, failures, files } = row;
  return {
    ...{ id, request, transactionTime, askedAt, state, failures, files },
    definition: JSON.parse(row.definition) as ExportDefinition,
    place: { walk: placeWalk, id: placeId },
    ...(row.folder === null ? {} : { folder: row.folder }),
    ...(row.reason === null ? {} : { reason: row.reason }),
    ...(row.expires === null ? {} : { expires: row.expires }),
  };
}
