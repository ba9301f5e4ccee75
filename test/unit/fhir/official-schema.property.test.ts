import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { validateResource } from '../../../src/fhir/validate-resource.js';
import { officialSchemaTakes } from '../../support/official-schema.js';

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
type Resource = { resourceType: string; [name: string]: Json };

const FOLDER = new URL('../../../node_modules/hl7.fhir.r4b.examples/', import.meta.url);
const EXAMPLES = [
  'Appointment-example',
  'Bundle-bundle-transaction',
  'CarePlan-example',
  'Claim-100150',
  'DiagnosticReport-f201',
  'DocumentReference-example',
  'Encounter-f001',
  'Endpoint-example',
  'MedicationRequest-medrx0301',
  'Observation-blood-pressure',
  'Observation-decimal',
  'Patient-example',
  'Questionnaire-bb',
  'ServiceRequest-example',
  'Subscription-example',
  'SubscriptionTopic-admission',
  'ValueSet-example-extensional',
].map((name) => JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), 'utf8')) as Resource);

const damage = fc.oneof(
  fc.constant({ kind: 'drop' as const }),
  fc.constant({ kind: 'wrap' as const }),
  fc.record({ kind: fc.constant('rename' as const), to: fc.constantFrom('value', 'valueX', 'ID', 'xstatus') }),
  fc.record({
    kind: fc.constant('replace' as const),
    by: fc.constantFrom<Json>(
      true,
      0,
      -1,
      1.5,
      'x',
      ' x',
      '2023-1-1',
      '2023-01-01T10:00:00',
      {},
      { text: 1 },
      { x: 1 },
      { id: 'a', url: 'b' },
    ),
  }),
);

/** Every place where something can be damaged: an object or list and a name or index in it. */
function places(
  value: Json,
  found: { owner: Record<string, Json>; name: string }[] = [],
): { owner: Record<string, Json>; name: string }[] {
  if (typeof value !== 'object' || value === null) return found;
  for (const name of Object.keys(value)) {
    if (name === 'resourceType') continue;
    found.push({ owner: value as Record<string, Json>, name });
    places((value as Record<string, Json>)[name]!, found);
  }
  return found;
}

test('the examples are valid before they are damaged', () => {
  expect(EXAMPLES.filter((example) => !officialSchemaTakes(example) || validateResource(example).length > 0)).toEqual([]);
});

test('whatever the official schema refuses is refused', () => {
  let refused = 0;
  fc.assert(
    fc.property(fc.constantFrom(...EXAMPLES), fc.nat(), damage, (original, place, how) => {
      const resource = structuredClone(original);
      const all = places(resource);
      const { owner, name } = all[place % all.length]!;
      if (how.kind === 'wrap') owner[name] = [owner[name]!];
      else if (how.kind === 'replace') owner[name] = structuredClone(how.by);
      else if (Array.isArray(owner)) owner.splice(Number(name), 1);
      else {
        if (how.kind === 'rename') owner[how.to] = owner[name]!;
        delete owner[name];
      }
      if (officialSchemaTakes(resource)) return;
      refused++;
      expect(validateResource(resource)).not.toEqual([]);
    }),
    { numRuns: 5_000 },
  );
  expect(refused).toBeGreaterThan(1_000);
});
