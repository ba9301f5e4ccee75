import { expect } from '@jest/globals';
import { waitFor } from '../support/wait-for.js';
import { CHANGED_TOPIC, faultTest } from './harness/fault-run.js';
import { CODE_SYSTEM, CODES, codeOf } from './harness/load-writer.js';
import { byLength } from './harness/run-length.js';

faultTest(
  'three hubs stopped and started one after another under load: no write is lost, nothing is lost, nothing comes twice',
  async (run) => {
    await run.hubs({ env: { SHUTDOWN_GRACE_SECONDS: '300' } });
    for (const code of CODES) {
      for (const n of [1, 2])
        await run.subscribe(`${code}-${n}`, {
          filters: [`Observation?code=${CODE_SYSTEM}|${code}`],
          concerns: (version) => codeOf(version) === code,
          ...(n === 2 ? { maxCount: 5 } : {}),
          // Answers take a moment, so that something is always under way when a hub is asked to stop.
          answer: () => ({ kind: 'status', status: 200, afterMilliseconds: run.random.between(0, 40) }),
        });
    }
    await run.subscribe('all', { topic: CHANGED_TOPIC, maxCount: 10, concerns: () => true });
    const writer = run.write({ perSecond: 60, connections: 6 });
    for (let round = 0; round < byLength(1, 10); round += 1) {
      for (const place of run.cluster.places) {
        const before = writer.answered;
        await waitFor(() => writer.answered >= before + 40, { milliseconds: 60_000, what: 'writes with all hubs' });
        expect(await place.stop()).toBe(0);
        const without = writer.answered;
        await waitFor(() => writer.answered >= without + 40, { milliseconds: 60_000, what: 'writes without one' });
        await place.start();
      }
    }
    await writer.stop();
    const verdict = await run.settle();
    expect(verdict.faults).toEqual([]);
    expect(verdict.repeats).toBe(0);
    expect(run.cluster.disturbances).toEqual([]);
  },
);

faultTest(
  'the only hub, stopped under load and started again, goes on where it was: nothing lost, nothing twice',
  async (run) => {
    // Clients that keep their connections open use up none of it: a stop that waited for them would outlast the test.
    await run.hubs({ hubs: 1, env: { SHUTDOWN_GRACE_SECONDS: '300' } });
    for (const code of CODES) {
      await run.subscribe(code, {
        filters: [`Observation?code=${CODE_SYSTEM}|${code}`],
        concerns: (version) => codeOf(version) === code,
        answer: () => ({ kind: 'status', status: 200, afterMilliseconds: run.random.between(0, 60) }),
      });
    }
    const [place] = run.cluster.places;
    for (let round = 0; round < byLength(1, 10); round += 1) {
      const writer = run.write({ connections: 8, perSecond: 150 });
      await waitFor(() => writer.answered >= 150, { milliseconds: 60_000, what: 'writes' });
      expect(await place!.stop()).toBe(0);
      await writer.stop();
      await place!.start();
    }
    const verdict = await run.settle();
    expect(verdict.faults).toEqual([]);
    expect(verdict.repeats).toBe(0);
  },
);
