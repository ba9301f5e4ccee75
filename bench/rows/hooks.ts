import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startHub } from '../../demo/hub-process.ts';
import { Receiver } from '../../demo/receiver.ts';
import { classicSubscription, topicSubscription } from '../../demo/subscriptions.ts';
import { type Bench, type Figure, latency } from '../figure.ts';
import { create, createAll, load, untilActive, waitFor } from '../http-load.ts';
import { GLUCOSE, observation, transaction } from '../observations.ts';

const TOPIC = 'https://carillon.example/topics/bench-observation';

/** A topic without conditions, so that what is measured is delivery. */
const topic = {
  resourceType: 'SubscriptionTopic',
  url: TOPIC,
  status: 'active',
  title: 'Any Observation',
  resourceTrigger: [{ resource: 'Observation', supportedInteraction: ['create'] }],
  canFilterBy: [{ resource: 'Observation', filterParameter: 'subject' }],
};

/** From the answer to a POST until its hook has come, at an even 100 changes a second. */
export const hookLatency: Bench = async ({ quick }) => {
  const answered = new Map<string, number>();
  const arrived = new Map<string, number>();
  const receiver = new Receiver(({ path, at }) => arrived.set(path.slice(path.lastIndexOf('/') + 1), at));
  const hub = await startHub();
  try {
    await receiver.start();
    const channel = { type: 'rest-hook' as const, endpoint: receiver.url, payload: 'application/fhir+json' };
    await untilActive(hub.fhir, [await create(hub.fhir, classicSubscription(`Observation?code=${GLUCOSE}`, channel))]);
    const post = (n: number) => ({ method: 'POST' as const, path: '/fhir/r4b/Observation', body: observation(n % 100) });
    await load(hub.url, 4, 200, post, { perSecond: 100 });
    const count = quick ? 300 : 3_000;
    await load(hub.url, 8, count, post, {
      perSecond: 100,
      answered: (_n, at, body) => answered.set((JSON.parse(body) as { id: string }).id, at),
    });
    await waitFor(() => [...answered.keys()].every((id) => arrived.has(id)), 20);
    const waits = [...answered].flatMap(([id, at]) => (arrived.has(id) ? [Math.max(0, arrived.get(id)! - at)] : []));
    return [
      {
        row: 'POST Observation answered → hook received, 100 changes/s',
        ran: `${count} POSTs at an even pace, one classic rest-hook with payload`,
        ...latency(waits),
        target: 'p50 ≤ 5 ms, p99 ≤ 25 ms',
        note: answered.size === waits.length ? undefined : `${answered.size - waits.length} hooks NEVER CAME`,
      },
    ];
  } finally {
    await hub.remove();
    await receiver.stop();
  }
};

/** Every change is matched by just one of 100 rest-hooks; writes come as fast as 32 connections bring them, up to a pace. */
export const sustained: Bench = async ({ quick }) => {
  const hub = await startHub();
  let arrived = 0;
  const receiver = new Receiver(() => (arrived += 1));
  try {
    await receiver.start();
    const subscriptions = Array.from({ length: 100 }, (_, n) =>
      classicSubscription(`Observation?subject=Patient/p${n}`, {
        type: 'rest-hook',
        endpoint: `${receiver.url}/${n}`,
        payload: 'application/fhir+json',
      }),
    );
    await untilActive(hub.fhir, await createAll(hub.fhir, subscriptions));
    const post = (n: number) => ({ method: 'POST' as const, path: '/fhir/r4b/Observation', body: observation(n % 100) });
    await load(hub.url, 32, 2_000, post);
    await waitFor(() => arrived >= 2_000, 60);
    const figures: Figure[] = [];
    for (const perSecond of [2_500, undefined]) {
      const count = quick ? 5_000 : 50_000;
      arrived = 0;
      const started = performance.now();
      const stored = await load(hub.url, 32, count, post, { perSecond });
      const backlog = count - arrived;
      const complete = await waitFor(() => arrived >= count, 120);
      const seconds = (performance.now() - started) / 1_000;
      figures.push({
        row: `sustained, each change matched by one rest-hook${perSecond === undefined ? ' (as fast as it goes)' : ''}`,
        ran: `${count} POSTs over 32 connections${perSecond === undefined ? '' : ` at ${perSecond}/s`}, 100 Subscriptions`,
        rate: arrived / seconds,
        ...latency(stored.latencies),
        target: perSecond === undefined ? undefined : '≥ 2,500/s, backlog flat',
        note: `stored ${Math.round(stored.rate)}/s, backlog at the last write ${backlog}${complete ? '' : `, ${count - arrived} NEVER CAME`}`,
      });
    }
    return figures;
  } finally {
    await hub.remove();
    await receiver.stop();
  }
};

