import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readConfig } from '../../../src/config/config.js';
import { afterAttempt } from '../../../src/delivery/after-attempt.js';
import { applyVerdict } from '../../../src/delivery/apply-verdict.js';
import type { AttemptResult } from '../../../src/delivery/attempt-result.js';
import { FIXED_DELIVERY } from '../../../src/delivery/delivery-settings.js';
import type { Line } from '../../../src/delivery/line.js';
import { nextStep } from '../../../src/delivery/next-step.js';
import type { OwedEvent, Push } from '../../../src/delivery/push-channel.js';
import type { SubscriptionDefinition, SubscriptionStatus } from '../../../src/subscriptions/subscription-definition.js';

/** A subscription's life with an endpoint that answers as it likes, on a clock that jumps from one attempt to the next. */

const SETTINGS = { ...FIXED_DELIVERY, ...readConfig({}).delivery };
const DAY = 24 * 3600 * 1000;
const START = 1_800_000_000_000;
const fault = { code: 'error-response', text: 'HTTP 500' } as const;
const ACCEPTED: AttemptResult = { kind: 'accepted' };
const RETRY: AttemptResult = { kind: 'retry', fault };
const REFUSED: AttemptResult = { kind: 'refused', fault };

const definition = (status: SubscriptionStatus): SubscriptionDefinition => ({
  id: 's',
  version: 1,
  face: 'r4b',
  status,
  subject: { kind: 'topic', topic: 'https://topics.example/t', filters: [] },
  channel: {
    type: 'rest-hook',
    endpoint: 'http://127.0.0.1/',
    headers: [],
    signingSecrets: [],
    payload: 'application/fhir+json',
    content: 'id-only',
  },
});

interface Attempted {
  at: number;
  kind: Push['kind'];
  numbers: number[];
  accepted: boolean;
}

class Life {
  now = START;
  readonly attempts: Attempted[] = [];
  readonly parked: number[] = [];
  readonly line = {
    id: 's',
    definition: definition('requested'),
    writtenAt: START,
    acknowledged: 0,
    latest: 0,
    failures: 0,
    retryAt: 0,
    verified: false,
    sentAt: START,
    limit: Number.MAX_SAFE_INTEGER,
  } as unknown as Line;

  constructor(
    private readonly maxCount: number,
    private readonly answer: (numbers: readonly number[], attempt: number) => AttemptResult,
    private readonly random: () => number = () => 0.5,
  ) {}

  get status(): SubscriptionStatus {
    return this.line.definition.status;
  }

  /** Until nothing more is wanted, or so many attempts were made. */
  live(most: number): void {
    while (this.attempts.length < most) {
      const step = nextStep(this.line, this.now, SETTINGS.handshakeDelayMs);
      if (step.kind === 'rest') {
        if (step.until === undefined) return;
        expect(step.until).toBeGreaterThan(this.now);
        this.now = step.until;
      } else if (step.kind === 'activate') this.line.definition = definition('active');
      else if (step.kind === 'send' || step.kind === 'handshake') this.attempt(step.kind);
      else throw new Error(`a step that nothing asked for: ${step.kind}`);
    }
  }

  private attempt(kind: 'send' | 'handshake'): void {
    const { line } = this;
    const first = (line.trying?.over ?? line.acknowledged) + 1;
    const count = kind === 'handshake' ? 0 : line.trying ? 1 : Math.min(line.limit, this.maxCount, line.latest - first + 1);
    const numbers = Array.from({ length: count }, (_, index) => first + index);
    const result = this.answer(numbers, this.attempts.length);
    const pushKind = kind === 'handshake' ? 'handshake' : 'event-notification';
    this.attempts.push({ at: this.now, kind: pushKind, numbers, accepted: result.kind === 'accepted' });
    this.now += 1;
    const verdict = afterAttempt(
      {
        kind: pushKind,
        status: this.status,
        failures: line.failures,
        count,
        hasMore: count > 0 && line.latest > numbers.at(-1)!,
        steppingOver: line.trying !== undefined,
      },
      result,
      SETTINGS,
      this.random(),
    );
    const push = { kind: pushKind, events: numbers.map((number) => ({ number }) as OwedEvent) } as unknown as Push;
    const { status, park } = applyVerdict(line, push, result.kind === 'accepted' ? undefined : result.fault, verdict, this.now);
    if (park) this.parked.push(park.number);
    if (status) line.definition = definition(status);
  }

  /** Numbers in the order in which they were accepted for the first time. */
  get accepted(): number[] {
    return this.attempts.filter((attempt) => attempt.accepted).flatMap(({ numbers }) => numbers);
  }
}

const range = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

const answers = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.constant(ACCEPTED) },
    { weight: 3, arbitrary: fc.constant(RETRY) },
    { weight: 2, arbitrary: fc.constant(REFUSED) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: DAY * 2 }).map((ms): AttemptResult => ({ ...RETRY, retryAfterMs: ms })) },
  ),
  { maxLength: 60 },
);

