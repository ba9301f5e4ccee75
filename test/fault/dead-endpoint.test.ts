import { expect } from '@jest/globals';
import { FaultProxy } from './harness/fault-proxy.js';
import { faultTest, type FaultRun } from './harness/fault-run.js';
import { CODE_SYSTEM, CODES, codeOf, type LoadWriter } from './harness/load-writer.js';
import { arrived, more, untilServed } from './harness/progress.js';
import { byLength } from './harness/run-length.js';

const MAX_COUNT = 10;
const HEALTHY = byLength(36, 997);

faultTest(
  'endpoints that refuse, swallow and fail: all others get everything meanwhile, and what they missed follows in bundles, in order',
  async (run) => {
    const proxies = await Promise.all([1, 2].map(() => FaultProxy.start({ host: '127.0.0.1', port: run.sink.receiver.port })));
    for (const proxy of proxies) run.onClose(() => proxy.close());
    const [refusing, swallowing] = proxies as [FaultProxy, FaultProxy];
    await run.hubs({
      hubs: 1,
      env: { DELIVERY_BACKOFF_MILLISECONDS: '100', DELIVERY_BACKOFF_CEILING_SECONDS: '1', DELIVERY_ATTEMPT_SECONDS: '2' },
    });
    const codes = new Map<string, string>();
    const subscribe = async (name: string, code: string, more: object = {}) => {
      codes.set(name, code);
      const filters = [`Observation?code=${CODE_SYSTEM}|${code}`];
      await run.subscribe(name, { filters, concerns: (version) => codeOf(version) === code, ...more });
    };
    for (let n = 0; n < HEALTHY; n += 1) await subscribe(`healthy-${n}`, CODES[n % CODES.length]!);
    const healthy = new Map(codes);
    const dead = new Map([
      ['refusing', { endpoint: run.sink.url('refusing', refusing.port) }],
      ['swallowing', { endpoint: run.sink.url('swallowing', swallowing.port) }],
      ['failing', {}],
    ]);
    for (const [name, more] of dead) await subscribe(name, 'red', { maxCount: MAX_COUNT, ...more });

    const before = run.write({ connections: 4, perSecond: 60 });
    await more(before, 60);
    await before.stop();
    await untilServed(run, codes);

    await refusing.set({ kind: 'refuse' });
    await swallowing.set({ kind: 'black-hole' });
    run.sink.answer('failing', 500);
    const had = new Map([...dead.keys()].map((name) => [name, arrived(run, name)]));
    const during = run.write({ connections: 4, perSecond: 60 });
    await more(during, byLength(240, 3000));
    await during.stop();
    const history = await untilServed(run, healthy);
    for (const [name, count] of had) expect(`${name} ${arrived(run, name)}`).toBe(`${name} ${count}`);
    console.log(`p50/p99 ms of the others, all alive: ${latencies(run, before)}; beside three dead: ${latencies(run, during)}`);

    const healed = performance.now();
    // What was swallowed is cut off first, so that no attempt that was given up comes after all.
    for (const link of swallowing.links) link.reset();
    await Promise.all(proxies.map((proxy) => proxy.set({ kind: 'pass' })));
    run.sink.answer('failing', 200);
    const verdict = await run.settle();
    console.log(verdict.summary);
    expect(verdict.faults).toEqual([]);
    const owed = history.filter((version) => codeOf(version) === 'red').length;
    for (const [name, count] of had) {
      const bundles = run.sink.to(name).filter(({ at }) => at >= healed);
      expect(owed - count).toBeGreaterThan(MAX_COUNT);
      // Full ones, but for the first, the last, and where a piece of the log as it is read ends (every 64 events).
      expect(bundles.length).toBeLessThanOrEqual(Math.ceil((owed - count) / MAX_COUNT) + 2 + Math.ceil((owed - count) / 64));
      for (const { events } of bundles) expect(events.length).toBeLessThanOrEqual(MAX_COUNT);
    }
  },
  byLength(240_000, 900_000),
);

/** From the answer to a writer to the arrival at the healthy ones. For reading only: what is measured, the bench measures. */
function latencies(run: FaultRun, writer: LoadWriter): string {
  const ended = new Map(
    writer.writes
      .filter(({ version }) => version !== undefined)
      .map((write) => [`${write.type}/${write.id}/${write.version}`, write.endedAt]),
  );
  const late = run.sink.arrivals
    .filter(({ to }) => to.startsWith('healthy'))
    .flatMap(({ events, at }) => events.flatMap(({ version }) => (ended.has(version) ? [at - ended.get(version)!] : [])))
    .sort((one, other) => one - other);
  const at = (share: number) => Math.round(late[Math.floor(late.length * share)] ?? Number.NaN);
  return `${at(0.5)}/${at(0.99)}`;
}
