import { describe, expect, test } from '@jest/globals';
import { criteriaFire } from '../../../src/topics/query-criteria.js';
import type { QueryCriteria } from '../../../src/topics/topic-definition.js';

type Result = QueryCriteria['resultForCreate'];
const fires = (
  criteria: Partial<QueryCriteria>,
  interaction: 'create' | 'update' | 'delete',
  previous: boolean,
  current: boolean,
) => criteriaFire({ requireBoth: false, ...criteria }, interaction, { previous: () => previous, current: () => current });
const both = { previous: 'p', current: 'c' };

describe('create', () => {
  test.each<[Result, boolean, boolean, boolean]>([
    ['test-passes', true, true, true],
    ['test-passes', true, false, false],
    ['test-passes', false, true, true],
    ['test-passes', false, false, true],
    ['test-fails', true, true, false],
    ['test-fails', true, false, false],
    ['test-fails', false, true, true],
    ['test-fails', false, false, false],
    [undefined, true, true, true],
    [undefined, true, false, false],
    [undefined, false, true, true],
    [undefined, false, false, false],
  ])('resultForCreate %s, requireBoth %s, current %s: fires %s', (resultForCreate, requireBoth, current, expected) => {
    expect(fires({ ...both, resultForCreate, requireBoth }, 'create', true, current)).toBe(expected);
    expect(fires({ ...both, resultForCreate, requireBoth }, 'create', false, current)).toBe(expected);
  });
});

describe('delete', () => {
  test.each<[Result, boolean, boolean, boolean]>([
    ['test-passes', true, true, true],
    ['test-passes', true, false, false],
    ['test-passes', false, true, true],
    ['test-passes', false, false, true],
    ['test-fails', true, true, false],
    ['test-fails', true, false, false],
    ['test-fails', false, true, true],
    ['test-fails', false, false, false],
    [undefined, true, true, true],
    [undefined, true, false, false],
    [undefined, false, true, true],
    [undefined, false, false, false],
  ])('resultForDelete %s, requireBoth %s, previous %s: fires %s', (resultForDelete, requireBoth, previous, expected) => {
    expect(fires({ ...both, resultForDelete, requireBoth }, 'delete', previous, true)).toBe(expected);
    expect(fires({ ...both, resultForDelete, requireBoth }, 'delete', previous, false)).toBe(expected);
  });
});

describe('update', () => {
  test.each([
    [true, true, true, true],
    [true, true, false, false],
    [true, false, true, false],
    [true, false, false, false],
    [false, true, true, true],
    [false, true, false, true],
    [false, false, true, true],
    [false, false, false, false],
  ])('requireBoth %s, previous %s, current %s: fires %s', (requireBoth, previous, current, expected) => {
    expect(fires({ ...both, requireBoth }, 'update', previous, current)).toBe(expected);
  });
});

describe('a test that is absent', () => {
  test.each([true, false])('takes no part (requireBoth %s)', (requireBoth) => {
    expect(fires({ current: 'c', requireBoth }, 'update', true, false)).toBe(false);
    expect(fires({ current: 'c', requireBoth }, 'update', false, true)).toBe(true);
    expect(fires({ previous: 'p', requireBoth }, 'update', true, false)).toBe(true);
    expect(fires({ previous: 'p', requireBoth }, 'update', false, true)).toBe(false);
  });

  test('where no side has anything to say, the trigger does not fire', () => {
    expect(fires({ previous: 'p' }, 'create', true, true)).toBe(false);
    expect(fires({ current: 'c' }, 'delete', true, true)).toBe(false);
  });
});
