import { expect, test } from '@jest/globals';
import { metricsFormat } from '../../../src/http/metrics-format.js';

test.each([
  [
    'a scraper of today',
    'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
    'open-metrics',
  ],
  ['one that likes plain text more', 'application/openmetrics-text;q=0.3, text/plain;version=0.0.4;q=0.8', 'prometheus'],
  [
    'one that knows a draft only',
    'application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
    'prometheus',
  ],
  ['one that refuses OpenMetrics', 'application/openmetrics-text;q=0', 'prometheus'],
  ['a browser', 'text/html,application/xhtml+xml,*/*;q=0.8', 'prometheus'],
  ['a FHIR client', 'application/fhir+json', 'prometheus'],
  ['nobody in particular', undefined, 'prometheus'],
  ['one that makes no sense', ';;q=x,,', 'prometheus'],
])('%s gets what it asks for', (_who, accept, format) => {
  expect(metricsFormat(accept)).toBe(format);
});
