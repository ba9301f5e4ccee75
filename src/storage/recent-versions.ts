import type { Change, LogPosition } from '../fhir/change.js';

const MOST_BYTES = 32 * 1024 * 1024;

/**
 * The versions this process has stored or read last, by their place in the log, so that matching and delivery, which follow within
 * milliseconds, do not fetch each body once more. Only what is committed may be put in. Bounded in bytes: the oldest goes first.
 */
export class RecentVersions {
  /** By `seq`, which the database gives only once in an epoch. */
  private readonly versions = new Map<number, Change>();
  /**
   * Their keys in the order of arrival; those before `gone` have left. The Map has the same order, but finding its first entry means passing
   * every one that was deleted before it: 1.6 µs with 8,000 kept, against 0.1.
   */
  private arrivals: number[] = [];
  private gone = 0;
  private bytes = 0;

  constructor(private readonly mostBytes = MOST_BYTES) {}

  add(change: Change): void {
    const key = Number(change.position.seq);
    const known = this.versions.get(key);
    if (known) this.bytes -= weightOf(known);
    else this.arrivals.push(key);
    this.versions.set(key, change);
    this.bytes += weightOf(change);
    while (this.bytes > this.mostBytes) this.dropOldest();
  }

  at({ epoch, xid, seq }: LogPosition): Change | undefined {
    const change = this.versions.get(Number(seq));
    return change?.position.xid === xid && change.position.epoch === epoch ? change : undefined;
  }

  private dropOldest(): void {
    const key = this.arrivals[this.gone++]!;
    this.bytes -= weightOf(this.versions.get(key)!);
    this.versions.delete(key);
    if (this.gone < 1_000 || 2 * this.gone < this.arrivals.length) return;
    this.arrivals = this.arrivals.slice(this.gone);
    this.gone = 0;
  }
}

const weightOf = ({ body }: Pick<Change, 'body'>) => 500 + 2 * (body?.length ?? 0);
