import { createHash, randomUUID } from 'node:crypto';
import { notificationText } from '../../fhir/notification-bundle.js';
import { notificationId } from '../notification-id.js';
import type { Push } from '../push-channel.js';

/** FHIR has no code for the event; this is the hub's own. */
const EVENT = { system: 'https://carillon.example/fhir/CodeSystem/message-event', code: 'subscription-notification' };

/**
 * The message that brings a notification, as JSON text: MessageHeader, then what it is about: the notification Bundle, or the resource for
 * a classic Subscription with a payload. Each try to send the same events bears the same message and envelope id, so that a receiver
 * with reliable messaging takes them once.
 */
export function notificationMessage(push: Push, endpoint: string, now: Date): string {
  const ids = idsOf(push);
  const content = contentOf(push, now);
  const header = JSON.stringify({
    resourceType: 'MessageHeader',
    id: ids.message,
    eventCoding: EVENT,
    destination: [{ endpoint }],
    source: { name: 'Carillon', software: 'Carillon', endpoint: push.subject.base },
    ...(content === undefined ? {} : { focus: [{ reference: content.fullUrl }] }),
  });
  return (
    `{"resourceType":"Bundle","id":"${ids.envelope}","identifier":{"system":"urn:ietf:rfc:3986","value":"urn:uuid:${ids.envelope}"},` +
    `"type":"message","timestamp":"${now.toISOString()}","entry":[{"fullUrl":"urn:uuid:${ids.message}","resource":${header}}` +
    (content === undefined ? ']}' : `,{"fullUrl":${JSON.stringify(content.fullUrl)},"resource":${content.text}}]}`)
  );
}

function contentOf({ definition, subject, kind, events, total, faults }: Push, now: Date) {
  if (definition.subject.kind === 'topic') {
    const text = notificationText(subject, { type: kind, status: definition.status, total, events, faults }, now);
    return { fullUrl: `urn:uuid:${randomUUID()}`, text };
  }
  const focus = events[0]?.event.focus;
  if (definition.channel.payload === undefined || focus?.body == null) return undefined;
  return { fullUrl: `${subject.base}/${focus.type}/${focus.id}`, text: focus.body };
}

/** By the events themselves: numbers alone begin anew where a Subscription was deleted and made again under its id. */
function idsOf(push: Push): { message: string; envelope: string } {
  if (push.events.length === 0) return { message: randomUUID(), envelope: randomUUID() };
  const events = push.events.map(({ event }) => `${event.groupId}.${event.n}`);
  const name = [push.subject.base, notificationId(push), ...events].join(' ');
  return { message: uuidOf(`message ${name}`), envelope: uuidOf(`envelope ${name}`) };
}

/** https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-8 */
function uuidOf(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
