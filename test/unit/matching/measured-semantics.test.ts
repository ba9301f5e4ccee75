import { expect, test } from '@jest/globals';
import { equalityKeysOf } from '../../../src/search/index-rows.js';
import { measuredSemantics } from '../../../src/matching/measured-semantics.js';
import { SEMANTICS } from '../../support/semantics.js';

const PATIENT = { resourceType: 'Patient', id: 'p', active: true, gender: 'female', birthDate: '1970-01-01' };

test('every sixteenth extraction is timed and stands for sixteen; what is extracted is the same', () => {
  const told: number[] = [];
  let clock = 0;
  const measured = measuredSemantics(
    SEMANTICS,
    { extracted: (milliseconds) => void told.push(milliseconds) },
    () => (clock += 0.5),
  );
  const plain = SEMANTICS.extract('Patient', PATIENT);
  for (let nth = 1; nth <= 32; nth++) {
    const values = measured.extract('Patient', PATIENT);
    expect(values.resourceType).toBe('Patient');
    expect([...values.entries()]).toEqual([...plain.entries()]);
    expect(equalityKeysOf(values, ['gender', 'active', 'nothing'])).toEqual(
      equalityKeysOf(plain, ['gender', 'active', 'nothing']),
    );
    expect(told.length > 0).toBe(nth >= 16);
  }
  // Each look at the clock is half a millisecond later: whatever was timed took that, sixteen times.
  expect(new Set(told)).toEqual(new Set([8]));
});

test('everything else it says as search does', () => {
  const measured = measuredSemantics(SEMANTICS, { extracted: () => {} });
  expect(measured.parseCriteria('Patient?gender=female')).toEqual(SEMANTICS.parseCriteria('Patient?gender=female'));
});
