import { stringifyExact } from '../../../src/fhir/exact-json.js';
import { SourceClient, type SourceResponse } from '../../../src/sources/source-client.js';
import type { SourceDefinition } from '../../../src/sources/source-definition.js';
import { SourceIntake, type SourceUnit, type Watermark } from '../../../src/sources/source-store.js';

export const ADDRESS = 'http://lab.example/fhir';

export function source(changed: Partial<SourceDefinition> = {}): SourceDefinition {
  return {
    ...{ endpointId: 'lab', version: 1, address: ADDRESS, active: true, intervalSeconds: 60, types: [], idPrefix: 'lab-' },
    ...{ overlapSeconds: 60, pageSize: 100, headers: [] },
    ...changed,
  };
}

interface Committed {
  type: string;
  id: string;
  version: number;
  at: number;
  resource: Record<string, unknown> | undefined;
}

/** A source server with a history, a clock and moods, all under the test's control. */
export class ScriptedSource extends SourceClient {
  now = Date.parse('2026-01-01T12:00:00Z');
  /** Instants without fractions, as some servers have them. */
  wholeSeconds = false;
  /** Reads `_since` to the second. */
  coarseSince = false;
  /** Tells its time only by the Date header. */
  dateHeaderOnly = false;
  readonly asked: string[] = [];
  readonly sentHeaders: (readonly (readonly [string, string])[])[] = [];
  /** Answers by page number (from 0, over the whole life of the source); undefined: the proper answer. */
  interfere: (page: number, url: string) => Partial<SourceResponse> | undefined = () => undefined;
  private readonly log: Committed[] = [];
  private snapshots = new Map<string, Committed[]>();

  /** Commits a version now, maybe with a time that lies back. */
  commit(type: string, id: string, content: Record<string, unknown> | 'delete', at = this.now): void {
    const version = this.log.filter((one) => one.type === type && one.id === id).length + 1;
    const lastUpdated = this.instant(at);
    const resource =
      content === 'delete'
        ? undefined
        : { resourceType: type, id, meta: { versionId: String(version), lastUpdated }, ...content };
    this.log.push({ type, id, version, at: Date.parse(lastUpdated), resource });
  }

  forgetPages(): void {
    this.snapshots = new Map();
  }

  async get(url: string, headers: readonly (readonly [string, string])[], signal: AbortSignal): Promise<SourceResponse> {
    signal.throwIfAborted();
    const page = this.asked.push(url) - 1;
    this.sentHeaders.push(headers);
    return { status: 200, headers: {}, body: Buffer.alloc(0), ...(this.interfere(page, url) ?? this.answer(new URL(url))) };
  }

  private answer(url: URL): Partial<SourceResponse> {
    const token = url.searchParams.get('page');
    const from = Number(url.searchParams.get('from') ?? 0);
    const count = Number(url.searchParams.get('_count'));
    const rows = token === null ? this.select(url) : this.snapshots.get(token);
    if (rows === undefined) return { status: 410 };
    const name = token ?? String(this.snapshots.size + 1);
    this.snapshots.set(name, rows);
    const more = rows.length > from + count;
    const bundle = {
      resourceType: 'Bundle',
      type: 'history',
      ...(this.dateHeaderOnly ? {} : { meta: { lastUpdated: this.instant(this.now) } }),
      link: more ? [{ relation: 'next', url: `${ADDRESS}?page=${name}&from=${from + count}&_count=${count}` }] : [],
      entry: rows.slice(from, from + count).map((row) => this.entry(row)),
    };
    return { headers: { date: new Date(this.now).toUTCString() }, body: Buffer.from(stringifyExact(bundle)) };
  }

  private select(url: URL): Committed[] {
    const since = url.searchParams.get('_since');
    const type = /fhir\/([A-Za-z]+)\/_history$/.exec(url.pathname)?.[1];
    return this.log
      .filter((row) => (since === null || row.at >= this.from(since)) && (type === undefined || row.type === type))
      .map((row, index) => ({ row, index }))
      .sort((a, b) => b.row.at - a.row.at || b.index - a.index)
      .map(({ row }) => row);
  }

  private from(since: string): number {
    return this.coarseSince ? Math.floor(Date.parse(since) / 1_000) * 1_000 : Date.parse(since);
  }

  private entry({ type, id, version, at, resource }: Committed): unknown {
    const response = { status: '200', etag: `W/"${version}"`, lastModified: this.instant(at) };
    if (resource === undefined) return { request: { method: 'DELETE', url: `${type}/${id}` }, response };
    return { fullUrl: `${ADDRESS}/${type}/${id}`, resource, request: { method: 'PUT', url: `${type}/${id}` }, response };
  }

  private instant(at: number): string {
    return this.wholeSeconds ? new Date(at).toISOString().replace(/\.\d+/, '') : new Date(at).toISOString();
  }
}

/** Intake's door without a database: what came in, and the watermark that moved with it. */
export class RecordingIntake extends SourceIntake {
  readonly units: SourceUnit[] = [];
  watermark: Watermark = { since: null, seen: [] };
  refuse: (unit: SourceUnit) => Error | undefined = () => undefined;

  async write(unit: SourceUnit): Promise<unknown[]> {
    const error = this.refuse(unit);
    if (error !== undefined) throw error;
    this.units.push(unit);
    if (unit.watermark !== undefined) this.watermark = { since: unit.watermark.since, seen: unit.watermark.seen };
    return [];
  }

  /** In short: `Patient/lab-1 content` or `-Patient/lab-1`, in the order stored. */
  get story(): string[] {
    return this.units.flatMap((unit) =>
      unit.writes.map((write) =>
        write.kind === 'delete'
          ? `-${write.type}/${write.id}`
          : `${write.resource.type}/${write.resource.id} ${String(write.resource.value['language'] ?? '')}`.trim(),
      ),
    );
  }
}
