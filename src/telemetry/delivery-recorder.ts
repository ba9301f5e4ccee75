import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { OwedPlace } from './database-figures.js';
import { DURATION_BUCKETS } from './request-recorder.js';

/** What came of an attempt: taken; the same again later; answered but not taken; gone for good. */
export type AttemptOutcome = 'accepted' | 'retry' | 'refused' | 'gone';

/** What the subscriptions of one channel are owed that this process serves. */
export interface ChannelOwed {
  channel: string;
  /** Subscriptions with something owed. */
  subscriptions: number;
  events: number;
}

/** How delivery of this process stands at this moment. */
export interface DeliveryNow {
  owed: readonly ChannelOwed[];
  /** Among these is the oldest event owed. */
  places: readonly OwedPlace[];
  attemptsUnderWay: number;
  attemptsWaiting: number;
  /** Of endpoints with a rate limit. */
  attemptsPaced: number;
  /** Subscriptions of shards just taken whose turn to be looked at has not come: what they are owed is not in `owed`. */
  notTakenUp: number;
  /** Attempts since the start that could not be kept in the log of attempts. */
  attemptsUnlogged: number;
  shardsHeld: number;
}

/** From a change to its receiver: a millisecond to an hour. */
const LATENCY_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600];
const OUTCOMES: readonly AttemptOutcome[] = ['accepted', 'retry', 'refused', 'gone'];

interface ChannelRecord {
  latency: Histogram.Internal<string>;
  duration: Histogram.Internal<string>;
  attempts: Record<AttemptOutcome, Counter.Internal>;
}

/** What leaves this process. */
export class DeliveryRecorder {
  private readonly latency: Histogram;
  private readonly duration: Histogram;
  private readonly attempts: Counter;
  /** By channel: looking labels up costs more than counting. */
  private readonly children = new Map<string, ChannelRecord>();
  private now: () => DeliveryNow | undefined = () => undefined;

  constructor(registry: Registry) {
    const registers = [registry];
    this.latency = new Histogram({
      name: 'carillon_change_received_seconds',
      help: 'From the time of a change to the first time its event was accepted, or handed to a socket; repetitions are left out',
      labelNames: ['channel'],
      buckets: LATENCY_BUCKETS,
      registers,
    });
    this.duration = new Histogram({
      name: 'carillon_attempt_seconds',
      help: 'Duration of attempts to deliver',
      labelNames: ['channel'],
      buckets: DURATION_BUCKETS,
      registers,
    });
    this.attempts = new Counter({
      name: 'carillon_attempts_total',
      help: 'Attempts to deliver, by what came of them',
      labelNames: ['channel', 'outcome'],
      registers,
    });
    this.showNow(registry);
  }

  attempted(channel: string, outcome: AttemptOutcome, milliseconds: number): void {
    const { attempts, duration } = this.of(channel);
    attempts[outcome].inc();
    duration.observe(milliseconds / 1000);
  }

  /** An event of a change made at `changedAt` was received for the first time at `receivedAt`, both in milliseconds since 1970. */
  received(channel: string, changedAt: number, receivedAt: number): void {
    // Clocks of two machines may disagree by more than the way takes.
    this.of(channel).latency.observe(Math.max(0, receivedAt - changedAt) / 1000);
  }

  /** Where it is to be looked up how delivery stands. */
  standsAs(read: () => DeliveryNow): void {
    this.now = read;
  }

  places(): readonly OwedPlace[] {
    return this.now()?.places ?? [];
  }

  private of(channel: string): ChannelRecord {
    let record = this.children.get(channel);
    if (record === undefined) {
      const attempts = OUTCOMES.map((outcome) => {
        const child = this.attempts.labels({ channel, outcome });
        child.inc(0);
        return [outcome, child] as const;
      });
      for (const histogram of [this.latency, this.duration]) histogram.zero({ channel });
      record = {
        latency: this.latency.labels({ channel }),
        duration: this.duration.labels({ channel }),
        attempts: Object.fromEntries(attempts) as ChannelRecord['attempts'],
      };
      this.children.set(channel, record);
    }
    return record;
  }

  private showNow(registry: Registry): void {
    const now = () => this.now();
    const plain = (name: string, help: string, pick: (found: DeliveryNow) => number) =>
      new Gauge({
        name,
        help,
        registers: [registry],
        collect() {
          this.set(pick(now() ?? IDLE));
        },
      });
    const byChannel = (name: string, help: string, pick: (owed: ChannelOwed) => number) =>
      new Gauge({
        name,
        help,
        labelNames: ['channel'],
        registers: [registry],
        collect() {
          this.reset();
          for (const owed of now()?.owed ?? []) this.set({ channel: owed.channel }, pick(owed));
        },
      });
    new Counter({
      name: 'carillon_attempts_unlogged_total',
      help: 'Attempts that were made but could not be kept in the log of attempts',
      registers: [registry],
      collect() {
        this.reset();
        this.inc((now() ?? IDLE).attemptsUnlogged);
      },
    });
    byChannel('carillon_owed_events', 'Events owed to subscriptions that this process serves', ({ events }) => events);
    byChannel(
      'carillon_owing_subscriptions',
      'Subscriptions of this process with events owed to them',
      ({ subscriptions }) => subscriptions,
    );
    plain('carillon_attempts_under_way', 'Attempts under way in this process', ({ attemptsUnderWay }) => attemptsUnderWay);
    plain(
      'carillon_attempts_waiting',
      'Subscriptions that wait for a place to be attempted',
      ({ attemptsWaiting }) => attemptsWaiting,
    );
    plain(
      'carillon_attempts_paced',
      'Subscriptions whose turn waits for the rate limit of their endpoint',
      ({ attemptsPaced }) => attemptsPaced,
    );
    plain(
      'carillon_subscriptions_not_taken_up',
      'Subscriptions of shards just taken that have not been looked at yet; what they are owed is not counted',
      ({ notTakenUp }) => notTakenUp,
    );
    plain('carillon_shards_held', 'Shards of subscriptions that this process holds', ({ shardsHeld }) => shardsHeld);
  }
}

const IDLE: DeliveryNow = {
  owed: [],
  places: [],
  attemptsUnderWay: 0,
  attemptsWaiting: 0,
  attemptsPaced: 0,
  notTakenUp: 0,
  attemptsUnlogged: 0,
  shardsHeld: 0,
};
