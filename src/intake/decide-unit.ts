import { FhirError, type Issue } from '../fhir/fhir-error.js';
import { LOG_START, type Change, type CodedEvent, type Face, type Interaction } from '../fhir/change.js';
import { instantText } from '../fhir/instant-text.js';
import { sameContent, stampResource } from '../fhir/stamp-resource.js';
import type { ResourceToStore, Write, WriteOutcome, WriteUnit } from './change-store.js';

/** A version decided on but not yet in the log: `change.position` is filled in once it is. */
export interface Draft {
  change: Change;
  /** What to index; absent for a delete. */
  resource?: ResourceToStore;
}

/** A refusal that knows which write of the unit it is about. */
export class RefusedWrite extends FhirError {
  constructor(
    readonly index: number,
    refusal: FhirError,
  ) {
    const [{ code, diagnostics, expression }] = refusal.issues as [Issue];
    super(code, diagnostics, expression, { status: refusal.status, headers: { ...refusal.headers } });
    Object.assign(this, { issues: refusal.issues });
  }
}

export interface UnitDecision {
  outcomes: WriteOutcome[];
  /** Versions to append, in order. */
  drafts: Draft[];
}

/** The current version of a resource (a delete included), or undefined where the id was never used. */
export type CurrentVersions = (type: string, id: string) => Change | undefined;

export function resourceKey(type: string, id: string): string {
  return `${type}/${id}`;
}

export function targetOf(write: Write): { type: string; id: string } {
  return write.kind === 'delete' ? write : write.resource;
}

/**
 * What a unit comes to, given the current versions of what it touches: all of its writes or, by the FhirError it throws, none.
 * https://hl7.org/fhir/R4B/http.html#update
 */
export function decideUnit(unit: WriteUnit, current: CurrentVersions, nowMs: number): UnitDecision {
  const decision: UnitDecision = { outcomes: [], drafts: [] };
  const touched = new Set<string>();
  for (const [index, write] of unit.writes.entries()) {
    const { type, id } = targetOf(write);
    const key = resourceKey(type, id);
    let outcome: WriteOutcome;
    try {
      if (touched.has(key)) throw new FhirError('conflict', `${key} is written twice by the same request`);
      outcome = decideWrite(write, current(type, id), unit.face, nowMs);
    } catch (error) {
      throw error instanceof FhirError ? new RefusedWrite(index, error) : error;
    }
    touched.add(key);
    decision.outcomes.push(outcome);
    if (outcome.kind === 'stored') {
      decision.drafts.push({ change: outcome.change, resource: write.kind === 'delete' ? undefined : write.resource });
    }
  }
  return decision;
}

function decideWrite(write: Write, current: Change | undefined, face: Face, nowMs: number): WriteOutcome {
  const { type, id } = targetOf(write);
  const exists = current !== undefined && current.interaction !== 'delete';
  if (write.kind === 'create') {
    if (exists) throw new FhirError('conflict', `${type}/${id} exists already`);
    return withEvent(stored(write.resource, write.method, 'create', current, face, nowMs), write.event);
  }
  checkIfMatch(write.ifMatch, current, exists, `${type}/${id}`);
  if (write.kind === 'delete') {
    if (!exists) return { kind: 'absent', type, id };
    return {
      kind: 'stored',
      change: { ...draftOf(type, id, current, face, nowMs), interaction: 'delete', method: 'DELETE', body: null },
    };
  }
  if (write.ifNoneMatchAny && exists) {
    throw new FhirError('conflict', `${type}/${id} exists already, in version ${current.version}`, 'If-None-Match', {
      status: 412,
    });
  }
  if (exists && write.event === undefined && saysTheSame(current.body ?? '', write.resource)) {
    return { kind: 'unchanged', change: current };
  }
  return withEvent(stored(write.resource, write.method, exists ? 'update' : 'create', current, face, nowMs), write.event);
}

function saysTheSame(stored: string, { text, sealed }: ResourceToStore): boolean {
  return sealed === undefined ? sameContent(stored, text) : sealed.sameAs(stored);
}

function withEvent(outcome: WriteOutcome, event: CodedEvent | undefined): WriteOutcome {
  if (event === undefined || outcome.kind !== 'stored') return outcome;
  return { kind: 'stored', change: { ...outcome.change, event } };
}

function checkIfMatch(ifMatch: number | undefined, current: Change | undefined, exists: boolean, name: string): void {
  if (ifMatch === undefined || (exists && current?.version === ifMatch)) return;
  throw otherVersion(name, exists ? current?.version : undefined);
}

/** 412. @param version the current one; undefined where there is no such resource */
export function otherVersion(name: string, version: number | undefined): FhirError {
  const found = version === undefined ? 'there is no such resource' : `its current version is ${String(version)}`;
  return new FhirError('conflict', `If-Match asks for another version of ${name}: ${found}`, 'If-Match', { status: 412 });
}

function stored(
  resource: ResourceToStore,
  method: Change['method'],
  interaction: Interaction,
  current: Change | undefined,
  face: Face,
  nowMs: number,
): WriteOutcome {
  const { type, id, text, value } = resource;
  const draft = draftOf(type, id, current, face, nowMs);
  const body = stampResource(text, { id, versionId: String(draft.version), lastUpdated: instantText(draft.at) }, value);
  return { kind: 'stored', change: { ...draft, interaction, method, body } };
}

/** Version numbers go on after a delete, and time never runs backwards from one version to the next, whatever the clock does. */
function draftOf(type: string, id: string, current: Change | undefined, face: Face, nowMs: number) {
  const at = new Date(Math.max(nowMs, current?.at.getTime() ?? 0));
  return { position: LOG_START, type, id, version: (current?.version ?? 0) + 1, at, face };
}
