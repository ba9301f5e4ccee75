import { expect, test } from '@jest/globals';
import { chooseCoding, isPackable } from '../../../src/http/content-encoding.js';

test.each([
  [undefined, undefined],
  ['', undefined],
  ['identity', undefined],
  ['gzip', 'gzip'],
  ['x-gzip', 'gzip'],
  ['gzip, deflate, br', 'br'],
  ['gzip;q=1.0, br;q=0.5', 'gzip'],
  ['GZIP ; Q=0.3', 'gzip'],
  ['br;q=0, gzip;q=0', undefined],
  ['br;q=0, *', 'gzip'],
  ['*', 'br'],
  ['*;q=0', undefined],
  ['identity;q=1, gzip;q=0.5', undefined],
  ['zstd', undefined],
  ['gzip;q=x', undefined],
])('Accept-Encoding %s chooses %s', (header, coding) => expect(chooseCoding(header)).toBe(coding));

test.each([
  ['application/fhir+json; charset=utf-8', true],
  ['application/json', true],
  ['application/fhir+ndjson', true],
  ['application/ndjson', true],
  ['text/html', true],
  ['text/event-stream', false],
  ['application/octet-stream', false],
  ['image/png', false],
  [undefined, false],
])('%s is packed: %s', (type, packable) => expect(isPackable(type)).toBe(packable));
