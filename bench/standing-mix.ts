import { createHash } from 'node:crypto';

/** A filter group as the numbered log keeps it, and what it comes to for whoever walks all of them. */
export interface MixedGroup {
  fingerprint: string;
  definition: string;
  subscribers: number;
}

const LABORATORY_RESULT = 'https://carillon.example/topics/laboratory-result';
const LOINC = 'http://loinc.org';
const CODES = Array.from({ length: 2_000 }, (_, n) => `${1000 + n * 7}-${n % 10}`);
const CATEGORIES = ['laboratory', 'vital-signs', 'imaging', 'survey', 'exam', 'procedure', 'social-history', 'therapy'];

/** Pseudo-random, the same in every run. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/**
 * So many subscriptions of a realistic mix, five to a patient: 35 % topic and patient, 10 % topic, code and category (many of which are
 * the same), 25 % criteria of two to four parameters, 10 % lists, 10 % with a range beside an equality, 9 % with `:not`; one in a hundred
 * has no equality at all, of which there are no more than a hundred different ones.
 */
export function* standingMix(subscriptions: number): Iterable<MixedGroup> {
  const random = randomFrom(42);
  const patients = Math.ceil(subscriptions / 5);
  const patient = () => `Patient/p${random(patients)}`;
  const code = () => CODES[random(CODES.length)]!;
  const groups = new Map<string, MixedGroup>();
  const topic = (...filters: string[]) => ({ kind: 'topic', topic: LABORATORY_RESULT, filters, rights: 'open' });
  const classic = (criteria: string) => ({ kind: 'classic', criteria, rights: 'open' });
  const subject = () => {
    const kind = random(100);
    if (kind < 35) return topic(`patient=${patient()}`);
    if (kind < 45) return topic(`category=${CATEGORIES[random(8)]}`, `code=${LOINC}|${code()}`);
    if (kind < 55) return classic(`Observation?code=${LOINC}|${code()}&patient=${patient()}`);
    if (kind < 62) return classic(`Observation?code=${LOINC}|${code()}&status=final&subject=${patient()}`);
    if (kind < 70)
      return classic(`Observation?category=${CATEGORIES[random(8)]}&code=${code()}&patient=${patient()}&status=final`);
    if (kind < 75) return classic(`Observation?code=${code()},${code()},${code()}&patient=${patient()}`);
    if (kind < 80) return classic(`Observation?patient=${patient()},${patient()},${patient()},${patient()}`);
    if (kind < 85) return classic(`Observation?patient=${patient()}&value-quantity=gt${random(200)}`);
    if (kind < 90) return classic(`Observation?code=${LOINC}|${code()}&date=ge2026-01-${10 + random(20)}&patient=${patient()}`);
    if (kind < 99) return classic(`Observation?patient=${patient()}&status:not=${['cancelled', 'preliminary'][random(2)]}`);
    const rare = random(100);
    if (rare < 60) return classic(`Observation?value-quantity=gt${1_000 + rare * 10}`);
    return classic(`Observation?status:not=final&value-string:missing=${rare % 2 === 0}&date=gt20${30 + (rare % 20)}`);
  };
  for (let n = 0; n < subscriptions; n++) {
    const definition = JSON.stringify(subject());
    const known = groups.get(definition);
    if (known === undefined) groups.set(definition, { fingerprint: fingerprintOf(definition), definition, subscribers: 1 });
    else known.subscribers++;
  }
  yield* groups.values();
}

/** Observations as a laboratory sends them, half of them about patients that somebody subscribes to. */
export function mixedObservations(count: number, subscriptions: number): Record<string, unknown>[] {
  const random = randomFrom(7);
  const patients = Math.ceil(subscriptions / 5);
  return Array.from({ length: count }, (_, n) => ({
    resourceType: 'Observation',
    id: `o${n}`,
    status: 'final',
    category: [
      { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: CATEGORIES[random(8)] }] },
    ],
    code: { coding: [{ system: LOINC, code: CODES[random(CODES.length)] }], text: 'a measurement' },
    subject: { reference: `Patient/p${random(patients * 2)}` },
    encounter: { reference: `Encounter/e${n}` },
    effectiveDateTime: '2026-01-20T10:00:00Z',
    performer: [{ reference: `Practitioner/d${random(500)}` }],
    valueQuantity: { value: random(200), unit: 'mmol/L', system: 'http://unitsofmeasure.org', code: 'mmol/L' },
    referenceRange: [{ low: { value: 3.1, unit: 'mmol/L' }, high: { value: 6.2, unit: 'mmol/L' } }],
  }));
}

function fingerprintOf(definition: string): string {
  return createHash('sha256').update(definition).digest('hex').slice(0, 32);
}
