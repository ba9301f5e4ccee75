import { startHub } from '../../demo/hub-process.ts';
import { type Bench, latency } from '../figure.ts';
import { load } from '../http-load.ts';
import { GLUCOSE, observation, transaction } from '../observations.ts';

/** Reads by id, and search by patient and code, over many Observations of many patients. */
export const pull: Bench = async ({ quick, observations: asked }) => {
  const observations = quick ? Math.min(asked, 5_000) : asked;
  const patients = Math.max(10, Math.round(observations / 100));
  const hub = await startHub();
  const ids: string[] = [];
  try {
    const filled = await load(
      hub.url,
      4,
      observations / 100,
      (n) => ({
        method: 'POST',
        path: '/fhir/r4b',
        body: transaction(Array.from({ length: 100 }, (_, m) => observation((n * 100 + m) % patients))),
      }),
      {
        answered: (n, _at, body) => {
          if (n % 10 === 0)
            ids.push(...[...body.matchAll(/Observation\/([A-Za-z0-9\-.]+)\/_history/g)].map((match) => match[1]!));
        },
      },
    );
    const reads = quick ? 5_000 : 60_000;
    const read = await load(hub.url, 8, reads, (n) => ({
      method: 'GET',
      path: `/fhir/r4b/Observation/${ids[(n * 7919) % ids.length]}`,
    }));
    const searches = quick ? 500 : 5_000;
    const path = (n: number) =>
      `/fhir/r4b/Observation?patient=p${(n * 31) % patients}&code=${encodeURIComponent(GLUCOSE)}&_count=20`;
    const search = await load(hub.url, 8, searches, (n) => ({ method: 'GET', path: path(n) }));
    const size = `${observations} Observations of ${patients} patients`;
    return [
      { row: 'filling', ran: `transactions of 100, 4 connections`, rate: filled.rate * 100, note: failed(filled.failed) },
      {
        row: 'read',
        ran: `${reads} at 8 connections, ${size}`,
        rate: read.rate,
        ...latency(read.latencies),
        target: '≥ 12,000/s',
        note: failed(read.failed),
      },
      {
        row: 'search (patient + code)',
        ran: `${searches} at 8 connections, 20 of 100 matches, ${size}`,
        rate: search.rate,
        ...latency(search.latencies),
        target: 'p99 ≤ 10 ms (1,000,000 Observations)',
        note: failed(search.failed),
      },
    ];
  } finally {
    await hub.remove();
  }
};

function failed(count: number): string | undefined {
  return count === 0 ? undefined : `${count} FAILED`;
}
