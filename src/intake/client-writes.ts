import type { Change, Face } from '../fhir/change.js';
import { FhirError, type Issue } from '../fhir/fhir-error.js';
import type { ParsedJson } from '../fhir/json-text.js';
import { newResourceId } from '../fhir/resource-id.js';
import type { ReturnPreference } from '../http/prefer.js';
import type { CurrentParameters } from '../search/custom/current-parameters.js';
import type { Query } from '../search/query.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import type { ChangeStore, ResourceToStore, WriteOutcome } from './change-store.js';
import type { ConditionLocks } from './condition-locks.js';
import { conditionKey } from './condition-key.js';
import { otherVersion } from './decide-unit.js';
import type { MatchingResources } from './matching-resources.js';
import { applyPatch, type Patch } from './patch/patch.js';
import { PatchTurns } from './patch-turns.js';
import type { WriteRules } from './write-rules.js';

/** What a client's create came to: `found` is the one resource that its condition matched already. */
export type CreateOutcome = { kind: 'created' | 'found'; change: Change };

/** Names the condition in an address where a refusal is about it. */
const IN_URL = 'url';
/** Tries of a patch whose resource others keep changing. */
const PATCH_ATTEMPTS = 20;

/** The conditions a client sets on an update. */
export interface UpdateConditions {
  ifMatch?: number;
  ifNoneMatchAny?: boolean;
}

/** Single writes by clients: every rule of the type is asked, then the change goes through the store's one door. */
export class ClientWrites {
  private readonly patchTurns = new PatchTurns();

  constructor(
    private readonly store: ChangeStore,
    private readonly rules: WriteRules,
    private readonly resources: MatchingResources,
    private readonly locks: ConditionLocks,
    private readonly semantics: SearchSemantics,
    private readonly parameters: CurrentParameters,
  ) {}

  async create(face: Face, type: string, parsed: ParsedJson, ifNoneExist?: string): Promise<CreateOutcome> {
    if (ifNoneExist === undefined) return { kind: 'created', change: await this.insert(face, type, parsed) };
    return this.locks.hold([conditionKey(type, ifNoneExist)], async () => {
      const found = await this.findOne(type, ifNoneExist);
      return found === undefined
        ? { kind: 'created', change: await this.insert(face, type, parsed) }
        : { kind: 'found', change: found };
    });
  }

  async update(face: Face, type: string, id: string, parsed: ParsedJson, conditions: UpdateConditions): Promise<WriteOutcome> {
    const resource = await this.ready(face, type, id, parsed);
    const [outcome] = await this.store.write({ face, writes: [{ kind: 'put', resource, method: 'PUT', ...conditions }] });
    return outcome!;
  }

  /** Updates the one resource that a condition matches, or creates one. */
  updateWhere(
    face: Face,
    type: string,
    condition: string,
    parsed: ParsedJson,
    conditions: UpdateConditions,
  ): Promise<WriteOutcome> {
    return this.locks.hold([conditionKey(type, condition)], async () => {
      const found = await this.findOne(type, condition, IN_URL);
      const target = await this.updateTarget(type, found, parsed.value['id']);
      return this.update(face, type, target.id, parsed, {
        ...conditions,
        ifNoneMatchAny: conditions.ifNoneMatchAny === true || target.isNew,
      });
    });
  }

  /**
   * Which resource an update by condition is about: the match, or a new one under the id of the body or of the hub's making.
   * @throws FhirError 400 where the body has another id than the match, 409 where the condition does not match the resource of that id
   */
  async updateTarget(type: string, found: Change | undefined, bodyId: unknown): Promise<{ id: string; isNew: boolean }> {
    if (found !== undefined) {
      if (bodyId === undefined || bodyId === found.id) return { id: found.id, isNew: false };
      throw new FhirError(
        'value',
        `The body has the id ${JSON.stringify(bodyId).slice(0, 80)}; the condition matches ${type}/${found.id}`,
        `${type}.id`,
      );
    }
    if (bodyId === undefined) return { id: newResourceId(), isNew: true };
    const id = bodyId as string;
    const current = await this.resources.current(type, id);
    if (current === undefined || current.body === null) return { id, isNew: true };
    throw new FhirError('conflict', `${type}/${id} exists, but the condition does not match it`, `${type}.id`);
  }

  /**
   * @throws FhirError 404 or 410 where there is no such resource, 412 (If-Match), 422 where the patch does not fit, 409 where others keep
   * changing the resource
   */
  patch(face: Face, type: string, id: string, patch: Patch, ifMatch?: number): Promise<WriteOutcome> {
    return this.patchTurns.take(`${type}/${id}`, async () => {
      for (let attempt = 1; ; attempt += 1) {
        const patched = await this.patched(type, id, patch, ifMatch);
        const resource = await this.ready(face, type, id, patched.resource);
        try {
          const write = { kind: 'put', resource, method: 'PATCH', ifMatch: patched.version } as const;
          const [outcome] = await this.store.write({ face, writes: [write] });
          return outcome!;
        } catch (error) {
          if (ifMatch !== undefined || !isLostRace(error)) throw error;
          if (attempt < PATCH_ATTEMPTS) continue;
          throw new FhirError('conflict', `Others keep changing ${type}/${id}; try again`, undefined, {
            headers: { 'Retry-After': '1' },
          });
        }
      }
    });
  }