/** One create that a hundred rest-hooks want, from its POST until the last of them has come. */
export const hundredHooks: Bench = async ({ quick }) => {
  const hub = await startHub();
  let arrived = 0;
  let last = 0;
  const receiver = new Receiver(({ at }) => ((arrived += 1), (last = at)));
  try {
    await receiver.start();
    const channel = { type: 'rest-hook' as const, endpoint: receiver.url, payload: 'application/fhir+json' };
    const subscriptions = Array.from({ length: 100 }, (_, n) =>
      classicSubscription(`Observation?code=${GLUCOSE}`, { ...channel, endpoint: `${receiver.url}/${n}` }),
    );
    await untilActive(hub.fhir, await createAll(hub.fhir, subscriptions));
    const times: number[] = [];
    let missing = 0;
    for (let round = 0; round < (quick ? 10 : 60); round += 1) {
      arrived = 0;
      const started = performance.now();
      await create(hub.fhir, observation(round));
      if (!(await waitFor(() => arrived >= 100, 10))) missing += 100 - arrived;
      if (round >= 5) times.push(last - started);
    }
    return [
      {
        row: 'one create to 100 hooks, all received',
        ran: `${times.length} times, from sending the POST`,
        ...latency(times),
        target: '≤ 30 ms',
        note: missing === 0 ? undefined : `${missing} hooks NEVER CAME`,
      },
    ];
  } finally {
    await hub.remove();
    await receiver.stop();
  }
};

/** Endpoints refuse while the events pile up; from their first acceptance on, how fast is the backlog gone. */
export const backlog: Bench = async ({ quick }) => {
  const hub = await startHub({ env: { LOG_LEVEL: 'error' } });
  const subscribers = 100;
  const events = quick ? 5_000 : 100_000;
  let open = true;
  let arrived = 0;
  let first = 0;
  const receiver = new SwitchedReceiver(
    () => open,
    (count) => {
      if (count > 0 && first === 0) first = performance.now();
      arrived += count;
    },
  );
  try {
    await receiver.start();
    await create(hub.fhir, topic);
    const subscriptions = Array.from({ length: subscribers }, (_, n) =>
      topicSubscription(
        TOPIC,
        { type: 'rest-hook', endpoint: `${receiver.url}/${n}` },
        { content: 'id-only', filters: [`Observation?subject=Patient/p${n}`], maxCount: 20 },
      ),
    );
    const ids = await createAll(hub.fhir, subscriptions);
    await untilActive(hub.fhir, ids);
    open = false;
    const bundle = transaction(Array.from({ length: subscribers }, (_, n) => observation(n)));
    await load(hub.url, 4, events / subscribers, () => ({ method: 'POST', path: '/fhir/r4b', body: bundle }));
    open = true;
    const drained = await waitFor(() => arrived >= events, 400);
    const seconds = (performance.now() - first) / 1_000;
    return [
      {
        row: 'draining a backlog after an outage, events',
        ran: `${events} events of ${subscribers} Subscriptions, id-only, up to 20 a notification; from the first accepted to the last`,
        rate: arrived / seconds,
        target: '≥ 5,000/s',
        note: drained ? undefined : `${events - arrived} NEVER CAME`,
      },
    ];
  } finally {
    await hub.remove();
    await receiver.stop();
  }
};

/** A receiver that refuses while it is closed, and counts the events it takes. */
class SwitchedReceiver {
  url = '';
  private readonly server;

  constructor(isOpen: () => boolean, taken: (events: number) => void) {
    this.server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const isHandshake = !isOpen() ? false : !Buffer.concat(chunks).includes('"event-notification"');
        response.writeHead(isOpen() ? 200 : 503).end();
        if (isOpen() && !isHandshake) taken(Buffer.concat(chunks).toString('latin1').split('"eventNumber"').length - 1);
      });
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
