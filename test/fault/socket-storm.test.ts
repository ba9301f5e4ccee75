import { readFileSync } from 'node:fs';
import { expect } from '@jest/globals';
import { topicSubscription } from '../support/subscriber.js';
import { waitFor } from '../support/wait-for.js';
import { checkDeliveries, faultsOf } from './harness/check-deliveries.js';
import { faultTest, type FaultRun, WRITTEN_TOPIC } from './harness/fault-run.js';
import { CODE_SYSTEM, CODES, codeOf } from './harness/load-writer.js';
import { expectedEvents, readHistory } from './harness/oracle.js';
import { more } from './harness/progress.js';
import { RecordingSink } from './harness/recording-sink.js';
import { byLength } from './harness/run-length.js';
import { LiveFeedClient, type SocketClient, WebsocketClient } from './harness/socket-clients.js';

const SOCKETS = byLength(500, 10_000);
/** Those that never read follow events of their own, large enough to fill what lies between. */
const SLOW = byLength(12, 250);
const LARGE = 12;
const OPENED_AT_ONCE = 250;

const filterOf = (code: string) => [`Observation?code=${CODE_SYSTEM}|${code}`];

async function figure(run: FaultRun, name: string, labels: string): Promise<number> {
  const text = await (await fetch(`${run.cluster.places[0]!.hub.url}/metrics`)).text();
  const [, value] = new RegExp(`^${name}\\{${labels}\\} (\\S+)`, 'm').exec(text) ?? [];
  return Number(value ?? Number.NaN);
}

const residentMiB = (run: FaultRun) => {
  const status = readFileSync(`/proc/${run.cluster.places[0]!.hub.pid}/status`, 'utf8');
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1024);
};

async function openAll(clients: readonly SocketClient[]): Promise<void> {
  for (let from = 0; from < clients.length; from += OPENED_AT_ONCE) {
    await Promise.all(clients.slice(from, from + OPENED_AT_ONCE).map((client) => client.open()));
  }
}

faultTest(
  'all sockets cut at once come back at once: each has every number, once, in order; those that do not read are let go',
  async (run) => {
    const record = await RecordingSink.start();
    run.onClose(() => record.close());
    await run.hubs({ hubs: 1, env: { SOCKET_BUDGET_BYTES: '64 KiB' } });
    const { hub } = run.cluster.places[0]!;
    const { client } = run;
    const told: RecordingSink['take'] = (name, bundle, bytes) => record.take(name, bundle, bytes);

    const codeOfClient = new Map<string, string>();
    const clients: SocketClient[] = [];
    run.onClose(async () => clients.forEach((one) => one.close()));
    const follow = async (code: string, count: number, name: string): Promise<SocketClient[]> => {
      const { id } = await client.create(
        topicSubscription({ topic: WRITTEN_TOPIC, type: 'websocket', content: 'full-resource', filters: filterOf(code) }),
      );
      const made = Array.from({ length: count }, (_, n): SocketClient => {
        const each = `${name} ${n}`;
        codeOfClient.set(each, code);
        return n % 2 === 0
          ? new WebsocketClient(each, { url: hub.url, client }, id, told)
          : new LiveFeedClient(each, hub.url, { topic: WRITTEN_TOPIC, filters: filterOf(code), content: 'full-resource' }, told);
      });
      clients.push(...made);
      return made;
    };
    const lively: SocketClient[] = [];
    for (const code of CODES) lively.push(...(await follow(code, SOCKETS / CODES.length, code)));
    const slow = await follow('large', SLOW, 'slow');
    lively.push(...(await follow('large', 2, 'large')));
    await run.subscribe('hook', { filters: filterOf('red'), concerns: (version) => codeOf(version) === 'red' });
    const before = residentMiB(run);
    await openAll(clients);
    const opened = residentMiB(run);
    for (const one of slow) one.pause();

    const writer = run.write({ connections: 4, perSecond: 50 });
    await more(writer, byLength(40, 500));
    // All at once, whatever is under way to them.
    for (const one of lively) one.cut();
    const [storm] = await Promise.all([timed(() => openAll(lively)), more(writer, byLength(40, 500))]);
    for (let n = 0; n < LARGE; n += 1) {
      const { status } = await client.send('PUT', `Observation/large-${n}`, large(n));
      expect(status).toBe(201);
    }
    await more(writer, byLength(40, 500));
    await writer.stop();

    const history = await readHistory(client.base, ['Observation']);
    const concerns = (name: string) => (version: (typeof history)[number]) => codeOf(version) === codeOfClient.get(name);
    const expected = expectedEvents(
      history,
      lively.map(({ name }) => [name, concerns(name)] as const),
    );
    const arrivals = () => record.arrivals.filter(({ to }) => expected.has(to));
    const owed = [...expected.values()].reduce((sum, { length }) => sum + length, 0);
    await waitFor(() => arrivals().length >= owed, {
      milliseconds: 60_000,
      stepMilliseconds: 100,
      what: `${owed} notifications`,
    });
    expect(faultsOf(checkDeliveries({ expected, arrivals: arrivals() }))).toEqual([]);

    // No word of theirs: they are let go for not reading, and told so where they read on.
    const kinds = ['websocket', 'live'];
    const slowOf = () =>
      Promise.all(kinds.map((kind) => figure(run, 'carillon_sockets_closed_total', `kind="${kind}",reason="slow"`)));
    await waitFor(async () => (await slowOf()).reduce((sum, count) => sum + count, 0) === SLOW, {
      milliseconds: 60_000,
      stepMilliseconds: 250,
      what: `${SLOW} sockets to be let go as slow`,
    });
    expect(await slowOf()).toEqual([SLOW / 2, SLOW / 2]);
    expect(lively.map(({ ended }) => ended)).toEqual(lively.map(() => undefined));

    for (const one of clients) one.close();
    const open = () => Promise.all(kinds.map((kind) => figure(run, 'carillon_sockets_open', `kind="${kind}"`)));
    await waitFor(async () => (await open()).every((count) => count === 0), {
      milliseconds: 60_000,
      what: 'all sockets to be gone',
    });
    for (const kind of kinds) expect(await figure(run, 'carillon_sockets_waiting_bytes', `kind="${kind}"`)).toBe(0);
    const after = residentMiB(run);
    console.log(
      `${lively.length} sockets back in ${storm} ms; ${owed} notifications; resident ${before} MiB, ${opened} with sockets, ${after} after`,
    );
    // Events are kept in memory up to 128 MiB, and the collector takes its time; what the slow ones were owed would be more in the long form.
    expect(after).toBeLessThan(opened + 400);
    const verdict = await run.settle();
    expect(verdict.faults).toEqual([]);
  },
  byLength(240_000, 900_000),
);

async function timed(work: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  await work();
  return Math.round(performance.now() - begun);
}

function large(n: number): object {
  return {
    resourceType: 'Observation',
    id: `large-${n}`,
    status: 'final',
    code: { coding: [{ system: CODE_SYSTEM, code: 'large' }] },
    note: [{ text: 'x'.repeat(1_000_000) }],
  };
}
