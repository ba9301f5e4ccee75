import { describe, expect, test } from '@jest/globals';

import type { Change } from '../../../src/fhir/change.js';
import { isFresh } from '../../../src/pull/freshness.js';

const change = { version: 3, at: new Date('2026-03-01T10:00:00.700Z') } as Change;

describe('conditional read', () => {
  test.each([
    ['W/"3"', true],
    ['"3"', true],
    ['W/"2", W/"3"', true],
    ['*', true],
    ['W/"2"', false],
    ['W/"33"', false],
    ['nonsense', false],
  ])('If-None-Match %s: %s', (ifNoneMatch, fresh) => expect(isFresh(change, ifNoneMatch, undefined)).toBe(fresh));

  test.each([
    ['Sun, 01 Mar 2026 10:00:00 GMT', true],
    ['Sun, 01 Mar 2026 10:00:01 GMT', true],
    ['Sun, 01 Mar 2026 09:59:59 GMT', false],
    ['nonsense', false],
  ])('If-Modified-Since %s, whole seconds: %s', (since, fresh) => expect(isFresh(change, undefined, since)).toBe(fresh));

  test('If-None-Match decides where both are sent', () => {
    expect(isFresh(change, 'W/"2"', 'Sun, 01 Mar 2026 10:00:00 GMT')).toBe(false);
  });

  test('nothing sent: not fresh', () => expect(isFresh(change, undefined, undefined)).toBe(false));
});
