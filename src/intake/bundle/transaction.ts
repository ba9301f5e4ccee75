import { randomUUID } from 'node:crypto';
import type { Change, Face } from '../../fhir/change.js';
import { checkTypeOfFace } from '../../fhir/face-types.js';
import { FhirError, operationOutcome } from '../../fhir/fhir-error.js';
import type { AddressMap } from '../../fhir/references.js';
import { etagOf } from '../../http/preconditions.js';
import type { ChangeStore, Write, WriteOutcome, WriteUnit } from '../change-store.js';
import type { ClientWrites } from '../client-writes.js';
import { conditionKey } from '../condition-key.js';
import type { ConditionLocks } from '../condition-locks.js';
import { RefusedWrite } from '../decide-unit.js';
import type { AnswerWishes, Batches } from './batch.js';
import type { EntryAnswer } from './bundle-answer.js';
import { type BundleEntry, entryPath, refusalOfEntry } from './bundle-entries.js';
import type { ConditionalReferences } from './conditional-references.js';
import { addressesOf, type PlannedWrite, planTransaction } from './plan-transaction.js';
import { rewriteResource } from './rewrite-resource.js';

/** What is stored together with the writes of a transaction, worked out when all addresses in them are final. */
export type UnitOf = (writes: readonly Write[]) => Promise<Omit<WriteUnit, 'face'>>;

/** A transaction: all of its writes or none, in one unit. https://hl7.org/fhir/R4B/http.html#transaction */
export class Transactions {
  constructor(
    private readonly store: ChangeStore,
    private readonly writes: ClientWrites,
    private readonly references: ConditionalReferences,
    private readonly locks: ConditionLocks,
    private readonly reads: Batches,
    private readonly urls: { publicUrl: string; bases: readonly string[] },
  ) {}

  /** Answers in the order of the entries; reads see what was written. @throws FhirError naming the entry at fault */
  async run(
    face: Face,
    entries: readonly BundleEntry[],
    wishes: AnswerWishes,
    unitOf: UnitOf = async (writes) => ({ writes }),
  ): Promise<EntryAnswer[]> {
    const plan = planTransaction(entries, this.urls.bases, randomUUID);
    const conditions = plan.writes.flatMap(({ type, condition }) =>
      condition === undefined ? [] : [conditionKey(type, condition)],
    );
    const writeAll = () => this.write(face, plan.writes, wishes, unitOf);
    const answers = conditions.length === 0 ? await writeAll() : await this.locks.hold(conditions, writeAll);
    for (const entry of plan.reads) answers.set(entry.index, await this.reads.serve(face, entry, wishes));
    return entries.map(({ index }) => answers.get(index)!);
  }

  private async write(
    face: Face,
    planned: readonly PlannedWrite[],
    wishes: AnswerWishes,
    unitOf: UnitOf,
  ): Promise<Map<number, EntryAnswer>> {
    const found = await this.findExisting(planned);
    const toWrite = planned.filter((write) => !found.has(write));
    const addresses = addressesOf(planned, new Map([...found].map(([write, change]) => [write, change.id])));
    const conditional = await this.references.resolve(toWrite);
    const writes: Write[] = [];
    for (const write of toWrite) {
      const map: AddressMap = (kind, text) =>
        (kind === 'reference' ? conditional.get(text) : undefined) ?? addresses.map(kind, text, write.entry.fullUrl);
      writes.push(await this.toWrite(face, write, addresses.isEmpty && conditional.size === 0 ? undefined : map));
    }
    const outcomes = writes.length === 0 ? [] : await this.storeUnit(face, await unitOf(writes), toWrite);
    const answers = new Map<number, EntryAnswer>();
    for (const [write, change] of found) answers.set(write.entry.index, this.answer(face, 200, change, wishes));
    for (const [at, { entry }] of toWrite.entries()) answers.set(entry.index, this.answerOf(face, outcomes[at]!, wishes));
    return answers;
  }

  private async storeUnit(face: Face, unit: Omit<WriteUnit, 'face'>, planned: readonly PlannedWrite[]): Promise<WriteOutcome[]> {
    return this.store.write({ face, ...unit }).catch((error: unknown) => nameEntry(error, planned));
  }

  private async findExisting(planned: readonly PlannedWrite[]): Promise<Map<PlannedWrite, Change>> {
    const found = new Map<PlannedWrite, Change>();
    for (const write of planned) {
      if (write.condition === undefined) continue;
      const where = entryPath(write.entry.index, 'request.ifNoneExist');
      const change = await this.writes.findOne(write.type, write.condition, where);
      if (change !== undefined) found.set(write, change);
    }
    return found;
  }

  /** @param map undefined where no address changes */
  private async toWrite(face: Face, planned: PlannedWrite, map: AddressMap | undefined): Promise<Write> {
    const { entry, kind, type, id, ifMatch, ifNoneMatchAny } = planned;
    try {
      checkTypeOfFace(type, face, 'id');
      if (kind === 'delete') {
        await this.writes.checkDelete(face, type, id);
        return { kind, type, id, ifMatch };
      }
      const rewritten = map === undefined ? entry.resource! : rewriteResource(entry.resource!, type, map);
      const resource = await this.writes.ready(face, type, id, rewritten);
      return kind === 'create' ? { kind, resource, method: 'POST' } : { kind, resource, method: 'PUT', ifMatch, ifNoneMatchAny };
    } catch (error) {
      throw error instanceof FhirError ? refusalOfEntry(error, entry) : error;
    }
  }

  private answerOf(face: Face, outcome: WriteOutcome, wishes: AnswerWishes): EntryAnswer {
    if (outcome.kind === 'absent') return { status: 204 };
    const { change } = outcome;
    if (change.interaction === 'delete')
      return { status: 204, etag: etagOf(change.version), lastModified: change.at.toISOString() };
    return this.answer(face, outcome.kind === 'stored' && change.interaction === 'create' ? 201 : 200, change, wishes);
  }

  private answer(face: Face, status: number, change: Change, { prefer }: AnswerWishes): EntryAnswer {
    const { type, id, version, at, body } = change;
    const done = { code: 'informational' as const, diagnostics: `${type}/${id} is at version ${version}` };
    return {
      status,
      location: `${this.urls.publicUrl}/fhir/${face}/${type}/${id}/_history/${version}`,
      etag: etagOf(version),
      lastModified: at.toISOString(),
      outcomeText: prefer === 'OperationOutcome' ? JSON.stringify(operationOutcome([done])) : undefined,
      resourceText: prefer === 'representation' ? (body ?? undefined) : undefined,
    };
  }
}

function nameEntry(error: unknown, writes: readonly PlannedWrite[]): never {
  const entry = error instanceof RefusedWrite ? writes[error.index]?.entry : undefined;
  throw entry === undefined ? error : refusalOfEntry(error as RefusedWrite, entry);
}
