import {
  SourceStore,
  type LeaseAnswer,
  type PollEnd,
  type SourceLease,
  type StoredEndpoint,
} from '../../../src/sources/source-store.js';

interface Row extends SourceLease {
  version: number;
  fingerprint: string;
  nextPoll: number;
  leaseEnds: number;
}

/** The store of polling without a database. The clock is the test's. */
export class MemorySourceStore extends SourceStore {
  now = 0;
  /** How often the Endpoints were read. */
  reads = 0;
  readonly rows = new Map<string, Row>();
  private readonly current = new Map<string, StoredEndpoint>();
  private tokens = 0;

  put(id: string, version: number, resource: Record<string, unknown>): void {
    this.current.set(id, { id, version, body: JSON.stringify(resource) });
  }

  remove(id: string): void {
    this.current.delete(id);
  }

  async endpoints(): Promise<StoredEndpoint[]> {
    this.reads += 1;
    return [...this.current.values()];
  }

  async lease(
    endpoint: { id: string; version: number; fingerprint: string },
    _process: string,
    seconds: number,
  ): Promise<LeaseAnswer> {
    const before = this.rows.get(endpoint.id);
    const changed = before?.version !== endpoint.version || before.fingerprint !== endpoint.fingerprint;
    if (before !== undefined && (before.leaseEnds > this.now || (before.nextPoll > this.now && !changed))) {
      return { kind: 'wait', milliseconds: Math.max(before.leaseEnds, before.nextPoll) - this.now };
    }
    const same = before?.fingerprint === endpoint.fingerprint;
    const row: Row = {
      endpointId: endpoint.id,
      token: String(++this.tokens),
      since: same ? before.since : null,
      seen: same ? before.seen : [],
      failures: before?.version === endpoint.version ? before.failures : 0,
      lastError: before?.lastError ?? null,
      version: endpoint.version,
      fingerprint: endpoint.fingerprint,
      nextPoll: before?.nextPoll ?? 0,
      leaseEnds: this.now + seconds * 1_000,
    };
    this.rows.set(endpoint.id, row);
    return { kind: 'leased', lease: { ...row } };
  }

  async renew(lease: SourceLease, seconds: number): Promise<boolean> {
    const row = this.rows.get(lease.endpointId);
    if (row?.token !== lease.token) return false;
    row.leaseEnds = this.now + seconds * 1_000;
    return true;
  }

  async end(lease: SourceLease, end: PollEnd): Promise<void> {
    const row = this.rows.get(lease.endpointId);
    if (row?.token !== lease.token) return;
    Object.assign(row, end.watermark, { failures: end.failures, lastError: end.lastError, token: '', leaseEnds: 0 });
    row.nextPoll = this.now + end.waitMilliseconds;
  }
}
