import type { Log } from '../telemetry/log.js';
import { type Clock, processClock } from './clock.js';
import type { StatusNotice } from './compose-status-mail.js';

/** Gives a notice to those it is for. False: not now, try again. Must not take longer than its own time-out. */
export type SendNotice = (notice: StatusNotice) => Promise<boolean>;

/** Notices that wait; more are dropped. */
const MOST_WAITING = 10_000;
const TRIES = 3;
const TRY_AGAIN_MS = 60_000;

interface Waiting {
  notice: StatusNotice;
  tries: number;
  notBefore: number;
}

/**
 * Tells the contacts of Subscriptions when deliveries fail and when they succeed again: one mail at a time, beside delivery and never in
 * its way, at most one for each Subscription in a while. Of what happens meanwhile the newest is told when the while is over; that all
 * is well again is told only to those who heard otherwise. What waits is in memory: a crash loses it, the status itself is in the
 * Subscription.
 */
export class StatusNotices {
  private readonly waiting = new Map<string, Waiting>();
  private readonly told = new Map<string, { status: StatusNotice['status']; at: number }>();
  private cancel?: () => void;
  private sending = false;
  private stopped = false;

  constructor(
    private readonly send: SendNotice,
    private readonly quietMs: number,
    private readonly log: Log,
    private readonly clock: Clock = processClock,
  ) {}

  tell(notice: StatusNotice): void {
    if (this.stopped || notice.contacts.length === 0) return;
    if (!this.waiting.has(notice.subscriptionId) && this.waiting.size >= MOST_WAITING) {
      this.log.warn({ subscription: notice.subscriptionId }, 'delivery.notice-dropped');
      return;
    }
    this.waiting.set(notice.subscriptionId, { notice, tries: 0, notBefore: 0 });
    this.look();
  }

  stop(): void {
    this.stopped = true;
    this.cancel?.();
    this.waiting.clear();
  }

  private look(): void {
    if (this.sending || this.stopped) return;
    this.cancel?.();
    this.cancel = undefined;
    const now = this.clock.now();
    let soonest = Infinity;
    for (const [id, waiting] of this.waiting) {
      const { at, status } = this.told.get(id) ?? {};
      if (waiting.notice.status === 'active' && (status === undefined || status === 'active')) {
        this.waiting.delete(id);
        continue;
      }
      const due = Math.max(waiting.notBefore, at === undefined ? 0 : at + this.quietMs);
      if (due <= now) return void this.hand(id, waiting);
      soonest = Math.min(soonest, due);
    }
    this.forget(now);
    if (soonest < Infinity) this.cancel = this.clock.after(Math.min(soonest - now, TRY_AGAIN_MS), () => this.look());
  }

  private async hand(id: string, waiting: Waiting): Promise<void> {
    this.sending = true;
    const { notice } = waiting;
    let taken = false;
    try {
      taken = await this.send(notice);
    } catch (error) {
      this.log.warn({ err: error, subscription: id }, 'delivery.notice-failed');
    }
    const now = this.clock.now();
    if (taken) this.told.set(id, { status: notice.status, at: now });
    waiting.tries += 1;
    waiting.notBefore = now + TRY_AGAIN_MS;
    // Something newer may have taken its place.
    if (this.waiting.get(id) === waiting && (taken || waiting.tries >= TRIES)) this.waiting.delete(id);
    this.log.info({ subscription: id, status: notice.status, taken }, 'subscription.contact-told');
    this.sending = false;
    this.look();
  }

  /** Those told that all is well need no memory once they may be told again. */
  private forget(now: number): void {
    for (const [id, { status, at }] of this.told)
      if (status !== 'error' && at + this.quietMs <= now && !this.waiting.has(id)) this.told.delete(id);
  }
}
