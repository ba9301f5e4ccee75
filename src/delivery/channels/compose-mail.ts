import { parseExact } from '../../fhir/exact-json.js';
import { notificationText } from '../../fhir/notification-bundle.js';
import type { MailForm } from '../../subscriptions/parse-mail-channel.js';
import type { OwedEvent, Push } from '../push-channel.js';

export interface Mail {
  subject: string;
  text?: string;
  html?: string;
  attachments: { filename: string; content: string; contentType: string }[];
}

/** A piece of a mail's body. */
type Part = { kind: 'paragraph' | 'code'; text: string } | { kind: 'list'; items: string[] };

/**
 * A notification as a mail: a body for people and, where it is asked for, the notification Bundle (for a classic Subscription the resource)
 * attached. Neither tells more than the content level; the subject tells nothing but that there is news.
 */
export function composeMail(push: Push, form: MailForm, now: Date): Mail {
  const { channel } = push.definition;
  const subject = channel.headers.find(([name]) => name === 'Subject')?.[1] ?? SUBJECTS[push.kind];
  const parts = bodyOf(push, form);
  return {
    subject,
    ...(form.html ? { html: htmlOf(parts) } : { text: textOf(parts) }),
    attachments: form.attach ? attachmentsOf(push, now) : [],
  };
}

const SUBJECTS = {
  handshake: 'FHIR subscription: notifications will come to this address',
  heartbeat: 'FHIR subscription: no news',
  'event-notification': 'FHIR subscription: news',
} as const;

function bodyOf(push: Push, form: MailForm): Part[] {
  const { definition, subject, kind, total } = push;
  const subscription = `${subject.base}/Subscription/${definition.id}`;
  const parts: Part[] = [];
  if (kind === 'handshake') {
    parts.push(
      paragraph(`Notifications of the Subscription ${subscription} will be sent to this address. Nothing has to be done.`),
      paragraph('If you did not expect this, ask the operator of that server to delete the Subscription.'),
    );
  } else if (kind === 'heartbeat') {
    parts.push(
      paragraph(`The Subscription ${subscription} is served. It has had ${total} event(s) so far, none since the last mail.`),
    );
  } else {
    parts.push(...eventsOf(push, form, subscription));
  }
  for (const { text } of push.faults) parts.push(paragraph(`Before, sending failed: ${text}`));
  return parts;
}

function eventsOf(push: Push, form: MailForm, subscription: string): Part[] {
  const { definition, subject, events } = push;
  const { level } = subject;
  if (definition.subject.kind === 'classic') {
    const parts = [paragraph(`A resource matches the criteria of the Subscription ${subscription}.`)];
    if (level !== 'empty') parts.push(paragraph(`${definition.subject.criteria}: ${addressOf(subject.base, events[0]!)}`));
    return parts;
  }
  const numbers = events.length === 1 ? `event ${events[0]!.number}` : `events ${events[0]!.number} to ${events.at(-1)!.number}`;
  const parts: Part[] = [paragraph(`News of the Subscription ${subscription}: ${numbers}.`)];
  if (level === 'empty') return parts;
  parts.push(paragraph(`Topic: ${definition.subject.topic}`));
  parts.push({ kind: 'list', items: events.map((event) => `${event.number}: ${addressOf(subject.base, event)}`) });
  // Who asked for resources without an attachment finds them in the body, every digit as it is stored.
  if (level === 'full-resource' && !form.attach) {
    for (const { body } of events.map(({ event }) => event.focus)) {
      if (body !== null) parts.push({ kind: 'code', text: JSON.stringify(parseExact(body), undefined, 2) });
    }
  }
  return parts;
}

function addressOf(base: string, { event: { focus } }: OwedEvent): string {
  return `${base}/${focus.type}/${focus.id}${focus.interaction === 'delete' ? ' (deleted)' : ''}`;
}

function attachmentsOf({ definition, subject, kind, events, total, faults }: Push, now: Date): Mail['attachments'] {
  const contentType = 'application/fhir+json';
  if (definition.subject.kind === 'topic') {
    const content = notificationText(subject, { type: kind, status: definition.status, total, events, faults }, now);
    return [{ filename: 'notification.json', content, contentType }];
  }
  const focus = events[0]?.event.focus;
  if (focus?.body == null) return [];
  return [{ filename: `${focus.type}-${focus.id}.json`, content: focus.body, contentType }];
}

const paragraph = (text: string): Part => ({ kind: 'paragraph', text });

function textOf(parts: readonly Part[]): string {
  return parts.map((part) => (part.kind === 'list' ? part.items.join('\n') : part.text)).join('\n\n') + '\n';
}

function htmlOf(parts: readonly Part[]): string {
  return parts
    .map((part) => {
      if (part.kind === 'list') return `<ul>${part.items.map((item) => `<li>${escaped(item)}</li>`).join('')}</ul>`;
      return part.kind === 'code' ? `<pre>${escaped(part.text)}</pre>` : `<p>${escaped(part.text)}</p>`;
    })
    .join('\n');
}

function escaped(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}
