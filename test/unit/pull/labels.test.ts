import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { withLabels, withoutLabels } from '../../../src/pull/labels.js';

const coding = fc.record(
  { system: fc.constantFrom('s', 't'), code: fc.constantFrom('a', 'b', 'c'), display: fc.string() },
  { requiredKeys: [] },
);
const meta = fc.record(
  {
    versionId: fc.constant('1'),
    profile: fc.uniqueArray(fc.constantFrom('http://p/1', 'http://p/2', 'http://p/3'), { minLength: 1 }),
    tag: fc.array(coding, { minLength: 1 }),
    security: fc.array(coding, { minLength: 1 }),
  },
  { requiredKeys: [] },
);

describe('labels of a Meta', () => {
  test('added ones come behind what is there, each once', () => {
    const a = { system: 's', code: 'a' };
    expect(
      withLabels(
        { versionId: '3', profile: ['http://p/1'], tag: [{ ...a, display: 'as it was' }] },
        {
          versionId: '9',
          source: 'ignored',
          profile: ['http://p/2', 'http://p/1', 'http://p/2'],
          tag: [{ ...a, display: 'other' }, { code: 'a' }, { code: 'a', version: '2' }],
          security: [{ system: 's', code: 'R' }],
        },
      ),
    ).toEqual({
      versionId: '3',
      profile: ['http://p/1', 'http://p/2'],
      tag: [{ ...a, display: 'as it was' }, { code: 'a' }],
      security: [{ system: 's', code: 'R' }],
    });
  });

  test('removed ones go whatever their display, and no empty list stays', () => {
    expect(
      withoutLabels(
        { versionId: '3', profile: ['http://p/1'], tag: [{ system: 's', code: 'a', display: 'x' }, { code: 'a' }] },
        { profile: ['http://p/1'], tag: [{ system: 's', code: 'a' }], security: [{ code: 'not there' }] },
      ),
    ).toEqual({ versionId: '3', tag: [{ code: 'a' }] });
  });

  test('extensions of profiles stay beside their own', () => {
    const extended = { profile: ['http://p/1', 'http://p/2'], _profile: [null, { id: 'second' }] };
    expect(withLabels(extended, { profile: ['http://p/3'] })).toEqual({
      profile: ['http://p/1', 'http://p/2', 'http://p/3'],
      _profile: [null, { id: 'second' }, null],
    });
    expect(withoutLabels(extended, { profile: ['http://p/1'] })).toEqual({
      profile: ['http://p/2'],
      _profile: [{ id: 'second' }],
    });
    expect(withoutLabels(extended, { profile: ['http://p/2'] })).toEqual({ profile: ['http://p/1'] });
  });

  test('adding twice is adding once, and what was removed is gone while the rest stays', () => {
    fc.assert(
      fc.property(meta, meta, (before, given) => {
        const grown = withLabels(before, given);
        expect(withLabels(grown, given)).toEqual(grown);
        const shrunk = withoutLabels(grown, given);
        expect(withoutLabels(shrunk, given)).toEqual(shrunk);
        expect(withoutLabels(before, given)).toEqual(shrunk);
        expect(withLabels(before, {})).toEqual(before);
      }),
    );
  });
});
