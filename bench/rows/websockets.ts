import { WebSocket } from 'ws';
import { startHub } from '../../demo/hub-process.ts';
import { classicSubscription } from '../../demo/subscriptions.ts';
import { type Bench, percentile } from '../figure.ts';
import { create, createAll, untilActive, waitFor } from '../http-load.ts';
import { GLUCOSE, observation } from '../observations.ts';

/** One change that many websockets want, each bound to a Subscription of its own. */
export const websockets: Bench = async ({ quick, subscribers: asked }) => {
  const subscribers = quick ? Math.min(asked, 500) : asked;
  const hub = await startHub();
  const sockets: WebSocket[] = [];
  try {
    const subscription = classicSubscription(`Observation?code=${GLUCOSE}`, { type: 'websocket' });
    const ids = await createAll(
      hub.fhir,
      Array.from({ length: subscribers }, () => subscription),
    );
    await untilActive(hub.fhir, [ids[0]!, ids.at(-1)!]);
    let bound = 0;
    let pings = 0;
    let last = 0;
    for (let from = 0; from < subscribers; from += 200) {
      const batch = ids.slice(from, from + 200).map((id) => {
        const socket = new WebSocket(`${hub.url.replace('http', 'ws')}/ws`);
        sockets.push(socket);
        socket.on('message', (data: Buffer) => {
          if (data.toString('latin1').startsWith('bound')) bound += 1;
          else {
            pings += 1;
            last = performance.now();
          }
        });
        return new Promise<void>((resolve, reject) => {
          socket.once('error', reject).once('open', () => {
            socket.send(`bind ${id}`);
            resolve();
          });
        });
      });
      await Promise.all(batch);
    }
    const allBound = await waitFor(() => bound === subscribers, 60);
    const times: number[] = [];
    let missing = 0;
    for (let round = 0; round < 7; round += 1) {
      pings = 0;
      const started = performance.now();
      await create(hub.fhir, observation(round));
      if (!(await waitFor(() => pings >= subscribers, 20))) missing += subscribers - pings;
      if (round >= 2) times.push(last - started);
    }
    const all = percentile(times, 0.5);
    return [
      {
        row: `one change to ${subscribers} websocket subscribers, all served`,
        ran: `${times.length} times, from sending the POST; one Subscription and one socket each`,
        rate: (subscribers / all) * 1_000,
        p50: all,
        p99: percentile(times, 0.99),
        unit: 'ms',
        target: '10,000 in ≤ 0.5 s; ≥ 40,000/s',
        note: missing === 0 && allBound ? undefined : `${subscribers - bound} not bound, ${missing} NEVER CAME`,
      },
    ];
  } finally {
    sockets.forEach((socket) => socket.terminate());
    await hub.remove();
  }
};
