import { randomUUID } from 'node:crypto';
import type { CodedEvent, Face } from '../../fhir/change.js';
import { FhirError } from '../../fhir/fhir-error.js';
import type { ParsedBundle } from '../../fhir/json-text.js';
import { entryPath } from '../bundle/bundle-entries.js';
import type { Transactions } from '../bundle/transaction.js';
import type { Write } from '../change-store.js';
import type { ConditionLocks } from '../condition-locks.js';
import { resourceKey, targetOf } from '../decide-unit.js';
import type { MatchingResources } from '../matching-resources.js';
import { eventFocus } from './event-focus.js';
import { responseMessage } from './message-response.js';
import type { ProcessedMessages } from './processed-messages.js';
import { type IncomingMessage, readMessage } from './read-message.js';

/**
 * Messages come in: their content is stored as one transaction, together with the event they tell of and with their answer, so that a
 * message whose answer got lost is answered again and not processed again. https://hl7.org/fhir/R4B/messaging.html#reliable
 */
export class Messages {
  constructor(
    private readonly transactions: Transactions,
    private readonly processed: ProcessedMessages,
    private readonly resources: MatchingResources,
    private readonly locks: ConditionLocks,
    private readonly addresses: { bases: readonly string[]; baseOf: (face: Face) => string },
  ) {}

  /** The response message, once all is stored. @throws FhirError naming the element; then nothing is stored */
  async process(face: Face, bundle: ParsedBundle): Promise<string> {
    const message = readMessage(bundle, randomUUID);
    const { source, messageId, envelopeId } = message;
    if (messageId === undefined) return this.carryOut(face, message);
    const keys = [`message ${messageId} of ${source}`, `envelope ${envelopeId} of ${source}`];
    return this.locks.hold(envelopeId === '' ? keys.slice(0, 1) : keys, async () => {
      return (await this.earlierResponse(source, messageId, envelopeId)) ?? (await this.carryOut(face, message));
    });
  }

  /** @throws FhirError 409 where only one of the two ids was seen before */
  private async earlierResponse(source: string, messageId: string, envelopeId: string): Promise<string | undefined> {
    const known = await this.processed.known(source, messageId, envelopeId);
    const [first] = known;
    if (first === undefined) return undefined;
    const same = known.find((message) => message.messageId === messageId && message.envelopeId === envelopeId);
    if (same !== undefined) return same.response;
    if (first.messageId === messageId)
      throw new FhirError(
        'duplicate',
        `The message ${messageId} was processed before, in another envelope`,
        entryPath(0, 'resource.id'),
      );
    throw new FhirError('duplicate', `The envelope ${envelopeId} brought another message before`, 'Bundle.identifier');
  }

  private async carryOut(face: Face, message: IncomingMessage): Promise<string> {
    const response = responseMessage(message, this.addresses.baseOf(face), new Date());
    const { source, messageId, envelopeId, headerId } = message;
    await this.transactions.run(face, message.entries, {}, async (writes) => {
      const event = await this.eventOf(headerId, writes);
      return {
        writes: event === undefined ? writes : writes.map((write) => (isHeader(write, headerId) ? { ...write, event } : write)),
        ...(messageId === undefined ? {} : { message: { source, messageId, envelopeId, response } }),
      };
    });
    return response;
  }

  /** By the MessageHeader as it is stored, where every reference means a resource of the hub. */
  private async eventOf(headerId: string, writes: readonly Write[]): Promise<CodedEvent | undefined> {
    const header = writes.find((write): write is Put => isHeader(write, headerId));
    if (header === undefined) throw new Error('A message is stored with its header');
    const { eventCoding, focus = [] } = header.resource.value as {
      eventCoding?: { system?: string; code?: string };
      focus?: unknown[];
    };
    const written = new Set(writes.map(targetOf).map(({ type, id }) => resourceKey(type, id)));
    const resolved = await eventFocus(focus, (index) => entryPath(0, `resource.focus[${index}]`), {
      written,
      resources: this.resources,
      bases: this.addresses.bases,
    });
    const { system, code } = eventCoding ?? {};
    return code === undefined ? undefined : { codings: [{ ...(system === undefined ? {} : { system }), code }], focus: resolved };
  }
}

type Put = Extract<Write, { kind: 'put' }>;

function isHeader(write: Write, headerId: string): write is Put {
  const { type, id } = targetOf(write);
  return write.kind === 'put' && type === 'MessageHeader' && id === headerId;
}
