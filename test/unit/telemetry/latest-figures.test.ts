import { expect, test } from '@jest/globals';
import { DatabaseFigures, type Figures, type OwedPlace } from '../../../src/telemetry/database-figures.js';
import { LatestFigures } from '../../../src/telemetry/latest-figures.js';

class ScriptedFigures extends DatabaseFigures {
  readings = 0;
  asked: readonly OwedPlace[] = [];
  answer: () => Promise<Figures> = () => Promise.resolve(figures(this.readings));

  read(places: readonly OwedPlace[]): Promise<Figures> {
    this.readings += 1;
    this.asked = places;
    return this.answer();
  }

  horizon() {
    return Promise.resolve(undefined);
  }
}

const figures = (deadLetters: number) => ({ deadLetters }) as Figures;

test('however many ask at once and shortly after, the database is asked once', async () => {
  const source = new ScriptedFigures();
  let now = 0;
  const latest = new LatestFigures(
    source,
    () => [{ channel: 'rest-hook', groupId: 1, n: 7 }],
    () => now,
  );
  const answers = await Promise.all([latest.get(), latest.get(), latest.get()]);
  now = 4_999;
  answers.push(await latest.get());
  expect(answers.map((answer) => answer?.deadLetters)).toEqual([1, 1, 1, 1]);
  expect(source.asked).toEqual([{ channel: 'rest-hook', groupId: 1, n: 7 }]);
  now = 5_001;
  expect((await latest.get())?.deadLetters).toBe(2);
});

test('a reading that took long is kept for twenty times as long', async () => {
  const source = new ScriptedFigures();
  let now = 0;
  source.answer = () => {
    now += 1_000;
    return Promise.resolve(figures(source.readings));
  };
  const latest = new LatestFigures(
    source,
    () => [],
    () => now,
  );
  await latest.get();
  now += 19_999;
  expect((await latest.get())?.deadLetters).toBe(1);
  now += 1;
  expect((await latest.get())?.deadLetters).toBe(2);
});

test('a database that is away yields nothing, not what was known before, and is asked again the next time', async () => {
  const source = new ScriptedFigures();
  let now = 0;
  const latest = new LatestFigures(
    source,
    () => [],
    () => now,
  );
  expect(await latest.get()).toBeDefined();
  now = 10_000;
  source.answer = () => Promise.reject(new Error('connect ECONNREFUSED'));
  expect(await latest.get()).toBeUndefined();
  source.answer = () => Promise.resolve(figures(9));
  expect((await latest.get())?.deadLetters).toBe(9);
});

test('a database that does not answer is waited for by nobody for longer than three seconds, and asked once', async () => {
  const source = new ScriptedFigures();
  let answer: (found: Figures) => void = () => {};
  source.answer = () => new Promise((resolve) => (answer = resolve));
  const latest = new LatestFigures(source, () => []);
  expect(await Promise.all([latest.get(), latest.get()])).toEqual([undefined, undefined]);
  expect(source.readings).toBe(1);
  const asking = latest.get();
  answer(figures(5));
  expect((await asking)?.deadLetters).toBe(5);
  expect(source.readings).toBe(1);
});
