import { setTimeout as wait } from 'node:timers/promises';
import { keyOf, type StoredVersion } from './arrival.js';
import type { Random } from './random.js';

/** One write as its client knows it. */
export interface Write {
  kind: 'create' | 'update' | 'delete';
  type: string;
  id: string;
  /** Stands in the resource, so that the history tells which write a version came from. Undefined for deletes. */
  token: string | undefined;
  /** `maybe`: no answer, or one that leaves it open (5xx). Whether it exists, the history says. */
  outcome: 'answered' | 'maybe';
  /** As answered; undefined where nothing was stored (a delete of what was not there). */
  version: number | undefined;
  /** When it was asked and when it was answered, in the milliseconds of `performance.now()`. */
  askedAt: number;
  endedAt: number;
}

export interface LoadOptions {
  /** FHIR bases of the hubs, asked anew for every write: one of them is chosen. */
  bases: () => readonly string[];
  random: Random;
  connections?: number;
  /** In all; as fast as it goes if not given. */
  perSecond?: number;
  /** Resources of each connection that live at the same time. */
  resources?: number;
  /** Longest wait for an answer, then the write is a maybe. */
  patienceMilliseconds?: number;
}

export const CODE_SYSTEM = 'http://example.org/fault-codes';
export const CODES = ['red', 'green', 'blue', 'grey'] as const;
const TOKEN_SYSTEM = 'http://example.org/fault-tokens';

/**
 * Creates, updates and deletes Observations on several connections at once, and keeps what became of each write. No resource is written by
 * two connections, so the order of its writes is known to its writer. A write without an answer is never sent again: it is a maybe.
 */
export class LoadWriter {
  readonly writes: Write[] = [];
  /** Answers that no write of ours should get (4xx), as text. */
  readonly refusals: string[] = [];
  private stopping = false;
  private readonly begun = performance.now();
  private issued = 0;
  private readonly workers: Promise<void>[];

  private constructor(private readonly options: LoadOptions) {
    const { connections = 4, random } = options;
    this.workers = Array.from({ length: connections }, (_, index) => this.work(index, random.branch(`writer ${index}`)));
  }

  static start(options: LoadOptions): LoadWriter {
    return new LoadWriter(options);
  }

  get answered(): number {
    return this.writes.filter(({ outcome }) => outcome === 'answered').length;
  }

  /** No further writes; resolves when those under way have ended. */
  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.workers);
  }

  private async work(index: number, random: Random): Promise<void> {
    const living: string[] = [];
    let made = 0;
    while (await this.turn()) {
      const roll = random.next();
      const id = living.length > 0 ? random.oneOf(living) : undefined;
      const room = living.length < (this.options.resources ?? 20);
      if (id !== undefined && roll < 0.1) {
        living.splice(living.indexOf(id), 1);
        await this.write('delete', id, random);
      } else if (id !== undefined && (!room || roll < 0.5)) await this.write('update', id, random);
      else {
        const fresh = `w${index}-${made++}`;
        living.push(fresh);
        await this.write('create', fresh, random);
      }
    }
  }

  /** Waits for the time of the next write; false when there is none. */
  private async turn(): Promise<boolean> {
    if (this.stopping) return false;
    const { perSecond } = this.options;
    const due = perSecond === undefined ? 0 : this.begun + (this.issued++ * 1000) / perSecond;
    const pause = due - performance.now();
    if (pause > 0) await wait(pause);
    return !this.stopping;
  }

  private async write(kind: Write['kind'], id: string, random: Random): Promise<void> {
    const bases = this.options.bases();
    if (bases.length === 0) return void (await wait(20));
    const type = 'Observation';
    const token = kind === 'delete' ? undefined : `${id}:${this.writes.length}:${random.between(0, 2 ** 30)}`;
    const write: Write = { kind, type, id, token, outcome: 'maybe', version: undefined, askedAt: performance.now(), endedAt: 0 };
    this.writes.push(write);
    try {
      const answer = await fetch(`${random.oneOf(bases)}/${type}/${id}`, {
        method: kind === 'delete' ? 'DELETE' : 'PUT',
        headers: { 'content-type': 'application/fhir+json', prefer: 'return=minimal' },
        body: token === undefined ? null : observation(id, token, random.oneOf(CODES)),
        signal: AbortSignal.timeout(this.options.patienceMilliseconds ?? 10_000),
      });
      const text = await answer.text();
      if (answer.ok) {
        write.outcome = 'answered';
        const etag = /\d+/.exec(answer.headers.get('etag') ?? '');
        write.version = etag === null ? undefined : Number(etag[0]);
      } else if (answer.status < 500 && answer.status !== 429) this.refusals.push(`${kind} ${id}: ${answer.status} ${text}`);
    } catch {
      // No answer. Whoever is down is given a moment.
      await wait(20);
    }
    write.endedAt = performance.now();
  }
}

function observation(id: string, token: string, code: string): string {
  return JSON.stringify({
    resourceType: 'Observation',
    id,
    identifier: [{ system: TOKEN_SYSTEM, value: token }],
    status: 'final',
    category: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' }] }],
    code: { coding: [{ system: CODE_SYSTEM, code }] },
    subject: { reference: `Patient/${id}` },
    valueQuantity: { value: 1 },
  });
}

/** The code that the writer gave to a version; undefined after a delete. */
export function codeOf({ resource }: Pick<StoredVersion, 'resource'>): string | undefined {
  return (resource?.['code'] as { coding: { code: string }[] } | undefined)?.coding[0]?.code;
}

function tokenOf({ resource }: StoredVersion): string | undefined {
  return (resource?.['identifier'] as { value: string }[] | undefined)?.[0]?.value;
}

/** In which the history departs from what the writer was told: an answered write that is not there, one that is there twice. */
export function writeFaults(writes: readonly Write[], history: readonly StoredVersion[]): string[] {
  const stored = new Map(history.map((version) => [keyOf(version), version]));
  const tokens = Map.groupBy(history, (version) => tokenOf(version) ?? '');
  const faults: string[] = [];
  for (const write of writes) {
    const times = write.token === undefined ? 0 : (tokens.get(write.token)?.length ?? 0);
    const name = `${write.kind} of ${write.type}/${write.id}`;
    if (times > 1) faults.push(`${name} was stored ${times} times`);
    if (write.outcome === 'maybe' || write.version === undefined) continue;
    const found = stored.get(keyOf({ ...write, version: write.version }));
    if (found === undefined) faults.push(`${name} was answered as version ${write.version}, which is not there`);
    else if (write.kind === 'delete' ? found.kind !== 'delete' : tokenOf(found) !== write.token)
      faults.push(`${name} was answered as version ${write.version}, which another write made`);
  }
  return faults;
}
