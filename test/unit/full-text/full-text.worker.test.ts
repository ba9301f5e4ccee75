import { afterEach, expect, test } from '@jest/globals';
import { type Advance, FullTextIndex } from '../../../src/full-text/full-text-index.js';
import { FullTextWorker } from '../../../src/full-text/full-text.worker.js';
import { SILENT_LOG } from '../../../src/telemetry/log.js';
import { LocalWakeUps } from '../../../src/wake-ups/wake-ups.js';
import { waitFor } from '../../support/wait-for.js';

/** A log of so many changes, some of which cannot be indexed. */
class CountedIndex extends FullTextIndex {
  at = 0;
  sorted = 0;
  turns: number[] = [];
  passedOver: number[] = [];
  behaves: (most: number) => void = () => undefined;

  constructor(
    public end: number,
    private readonly poisoned = -1,
  ) {
    super();
  }

  override async advance(most: number, without = false): Promise<Advance | undefined> {
    this.behaves(most);
    const changes = Math.min(most, this.end - this.at);
    const hasPoison = this.poisoned >= this.at && this.poisoned < this.at + changes;
    if (hasPoison && !without) throw Object.assign(new Error('not so'), { code: '54000' });
    if (hasPoison) this.passedOver.push(this.poisoned);
    this.at += changes;
    if (changes > 0) this.turns.push(changes);
    return { changes, resources: changes };
  }

  override async sortIn(): Promise<void> {
    this.sorted = this.at;
  }
}

const SETTINGS = {
  batch: 10,
  gatherMilliseconds: 1,
  idleMilliseconds: 60_000,
  restFull: 99,
  restBusy: 9,
  restQuiet: 1,
  sortAfter: 30,
};
const wakeUps = new LocalWakeUps();
let worker: FullTextWorker | undefined;

afterEach(() => worker?.stop());

function work(index: FullTextIndex, settings = SETTINGS, timeAtWork = () => 0): FullTextWorker {
  worker = new FullTextWorker(index, wakeUps, SILENT_LOG, settings, timeAtWork);
  worker.start();
  worker.start();
  return worker;
}

test('goes on until nothing is left, sorts in what it wrote, and wakes up for more', async () => {
  const index = new CountedIndex(95);
  work(index);
  await waitFor(() => index.sorted === 95);
  index.end = 100;
  wakeUps.send('changes');
  await waitFor(() => index.sorted === 100);
});

test('what cannot be indexed is found out and passed over, and nothing else', async () => {
  const index = new CountedIndex(40, 17);
  work(index, { ...SETTINGS, batch: 4 });
  await waitFor(() => index.at === 40);
  expect(index.passedOver).toEqual([17]);
});

test('a database that is away loses nothing', async () => {
  const index = new CountedIndex(20);
  let failures = 3;
  index.behaves = () => {
    if (failures-- > 0) throw Object.assign(new Error('away'), { code: '57P01' });
  };
  work(index);
  await waitFor(() => index.at === 20);
  expect(index.passedOver).toEqual([]);
});

test('a search that waits ends the rest', async () => {
  const index = new CountedIndex(1000);
  // So long a rest would outlast the test.
  work(index, { ...SETTINGS, restQuiet: 1e9, restBusy: 1e9, gatherMilliseconds: 600_000 });
  await waitFor(() => index.at === 10);
  await waitFor(() => {
    wakeUps.send('full-text');
    return index.at === 1000;
  });
});

test('rests longer where the hub has no time to spare', async () => {
  const index = new CountedIndex(1000);
  index.behaves = () => wakeUps.send('changes');
  let atWork = 0.2;
  const settings = { ...SETTINGS, restFull: 1e9, restBusy: 1 };
  work(index, settings, () => (index.at < 500 ? atWork : (atWork = 0.9)));
  await waitFor(() => index.at === 510);
  index.behaves = () => undefined;
  expect(atWork).toBe(0.9);
  // A rest of a minute, which a search that waits ends.
  await waitFor(() => {
    wakeUps.send('full-text');
    return index.at === 1000;
  });
});

test('stops in the middle of a rest, twice if need be', async () => {
  const index = new CountedIndex(1000);
  const stopped = work(index, { ...SETTINGS, restQuiet: 1e9, gatherMilliseconds: 600_000 });
  await waitFor(() => index.at === 10);
  await stopped.stop();
  await stopped.stop();
  expect(index.at).toBe(10);
});
