import type { Change } from '../../../src/fhir/change.js';

/** The current version of everything that was not deleted. */
export function currentOf(log: readonly Change[]): Change[] {
  const last = new Map(log.map((change) => [`${change.type}/${change.id}`, change]));
  return [...last.values()].filter(({ body }) => body !== null);
}