  /** Patches the one resource that a condition matches. @throws FhirError 404 where none does, else as {@link patch} */
  patchWhere(face: Face, type: string, condition: string, patch: Patch, ifMatch?: number): Promise<WriteOutcome> {
    return this.locks.hold([conditionKey(type, condition)], async () => {
      const found = await this.findOne(type, condition, IN_URL);
      if (found === undefined) throw new FhirError('not-found', `No ${type} matches the condition`, IN_URL);
      return this.patch(face, type, found.id, patch, ifMatch);
    });
  }

  /**
   * What a resource is with a patch applied, and the version that this was made from.
   * @throws FhirError 404, 410, 412, 422
   */
  async patched(type: string, id: string, patch: Patch, ifMatch?: number): Promise<{ resource: ParsedJson; version: number }> {
    const current = await this.resources.current(type, id);
    if (current === undefined) throw new FhirError('not-found', `There is no ${type}/${id}`);
    const { body, version } = current;
    if (body === null) throw new FhirError('deleted', `${type}/${id} was deleted at ${current.at.toISOString()}`);
    if (ifMatch !== undefined && ifMatch !== version) throw otherVersion(`${type}/${id}`, version);
    return { resource: applyPatch(patch, body, type, id), version };
  }

  async delete(face: Face, type: string, id: string, ifMatch?: number): Promise<WriteOutcome> {
    await this.checkDelete(face, type, id);
    const [outcome] = await this.store.write({ face, writes: [{ kind: 'delete', type, id, ifMatch }] });
    return outcome!;
  }

  /** What the rules of its type have to say of a resource that was taken, for clients that asked to be told. */
  async remarks({ type, id, body, face }: Change, prefer: ReturnPreference | undefined): Promise<readonly Issue[]> {
    if (prefer !== 'OperationOutcome' || body === null) return [];
    return this.rules.remarks(type, JSON.parse(body) as Record<string, unknown>, id, face);
  }

  /** Deletes the one resource that a condition matches, if there is one. */
  deleteWhere(face: Face, type: string, condition: string, ifMatch?: number): Promise<WriteOutcome | undefined> {
    return this.locks.hold([conditionKey(type, condition)], async () => {
      const found = await this.findOne(type, condition, IN_URL);
      return found === undefined ? undefined : this.delete(face, type, found.id, ifMatch);
    });
  }

  /** @throws FhirError where a rule of the type keeps the resource */
  checkDelete(face: Face, type: string, id: string): Promise<void> {
    return this.rules.checkDelete(type, id, face);
  }

  /** Applies the rules of the type. @throws FhirError 422 */
  async ready(face: Face, type: string, id: string, parsed: ParsedJson): Promise<ResourceToStore> {
    const ruled = this.rules.isFree(type) ? parsed : await this.rules.apply(type, parsed, id, face);
    return { type, id, text: ruled.text, value: ruled.value };
  }

  /**
   * The one resource that a condition matches.
   * @throws FhirError 412 where several do, 400 for a condition that is none
   */
  async findOne(type: string, condition: string, where = 'If-None-Exist'): Promise<Change | undefined> {
    const [first, second] = await this.parameters.ask(
      () => this.conditionOf(type, condition, where),
      (query) => [query],
      (query) => this.resources.findIds(query, 2),
    );
    if (second !== undefined) {
      throw new FhirError('multiple-matches', `More than one ${type} matches ${condition.slice(0, 200)}`, where);
    }
    return first === undefined ? undefined : this.resources.current(type, first);
  }

  private conditionOf(type: string, condition: string, where: string): Query {
    const query = this.semantics.parse(type, condition, { handling: 'strict' });
    if (query.clauses.length === 0) {
      throw new FhirError(
        'value',
        `The condition must hold at least one search parameter, for example identifier=system|value`,
        where,
      );
    }
    return query;
  }

  private async insert(face: Face, type: string, parsed: ParsedJson): Promise<Change> {
    const resource = await this.ready(face, type, newResourceId(), parsed);
    const [outcome] = await this.store.write({ face, writes: [{ kind: 'create', resource, method: 'POST' }] });
    if (outcome?.kind !== 'stored') throw new Error('A create was not stored');
    return outcome.change;
  }
}

/** Whether a write was refused because the version it was made from is no longer the current one. */
export function isLostRace(error: unknown): boolean {
  return error instanceof FhirError && error.status === 412 && error.issues[0]?.expression === 'If-Match';
}
