import { fileURLToPath } from 'node:url';
import { expect } from '@jest/globals';
import { waitFor } from '../support/wait-for.js';
import { CHANGED_TOPIC, faultTest } from './harness/fault-run.js';
import { CODE_SYSTEM, CODES, codeOf } from './harness/load-writer.js';
import { byLength } from './harness/run-length.js';

const PRELOAD = fileURLToPath(new URL('./harness/skew-clock.mjs', import.meta.url));
const HOUR = 3600;
const SKEWS = [0, HOUR, -HOUR];

faultTest(
  'hubs whose clocks are an hour ahead and an hour behind: handshakes, retries, heartbeats, leases and order are as with right clocks',
  async (run) => {
    await run.hubs({
      hubs: 3,
      env: { DELIVERY_BACKOFF_MILLISECONDS: '200' },
      each: (index) => ({ env: { NODE_OPTIONS: `--import=${PRELOAD}`, CLOCK_SKEW_SECONDS: String(SKEWS[index]) } }),
    });
    // Made at each hub, served by any: a handshake comes at once.
    for (const place of run.cluster.places) {
      for (const code of CODES)
        await run.subscribe(`${code}-${place.port}`, {
          at: place,
          filters: [`Observation?code=${CODE_SYSTEM}|${code}`],
          heartbeat: 1,
          concerns: (version) => codeOf(version) === code,
        });
    }
    await run.subscribe('all', { topic: CHANGED_TOPIC, maxCount: 10, concerns: () => true });
    for (let round = 0; round < byLength(1, 5); round += 1) {
      const writer = run.write({ perSecond: 60 });
      for (const code of CODES) {
        const name = `${code}-${run.random.oneOf(run.cluster.places).port}`;
        let refused = 0;
        run.sink.answer(name, ({ json }) => (json && run.sink.to(name).length > 5 && refused++ < 2 ? 503 : 200));
      }
      await waitFor(() => writer.answered >= 200, { milliseconds: 60_000, what: 'writes' });
      const victim = run.random.oneOf(run.cluster.places);
      await victim.kill();
      const before = writer.answered;
      await waitFor(() => writer.answered >= before + 100, { milliseconds: 60_000, what: 'writes without it' });
      await victim.start();
      await writer.stop();
      const verdict = await run.settle();
      expect(verdict.faults).toEqual([]);
    }
    // Heartbeats of a second come while nothing else does.
    const beats = new Map(run.sink.greetings);
    const names = [...beats.keys()].filter((name) => name !== 'all');
    await waitFor(() => names.every((name) => run.sink.greetings.get(name)! >= beats.get(name)! + 2), {
      milliseconds: 60_000,
      what: 'heartbeats everywhere',
    });
  },
);
