import { FEVER, GLUCOSE, HEART_RATE, type Hospital, LOINC, scattered } from './hospital.ts';

/** A search as clients ask it, differing from one time to the next. */
export interface BenchQuery {
  name: string;
  /** Behind the base. */
  path: (n: number) => string;
  /** Milliseconds of p99 that the targets allow; without it a figure to know. */
  p99?: number;
}

export const PATIENT_AND_CODE = 'patient + code';

/** When the data was loaded: what polling by `_lastUpdated` begins at. */
export interface Loaded {
  began: number;
  ended: number;
}

export function benchQueries(hospital: Hospital, { began, ended }: Loaded): BenchQuery[] {
  const patient = (n: number) => `p${String(scattered(n) % hospital.size.patients)}`;
  const day = (n: number, plus = 0) => {
    const encounter = scattered(n) % Math.floor(hospital.encounters * 0.9);
    return new Date(hospital.timeOf(encounter) + plus * 86_400_000).toISOString().slice(0, 10);
  };
  const code = encodeURIComponent;
  const polled = (n: number) => new Date(began + ((ended - began) * (scattered(n) % 1000)) / 1000).toISOString();
  return [
    {
      name: PATIENT_AND_CODE,
      path: (n) => `Observation?patient=${patient(n)}&code=${code(HEART_RATE)}&_count=20`,
      p99: 10,
    },
    {
      name: 'date range + _sort by that date',
      path: (n) => `Observation?date=ge${day(n)}&date=lt${day(n, 30)}&_sort=-date&_count=50`,
      p99: 50,
    },
    {
      name: 'category + date + _sort',
      path: (n) => `Observation?category=laboratory&date=ge${day(n)}&date=lt${day(n, 7)}&_sort=date&_count=50`,
      p99: 50,
    },
    {
      name: 'code + quantity comparison',
      path: (n) =>
        `Observation?code=${code(GLUCOSE)}&value-quantity=gt${(7 + (n % 20) / 10).toFixed(1)}${code('|http://unitsofmeasure.org|mmol/L')}&_count=50`,
      p99: 50,
    },
    {
      name: 'composite of a patient: code and quantity',
      path: (n) => `Observation?patient=${patient(n)}&code-value-quantity=${code(`${GLUCOSE}$gt6.${String(n % 10)}`)}&_count=50`,
      p99: 50,
    },
    {
      name: '_has, common',
      path: (n) => `Patient?_has:Condition:patient:code=${code(FEVER)}&birthdate=gt${String(1940 + (n % 40))}&_count=20`,
      p99: 50,
    },
    {
      name: 'chained name',
      path: (n) => `Observation?patient.name=${code(hospital.family(n % 5000).toLowerCase())}&code=${code(GLUCOSE)}&_count=20`,
      p99: 50,
    },
    {
      name: 'chain by what is common (gender)',
      path: (n) =>
        `Observation?subject:Patient.gender=${n % 2 === 0 ? 'female' : 'male'}&code=${code(`${LOINC}718-7`)}&_count=20`,
      p99: 50,
    },
    {
      name: '_include + _revinclude',
      path: (n) =>
        `Encounter?patient=${patient(n)}&_include=Encounter:patient&_include=Encounter:participant&_revinclude=Condition:encounter&_count=20`,
      p99: 50,
    },
    {
      name: 'identifier',
      path: (n) => `Patient?identifier=${code(hospital.identifier(scattered(n) % hospital.size.patients))}`,
      p99: 50,
    },
    {
      name: 'name + birthdate + _sort',
      path: (n) =>
        `Patient?name=${hospital
          .family(n % 5000)
          .slice(0, 4)
          .toLowerCase()}&birthdate=lt1980&_sort=family,birthdate&_count=20`,
      p99: 50,
    },
    {
      name: '_lastUpdated polling',
      path: (n) => `Observation?_lastUpdated=gt${polled(n)}&_sort=_lastUpdated&_count=100`,
      p99: 50,
    },
    {
      name: '_total=accurate',
      path: (n) => `Observation?patient=${patient(n)}&category=vital-signs&_sort=-date&_total=accurate&_count=10`,
      p99: 50,
    },
    {
      name: 'encounter + _revinclude of its Observations',
      path: (n) => `Encounter?_id=e${String(scattered(n) % hospital.encounters)}&_revinclude=Observation:encounter`,
      p99: 50,
    },
    {
      name: '_content of two words and a patient',
      path: (n) => `Observation?patient=${patient(n)}&_content=heart%20rate&_count=20`,
    },
    { name: '_content of what is common', path: () => `Observation?_content=glucose%20-rate&_count=20` },
    // What no index leads to: a threshold that few of a common code exceed.
    {
      name: 'composite: code and quantity, rare',
      path: (n) => `Observation?code-value-quantity=${code(`${GLUCOSE}$gt9.4${String(n % 10)}`)}&_count=50`,
    },
    {
      name: '_has by the same',
      path: (n) => `Patient?_has:Observation:patient:code-value-quantity=${code(`${GLUCOSE}$gt9.4${String(n % 10)}`)}&_count=20`,
    },
    { name: '$everything of a patient', path: (n) => `Patient/${patient(n)}/$everything?_count=200` },
    { name: '_summary=count of a common code', path: () => `Observation?code=${code(HEART_RATE)}&_summary=count` },
  ];
}
