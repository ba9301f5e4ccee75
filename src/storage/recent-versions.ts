import type { Change, LogPosition } from '../fhir/change.js';

const MOST_BYTES = 32 * 1024 * 1024;

/**
 * The versions this process has stored or read last, by their place in the log, so that matching and delivery, which follow within
 * milliseconds, do not fetch each body once more. Only what is committed may be put in. Bounded in bytes: the oldest goes first.
 */
export class RecentVersions {
  /** By `seq`, which the database gives only once in an epoch; in the order of arrival. */
  private readonly versions = new Map<number, Change>();
  private bytes = 0;

  constructor(private readonly mostBytes = MOST_BYTES) {}

  add(change: Change): void {
    const key = Number(change.position.seq);
    const known = this.versions.get(key);
    if (known) {
      this.bytes -= weightOf(known);
      this.versions.delete(key);
    }
    this.versions.set(key, change);
    this.bytes += weightOf(change);
    if (this.bytes <= this.mostBytes) return;
    for (const [oldest, { body }] of this.versions) {
      this.versions.delete(oldest);
      this.bytes -= weightOf({ body });
      if (this.bytes <= this.mostBytes) return;
    }
  }

  at({ epoch, xid, seq }: LogPosition): Change | undefined {
    const change = this.versions.get(Number(seq));
    return change?.position.xid === xid && change.position.epoch === epoch ? change : undefined;
  }
}

const weightOf = ({ body }: Pick<Change, 'body'>) => 500 + 2 * (body?.length ?? 0);
