import type { Change, Face } from '../../fhir/change.js';
import { checkTypeOfFace } from '../../fhir/face-types.js';
import { FhirError, operationOutcome } from '../../fhir/fhir-error.js';
import { instantText } from '../../fhir/instant-text.js';
import type { AddressMap } from '../../fhir/references.js';
import { newResourceId } from '../../fhir/resource-id.js';
import { etagOf } from '../../http/preconditions.js';
import type { ChangeStore, Write, WriteOutcome, WriteUnit } from '../change-store.js';
import { type ClientWrites, isLostRace } from '../client-writes.js';
import { conditionKey } from '../condition-key.js';
import type { ConditionLocks } from '../condition-locks.js';
import { RefusedWrite } from '../decide-unit.js';
import type { AnswerWishes, Batches } from './batch.js';
import type { EntryAnswer } from './bundle-answer.js';
import { type BundleEntry, entryPath, refusalOfEntry } from './bundle-entries.js';
import type { ConditionalReferences } from './conditional-references.js';
import { patchOfEntry } from './entry-patch.js';
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
    const plan = planTransaction(entries, this.urls.bases, newResourceId);
    const conditions = plan.writes.flatMap(({ type, condition }) =>
      condition === undefined ? [] : [conditionKey(type, condition)],
    );
    const writeAll = () => this.writeUntilCurrent(face, plan.writes, wishes, unitOf);
    const answers = conditions.length === 0 ? await writeAll() : await this.locks.hold(conditions, writeAll);
    for (const entry of plan.reads) answers.set(entry.index, await this.reads.serve(face, entry, wishes));
    return entries.map(({ index }) => answers.get(index)!);
  }

  /** A patch is made from the version that is current when it is read; where others write meanwhile, all is worked out again. */
  private async writeUntilCurrent(
    face: Face,
    planned: readonly PlannedWrite[],
    wishes: AnswerWishes,
    unitOf: UnitOf,
  ): Promise<Map<number, EntryAnswer>> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.write(face, attempt === 1 ? planned : planned.map(asItCame), wishes, unitOf);
      } catch (error) {
        if (!(error instanceof LostPatch)) throw error;
        const { ifMatch } = planned.find(({ entry }) => entry.index === error.entry.index)!;
        if (ifMatch !== undefined) throw error.refusal;
        if (attempt < PATCH_ATTEMPTS) continue;
        throw refusalOfEntry(new FhirError('conflict', 'Others keep changing this resource; try again'), error.entry);
      }
    }
  }

  private async write(
    face: Face,
    asked: readonly PlannedWrite[],
    wishes: AnswerWishes,
    unitOf: UnitOf,
  ): Promise<Map<number, EntryAnswer>> {
    const settled = await this.settle(asked);
    const { found, idle } = settled;
    const patches = settled.planned.some(({ kind }) => kind === 'patch');
    const planned = patches ? await Promise.all(settled.planned.map((write) => this.patched(write))) : settled.planned;
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
    for (const { entry } of idle) answers.set(entry.index, { status: 204 });
    for (const [write, change] of found) answers.set(write.entry.index, this.answer(face, 200, change, wishes));
    for (const [at, { entry }] of toWrite.entries()) answers.set(entry.index, this.answerOf(face, outcomes[at]!, wishes));
    return answers;
  }

  private async storeUnit(face: Face, unit: Omit<WriteUnit, 'face'>, planned: readonly PlannedWrite[]): Promise<WriteOutcome[]> {
    return this.store.write({ face, ...unit }).catch((error: unknown) => nameEntry(error, planned));
  }

  /**
   * Settles what each condition comes to. `found`: creates whose resource is there already. `idle`: deletes that match nothing. `planned`:
   * all but those, each under the id it writes.
   */
  private async settle(
    asked: readonly PlannedWrite[],
  ): Promise<{ found: Map<PlannedWrite, Change>; planned: PlannedWrite[]; idle: PlannedWrite[] }> {
    const found = new Map<PlannedWrite, Change>();
    const planned: PlannedWrite[] = [];
    const idle: PlannedWrite[] = [];
    for (const write of asked) {
      const { entry, kind, type, condition } = write;
      if (condition === undefined) {
        planned.push(write);
        continue;
      }
      const where = entryPath(entry.index, kind === 'create' ? 'request.ifNoneExist' : 'request.url');
      const match = await this.writes.findOne(type, condition, where);
      if (kind === 'create') {
        planned.push(write);
        if (match !== undefined) found.set(write, match);
      } else if (kind === 'put') {
        const target = await this.writes
          .updateTarget(type, match, entry.resource!.value['id'])
          .catch((error: unknown) => throwOfEntry(error, entry));
        const { id, isNew } = target;
        const created = isNew && entry.resource!.value['id'] === undefined;
        planned.push({ ...write, id, created, ifNoneMatchAny: write.ifNoneMatchAny === true || isNew });
      } else if (match !== undefined) {
        planned.push({ ...write, id: match.id });
      } else if (kind === 'delete') {
        idle.push(write);
      } else {
        throw new FhirError('not-found', `No ${type} matches the condition`, where);
      }
    }
    return { found, planned, idle };
  }

  /** A patch with the resource it comes to in the place of what it was sent as; other writes as they are. */
  private async patched(write: PlannedWrite): Promise<PlannedWrite> {
    const { entry, kind, type, id, ifMatch } = write;
    if (kind !== 'patch') return write;
    try {
      const { resource, version } = await this.writes.patched(type, id, patchOfEntry(entry), ifMatch);
      return { ...write, entry: { ...entry, resource }, ifMatch: version };
    } catch (error) {
      throwOfEntry(error, entry);
    }
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
      if (kind === 'create') return { kind, resource, method: 'POST' };
      return { kind: 'put', resource, method: kind === 'patch' ? 'PATCH' : 'PUT', ifMatch, ifNoneMatchAny };
    } catch (error) {
      throwOfEntry(error, entry);
    }
  }

  private answerOf(face: Face, outcome: WriteOutcome, wishes: AnswerWishes): EntryAnswer {
    if (outcome.kind === 'absent') return { status: 204 };
    const { change } = outcome;
    if (change.interaction === 'delete')
      return { status: 204, etag: etagOf(change.version), lastModified: instantText(change.at) };
    return this.answer(face, outcome.kind === 'stored' && change.interaction === 'create' ? 201 : 200, change, wishes);
  }

  private answer(face: Face, status: number, change: Change, { prefer }: AnswerWishes): EntryAnswer {
    const { type, id, version, at, body } = change;
    const done = { code: 'informational' as const, diagnostics: `${type}/${id} is at version ${version}` };
    return {
      status,
      location: `${this.urls.publicUrl}/fhir/${face}/${type}/${id}/_history/${version}`,
      etag: etagOf(version),
      lastModified: instantText(at),
      outcomeText: prefer === 'OperationOutcome' ? JSON.stringify(operationOutcome([done])) : undefined,
      resourceText: prefer === 'representation' ? (body ?? undefined) : undefined,
    };
  }
}

/** Tries of a transaction whose patched resources others keep changing. */
const PATCH_ATTEMPTS = 20;

/** The version that an entry was made from is no longer the current one. */
class LostPatch extends Error {
  constructor(
    readonly entry: BundleEntry,
    readonly refusal: FhirError,
  ) {
    super(refusal.message);
  }
}

/** Addresses are put into the parsed values in place, so another try begins with others. */
function asItCame(write: PlannedWrite): PlannedWrite {
  const { resource } = write.entry;
  if (resource === undefined) return write;
  const value = JSON.parse(resource.text) as Record<string, unknown>;
  return { ...write, entry: { ...write.entry, resource: { text: resource.text, value } } };
}

function throwOfEntry(error: unknown, entry: BundleEntry): never {
  throw error instanceof FhirError ? refusalOfEntry(error, entry) : error;
}

function nameEntry(error: unknown, writes: readonly PlannedWrite[]): never {
  const write = error instanceof RefusedWrite ? writes[error.index] : undefined;
  if (write === undefined) throw error;
  const refusal = refusalOfEntry(error as RefusedWrite, write.entry);
  throw write.kind === 'patch' && isLostRace(error) ? new LostPatch(write.entry, refusal) : refusal;
}
