import { expect } from '@jest/globals';
import pg from 'pg';
import { waitFor } from '../support/wait-for.js';
import { atMoment, type Moment, proxyToDatabase } from './harness/database-proxy.js';
import type { FaultProxy } from './harness/fault-proxy.js';
import { CHANGED_TOPIC, faultTest, type FaultRun } from './harness/fault-run.js';
import type { HubPlace } from './harness/hub-cluster.js';
import { CODE_SYSTEM, CODES, codeOf } from './harness/load-writer.js';
import { byLength } from './harness/run-length.js';

/** On the way of a change, the moments at which a process may die; seen from outside, on the wire or at the destination. */
const ON_THE_WIRE: Record<string, Moment> = {
  'before a change is stored': { when: 'before', statement: 'append-changes' },
  'once a change is stored, before its writer knows': { when: 'committed', statement: 'append-changes' },
  'before its events are numbered': { when: 'before', statement: 'commit-batch' },
  'once its events are numbered': { when: 'after', statement: 'commit-batch' },
  'once shards are claimed': { when: 'after', statement: 'take-shards' },
  'before an acknowledgement is written': { when: 'before', statement: 'save-cursors' },
  'once an acknowledgement is written': { when: 'after', statement: 'save-cursors' },
  'in a heartbeat of the leases': { when: 'before', statement: 'renew-shards' },
};
const AT_THE_DESTINATION = ['when a notification has arrived', 'when its answer is on the way'];

/** Kills whichever hub comes to the step first; resolves with it. */
async function killAt(step: string, run: FaultRun, proxies: readonly FaultProxy[]): Promise<HubPlace> {
  const { promise, resolve, reject } = Promise.withResolvers<HubPlace>();
  let begun = false;
  const kill = async (place: HubPlace) => {
    if (begun) return;
    begun = true;
    await place.kill().then(() => resolve(place), reject);
  };
  const moment = ON_THE_WIRE[step];
  if (moment !== undefined) {
    proxies.forEach((proxy, index) => atMoment(proxy, moment, () => kill(run.cluster.places[index]!)));
  } else {
    const name = run.random.oneOf(CODES);
    const holder = await placeServing(run, name);
    run.sink.answer(name, () => {
      if (begun) return 200;
      if (step === AT_THE_DESTINATION[0]) void kill(holder);
      else setImmediate(() => void kill(holder));
      return 200;
    });
  }
  return promise;
}

/** The hub that serves a subscription, once the shards are shared out. */
async function placeServing(run: FaultRun, name: string): Promise<HubPlace> {
  const client = new pg.Client(run.database.url);
  await client.connect();
  try {
    return await waitFor(
      async () => {
        const { rows } = await client.query<{ leased_by: string | null; its: boolean }>(
          `SELECT s.leased_by, bool_or(c.subscription_id = $1) AS its FROM delivery_shard AS s
           LEFT JOIN subscription_cursor AS c ON c.shard = s.shard GROUP BY s.leased_by`,
          [run.idOf(name)],
        );
        const isShared = rows.length === run.cluster.places.length && rows.every(({ leased_by }) => leased_by !== null);
        const holder = rows.find(({ its }) => its)?.leased_by;
        return isShared && run.cluster.places.find(({ isUp, hub }) => isUp && holder?.split('/')[1] === String(hub.pid));
      },
      { milliseconds: 60_000, what: 'the shards to be shared out' },
    );
  } finally {
    await client.end();
  }
}

faultTest(
  'kill -9 at each step of the way of a change: nothing lost, nothing out of order, no number twice',
  async (run) => {
    const ways = await Promise.all([1, 2].map(() => proxyToDatabase(run.database)));
    ways.forEach(({ proxy }) => run.onClose(() => proxy.close()));
    const proxies = ways.map(({ proxy }) => proxy);
    await run.hubs({ hubs: 2, each: (index) => ({ database: ways[index]!.database }) });
    for (const code of CODES) {
      await run.subscribe(code, {
        filters: [`Observation?code=${CODE_SYSTEM}|${code}`],
        concerns: (version) => codeOf(version) === code,
      });
    }
    await run.subscribe('all', { topic: CHANGED_TOPIC, maxCount: 10, concerns: () => true });

    const steps = [...Object.keys(ON_THE_WIRE), ...AT_THE_DESTINATION];
    for (let round = 0; round < byLength(1, 10); round += 1) {
      for (const step of steps) {
        const writer = run.write({ perSecond: 50 });
        const killed = killAt(step, run, proxies);
        const place = await waitForStep(step, killed);
        const before = writer.answered;
        await waitFor(() => writer.answered >= before + 5, {
          milliseconds: 60_000,
          what: `answers by the other hub, after ${step}`,
        });
        await writer.stop();
        const verdict = await run.settle();
        expect({ step, faults: verdict.faults }).toEqual({ step, faults: [] });
        for (const proxy of proxies) proxy.watch(() => {});
        await place.start();
      }
    }
  },
  byLength(600_000, 3_600_000),
);

async function waitForStep(step: string, killed: Promise<HubPlace>): Promise<HubPlace> {
  let place: HubPlace | undefined;
  void killed.then((its) => (place = its));
  return waitFor(() => place, { milliseconds: 60_000, what: `a hub to come to the step: ${step}` });
}