test('whatever an endpoint answers for a while: in the end it has every event, in order, but those set aside on proof', () => {
  fc.assert(
    fc.property(answers, fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 30 }), (script, maxCount, events) => {
      const life = new Life(maxCount, (_numbers, attempt) => script[attempt] ?? ACCEPTED);
      life.line.latest = events;
      life.live(2000);
      expect(life.status).toBe('active');
      expect(life.line.acknowledged).toBe(events);
      const { accepted, parked } = life;
      expect([...accepted]).toEqual([...accepted].sort((a, b) => a - b));
      expect([...accepted, ...parked].sort((a, b) => a - b)).toEqual(range(events));
      // An event is set aside only after four refusals of its own, or of bundles with it.
      for (const number of parked) {
        const refused = life.attempts.filter((attempt) => !attempt.accepted && attempt.numbers.includes(number));
        expect(refused.length).toBeGreaterThanOrEqual(SETTINGS.failuresUntilError);
      }
      expect(life.attempts[0]!.kind).toBe('handshake');
    }),
    { numRuns: 300 },
  );
});

test('an endpoint that refuses some events for good gets all the others; the last of them waits for proof', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 2, max: 40 }),
      fc.uniqueArray(fc.integer({ min: 1, max: 39 }), { maxLength: 5 }),
      (maxCount, events, chosen) => {
        // Two that follow one another prove nothing of each other.
        const poison = new Set(chosen.filter((number) => number < events && !chosen.includes(number - 1)));
        const life = new Life(maxCount, (numbers) => (numbers.some((number) => poison.has(number)) ? REFUSED : ACCEPTED));
        life.line.latest = events;
        life.live(5000);
        expect(life.parked).toEqual([...poison].sort((a, b) => a - b));
        expect(life.accepted).toEqual(range(events).filter((number) => !poison.has(number)));
        expect(life.status).toBe('active');
      },
    ),
    { numRuns: 200 },
  );
});

test('one that never answers is given up after three days, not before, with pauses that grow to an hour', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.boolean(), (random, verified) => {
      const life = new Life(
        1,
        () => RETRY,
        () => random,
      );
      life.line.latest = 5;
      life.line.verified = verified;
      if (verified) life.line.definition = definition('active');
      life.live(1000);
      expect(life.status).toBe('off');
      const days = (life.now - START) / DAY;
      expect(days).toBeGreaterThanOrEqual(2.95);
      expect(days).toBeLessThanOrEqual(3 * 1.16);
      const pauses = life.attempts.slice(1).map(({ at }, index) => at - life.attempts[index]!.at);
      expect([...pauses].sort((a, b) => a - b)).toEqual(pauses);
      expect(pauses.at(-1)!).toBeLessThanOrEqual(3600 * 1000 * 1.15 + 2);
      expect(life.line.acknowledged).toBe(0);
      expect(life.parked).toEqual([]);
    }),
    { numRuns: 30 },
  );
});

test('it ends at once where the endpoint says that it is gone, and never later comes back by itself', () => {
  fc.assert(
    fc.property(answers, (script) => {
      const before = script.filter(({ kind }) => kind !== 'refused').length;
      const life = new Life(3, (_numbers, attempt) => (attempt < before ? script[attempt]! : { kind: 'gone', fault }));
      life.line.latest = 1000;
      life.live(3000);
      expect(life.status).toBe('off');
      expect(nextStep(life.line, life.now + 10 * DAY, 0)).toEqual({ kind: 'rest' });
    }),
  );
});

test('what failed is tried again with the same events, whatever comes meanwhile', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 1, max: 5 }), fc.nat(20), (owed, failures, more) => {
      const life = new Life(8, (_numbers, attempt) => {
        life.line.latest = owed + (attempt === 0 ? 0 : more);
        return attempt < failures ? RETRY : ACCEPTED;
      });
      life.line.latest = owed;
      life.line.verified = true;
      life.line.definition = definition('active');
      life.live(500);
      const [first, ...again] = life.attempts.slice(0, failures + 1).map(({ numbers }) => numbers);
      for (const numbers of again) expect(numbers).toEqual(first);
      expect(life.accepted).toEqual(range(owed + more));
    }),
  );
});

test('no attempt before its pause is over, and none before Retry-After, which counts up to a day', () => {
  fc.assert(
    fc.property(answers, (script) => {
      const life = new Life(5, (_numbers, attempt) => script[attempt] ?? ACCEPTED);
      life.line.latest = 10;
      life.live(500);
      life.attempts.slice(1).forEach(({ at }, index) => {
        const answer = script[index];
        if (answer?.kind === 'retry')
          expect(at - life.attempts[index]!.at).toBeGreaterThan(Math.min(answer.retryAfterMs ?? 0, DAY));
      });
    }),
  );
});
