import { startHub } from '../../demo/hub-process.ts';
import { type Bench, latency } from '../figure.ts';
import { load } from '../http-load.ts';
import { observation, transaction } from '../observations.ts';

/** Creates alone, and transactions of 100 creates. */
export const intake: Bench = async ({ quick }) => {
  const hub = await startHub();
  try {
    const creates = quick ? 2_000 : 40_000;
    const bundles = quick ? 20 : 500;
    const post = (n: number) => ({ method: 'POST' as const, path: '/fhir/r4b/Observation', body: observation(n % 1_000) });
    await load(hub.url, 32, creates / 10, post);
    const created = await load(hub.url, 32, creates, post);
    const bundle = transaction(Array.from({ length: 100 }, (_, n) => observation(n)));
    const stored = await load(hub.url, 4, bundles, () => ({ method: 'POST', path: '/fhir/r4b', body: bundle }));
    return [
      {
        row: 'creates alone, 32 connections',
        ran: `${creates} POST Observation of 1.7 KB`,
        rate: created.rate,
        ...latency(created.latencies),
        target: '≥ 4,000/s',
        note: failures(created.failed),
      },
      {
        row: 'transaction bundles of 100, resources',
        ran: `${bundles} transactions of 100 POSTs, 4 connections`,
        rate: stored.rate * 100,
        ...latency(stored.latencies),
        target: '≥ 10,000/s',
        note: failures(stored.failed),
      },
    ];
  } finally {
    await hub.remove();
  }
};

function failures(count: number): string | undefined {
  return count === 0 ? undefined : `${count} FAILED`;
}
