import { definitions } from '../../fhir/definitions.js';
import { FhirError } from '../../fhir/fhir-error.js';
import type { ParsedJson } from '../../fhir/json-text.js';
import { ifMatchVersion, ifNoneMatchAny } from '../../http/preconditions.js';
import { conditionKey } from '../condition-key.js';
import { checkBodyId, checkId, checkStoredType } from '../incoming-resource.js';
import { conditionOf, entryCondition } from '../url-condition.js';
import { type BundleEntry, entryPath, refusalOfEntry } from './bundle-entries.js';
import { EntryAddresses } from './entry-addresses.js';
import { relativeUrl } from './entry-url.js';

/** An entry that writes. `condition` is the `ifNoneExist` of a create, or the condition in the address of another write. */
export interface PlannedWrite {
  entry: BundleEntry;
  kind: 'delete' | 'create' | 'put' | 'patch';
  type: string;
  /** Of a write under a condition, the one it gets if nothing matches. */
  id: string;
  /** The hub chose the id, and the resource begins with version 1. */
  created?: boolean;
  ifMatch?: number;
  ifNoneMatchAny?: boolean;
  condition?: string;
}

export interface TransactionPlan {
  /** In the order of processing: DELETE, POST, PUT and PATCH. https://hl7.org/fhir/R4B/http.html#trules */
  writes: PlannedWrite[];
  reads: BundleEntry[];
}

const ORDER = { delete: 0, create: 1, put: 2, patch: 2 } as const;

/**
 * What a transaction is going to write and to read, every address checked.
 * @throws FhirError naming the entry
 */
export function planTransaction(entries: readonly BundleEntry[], bases: readonly string[], newId: () => string): TransactionPlan {
  const writes: PlannedWrite[] = [];
  const reads: BundleEntry[] = [];
  for (const entry of entries) {
    const url = relativeUrl(entry, bases);
    if (entry.method === 'GET' || entry.method === 'HEAD') {
      reads.push(entry);
      continue;
    }
    try {
      writes.push(planWrite(entry, url, newId));
    } catch (error) {
      throw error instanceof FhirError ? refusalOfEntry(error, entry) : error;
    }
  }
  refuseEqualConditions(writes);
  writes.sort((a, b) => ORDER[a.kind] - ORDER[b.kind]);
  return { writes, reads };
}

function planWrite(entry: BundleEntry, url: string, newId: () => string): PlannedWrite {
  const where = entryPath(entry.index, 'request.url');
  if (url.includes('$')) throw new FhirError('not-supported', 'A transaction calls no operations that write', where);
  const [type = '', id, ...more] = url.split('?', 1)[0]!.split('/');
  if (entry.resource === undefined && (entry.method === 'POST' || entry.method === 'PUT')) {
    const text = `A ${entry.method} entry carries the resource to store`;
    throw new FhirError('required', text, entryPath(entry.index, 'resource'));
  }
  checkStoredType(type);
  const byCondition = entry.method !== 'POST' && id === undefined && url.includes('?');
  if (
    more.length > 0 ||
    ((id === undefined) !== (entry.method === 'POST') && !byCondition) ||
    (url.includes('?') && !byCondition)
  ) {
    throw new FhirError(
      'value',
      `request.url of a ${entry.method} is ${entry.method === 'POST' ? 'the type, for example Patient' : 'type and id, for example Patient/1'}`,
      where,
    );
  }
  if (entry.resource !== undefined && entry.method !== 'PATCH') checkType(entry.resource, type, entry);
  if (entry.method === 'POST')
    return { entry, kind: 'create', type, id: newId(), created: true, condition: ifNoneExistOf(entry) };
  const condition = byCondition ? conditionIn(url, where) : undefined;
  if (id !== undefined) checkId(id);
  const target = { entry, type, id: id ?? newId(), condition, ifMatch: ifMatchVersion(entry.ifMatch) };
  if (entry.method === 'DELETE') return { ...target, kind: 'delete' };
  if (entry.method === 'PATCH') return { ...target, kind: 'patch' };
  if (id !== undefined) checkBodyId(entry.resource!.value, type, id);
  return { ...target, kind: 'put', ifNoneMatchAny: ifNoneMatchAny(entry.ifNoneMatch) };
}

function ifNoneExistOf({ ifNoneExist }: BundleEntry): string | undefined {
  return ifNoneExist === undefined ? undefined : entryCondition(ifNoneExist);
}

function conditionIn(url: string, where: string): string {
  const condition = conditionOf(url);
  if (condition === '') throw new FhirError('value', 'The address holds no condition behind its question mark', where);
  return condition;
}

function checkType(resource: ParsedJson, type: string, entry: BundleEntry): void {
  const found = resource.value['resourceType'];
  if (found === type || !definitions().isResourceType(found)) return;
  throw new FhirError('invalid', `The resource is a ${found} but request.url names ${type}`, entryPath(entry.index, 'resource'));
}

function refuseEqualConditions(writes: readonly PlannedWrite[]): void {
  const seen = new Set<string>();
  for (const { condition, type, entry } of writes) {
    if (condition === undefined) continue;
    const key = conditionKey(type, condition);
    if (seen.has(key)) {
      throw new FhirError(
        'value',
        'Two entries write under the same condition, so both would write the same resource',
        entryPath(entry.index, entry.method === 'POST' ? 'request.ifNoneExist' : 'request.url'),
      );
    }
    seen.add(key);
  }
}

/**
 * Where each resource of the transaction stays, once it is known which creates found theirs.
 * @throws FhirError 400 where two entries stand for the same resource
 */
export function addressesOf(writes: readonly PlannedWrite[], found: ReadonlyMap<PlannedWrite, string>): EntryAddresses {
  const addresses = new EntryAddresses();
  const identities = new Set<string>();
  for (const write of writes) {
    const { entry, type } = write;
    const local = `${type}/${found.get(write) ?? write.id}`;
    if (identities.has(local)) {
      throw new FhirError(
        'value',
        `${local} is written by more than one entry of the transaction`,
        entryPath(entry.index, 'request.url'),
      );
    }
    identities.add(local);
    if (entry.fullUrl === undefined || write.kind === 'delete') continue;
    const created = write.created === true && !found.has(write);
    if (!addresses.add(entry.fullUrl, local, created, entry.resource?.value['url'] === entry.fullUrl)) {
      throw new FhirError(
        'value',
        `fullUrl ${entry.fullUrl.slice(0, 200)} stands for more than one entry`,
        entryPath(entry.index, 'fullUrl'),
      );
    }
  }
  return addresses;
}
