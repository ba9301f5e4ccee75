import { afterEach, describe, expect, test } from '@jest/globals';
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
  near = Infinity;

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
    return { changes, resources: changes, isFar: this.end - this.at > this.near };
  }

  override async sortIn(): Promise<void> {
    this.sorted = this.at;
  }
}

const SETTINGS = {
  batch: 10,
  gatherMilliseconds: 1,
  idleMilliseconds: 60_000,
  rests: { full: 99, busy: 9, quiet: 1, far: 9, overdue: 3, patienceMilliseconds: 60_000 },
  sortAfter: 30,
};
/** So long a rest would outlast the test. */
const FOREVER = 1e9;
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
  work(index, { ...SETTINGS, rests: { ...SETTINGS.rests, quiet: FOREVER, busy: FOREVER }, gatherMilliseconds: 600_000 });
  await waitFor(() => index.at === 10);
  await waitFor(() => {
    wakeUps.send('full-text');
    return index.at === 1000;
  });
});

test('rests longer where the hub has no time to spare, and no longer once it has', async () => {
  const index = new CountedIndex(1000);
  index.behaves = () => wakeUps.send('changes');
  let atWork = 0.2;
  const settings = { ...SETTINGS, rests: { ...SETTINGS.rests, full: FOREVER, busy: 0 } };
  work(index, settings, () => (index.at < 500 ? atWork : (atWork = 0.9)));
  await waitFor(() => index.at === 500);
  await waitFor(() => atWork === 0.9);
  // It rests until a search waits.
  expect(index.at).toBe(500);
  await waitFor(() => {
    wakeUps.send('full-text');
    return index.at > 500;
  });
});

test('a rest that was long because the hub was busy ends when it is not', async () => {
  const index = new CountedIndex(100);
  let looks = 0;
  const settings = { ...SETTINGS, rests: { ...SETTINGS.rests, full: FOREVER, quiet: 0 } };
  work(index, settings, () => (++looks < 2 ? 0.9 : 0.1));
  await waitFor(() => index.at === 100);
});

describe('where searches do not make up for what is missing', () => {
  const rests = { full: FOREVER, busy: FOREVER, quiet: 0, far: 0, overdue: 0, patienceMilliseconds: 60_000 };

  test('it rests less, until they do', async () => {
    const index = new CountedIndex(1000);
    index.near = 300;
    work(index, { ...SETTINGS, rests }, () => 0.9);
    await waitFor(() => index.at === 700);
    expect(index.at).toBe(700);
  });

  test('it rests less still once that has lasted too long', async () => {
    const index = new CountedIndex(1000);
    index.near = 300;
    work(index, { ...SETTINGS, rests: { ...rests, quiet: FOREVER, far: FOREVER, patienceMilliseconds: 0 } }, () => 0.9);
    await waitFor(() => index.at === 700);
    expect(index.at).toBe(700);
  });
});

test('stops in the middle of a rest, twice if need be', async () => {
  const index = new CountedIndex(1000);
  const stopped = work(index, { ...SETTINGS, rests: { ...SETTINGS.rests, quiet: FOREVER }, gatherMilliseconds: 600_000 });
  await waitFor(() => index.at === 10);
  await stopped.stop();
  await stopped.stop();
  expect(index.at).toBe(10);
});
