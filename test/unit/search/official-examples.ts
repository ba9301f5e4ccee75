import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { SearchDefinitions } from '../../../src/search/search-definitions.js';

export type Resource = { resourceType: string; id?: string } & Record<string, unknown>;

/** The official examples that are resources of R4B. */
export function officialExamples(definitions: SearchDefinitions): { file: string; resource: Resource }[] {
  const folder = dirname(createRequire(import.meta.url).resolve('hl7.fhir.r4b.examples/package.json'));
  return readdirSync(folder)
    .filter((file) => /^[A-Z].*\.json$/.test(file))
    .map((file) => ({ file, resource: JSON.parse(readFileSync(join(folder, file), 'utf8')) as Resource }))
    .filter(({ resource }) => definitions.isResourceType(resource.resourceType));
}
