import { expect, test } from '@jest/globals';
import fc from 'fast-check';

import { walkFurther } from '../../../src/storage/walk-further.js';

test('a walk that met enough goes on as far as it takes to meet the others, and half as far again', () => {
  expect(walkFurther({ lookedAt: 10_000, met: 20, wanted: 30 }, 50_000)).toBe(22_500);
});

test('it does not go on where it met too little, or nothing', () => {
  expect(walkFurther({ lookedAt: 10_000, met: 5, wanted: 45 }, 50_000)).toBeUndefined();
  expect(walkFurther({ lookedAt: 10_000, met: 0, wanted: 51 }, 50_000)).toBeUndefined();
});

test('it looks at one at least and never at more than allowed', () => {
  const number = fc.integer({ min: 1, max: 100_000 });
  fc.assert(
    fc.property(number, fc.nat(1000), number, number, (lookedAt, met, wanted, most) => {
      const further = walkFurther({ lookedAt, met, wanted }, most);
      if (further !== undefined) expect(further >= 1 && further <= most).toBe(true);
    }),
  );
});
