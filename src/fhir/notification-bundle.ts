import { randomUUID } from 'node:crypto';
import type { Face } from './change.js';
import type { EventParts, NotificationLevel } from './event-parts.js';

/** https://hl7.org/fhir/R4B/valueset-subscription-notification-type.html */
export type NotificationType = 'handshake' | 'heartbeat' | 'event-notification' | 'query-status' | 'query-event';

/** The codes of http://terminology.hl7.org/CodeSystem/subscription-error that fit an endpoint. */
export interface NotificationFault {
  code: 'no-response' | 'error-response';
  text: string;
}

/** What all notifications of one subscription have in common; made once by {@link notificationSubject}. */
export interface NotificationSubject {
  readonly face: Face;
  readonly base: string;
  readonly level: NotificationLevel;
  /** `"subscription":{…},"topic":"…"` in the words of the face. */
  readonly identity: string;
  /** JSON text of the URL of its `$status`. */
  readonly statusUrl: string;
}

export interface NumberedEvent {
  number: number;
  parts: EventParts;
}

export interface NotificationContent {
  type: Exclude<NotificationType, 'query-status'>;
  status: string;
  /** Events since the subscription started; of an event-notification the number of its last event. */
  total: number;
  /** In ascending order of number. */
  events: readonly NumberedEvent[];
  faults?: readonly NotificationFault[];
  /** Where the rest of a long range is read. */
  next?: string;
}

export interface StatusContent {
  subject: NotificationSubject;
  status: string;
  total: number;
  faults?: readonly NotificationFault[];
}

const R4_STATUS_PROFILE = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-status-r4';

/** `base` is the FHIR base of the face. The topic is left out at level `empty`, for it can tell more than the subscriber may know. */
export function notificationSubject(subscription: {
  id: string;
  face: Face;
  base: string;
  topic?: string;
  level: NotificationLevel;
}): NotificationSubject {
  const { id, face, base, level } = subscription;
  const reference = JSON.stringify(`${base}/Subscription/${id}`);
  const topic = subscription.topic === undefined || level === 'empty' ? undefined : JSON.stringify(subscription.topic);
  const identity =
    face === 'r4b'
      ? `"subscription":{"reference":${reference}}` + (topic === undefined ? '' : `,"topic":${topic}`)
      : `{"name":"subscription","valueReference":{"reference":${reference}}}` +
        (topic === undefined ? '' : `,{"name":"topic","valueCanonical":${topic}}`);
  return { face, base, level, identity, statusUrl: JSON.stringify(`${base}/Subscription/${id}/$status`) };
}

/**
 * A notification Bundle as JSON text, put together from stored text without parsing any of it: a history bundle whose first entry is
 * the status (SubscriptionStatus on R4B, Parameters on R4). https://hl7.org/fhir/uv/subscriptions-backport/notifications.html
 */
export function notificationText(subject: NotificationSubject, content: NotificationContent, now: Date): string {
  const { face, base, level } = subject;
  let numbered = '';
  const entries = new Map<string, string>();
  for (const { number, parts } of content.events) {
    const part = parts.of(face, base, level);
    numbered +=
      face === 'r4b'
        ? `${numbered === '' ? '' : ','}{"eventNumber":"${number}"${part.detail}}`
        : `,{"name":"notification-event","part":[{"name":"event-number","valueString":"${number}"}${part.detail}]}`;
    part.entries.forEach(({ version, text }, index) => {
      // As a focus it shows its own interaction, as context only a GET.
      if (index === 0 || !entries.has(version)) entries.set(version, text);
    });
  }
  const uuid = randomUUID();
  return (
    `{"resourceType":"Bundle","id":"${randomUUID()}","type":"history","timestamp":"${now.toISOString()}",` +
    (content.next === undefined ? '' : `"link":[{"relation":"next","url":${JSON.stringify(content.next)}}],`) +
    '"entry":[' +
    `{"fullUrl":"urn:uuid:${uuid}","resource":${statusText(uuid, content.type, subject, content, numbered)},` +
    `"request":{"method":"GET","url":${subject.statusUrl}},"response":{"status":"200"}}` +
    entryList(entries) +
    ']}'
  );
}

function entryList(entries: ReadonlyMap<string, string>): string {
  let list = '';
  for (const text of entries.values()) list += ',' + text;
  return list;
}

/** The answer to `$status`: a searchset with one status for each subscription. */
export function statusBundleText(statuses: readonly StatusContent[], selfUrl: string, now: Date): string {
  const entries = statuses.map((content) => {
    const uuid = randomUUID();
    const status = statusText(uuid, 'query-status', content.subject, content, '');
    return `{"fullUrl":"urn:uuid:${uuid}","resource":${status},"search":{"mode":"match"}}`;
  });
  return (
    `{"resourceType":"Bundle","id":"${randomUUID()}","type":"searchset","timestamp":"${now.toISOString()}","total":${entries.length},` +
    `"link":[{"relation":"self","url":${JSON.stringify(selfUrl)}}]` +
    // An empty array is not valid FHIR.
    (entries.length === 0 ? '}' : `,"entry":[${entries.join(',')}]}`)
  );
}

function statusText(
  uuid: string,
  type: NotificationType,
  subject: NotificationSubject,
  content: { status: string; total: number; faults?: readonly NotificationFault[] },
  numbered: string,
): string {
  const faults = (content.faults ?? []).map(faultText);
  if (subject.face === 'r4b') {
    return (
      `{"resourceType":"SubscriptionStatus","id":"${uuid}","status":"${content.status}","type":"${type}",` +
      `"eventsSinceSubscriptionStart":"${content.total}",` +
      (numbered === '' ? '' : `"notificationEvent":[${numbered}],`) +
      subject.identity +
      (faults.length === 0 ? '}' : `,"error":[${faults.join(',')}]}`)
    );
  }
  return (
    `{"resourceType":"Parameters","id":"${uuid}","meta":{"profile":["${R4_STATUS_PROFILE}"]},"parameter":[${subject.identity},` +
    `{"name":"status","valueCode":"${content.status}"},{"name":"type","valueCode":"${type}"},` +
    `{"name":"events-since-subscription-start","valueString":"${content.total}"}` +
    numbered +
    faults.map((fault) => `,{"name":"error","valueCodeableConcept":${fault}}`).join('') +
    ']}'
  );
}

const faultText = (fault: NotificationFault) =>
  `{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/subscription-error","code":"${fault.code}"}],` +
  `"text":${JSON.stringify(fault.text)}}`;
