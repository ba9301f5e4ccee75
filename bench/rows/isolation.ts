import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { freePort, startHub } from '../../demo/hub-process.ts';
import { Receiver } from '../../demo/receiver.ts';
import { classicSubscription } from '../../demo/subscriptions.ts';
import { type Bench, type Figure, latency } from '../figure.ts';
import { createAll, load, untilActive, waitFor } from '../http-load.ts';
import { GLUCOSE, observation } from '../observations.ts';

const HEALTHY = 4;
const OF_EACH_KIND = 10;

/** What four healthy hooks feel when forty endpoints that want the same changes refuse, hang, drip or answer 500. */
export const isolation: Bench = async ({ quick }) => {
  const arrivals = new Map<string, number[]>();
  const receiver = new Receiver(({ path, at }) => {
    const id = path.slice(path.lastIndexOf('/') + 1);
    arrivals.set(id, [...(arrivals.get(id) ?? []), at]);
  });
  const hub = await startHub();
  const faulty = await faultyEndpoints();
  try {
    await receiver.start();
    const hook = (endpoint: string) =>
      classicSubscription(`Observation?code=${GLUCOSE}`, { type: 'rest-hook', endpoint, payload: 'application/fhir+json' });
    const healthy = Array.from({ length: HEALTHY }, (_, n) => hook(`${receiver.url}/${n}`));
    await untilActive(hub.fhir, await createAll(hub.fhir, healthy));
    const count = quick ? 300 : 3_000;

    // Twice, so that the swing of the machine shows.
    const figures: Figure[] = [await measure('all endpoints well'), await measure('all endpoints well, once more')];
    const others = Array.from({ length: OF_EACH_KIND }, (_, n) => faulty.urls.map((url) => hook(`${url}/${n}`))).flat();
    await untilActive(hub.fhir, await createAll(hub.fhir, others));
    figures.push(await measure(`beside ${others.length} that refuse, hang, drip or answer 500`));
    return figures;

    async function measure(how: string): Promise<Figure> {
      const answered = new Map<string, number>();
      const post = (n: number) => ({ method: 'POST' as const, path: '/fhir/r4b/Observation', body: observation(n % 100) });
      await load(hub.url, 4, 200, post, { perSecond: 50 });
      await load(hub.url, 8, count, post, {
        perSecond: 50,
        answered: (_n, at, body) => answered.set((JSON.parse(body) as { id: string }).id, at),
      });
      const complete = () => [...answered.keys()].every((id) => arrivals.get(id)?.length === HEALTHY);
      await waitFor(complete, 20);
      const waits = [...answered].flatMap(([id, at]) => (arrivals.get(id) ?? []).map((came) => Math.max(0, came - at)));
      return {
        row: `answered → hook received, ${how}`,
        ran: `${count} POSTs at 50/s, each wanted by ${HEALTHY} healthy hooks`,
        ...latency(waits),
        target: 'nobody else later by more than a tenth',
        note: complete() ? undefined : `${count * HEALTHY - waits.length} hooks NEVER CAME`,
      };
    }
  } finally {
    await hub.remove();
    await receiver.stop();
    await faulty.stop();
  }
};

/** One URL of each kind of fault. */
async function faultyEndpoints(): Promise<{ urls: string[]; stop(): Promise<void> }> {
  const drips = new Set<NodeJS.Timeout>();
  const servers = [
    createServer(() => {}),
    createServer((request, response) => {
      request.resume();
      response.writeHead(200);
      const drip = setInterval(() => response.write('.'), 500);
      drips.add(drip);
      response.on('close', () => (clearInterval(drip), drips.delete(drip)));
    }),
    createServer((request, response) => {
      request.resume().on('end', () => response.writeHead(500).end());
    }),
  ];
  const urls = [`http://127.0.0.1:${await freePort()}`];
  for (const server of servers) urls.push(await listen(server));
  const stop = async (): Promise<void> => {
    for (const drip of drips) clearInterval(drip);
    for (const server of servers) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  };
  return { urls, stop };
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
