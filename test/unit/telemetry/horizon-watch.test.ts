import { afterEach, expect, jest, test } from '@jest/globals';
import type { LogHorizon } from '../../../src/telemetry/database-figures.js';
import { HorizonWatch } from '../../../src/telemetry/horizon-watch.js';
import type { Log } from '../../../src/telemetry/log.js';

const LOOK_MS = 5000;
let watch: HorizonWatch;

afterEach(async () => {
  await watch.stop();
  jest.useRealTimers();
});

/** What a watch that warns after 10 s writes while it meets these holders, one a look. */
async function told(holders: (LogHorizon | undefined | Error)[], secondsBetween = 5): Promise<[string, object][]> {
  jest.useFakeTimers();
  const lines: [string, object][] = [];
  let now = 0;
  let look = 0;
  const horizon = () => {
    const met = holders[look++];
    return met instanceof Error ? Promise.reject(met) : Promise.resolve(met);
  };
  const tell = (facts: object, event: string) => void lines.push([event, facts]);
  const log: Log = { debug() {}, info: tell, warn: tell, error() {}, fatal() {} };
  watch = new HorizonWatch({ horizon }, 10, log, LOOK_MS, () => now);
  watch.start();
  for (const _ of holders) {
    now += secondsBetween * 1000;
    await jest.advanceTimersByTimeAsync(LOOK_MS);
  }
  return lines;
}

const held = (seconds: number, pid = 4711): LogHorizon => ({
  pid,
  seconds,
  applicationName: 'psql',
  database: 'other',
  state: 'idle in transaction',
});

test('who holds the log back for longer than allowed is named once, and so is the end of it', async () => {
  expect(await told([held(9), held(14.4), held(19), undefined, undefined])).toEqual([
    ['log.horizon-held', { pid: 4711, seconds: 14, applicationName: 'psql', database: 'other', state: 'idle in transaction' }],
    ['log.horizon-free', { pid: 4711 }],
  ]);
});

test('one that stays is named again every minute, another one at once', async () => {
  const lines = await told([held(30), held(60), held(90), held(20, 4712)], 30);
  expect(lines.map(([event, facts]) => [event, (facts as { pid: number }).pid])).toEqual([
    ['log.horizon-held', 4711],
    ['log.horizon-held', 4711],
    ['log.horizon-held', 4712],
  ]);
});

test('short transactions are nobody’s business, and a database that is away ends nothing', async () => {
  expect(await told([held(1), new Error('away'), held(2), undefined])).toEqual([]);
});
