import { FhirError, type Issue } from '../fhir/fhir-error.js';
import type { OwnReference } from '../fhir/own-references.js';
import type { WriteUnit } from './change-store.js';
import { RefusedWrite, resourceKey, type UnitDecision } from './decide-unit.js';

/** What is known of the resources that a unit refers to, as they are before it. */
export interface ReferredTo {
  state(type: string, id: string): 'current' | 'deleted' | 'never';
  hasVersion(type: string, id: string, version: string): boolean;
}

/** Most references that one refusal names. */
const MOST_ISSUES = 100;

/**
 * Refuses a unit of which a reference would lead nowhere once it is stored: what it writes itself counts, in whatever order, and what it
 * deletes is gone. Writes that change nothing are left alone.
 * @throws RefusedWrite 422 naming each such element of the first write that has one
 */
export function refuseDangling(unit: WriteUnit, { outcomes, drafts }: UnitDecision, before: ReferredTo): void {
  const written = new Map(drafts.map(({ change }) => [resourceKey(change.type, change.id), change]));
  const problemOf = ({ type, id, version }: OwnReference): Issue['code'] | undefined => {
    const own = written.get(resourceKey(type, id));
    const state = own === undefined ? before.state(type, id) : own.interaction === 'delete' ? 'deleted' : 'current';
    if (state !== 'current') return state === 'deleted' ? 'deleted' : 'not-found';
    const isThere = version === undefined || String(own?.version) === version || before.hasVersion(type, id, version);
    return isThere ? undefined : 'not-found';
  };
  let at: number | undefined;
  const issues: Issue[] = [];
  for (const reference of unit.references ?? []) {
    const { write, expression } = reference;
    if (at !== undefined && (write !== at || issues.length >= MOST_ISSUES)) break;
    if (outcomes[write]?.kind !== 'stored') continue;
    const code = problemOf(reference);
    if (code === undefined) continue;
    at = write;
    const problem = code === 'deleted' ? 'which was deleted' : 'which is not there';
    issues.push({ code, diagnostics: `${expression} refers to ${nameOf(reference)}, ${problem}`, expression });
  }
  const [first, ...rest] = issues;
  if (at !== undefined && first !== undefined) throw new RefusedWrite(at, FhirError.ofIssues([first, ...rest], { status: 422 }));
}

/** 409, for a resource to delete that `referring` refers to. */
export function stillReferredTo(unit: WriteUnit, type: string, id: string, referring: string): RefusedWrite {
  const index = unit.writes.findIndex((write) => write.kind === 'delete' && write.type === type && write.id === id);
  return new RefusedWrite(
    index,
    new FhirError('conflict', `${type}/${id} cannot be deleted while other resources refer to it, such as ${referring}`),
  );
}

function nameOf({ type, id, version }: OwnReference): string {
  return version === undefined ? resourceKey(type, id) : `${resourceKey(type, id)}/_history/${version}`;
}
