import { expect, test } from '@jest/globals';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { openMetricsText } from '../../../src/telemetry/open-metrics-text.js';

test('OpenMetrics names a counter without the ending of its samples, has no empty lines and says where it ends', async () => {
  const registry = new Registry();
  const registers = [registry];
  new Counter({ name: 'bells_total', help: 'Bells rung', labelNames: ['tower'], registers }).inc({ tower: 'a_total b' }, 3);
  new Gauge({ name: 'ropes_total', help: 'A gauge with a misleading name', registers }).set(2);
  new Histogram({ name: 'wait_seconds', help: 'Waiting', buckets: [1], registers }).observe(0.5);
  const plain = await registry.metrics();
  expect(openMetricsText(plain).split('\n')).toEqual([
    '# HELP bells Bells rung',
    '# TYPE bells counter',
    'bells_total{tower="a_total b"} 3',
    '# HELP ropes_total A gauge with a misleading name',
    '# TYPE ropes_total gauge',
    'ropes_total 2',
    '# HELP wait_seconds Waiting',
    '# TYPE wait_seconds histogram',
    'wait_seconds_bucket{le="1"} 1',
    'wait_seconds_bucket{le="+Inf"} 1',
    'wait_seconds_sum 0.5',
    'wait_seconds_count 1',
    '# EOF',
    '',
  ]);
  expect(await registry.metrics()).toBe(plain);
});
