import type { Face } from '../fhir/change.js';
import { type NotificationSubject, notificationSubject } from '../fhir/notification-bundle.js';
import { levelOf } from '../subscriptions/content-level.js';
import type { SubscriptionDefinition } from '../subscriptions/subscription-definition.js';

/** What all notifications of a Subscription have in common, pushed or over sockets. `baseOf`: FHIR base of a face. */
export function subjectOf(definition: SubscriptionDefinition, baseOf: (face: Face) => string): NotificationSubject {
  const { id, face, subject } = definition;
  const topic = subject.kind === 'topic' ? subject.topic : undefined;
  return notificationSubject({ id, face, base: baseOf(face), topic, level: levelOf(definition) });
}
