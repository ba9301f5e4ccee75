import { notificationText } from '../../fhir/notification-bundle.js';
import type { GroupEvent } from '../../subscriptions/event-log.js';
import type { SubscriptionDefinition } from '../../subscriptions/subscription-definition.js';
import type { Feed } from './feed.js';
import type { Frame } from './feed-sink.js';

/** A handshake or heartbeat: how far the subscription has come. */
export function statusFrame(feed: Feed, type: 'handshake' | 'heartbeat', total: number): Frame {
  return { ...head(feed, type, total), first: 0, last: 0, text: text(feed, type, total, []) };
}

/**
 * Events from `first` on. Made once for all sockets of the subscription that are at this place; what the events themselves say is shared
 * further still, by all subscriptions of the group ({@link GroupEvent.parts}).
 */
export function eventFrame(feed: Feed, first: number, events: readonly GroupEvent[]): Frame {
  const last = first + events.length - 1;
  const kept = feed.lastFrame;
  if (kept?.first === first && kept.last === last) return kept;
  const numbered = events.map(({ parts }, index) => ({ number: first + index, parts }));
  const type = 'event-notification';
  return (feed.lastFrame = { ...head(feed, type, last), first, last, text: text(feed, type, last, numbered) });
}

const head = (feed: Feed, type: Frame['type'], total: number) => ({
  subscriptionId: feed.id,
  classic: isClassic(feed.definition),
  type,
  total,
});

function text(feed: Feed, type: Frame['type'], total: number, events: Parameters<typeof notificationText>[1]['events']): string {
  if (isClassic(feed.definition)) return '';
  return notificationText(feed.subject, { type, status: feed.definition.status, total, events }, new Date());
}

const isClassic = ({ subject, channel }: SubscriptionDefinition) => subject.kind === 'classic' && channel.type !== 'live';
