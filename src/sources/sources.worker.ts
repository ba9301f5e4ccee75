import type { Log } from '../telemetry/log.js';
import type { PollRecorder } from '../telemetry/poll-recorder.js';
import { backOffMilliseconds } from './back-off.js';
import { PollFailure } from './poll-failure.js';
import { pollSource, type PollParts, type PollResult } from './poll-source.js';
import { readSource, type SourceDefinition } from './source-definition.js';
import type { PollEnd, SourceLease, SourceStore, StoredEndpoint } from './source-store.js';

export interface SourcesSettings {
  /** How often the Endpoints are read again when nothing wakes us. */
  followMilliseconds: number;
  /** The Endpoints are not read more often than this, however many changes come in. */
  restMilliseconds: number;
  leaseSeconds: number;
}

export const SOURCES_SETTINGS: SourcesSettings = { followMilliseconds: 3_000, restMilliseconds: 200, leaseSeconds: 30 };

/** A source this process looks after, whether or not it has the lease. */
interface Followed {
  source: SourceDefinition;
  timer: NodeJS.Timeout | undefined;
  polling: Promise<void> | undefined;
  stop: AbortController;
}

/**
 * Polls every source that an active Endpoint describes. Follows the Endpoints through the store, so that any process sees what was
 * written by any other; of several processes the one with the lease polls.
 */
export class SourcesWorker {
  private readonly followed = new Map<string, Followed>();
  private stopped = true;
  private following: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private lastFollowed = 0;
  private unlisten: () => void = () => {};

  constructor(
    private readonly store: SourceStore,
    /** Name of this process in the leases. */
    private readonly process: string,
    private readonly parts: PollParts,
    private readonly log: Log,
    /** Calls its argument whenever a resource may have changed; gives back how to stop that. */
    private readonly onChanges: (listener: () => void) => () => void,
    private readonly settings: SourcesSettings = SOURCES_SETTINGS,
    private readonly random: () => number = Math.random,
    private readonly recorder?: PollRecorder,
  ) {}

  start(): void {
    if (!this.stopped) return;
    this.stopped = false;
    this.unlisten = this.onChanges(() => this.followSoon());
    this.followAfter(0);
  }

  /** Ends polls that are under way; what they stored stays, and the next process goes on from there. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.unlisten();
    clearTimeout(this.timer);
    await this.following;
    const all = [...this.followed.values()];
    this.followed.clear();
    all.forEach(drop);
    await Promise.all(all.map(({ polling }) => polling ?? Promise.resolve()));
  }

  private followSoon(): void {
    const wait = this.lastFollowed + this.settings.restMilliseconds - performance.now();
    this.followAfter(Math.max(0, wait));
  }

  private followAfter(milliseconds: number): void {
    if (this.stopped || this.following !== undefined) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.lastFollowed = performance.now();
      this.following = this.follow().finally(() => {
        this.following = undefined;
        this.followAfter(this.settings.followMilliseconds);
      });
    }, milliseconds);
  }

  private async follow(): Promise<void> {
    try {
      const endpoints = await this.store.endpoints();
      if (this.stopped) return;
      const sources = new Map(endpoints.flatMap((endpoint) => this.read(endpoint)).map((source) => [source.endpointId, source]));
      for (const [id, followed] of this.followed) {
        if (sources.get(id)?.version === followed.source.version) continue;
        drop(followed);
        this.followed.delete(id);
      }
      for (const [id, source] of sources) {
        if (this.followed.has(id)) continue;
        const followed: Followed = { source, timer: undefined, polling: undefined, stop: new AbortController() };
        this.followed.set(id, followed);
        this.schedule(followed, 0);
      }
    } catch (error) {
      this.log.warn({ err: error }, 'sources.not-read');
    }
  }

  private read(endpoint: StoredEndpoint): SourceDefinition[] {
    try {
      const source = readSource(JSON.parse(endpoint.body) as Record<string, unknown>, endpoint.id, endpoint.version);
      return source?.active === true ? [source] : [];
    } catch (error) {
      // Written before the rule for Endpoints knew better.
      this.log.warn({ endpoint: endpoint.id, reason: (error as Error).message }, 'source.not-understood');
      return [];
    }
  }

  private schedule(followed: Followed, milliseconds: number): void {
    if (this.stopped || followed.stop.signal.aborted) return;
    followed.timer = setTimeout(() => {
      followed.polling = this.attempt(followed).then((wait) => {
        followed.polling = undefined;
        this.schedule(followed, wait);
      });
    }, milliseconds);
  }

  /** Polls where it is due and ours to do. Returns how long to wait before the next try; never throws. */
  private async attempt({ source, stop }: Followed): Promise<number> {
    const followMilliseconds = this.settings.followMilliseconds;
    try {
      const endpoint = { id: source.endpointId, version: source.version, fingerprint: fingerprintOf(source) };
      const answer = await this.store.lease(endpoint, this.process, this.settings.leaseSeconds);
      if (answer.kind === 'wait') return Math.min(Math.max(answer.milliseconds, 50), source.intervalSeconds * 1_000);
      const end = await this.poll(source, answer.lease, stop);
      await this.store.end(answer.lease, end);
      return end.waitMilliseconds;
    } catch (error) {
      this.log.warn({ endpoint: source.endpointId, err: error }, 'source.not-polled');
      return followMilliseconds;
    }
  }

