import { built } from '../built.ts';
import { type Bench, percentile } from '../figure.ts';
import { observation } from '../observations.ts';

/** All search values of a typical Observation, as intake and matching take them out, and the keys made of them. */
export const extraction: Bench = async ({ quick }) => {
  const { SearchSemantics } = await built<typeof import('../../src/search/search-semantics.js')>('search/search-semantics.js');
  const { SearchDefinitions } =
    await built<typeof import('../../src/search/search-definitions.js')>('search/search-definitions.js');
  const semantics = new SearchSemantics(SearchDefinitions.load(), ['http://127.0.0.1:8080/fhir/r4b']);
  const identity = { id: 'x', lastUpdated: new Date() };
  const resources = Array.from({ length: 100 }, (_, n) => JSON.parse(observation(n)) as Record<string, unknown>);
  const rounds = quick ? 20 : 200;
  const values: number[] = [];
  const keys: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    let started = performance.now();
    const extracted = resources.map((resource) => {
      const one = semantics.extract('Observation', resource, identity);
      // Each is worked out when first asked for, so ask for all.
      for (const _entry of one.entries());
      return one;
    });
    values.push(((performance.now() - started) / resources.length) * 1_000);
    started = performance.now();
    for (const one of extracted) semantics.indexRows(one);
    keys.push(((performance.now() - started) / resources.length) * 1_000);
  }
  const ran = `${rounds} rounds of 100 Observations of 1.7 KB; the first half of the rounds is warming up`;
  const half = Math.floor(rounds / 2);
  const figure = (times: number[]) => ({
    p50: percentile(times.slice(half), 0.5),
    p99: percentile(times.slice(half), 0.99),
    unit: 'µs' as const,
  });
  return [
    { row: 'extraction of all search values, an Observation', ran, ...figure(values), target: '≤ 15 µs' },
    { row: 'their index rows', ran, ...figure(keys) },
  ];
};
