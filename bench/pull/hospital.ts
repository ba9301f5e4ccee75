import { readFileSync } from 'node:fs';

const EXAMPLES = new URL('../../node_modules/hl7.fhir.r4b.examples/', import.meta.url);

/** How much there is of each. Everything follows from it: the same sizes give the same data. */
export interface HospitalSize {
  observations: number;
  patients: number;
}

/** Observations of one Encounter. */
const OF_ENCOUNTER = 20;
/** Encounters that arrive together, in one transaction with their Observations. */
const TOGETHER = 5;
const PRACTITIONERS = 200;
const ORGANIZATIONS = 50;
const DAY = 86_400_000;
const BEGINS = Date.UTC(2016, 0, 1);
const ENDS = Date.UTC(2024, 0, 1);

/** Official examples of Observations and how many of twenty are like them. What they measure differs from one to the next. */
const MEASURED: Readonly<Record<string, number>> = {
  ...{ 'heart-rate': 3, 'blood-pressure': 2, 'body-temperature': 2, 'respiratory-rate': 2, satO2: 1, mbp: 1 },
  ...{ 'body-height': 0.5, 'body-length': 0.2, 'head-circumference': 0.1, bmi: 0.5, example: 1, bmd: 0.1 },
  ...{ f001: 1.5, f002: 0.5, f003: 0.5, f004: 0.7, f005: 1, f204: 0.3, herd1: 0.1, 656: 0.1 },
  ...{ bloodgroup: 0.3, secondsmoke: 0.3, vomiting: 0.3, trachcare: 0.2, 'gcs-qa': 0.2, 'abdo-tender': 0.3 },
};
const DIAGNOSED = ['f201', 'f201', 'f201', 'f205', 'f205', 'f001', 'stroke', 'f202', 'f203', 'f003', 'example', 'f204'];
const GIVEN =
  'Anna Jan Maria Pieter Sofia Tomas Eva Lars Nora Hugo Mila Daan Saar Finn Lotte Sem Yara Noud Fleur Gijs Amira Omar Leila Karim Ines Diego Elena Pablo Marta Ivan Olga Nikolai Mei Hiro Yuki Ken Aisha Samir Fatima Yusuf Emma Liam Grace Noah Ruth Adam Clara Felix Ida Otto'.split(
    ' ',
  );
const FAMILY_HEADS =
  'Berg Linden Vis Bakker Stein Rosen Wester Noord Zuid Oster Kamp Brug Water Vogel Winter Sommer Klein Groot Alten Neu Hof Wald Eich Birken Mohn Korn Sand Silber Gold Eisen'.split(
    ' ',
  );
const FAMILY_TAILS = 'man sma huis feld meyer stra dal burg beek lund quist ova ski escu sen son ström heim thal bach'.split(' ');

/** A hospital over eight years: who was there, when, and what was measured, made from the official examples. */
export class Hospital {
  readonly size: HospitalSize;
  readonly encounters: number;
  private readonly templates = weighted(MEASURED).map(({ name, share }) => ({ share, make: observationLike(name) }));

  constructor(size: HospitalSize) {
    this.size = size;
    this.encounters = Math.ceil(size.observations / OF_ENCOUNTER);
  }

  /** Practitioners, Organizations and Patients, which are there before anything is measured. */
  people(): string[] {
    return [
      ...Array.from({ length: ORGANIZATIONS }, (_, n) =>
        put({ ...example('Organization-f001'), id: `o${n}`, name: `Hospital ${n}` }),
      ),
      ...Array.from({ length: PRACTITIONERS }, (_, n) =>
        put({
          ...example('Practitioner-f001'),
          id: `d${n}`,
          name: [{ use: 'official', family: familyOf(n * 7), given: [givenOf(n * 3)] }],
        }),
      ),
      ...Array.from({ length: this.size.patients }, (_, n) => put(this.patient(n))),
    ];
  }

  /** Encounters, with a Condition for every third and all their Observations, in the order of their time. */
  get arrivals(): number {
    return Math.ceil(this.encounters / TOGETHER);
  }

  /** The entries of one transaction. */
  arrival(n: number): string[] {
    const entries: string[] = [];
    const last = Math.min(this.encounters, (n + 1) * TOGETHER);
    for (let encounter = n * TOGETHER; encounter < last; encounter++) this.addEncounter(encounter, entries);
    return entries;
  }

  family(n: number): string {
    return familyOf(n);
  }

  identifier(patient: number): string {
    return `urn:oid:2.16.840.1.113883.2.4.6.3|${700_000_000 + patient * 37}`;
  }

  /** Whose an Encounter is: those of a Patient lie far apart. */
  patientOf(encounter: number): number {
    return scattered(encounter) % this.size.patients;
  }

  /** Milliseconds; they arrive roughly in the order of their time. */
  timeOf(encounter: number): number {
    const jitter = (scattered(encounter + 17) % 60) - 30;
    return BEGINS + Math.floor(((ENDS - BEGINS) * encounter) / this.encounters) + jitter * DAY;
  }

  private patient(n: number): object {
    const born = new Date(Date.UTC(1930 + (scattered(n) % 90), scattered(n + 1) % 12, 1 + (scattered(n + 2) % 28)));
    return {
      ...example('Patient-f001'),
      id: `p${n}`,
      identifier: [{ use: 'usual', system: 'urn:oid:2.16.840.1.113883.2.4.6.3', value: String(700_000_000 + n * 37) }],
      name: [{ use: 'usual', family: familyOf(n), given: [givenOf(scattered(n))] }],
      gender: scattered(n + 3) % 100 < 52 ? 'female' : 'male',
      birthDate: born.toISOString().slice(0, 10),
      managingOrganization: { reference: `Organization/o${n % ORGANIZATIONS}` },
      generalPractitioner: [{ reference: `Practitioner/d${n % PRACTITIONERS}` }],
    };
  }

