import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Announcements } from '../../../src/delivery/announcements.js';
import { EventWindow } from '../../../src/delivery/event-window.js';
import { EventLog, type GroupNews } from '../../../src/subscriptions/event-log.js';
import { type MatchBatch, MatchBatches } from '../../../src/subscriptions/match-batches.js';

/** Matching as those see it who follow it: each batch brings an event of group 1, and a change of the subscription it names. */
class Matched extends MatchBatches {
  readonly committed: MatchBatch[] = [];

  commit(subscriptionId: string): void {
    this.committed.push({ batch: this.committed.length + 1, groupIds: [1], subscriptionIds: [subscriptionId] });
  }

  newest(): Promise<number> {
    return Promise.resolve(this.committed.length);
  }

  after(batch: number, limit: number): Promise<MatchBatch[]> {
    return Promise.resolve(this.committed.slice(batch, batch + limit));
  }
}

class OneGroup extends EventLog {
  constructor(private readonly matched: Matched) {
    super();
  }
  standings(): Promise<never[]> {
    return Promise.resolve([]);
  }
  read(): Promise<never[]> {
    return Promise.resolve([]);
  }
  news(): Promise<GroupNews[]> {
    const count = this.matched.committed.length;
    return Promise.resolve([{ groupId: 1, lastN: count, events: [], topicsWritten: 0, batch: count }]);
  }
}

test('no event is shown before everybody has learnt of the subscriptions that had changed by then', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(fc.constantFrom('commit', 'advance', 'tell'), { maxLength: 30 }),
      async (scheduler, steps) => {
        const matched = new Matched();
        const announcements = new Announcements(matched);
        const window = new EventWindow(new OneGroup(matched), (batch) => announcements.through(batch));
        let learnt = 0;
        announcements.listen({
          learn: async (_groups, subscriptions) => {
            await scheduler.schedule(Promise.resolve());
            learnt += subscriptions.size;
          },
        });
        await announcements.start();
        window.follow(1, 0);
        const pending: Promise<void>[] = [];
        for (const step of steps) {
          if (step === 'commit') matched.commit(`s${matched.committed.length + 1}`);
          else if (step === 'advance')
            pending.push(window.advance([1]).then(() => expect(learnt).toBeGreaterThanOrEqual(window.lastN(1)!)));
          else pending.push(announcements.tell([...matched.committed]));
          expect(learnt).toBeGreaterThanOrEqual(window.lastN(1)!);
        }
        await scheduler.waitFor(Promise.all(pending));
        await scheduler.waitFor(window.advance([1]));
        expect([learnt, window.lastN(1)]).toEqual([matched.committed.length, matched.committed.length]);
      },
    ),
    { numRuns: 100 },
  );
});

test('what could not be learnt is learnt at the next try, and nothing is shown before', async () => {
  const matched = new Matched();
  const announcements = new Announcements(matched);
  const window = new EventWindow(new OneGroup(matched), (batch) => announcements.through(batch));
  const seen: string[] = [];
  let broken = true;
  announcements.listen({
    learn: (_groups, subscriptions) => {
      if (broken) return Promise.reject(new Error('the database is away'));
      seen.push(...subscriptions);
      return Promise.resolve();
    },
  });
  await announcements.start();
  window.follow(1, 0);
  matched.commit('a');
  await expect(window.advance([1])).rejects.toThrow('away');
  expect(window.lastN(1)).toBe(0);
  broken = false;
  matched.commit('b');
  await window.advance([1]);
  expect([seen, window.lastN(1)]).toEqual([['a', 'b'], 2]);
});
