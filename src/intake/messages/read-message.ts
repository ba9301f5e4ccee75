import { FhirError } from '../../fhir/fhir-error.js';
import type { JsonObject } from '../../fhir/json-object.js';
import type { ParsedBundle } from '../../fhir/json-text.js';
import { isFhirId } from '../../fhir/references.js';
import { type BundleEntry, entryPath } from '../bundle/bundle-entries.js';

/** A message as the hub takes it in. */
export interface IncomingMessage {
  /** What is to be written, the MessageHeader last: the event stands with it and is about what the others left behind. */
  entries: BundleEntry[];
  header: JsonObject;
  /** Id under which the MessageHeader is kept. */
  headerId: string;
  /** Its sender's id for it; without one it cannot be known again. */
  messageId?: string;
  /** '' where the Bundle bears none. */
  envelopeId: string;
  source: string;
}

/** What steers the hub is written by its own interactions, never in passing. */
const STEERING: ReadonlySet<string> = new Set(['Subscription', 'SubscriptionTopic']);
const NEVER_STORED: ReadonlySet<string> = new Set(['Parameters', 'OperationOutcome', 'SubscriptionStatus']);
const RESTFUL = /^(?:.*\/)?([A-Z][A-Za-z]*)\/([A-Za-z0-9\-.]{1,64})$/;
const URN_UUID = /^urn:uuid:([A-Za-z0-9\-.]{1,64})$/;

/**
 * Reads a valid Bundle as a message: each resource is stored under its own id, else under the one its `fullUrl` names, else under one
 * of the hub. https://hl7.org/fhir/R4B/messaging.html
 * @throws FhirError 400 or 422 naming the element
 */
export function readMessage({ value, resourceTexts }: ParsedBundle, newId: () => string): IncomingMessage {
  if (value.type !== 'message') {
    throw new FhirError('value', '$process-message takes a Bundle of the type message', 'Bundle.type', { status: 422 });
  }
  const values = (value.entry ?? []) as JsonObject[];
  const header = values[0]?.resource as JsonObject | undefined;
  if (header?.resourceType !== 'MessageHeader') {
    throw new FhirError('invariant', 'The first entry of a message is its MessageHeader', entryPath(0, 'resource'));
  }
  if (header.response !== undefined) {
    throw new FhirError(
      'not-supported',
      'This is a response message; the hub gets its responses in the answers to its own requests',
      entryPath(0, 'resource.response'),
    );
  }
  const [first, ...rest] = values.map((entry, index) => entryOf(entry, index, resourceTexts[index]));
  const fullUrl = values[0]?.fullUrl;
  const messageId = idOf(first!) ?? URN_UUID.exec(typeof fullUrl === 'string' ? fullUrl : '')?.[1];
  const headerId = messageId ?? newId();
  return {
    entries: [...rest, putOf(first!, headerId)],
    header,
    headerId,
    messageId,
    envelopeId: envelopeOf(value),
    source: (header.source as { endpoint: string }).endpoint,
  };
}

function entryOf(entry: JsonObject, index: number, text: string | undefined): BundleEntry {
  for (const element of ['request', 'response', 'search'] as const) {
    if (entry[element] !== undefined)
      throw new FhirError('invariant', `An entry of a message has no ${element}`, entryPath(index, element));
  }
  const value = entry.resource as JsonObject | undefined;
  if (value === undefined || text === undefined)
    throw new FhirError('required', 'Each entry of a message holds a resource', entryPath(index, 'resource'));
  const type = value.resourceType as string;
  if (STEERING.has(type) || NEVER_STORED.has(type)) {
    const problem = STEERING.has(type) ? 'are written by their own interactions, not by messages' : 'are not stored';
    throw new FhirError('not-supported', `${type} resources ${problem}`, entryPath(index, 'resource'), { status: 422 });
  }
  const fullUrl = entry.fullUrl as string | undefined;
  const create: BundleEntry = { index, method: 'POST', url: type, fullUrl, resource: { text, value } };
  const named = RESTFUL.exec(fullUrl ?? '');
  if (named !== null && (named[1] !== type || (value.id !== undefined && value.id !== named[2])))
    throw new FhirError('value', `The fullUrl names another resource than the one in the entry`, entryPath(index, 'fullUrl'));
  const id = value.id ?? named?.[2];
  return isFhirId(id) ? putOf(create, id) : create;
}

function putOf(entry: BundleEntry, id: string): BundleEntry {
  const { text, value } = entry.resource!;
  const type = value.resourceType as string;
  return { ...entry, method: 'PUT', url: `${type}/${id}`, resource: { text, value: { ...value, id } } };
}

function idOf({ method, url }: BundleEntry): string | undefined {
  return method === 'PUT' ? url.split('/')[1] : undefined;
}

/** `Bundle.identifier`, in older texts of the standard `Bundle.id`. */
function envelopeOf({ identifier, id }: JsonObject): string {
  const { system, value } = (identifier ?? {}) as { system?: string; value?: string };
  if (value !== undefined) return system === undefined ? value : `${system}|${value}`;
  return typeof id === 'string' ? id : '';
}
