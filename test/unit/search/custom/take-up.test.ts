import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { StoredDefinition, TakenDefinition } from '../../../../src/search/custom/parameter-store.js';
import { MOST_OF_A_TYPE, takeUp } from '../../../../src/search/custom/take-up.js';
import { SEMANTICS } from '../../../support/semantics.js';

const official = SEMANTICS.definitions;

function stored(id: string, version: number, more: object = {}): Required<StoredDefinition> {
  const body = {
    ...{
      resourceType: 'SearchParameter',
      id,
      status: 'active',
      url: `http://example.org/sp/${id}`,
      code: 'xx',
      base: ['Patient'],
    },
    ...{ type: 'string', expression: 'Patient.name.given', ...more },
  };
  return { id, version, body: JSON.stringify(body) };
}

const decide = (now: readonly StoredDefinition[], before: readonly TakenDefinition[]) => takeUp(now, before, official, []);

/** What is taken once a decision has been kept. */
function after(before: readonly TakenDefinition[], { taken, gone }: ReturnType<typeof takeUp>): TakenDefinition[] {
  const all = new Map(before.map((each) => [each.id, each]));
  for (const id of gone) all.delete(id);
  for (const { isNew: _, ...each } of taken) all.set(each.id, each);
  return [...all.values()];
}

describe('what is stored is taken up', () => {
  test('new, and every type of it is walked', () => {
    const { taken, types, gone } = decide([stored('a', 1, { base: ['Patient', 'Person'], expression: 'name.given' })], []);
    expect(taken).toMatchObject([{ id: 'a', version: 1, isNew: true, definition: { code: 'xx' } }]);
    expect([types, gone]).toEqual([['Patient', 'Person'], []]);
  });

  test('without a walk where a new version means the same', () => {
    const before = after([], decide([stored('a', 1)], []));
    const again = decide([stored('a', 2, { description: 'better said' })], before);
    expect(again).toMatchObject({ taken: [{ id: 'a', version: 2, isNew: false }], types: [] });
  });

  test('with a walk of what it was for and what it is for', () => {
    const before = after([], decide([stored('a', 1)], []));
    const again = decide([stored('a', 2, { base: ['Person'], expression: 'Person.name.given' })], before);
    expect(again).toMatchObject({ taken: [{ isNew: true }], types: ['Patient', 'Person'] });
  });

  test.each([
    ['deleted', []],
    ['retired', [stored('a', 2, { status: 'retired' })]],
    ['made useless past the rules', [stored('a', 2, { expression: '((' })]],
  ])('as gone when %s, and its rows are walked away', (_how, now) => {
    const before = after([], decide([stored('a', 1)], []));
    const { types, taken, gone } = decide(now, before);
    expect(types).toEqual(['Patient']);
    expect(taken.every(({ definition }) => definition === undefined) && gone.length + taken.length).toBe(1);
  });

  test('the one that was first, and the other in its place once it goes', () => {
    const first = after([], decide([stored('b', 1)], []));
    const both = decide([{ id: 'b', version: 1 }, stored('a', 1)], first);
    expect(both).toMatchObject({
      taken: [{ id: 'a', reason: 'Patient has a parameter "xx" by SearchParameter/b already' }],
      types: [],
    });
    const left = decide([stored('a', 1)], after(first, both));
    expect(left).toMatchObject({ taken: [{ id: 'a', isNew: true }], gone: ['b'], types: ['Patient'] });
  });

  test(`up to ${MOST_OF_A_TYPE} of a type`, () => {
    const many = Array.from({ length: MOST_OF_A_TYPE + 1 }, (_, i) =>
      stored(`p${String(i).padStart(3, '0')}`, 1, { code: `c${i}` }),
    );
    const refused = decide(many, []).taken.filter(({ definition }) => definition === undefined);
    expect(refused).toMatchObject([{ id: `p${String(MOST_OF_A_TYPE)}`, reason: expect.stringContaining('which is the most') }]);
  });

  test('whatever comes in which order: what is kept is decided once and for all, and no parameter of a type is defined twice', () => {
    const ids = fc.constantFrom('a', 'b', 'c', 'd');
    const version = fc.record({
      code: fc.constantFrom('x', 'y'),
      status: fc.constantFrom('active', 'draft'),
      base: fc.constantFrom(['Patient'], ['Person'], ['Patient', 'Person']),
    });
    const steps = fc.array(fc.tuple(ids, fc.option(version)), { maxLength: 12 });
    fc.assert(
      fc.property(steps, (all) => {
        let taken: TakenDefinition[] = [];
        const now = new Map<string, Required<StoredDefinition>>();
        let n = 0;
        for (const [id, written] of all) {
          if (written === null) now.delete(id);
          else now.set(id, stored(id, ++n, { ...written, expression: 'name.given' }));
          const decision = decide([...now.values()], taken);
          taken = after(taken, decision);
          expect(decide([...now.values()], taken)).toEqual({ taken: [], gone: [], types: [] });
          const names = taken.flatMap(({ definition }) =>
            Object.keys(definition?.rows ?? {}).map((type) => `${type} ${definition!.code}`),
          );
          expect(new Set(names).size).toBe(names.length);
        }
      }),
      {
        numRuns: 300,
        // A refused one makes room for another, which stands in its way from then on.
        examples: [
          [
            [
              ['c', { code: 'x', status: 'active', base: ['Patient'] }],
              ['a', { code: 'x', status: 'active', base: ['Person'] }],
              ['d', { code: 'x', status: 'active', base: ['Patient'] }],
              ['c', { code: 'x', status: 'active', base: ['Patient', 'Person'] }],
            ],
          ],
        ],
      },
    );
  });
});
