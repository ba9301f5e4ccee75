import { expect } from '@jest/globals';
import { waitFor } from '../support/wait-for.js';
import { faultTest } from './harness/fault-run.js';
import { CODE_SYSTEM, CODES, codeOf } from './harness/load-writer.js';
import { byLength } from './harness/run-length.js';

faultTest(
  'kill -9 of any of three hubs under load: nothing lost, nothing out of order, repetitions only around a kill',
  async (run) => {
    await run.hubs();
    for (const code of CODES) {
      for (const n of [1, 2])
        await run.subscribe(`${code}-${n}`, {
          filters: [`Observation?code=${CODE_SYSTEM}|${code}`],
          concerns: (version) => codeOf(version) === code,
          ...(n === 2 ? { maxCount: 5 } : {}),
        });
    }
    const writer = run.write({ perSecond: 100, connections: 8 });
    for (let kill = 1; kill <= byLength(2, 30); kill += 1) {
      const place = run.random.oneOf(run.cluster.places);
      const before = writer.answered;
      await waitFor(() => writer.answered >= before + 100, { milliseconds: 60_000, what: 'a hundred more writes' });
      await place.kill();
      await waitFor(() => writer.answered >= before + 150, { milliseconds: 60_000, what: 'writes without it' });
      await place.start();
    }
    await writer.stop();
    const verdict = await run.settle();
    expect(verdict.faults).toEqual([]);
  },
  byLength(300_000, 1_800_000),
);
