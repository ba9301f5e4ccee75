import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { DatabaseFigures } from '../../../src/telemetry/database-figures.js';
import { FigureGauges } from '../../../src/telemetry/figure-gauges.js';
import { LatestFigures } from '../../../src/telemetry/latest-figures.js';
import { Metrics } from '../../../src/telemetry/metrics.js';

const PAGE = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8');

class NoFigures extends DatabaseFigures {
  read() {
    return Promise.reject(new Error('away'));
  }

  horizon() {
    return Promise.reject(new Error('away'));
  }
}

function everyMetric(): { name: string; type: string }[] {
  const metrics = new Metrics();
  new FigureGauges(metrics.registry, new LatestFigures(new NoFigures(), () => []));
  return metrics.registry
    .getMetricsAsArray()
    .map((metric) => ({ name: metric.name, type: String((metric as { type?: unknown }).type) }));
}

test('docs/operations.md explains every metric of ours', () => {
  const explained = new Set([...PAGE.matchAll(/^\| `(carillon_[a-z_]+)`/gm)].map(([, name]) => name));
  const ours = everyMetric().filter(({ name }) => name.startsWith('carillon_'));
  expect([...explained].sort()).toEqual(ours.map(({ name }) => name).sort());
});

test('it names no metric that is not there, neither in its text nor in its rules', () => {
  const known = everyMetric().flatMap(({ name, type }) =>
    type === 'histogram' ? [name, `${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  );
  const named = [...PAGE.matchAll(/\b(?:carillon|nodejs|process)_[a-z0-9_]+/g)].map(([name]) => name);
  expect(named.filter((name) => !known.includes(name))).toEqual([]);
  expect(named.length).toBeGreaterThan(60);
});

test('every metric has a unit in its name or counts something', () => {
  const ours = everyMetric().filter(({ name }) => name.startsWith('carillon_'));
  for (const { name, type } of ours) {
    if (type === 'counter') expect(name).toMatch(/_total$/);
    if (type === 'histogram') expect(name).toMatch(/_seconds$/);
    expect(name).not.toMatch(/_(ms|milliseconds|minutes|kb|mb)(_|$)/);
  }
});
