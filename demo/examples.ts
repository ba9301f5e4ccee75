import { readdirSync, readFileSync } from 'node:fs';

const FOLDER = new URL('../node_modules/hl7.fhir.r4b.examples/', import.meta.url);

export interface Example {
  type: string;
  id: string;
  resource: Record<string, unknown>;
}

/** The official R4B examples of some types, in the order of their names. */
export function officialExamples(types: readonly string[]): Example[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.json') && types.includes(name.split('-')[0]!))
    .sort()
    .map((name) => JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as Record<string, unknown>)
    .map((resource) => ({ type: String(resource.resourceType), id: String(resource.id), resource }));
}