  private async poll(source: SourceDefinition, lease: SourceLease, stop: AbortController): Promise<PollEnd> {
    const started = performance.now();
    const lost = new AbortController();
    const renew = async (): Promise<boolean> => {
      const ours = await this.store.renew(lease, this.settings.leaseSeconds);
      if (!ours) lost.abort(new Error('The lease of this source has passed to another process.'));
      return ours;
    };
    // A renewal that fails is tried again by the next; the lease itself says when it is too late.
    const heartbeat = setInterval(() => void renew().catch(() => {}), (this.settings.leaseSeconds * 1_000) / 4);
    try {
      const result = await pollSource(source, lease, this.parts, renew, AbortSignal.any([stop.signal, lost.signal]));
      this.told(source, result, started);
      return endOf(source, lease, result);
    } catch (error) {
      if (stop.signal.aborted || lost.signal.aborted) return interrupted(lease);
      return this.failed(source, lease, error as Error, started);
    } finally {
      clearInterval(heartbeat);
    }
  }

  private told(source: SourceDefinition, result: PollResult, started: number): void {
    const { pages, taken, skipped, watermark } = result;
    const facts = {
      endpoint: source.endpointId,
      pages,
      taken,
      skipped: skipped.length,
      since: watermark.since,
      ms: since(started),
    };
    this.recorder?.succeeded(taken);
    if (taken > 0 || skipped.length > 0) this.log.info(facts, 'source.polled');
    else this.log.debug(facts, 'source.polled');
    for (const reason of skipped.slice(0, 20)) this.log.warn({ endpoint: source.endpointId, reason }, 'source.version-skipped');
  }

  private failed(source: SourceDefinition, lease: SourceLease, error: Error, started: number): PollEnd {
    const failures = lease.failures + 1;
    const retryAfter = error instanceof PollFailure ? error.retryAfterMilliseconds : undefined;
    const waitMilliseconds = backOffMilliseconds(failures, source.intervalSeconds, this.random(), retryAfter);
    const facts = { endpoint: source.endpointId, failures, waitMilliseconds, reason: error.message, ms: since(started) };
    this.recorder?.failed();
    this.log.info(facts, 'source.poll-failed');
    return { failures, lastError: clip(error.message), waitMilliseconds, succeeded: false };
  }
}

/** What was left out stays to be read until a poll brings something and leaves nothing out. */
function endOf(source: SourceDefinition, lease: SourceLease, { taken, skipped, watermark }: PollResult): PollEnd {
  const kept = lease.failures === 0 && taken === 0 ? lease.lastError : null;
  const lastError = skipped.length === 0 ? kept : clip(`${skipped.length} left out: ${skipped.slice(0, 5).join('; ')}`);
  return { failures: 0, lastError, waitMilliseconds: source.intervalSeconds * 1_000, succeeded: true, watermark };
}

/** The process stops, or the Endpoint changed: whoever is next may begin at once. */
function interrupted({ failures, lastError }: SourceLease): PollEnd {
  return { failures, lastError, waitMilliseconds: 0, succeeded: false };
}

/** Another address, other types or other ids: nothing that was read so far counts. */
function fingerprintOf({ address, types, idPrefix }: SourceDefinition): string {
  return JSON.stringify([address, types, idPrefix]);
}

function drop(followed: Followed): void {
  clearTimeout(followed.timer);
  followed.stop.abort(new Error('Polling of this source was stopped.'));
}

function since(started: number): number {
  return Math.round(performance.now() - started);
}

function clip(message: string): string {
  return message.length > 2_000 ? `${message.slice(0, 2_000)}…` : message;
}
