import { built } from '../built.ts';
import { type Bench, type Figure, percentile } from '../figure.ts';
import { observation } from '../observations.ts';

/** One change against many standing queries, each for one patient and one code, in the index alone. */
export const matching: Bench = async ({ quick }) => {
  const figures: Figure[] = [];
  for (const [subscriptions, target] of quick
    ? ([[10_000, undefined]] as const)
    : ([
        [100_000, '≤ 10 µs'],
        [1_000_000, '≤ 40 µs'],
      ] as const)) {
    figures.push(...(await measure(subscriptions, target)));
  }
  return figures;
};

async function measure(subscriptions: number, target: string | undefined): Promise<Figure[]> {
  const { SearchSemantics } = await built<typeof import('../../src/search/search-semantics.js')>('search/search-semantics.js');
  const { SearchDefinitions } =
    await built<typeof import('../../src/search/search-definitions.js')>('search/search-definitions.js');
  const { PredicateIndex } = await built<typeof import('../../src/matching/predicate-index.js')>('matching/predicate-index.js');
  const { LIVE } = await built<typeof import('../../src/matching/entry.js')>('matching/entry.js');
  const semantics = new SearchSemantics(SearchDefinitions.load(), []);
  const index = new PredicateIndex<number>();
  const patients = subscriptions / 5;
  const codes = ['15074-8', '718-7', '2339-0', '4548-4', '8867-4'];

  const before = memory();
  for (let n = 0; n < subscriptions; n += 1) {
    const criteria = `Observation?subject=Patient/p${Math.floor(n / 5)}&code=http://loinc.org|${codes[n % 5]}&status=final,amended`;
    index.add(n, 'Observation', LIVE, semantics.parseCriteria(criteria).clauses);
  }
  const bytes = (memory() - before) / subscriptions;

  const changes = Array.from({ length: 2_000 }, (_, n) => {
    const resource = JSON.parse(observation((n * 7919) % (patients * 2))) as Record<string, unknown>;
    const values = semantics.extract('Observation', resource, { id: String(n), lastUpdated: new Date() });
    return { type: 'Observation', keys: semantics.indexRows(values).keys, gates: [LIVE], values: () => values };
  });
  let matches = 0;
  const times: number[] = [];
  for (let round = 0; round < 30; round += 1) {
    const started = performance.now();
    for (const change of changes) matches += index.match(change).length;
    times.push(((performance.now() - started) / changes.length) * 1_000);
  }
  const ran = `${changes.length} Observations, half of them matched by one, 30 rounds, keys extracted before; ${matches / 30} matches a round`;
  return [
    {
      row: `matching a change, ${subscriptions.toLocaleString('en')} selective Subscriptions`,
      ran,
      ...{ p50: percentile(times.slice(10), 0.5), p99: percentile(times.slice(10), 0.99), unit: 'µs' as const },
      target,
    },
    {
      row: `memory of each of ${subscriptions.toLocaleString('en')} standing queries`,
      ran: 'heap after collection, parsed clauses included',
      value: bytes,
      unit: 'bytes',
      target: '≤ 1 KB',
    },
  ];
}

function memory(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
