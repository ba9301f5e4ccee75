import { randomUUID } from 'node:crypto';
import type { Change, Face } from '../fhir/change.js';
import { FhirError, type Issue } from '../fhir/fhir-error.js';
import type { ParsedJson } from '../fhir/json-text.js';
import type { ReturnPreference } from '../http/prefer.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import type { ChangeStore, ResourceToStore, WriteOutcome } from './change-store.js';
import type { ConditionLocks } from './condition-locks.js';
import { conditionKey } from './condition-key.js';
import type { MatchingResources } from './matching-resources.js';
import type { WriteRules } from './write-rules.js';

/** What a client's create came to: `found` is the one resource that its condition matched already. */
export type CreateOutcome = { kind: 'created' | 'found'; change: Change };

/** Single writes by clients: every rule of the type is asked, then the change goes through the store's one door. */
export class ClientWrites {
  constructor(
    private readonly store: ChangeStore,
    private readonly rules: WriteRules,
    private readonly resources: MatchingResources,
    private readonly locks: ConditionLocks,
    private readonly semantics: SearchSemantics,
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

  async update(
    face: Face,
    type: string,
    id: string,
    parsed: ParsedJson,
    conditions: { ifMatch?: number; ifNoneMatchAny?: boolean },
  ): Promise<WriteOutcome> {
    const resource = await this.ready(face, type, id, parsed);
    const [outcome] = await this.store.write({ face, writes: [{ kind: 'put', resource, method: 'PUT', ...conditions }] });
    return outcome!;
  }

  async delete(face: Face, type: string, id: string, ifMatch?: number): Promise<WriteOutcome> {
    await this.checkDelete(face, type, id);
    const [outcome] = await this.store.write({ face, writes: [{ kind: 'delete', type, id, ifMatch }] });
    return outcome!;
  }

  /** What the rules of its type have to say of a resource that was taken, for clients that asked to be told. */
  async remarks(change: Change, parsed: ParsedJson, prefer: ReturnPreference | undefined): Promise<readonly Issue[]> {
    if (prefer !== 'OperationOutcome' || change.body === null) return [];
    return this.rules.remarks(change.type, parsed.value, change.id, change.face);
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
    const query = this.semantics.parse(type, condition, { handling: 'strict' });
    if (query.clauses.length === 0) {
      throw new FhirError(
        'value',
        `The condition must hold at least one search parameter, for example identifier=system|value`,
        where,
      );
    }
    const [first, second] = await this.resources.findIds(query, 2);
    if (second !== undefined) {
      throw new FhirError('multiple-matches', `More than one ${type} matches ${condition.slice(0, 200)}`, where);
    }
    return first === undefined ? undefined : this.resources.current(type, first);
  }

  private async insert(face: Face, type: string, parsed: ParsedJson): Promise<Change> {
    const resource = await this.ready(face, type, randomUUID(), parsed);
    const [outcome] = await this.store.write({ face, writes: [{ kind: 'create', resource, method: 'POST' }] });
    if (outcome?.kind !== 'stored') throw new Error('A create was not stored');
    return outcome.change;
  }
}
