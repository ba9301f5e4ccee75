import { SourceStore, type LeaseAnswer, type PollEnd, type SourceLease, type StoredEndpoint } from '../sources/source-store.js';
import type { Database } from './database.js';
import { CURRENT_ENDPOINTS } from './sql/current-endpoints.sql.js';
import { END_POLL } from './sql/end-poll.sql.js';
import { LEASE_SOURCE } from './sql/lease-source.sql.js';
import { RENEW_SOURCE } from './sql/renew-source.sql.js';
import { SOURCE_WAIT } from './sql/source-wait.sql.js';

/** What polling keeps, on PostgreSQL; all times by the database's clock. */
export class PostgresSourceStore extends SourceStore {
  /** @param open gives the text of an Endpoint with its secrets */
  constructor(
    private readonly database: Database,
    private readonly open: (endpoint: StoredEndpoint) => string = ({ body }) => body,
  ) {
    super();
  }

  async endpoints(): Promise<StoredEndpoint[]> {
    const stored = await this.database.rows<StoredEndpoint>(CURRENT_ENDPOINTS);
    return stored.map((endpoint) => ({ ...endpoint, body: this.open(endpoint) }));
  }

  async lease(
    endpoint: { id: string; version: number; fingerprint: string },
    process: string,
    seconds: number,
  ): Promise<LeaseAnswer> {
    const values = [endpoint.id, endpoint.version, endpoint.fingerprint, process, seconds];
    const [leased] = await this.database.rows<Omit<SourceLease, 'endpointId'>>(LEASE_SOURCE, values);
    if (leased !== undefined) return { kind: 'leased', lease: { endpointId: endpoint.id, ...leased } };
    const [wait] = await this.database.rows<{ milliseconds: number }>(SOURCE_WAIT, [endpoint.id]);
    return { kind: 'wait', milliseconds: Math.ceil(wait?.milliseconds ?? 0) };
  }

  async renew(lease: SourceLease, seconds: number): Promise<boolean> {
    return (await this.database.run(RENEW_SOURCE, [lease.endpointId, lease.token, seconds])) > 0;
  }

  async end(lease: SourceLease, { failures, lastError, waitMilliseconds, succeeded, watermark }: PollEnd): Promise<void> {
    await this.database.run(END_POLL, [
      ...[lease.endpointId, lease.token, failures, lastError, waitMilliseconds, succeeded],
      ...[watermark !== undefined, watermark?.since ?? null, watermark?.seen ?? []],
    ]);
  }
}
