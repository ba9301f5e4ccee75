import { definitions } from '../../fhir/definitions.js';
import { FhirError } from '../../fhir/fhir-error.js';
import type { ParsedJson } from '../../fhir/json-text.js';
import { ifMatchVersion, ifNoneMatchAny } from '../../http/preconditions.js';
import { conditionKey } from '../condition-key.js';
import { checkBodyId, checkId, checkStoredType } from '../incoming-resource.js';
import { type BundleEntry, entryPath, refusalOfEntry } from './bundle-entries.js';
import { EntryAddresses } from './entry-addresses.js';
import { relativeUrl } from './entry-url.js';

/** An entry that writes. `condition` is the `ifNoneExist` of a create. */
export interface PlannedWrite {
  entry: BundleEntry;
  kind: 'delete' | 'create' | 'put';
  type: string;
  id: string;
  ifMatch?: number;
  ifNoneMatchAny?: boolean;
  condition?: string;
}

export interface TransactionPlan {
  /** In the order of processing: DELETE, POST, PUT. https://hl7.org/fhir/R4B/http.html#trules */
  writes: PlannedWrite[];
  reads: BundleEntry[];
}

const ORDER = { delete: 0, create: 1, put: 2 } as const;

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
  if (entry.method === 'PATCH') {
    throw new FhirError(
      'not-supported',
      'A transaction takes no PATCH here; send the whole resource with PUT',
      entryPath(entry.index, 'request.method'),
    );
  }
  if (url.includes('?')) {
    throw new FhirError(
      'not-supported',
      `${entry.method} by a condition is not taken in a transaction; name the id, or use POST with ifNoneExist`,
      where,
    );
  }
  if (url.includes('$')) throw new FhirError('not-supported', 'A transaction calls no operations that write', where);
  const [type = '', id, ...more] = url.split('/');
  checkStoredType(type);
  if (more.length > 0 || (id === undefined) !== (entry.method === 'POST')) {
    throw new FhirError(
      'value',
      `request.url of a ${entry.method} is ${entry.method === 'POST' ? 'the type, for example Patient' : 'type and id, for example Patient/1'}`,
      where,
    );
  }
  if (entry.resource !== undefined) checkType(entry.resource, type, entry);
  if (entry.method === 'POST') return { entry, kind: 'create', type, id: newId(), condition: entry.ifNoneExist };
  checkId(id!);
  const ifMatch = ifMatchVersion(entry.ifMatch);
  if (entry.method === 'DELETE') return { entry, kind: 'delete', type, id: id!, ifMatch };
  checkBodyId(entry.resource!.value, type, id!);
  return { entry, kind: 'put', type, id: id!, ifMatch, ifNoneMatchAny: ifNoneMatchAny(entry.ifNoneMatch) };
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
        'Two entries create under the same condition; a transaction creates it once',
        entryPath(entry.index, 'request.ifNoneExist'),
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
    const created = write.kind === 'create' && !found.has(write);
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