  private addEncounter(n: number, entries: string[]): void {
    const patient = this.patientOf(n);
    const at = this.timeOf(n);
    const doctor = `Practitioner/d${scattered(n + 5) % PRACTITIONERS}`;
    const subject = { reference: `Patient/p${patient}` };
    entries.push(
      put({
        ...example('Encounter-f001'),
        ...{ id: `e${n}`, subject, participant: [{ individual: { reference: doctor } }] },
        identifier: [{ use: 'official', system: 'http://www.amc.nl/zorgportal/identifiers/visits', value: `v${n}` }],
        class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: n % 4 === 0 ? 'IMP' : 'AMB' },
        period: { start: new Date(at).toISOString(), end: new Date(at + 3_600_000).toISOString() },
        serviceProvider: { reference: `Organization/o${patient % ORGANIZATIONS}` },
      }),
    );
    if (n % 3 === 0) {
      entries.push(
        put({
          ...example(`Condition-${DIAGNOSED[scattered(n + 9) % DIAGNOSED.length]!}`),
          ...{ id: `c${n}`, subject, encounter: { reference: `Encounter/e${n}` }, asserter: { reference: doctor } },
          recordedDate: new Date(at).toISOString().slice(0, 10),
        }),
      );
    }
    const count = Math.min(OF_ENCOUNTER, this.size.observations - n * OF_ENCOUNTER);
    for (let i = 0; i < count; i++) {
      const chance = scattered(n * OF_ENCOUNTER + i) / 0x1_0000_0000;
      const template = this.templates.find(({ share }) => chance < share) ?? this.templates[0]!;
      const value = scattered(n * OF_ENCOUNTER + i + 0x5555) / 0x1_0000_0000;
      entries.push(create(template.make(String(patient), String(n), doctor, new Date(at + i * 60_000).toISOString(), value)));
    }
  }
}

export const LOINC = 'http://loinc.org|';
export const GLUCOSE = `${LOINC}15074-8`;
export const HEART_RATE = `${LOINC}8867-4`;
export const FEVER = 'http://snomed.info/sct|386661006';

/** An example as a client would send it: without what the server sets, and without narrative. */
function example(name: string): Record<string, unknown> {
  let found = read.get(name);
  if (found === undefined) {
    const text = readFileSync(new URL(`${name}.json`, EXAMPLES), 'utf8');
    const { meta: _meta, text: _narrative, ...rest } = JSON.parse(text) as Record<string, unknown>;
    read.set(name, (found = rest));
  }
  return { ...found };
}
const read = new Map<string, Record<string, unknown>>();

type Make = (patient: string, encounter: string, doctor: string, at: string, chance: number) => string;

/** Texts like an example, by filling gaps: a million of them are made while they are loaded. */
function observationLike(name: string): Make {
  const { id: _id, effectivePeriod: _period, issued: _issued, ...rest } = example(`Observation-${name}`);
  const gaps: Record<string, unknown> = {
    ...rest,
    // The laboratory's examples bear none.
    category: rest.category ?? [
      { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' }] },
    ],
    subject: { reference: 'Patient/p@1@' },
    encounter: { reference: 'Encounter/e@2@' },
    performer: [{ reference: '@3@' }],
    effectiveDateTime: '@4@',
  };
  const quantity = rest.valueQuantity as { value: number } | undefined;
  if (quantity !== undefined) gaps.valueQuantity = { ...quantity, value: '@5@' };
  const text = JSON.stringify(gaps).replace('"@5@"', '@5@');
  const parts = text.split(/@(\d)@/);
  return (patient, encounter, doctor, at, chance) => {
    const fills = ['', patient, encounter, doctor, at, measured(quantity?.value ?? 1, chance)];
    let made = parts[0]!;
    for (let i = 1; i < parts.length; i += 2) made += fills[Number(parts[i])]! + parts[i + 1]!;
    return made;
  };
}

/** Around the example's value, most of them near. */
function measured(value: number, chance: number): string {
  const spread = (chance - 0.5) ** 3 * 4;
  return (value * (1 + spread)).toFixed(value < 20 ? 2 : 1);
}

function weighted(weights: Readonly<Record<string, number>>): { name: string; share: number }[] {
  const sum = Object.values(weights).reduce((a, b) => a + b, 0);
  let share = 0;
  return Object.entries(weights).map(([name, weight]) => ({ name, share: (share += weight / sum) }));
}

/** A number below 2³², spread evenly, always the same for the same `n`. */
export function scattered(n: number): number {
  let mixed = Math.imul(n + 0x9e3779b9, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  mixed ^= mixed >>> 16;
  return mixed >>> 0;
}

function familyOf(n: number): string {
  const at = scattered(n + 11);
  return `${FAMILY_HEADS[at % FAMILY_HEADS.length]!}${FAMILY_TAILS[(at >>> 8) % FAMILY_TAILS.length]!}`;
}

function givenOf(n: number): string {
  return GIVEN[n % GIVEN.length]!;
}

function put(resource: object): string {
  const { resourceType, id } = resource as { resourceType: string; id: string };
  return `{"resource":${JSON.stringify(resource)},"request":{"method":"PUT","url":"${resourceType}/${id}"}}`;
}

function create(observation: string): string {
  return `{"resource":${observation},"request":{"method":"POST","url":"Observation"}}`;
}
