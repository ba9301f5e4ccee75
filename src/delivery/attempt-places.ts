import { type Clock, processClock } from './clock.js';

/** A right to have one attempt under way; whoever has it gives it back. */
export interface Place {
  leave(): void;
}

/** The wish for a place, as long as it is not granted. */
export interface Wish {
  withdraw(): void;
}

export interface PlaceBounds {
  perHost: number;
  /** Attempts under way in all, those that linger not counted; as many may linger beside them. */
  inAll: number;
  /** An attempt under way for longer lingers, and its host counts as slow until it answers faster again. */
  lingerMs: number;
}

interface Taken {
  host: string;
  since: number;
  lingers: boolean;
}

interface Host {
  under: number;
  waiting: Set<Granted>;
}

type Granted = (place: Place) => void;

/** Hosts remembered as slow; the oldest are forgotten. */
const MOST_SLOW_HOSTS = 50_000;

/**
 * Bounds how many attempts are under way to one host and in all, so that no endpoint delays another. Hosts take turns; one that is full
 * holds back only those who want the same. An attempt that lingers gives its place in all free, so that a thousand endpoints that
 * hang at once keep the others waiting for no longer than it takes to notice; and hosts that were slow the last time share half of
 * the places, so that they cannot do it again and again.
 */
export class AttemptPlaces {
  private readonly hosts = new Map<string, Host>();
  private readonly slow = new Set<string>();
  /** In the order in which they began. */
  private readonly prompt = new Set<Taken>();
  private lingering = 0;
  private slowUnder = 0;
  private waitingInAll = 0;
  /** Hosts with somebody waiting that are not full, in the order of their turns: those that are slow, and the others. */
  private readonly ready = { slow: new Set<string>(), other: new Set<string>() };
  private slowIsNext = false;
  private admitting = false;
  private cancelLook?: () => void;

  constructor(
    private readonly bounds: PlaceBounds,
    private readonly clock: Clock = processClock,
  ) {}

  get underWay(): number {
    return this.prompt.size + this.lingering;
  }

  get waiting(): number {
    return this.waitingInAll;
  }

  /** `granted` is called at once, or when it is the host's turn; to one host in the order of asking. */
  ask(host: string, granted: Granted): Wish {
    const entry = this.hosts.get(host) ?? { under: 0, waiting: new Set<Granted>() };
    this.hosts.set(host, entry);
    const wish: Granted = (place) => granted(place);
    entry.waiting.add(wish);
    this.waitingInAll += 1;
    this.queue(host, entry);
    this.admit();
    return {
      withdraw: () => {
        if (entry.waiting.delete(wish)) this.waitingInAll -= 1;
        this.forget(host, entry);
      },
    };
  }

  private take(host: string, entry: Host): Place {
    const taken: Taken = { host, since: this.clock.now(), lingers: false };
    entry.under += 1;
    this.prompt.add(taken);
    if (this.slow.has(host)) this.slowUnder += 1;
    let left = false;
    return {
      leave: () => {
        if (left) return;
        left = true;
        this.giveBack(taken, entry);
      },
    };
  }

  private giveBack(taken: Taken, entry: Host): void {
    const { host } = taken;
    entry.under -= 1;
    if (this.slow.has(host)) this.slowUnder -= 1;
    if (taken.lingers) this.lingering -= 1;
    else this.prompt.delete(taken);
    if (this.clock.now() - taken.since >= this.bounds.lingerMs) this.markSlow(host, entry);
    else this.markPrompt(host, entry);
    this.queue(host, entry);
    this.forget(host, entry);
    this.admit();
  }

  /** Lets in who may come in now. */
  private admit(): void {
    // Who is let in may ask or leave at once: this loop sees to it.
    if (this.admitting) return;
    this.admitting = true;
    this.noticeLingering();
    while (this.prompt.size < this.bounds.inAll) {
      const host = this.nextHost();
      if (host === undefined) break;
      const entry = this.hosts.get(host);
      const [granted] = entry?.waiting ?? [];
      if (!entry || !granted || entry.under >= this.bounds.perHost) continue;
      entry.waiting.delete(granted);
      this.waitingInAll -= 1;
      const place = this.take(host, entry);
      // To the back of the row, so that hosts take turns.
      this.queue(host, entry);
      granted(place);
    }
    this.admitting = false;
    this.lookAgain();
  }

  private nextHost(): string | undefined {
    const [other] = this.ready.other;
    const [slow] = this.slowUnder < Math.max(1, Math.floor(this.bounds.inAll / 2)) ? this.ready.slow : [];
    const isSlow = slow !== undefined && (other === undefined || this.slowIsNext);
    const host = isSlow ? slow : other;
    if (host === undefined) return undefined;
    this.slowIsNext = !isSlow;
    this.ready[isSlow ? 'slow' : 'other'].delete(host);
    return host;
  }

  private noticeLingering(): void {
    const since = this.clock.now() - this.bounds.lingerMs;
    for (const taken of this.prompt) {
      if (taken.since > since || this.lingering >= this.bounds.inAll) return;
      this.prompt.delete(taken);
      taken.lingers = true;
      this.lingering += 1;
      this.markSlow(taken.host, this.hosts.get(taken.host)!);
    }
  }

  /** While somebody waits only because all places are taken: when the eldest attempt begins to linger. */
  private lookAgain(): void {
    this.cancelLook?.();
    this.cancelLook = undefined;
    const [eldest] = this.prompt;
    if (this.ready.other.size === 0 || this.prompt.size < this.bounds.inAll || !eldest) return;
    if (this.lingering >= this.bounds.inAll) return;
    const wait = eldest.since + this.bounds.lingerMs - this.clock.now();
    this.cancelLook = this.clock.after(Math.max(1, Math.ceil(wait)), () => this.admit());
  }

  private queue(host: string, { under, waiting }: Host): void {
    if (waiting.size > 0 && under < this.bounds.perHost) this.ready[this.slow.has(host) ? 'slow' : 'other'].add(host);
  }

  private markSlow(host: string, { under }: Host): void {
    if (this.slow.has(host)) return;
    this.slow.add(host);
    this.slowUnder += under;
    if (this.ready.other.delete(host)) this.ready.slow.add(host);
    for (const oldest of this.slow) {
      if (this.slow.size <= MOST_SLOW_HOSTS) break;
      const entry = this.hosts.get(oldest);
      if (entry === undefined) this.slow.delete(oldest);
      else this.markPrompt(oldest, entry);
    }
  }

  private markPrompt(host: string, { under }: Host): void {
    if (!this.slow.delete(host)) return;
    this.slowUnder -= under;
    if (this.ready.slow.delete(host)) this.ready.other.add(host);
  }

  private forget(host: string, entry: Host): void {
    if (entry.under > 0 || entry.waiting.size > 0 || this.hosts.get(host) !== entry) return;
    this.hosts.delete(host);
    this.ready.slow.delete(host);
    this.ready.other.delete(host);
  }
}
