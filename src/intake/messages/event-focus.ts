import type { EventFocus } from '../../fhir/change.js';
import { FhirError } from '../../fhir/fhir-error.js';
import { parseReference } from '../../fhir/references.js';
import { resourceKey } from '../decide-unit.js';
import type { MatchingResources } from '../matching-resources.js';

/**
 * The resources that an event is about: each one written by the same request (`written`) or stored already. Named twice, it is still
 * one.
 * @throws FhirError 422 for what is neither, naming the element
 */
export async function eventFocus(
  references: readonly unknown[],
  where: (index: number) => string,
  known: { written: ReadonlySet<string>; resources: MatchingResources; bases: readonly string[] },
): Promise<EventFocus[]> {
  const focus = new Map<string, EventFocus>();
  for (const [index, reference] of references.entries()) {
    const text = (reference as { reference?: unknown } | null)?.reference;
    const parsed = typeof text === 'string' ? parseReference(text, known.bases) : undefined;
    if (parsed?.kind !== 'local' || parsed.version !== undefined) {
      throw refused('A focus is a reference to one resource that the hub holds, for example Encounter/1', where(index));
    }
    const { type, id } = parsed;
    const key = resourceKey(type, id);
    const written = known.written.has(key);
    if (!written && !(await isStored(known.resources, type, id))) throw refused(`There is no ${key} here`, where(index));
    focus.set(key, { type, id, written });
  }
  return [...focus.values()];
}

async function isStored(resources: MatchingResources, type: string, id: string): Promise<boolean> {
  const current = await resources.current(type, id);
  return current !== undefined && current.interaction !== 'delete';
}

function refused(diagnostics: string, expression: string): FhirError {
  return new FhirError('business-rule', diagnostics, expression);
}
