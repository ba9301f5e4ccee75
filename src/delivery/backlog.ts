import { latestNumber, openSegment, type Segment, stretchesOf } from '../subscriptions/segments.js';
import type { ChannelOwed } from '../telemetry/delivery-recorder.js';
import type { OwedPlace } from '../telemetry/database-figures.js';

/** As much of a subscription as says what it is owed. */
export interface Owing {
  channel: string;
  segments: readonly Segment[];
  acknowledged: number;
}

/** Places asked for at most: two steps down an index each. */
const MOST_PLACES = 1000;

/**
 * What all of them are owed, by channel, and the places among which the oldest event is. Of a group the least advanced subscriber of each
 * channel stands for all. Where more than {@link MOST_PLACES} groups are behind, those with the most owed are asked, the longest row.
 */
export function backlogOf(
  all: Iterable<Owing>,
  lastNOf: (groupId: number) => number | undefined,
): { owed: ChannelOwed[]; places: OwedPlace[] } {
  const byChannel = new Map<string, ChannelOwed>();
  const places = new Map<string, OwedPlace & { events: number }>();
  for (const { channel, segments, acknowledged } of all) {
    const open = openSegment(segments);
    const lastN = open ? (lastNOf(open.groupId) ?? open.afterN) : 0;
    const latest = latestNumber(segments, lastN);
    const events = latest - acknowledged;
    if (events <= 0) continue;
    const owed = byChannel.get(channel) ?? { channel, subscriptions: 0, events: 0 };
    owed.subscriptions += 1;
    owed.events += events;
    byChannel.set(channel, owed);
    const [first] = stretchesOf(segments, { first: acknowledged + 1, last: latest }, lastN, 1);
    if (!first) continue;
    const { groupId, untilN: n } = first;
    const key = `${channel} ${groupId}`;
    const known = places.get(key);
    if (!known || n < known.n) places.set(key, { channel, groupId, n, events });
  }
  const asked = [...places.values()];
  if (asked.length > MOST_PLACES) asked.sort((a, b) => b.events - a.events).splice(MOST_PLACES);
  return { owed: [...byChannel.values()], places: asked.map(({ channel, groupId, n }) => ({ channel, groupId, n })) };
}
