import { readFileSync } from 'node:fs';

const EXAMPLES = new URL('../node_modules/hl7.fhir.r4b.examples/', import.meta.url);

/** The text of an official example. */
export function example(name: string): string {
  return JSON.stringify(JSON.parse(readFileSync(new URL(`${name}.json`, EXAMPLES), 'utf8')));
}

const { id: _id, ...rest } = JSON.parse(example('Observation-f001')) as Record<string, unknown>;
const [before, after] = JSON.stringify({ ...rest, subject: { reference: 'Patient/@@' } }).split('@@') as [string, string];

/** The glucose result of the official examples (1.7 KB) for some patient. */
export function observation(patient: number | string): string {
  return `${before}p${patient}${after}`;
}

export const GLUCOSE = 'http://loinc.org|15074-8';

/** A transaction of creates. */
export function transaction(resources: readonly string[], type = 'Observation'): string {
  const entries = resources.map((resource) => `{"resource":${resource},"request":{"method":"POST","url":"${type}"}}`);
  return `{"resourceType":"Bundle","type":"transaction","entry":[${entries.join(',')}]}`;
}
