import type { EventParts, NotifiedVersion } from '../fhir/event-parts.js';
import type { Segment } from './segments.js';

/** The n-th event of a filter group. Shared by all its subscribers, with whatever was assembled from it. */
export interface GroupEvent {
  groupId: number;
  n: number;
  focus: NotifiedVersion;
  parts: EventParts;
}

/** A stretch (afterN, untilN] of a group's log. */
export interface GroupRange {
  groupId: number;
  afterN: number;
  untilN: number;
}

/** Where a subscription stands in the numbered log. */
export interface Standing {
  subscriptionId: string;
  segments: readonly Segment[];
  /** Where the group of the open segment stands; 0 without one. */
  groupLastN: number;
}

export interface GroupNews {
  groupId: number;
  lastN: number;
  /** From the place asked for, without a gap; may stop before `lastN`. */
  events: readonly GroupEvent[];
  /** A number that changes with every write of a SubscriptionTopic, as it stood when the group had come to `lastN`, or later. */
  topicsWritten: number;
  /** The newest batch of matching at that moment: no event shown here was recorded by a later one. */
  batch: number;
}

/**
 * The numbered log as those read it who send events or hand them out. Places and numbers are whole numbers below 2^53. Who has seen
 * event n of a group has been able to see all before it.
 */
export abstract class EventLog {
  /** Ids that matching has not seen yet, or that are gone, are left out. */
  abstract standings(subscriptionIds: readonly string[]): Promise<Standing[]>;
  /**
   * Events of each range, ascending within their group: at most `limit` of each, and fewer where their bodies are large (never none
   * where there is one).
   */
  abstract read(ranges: readonly GroupRange[], limit: number): Promise<readonly GroupEvent[]>;
  /** How far groups have come, with their events after the places given (bounded like {@link read}). */
  abstract news(groups: readonly { groupId: number; afterN: number }[], limit: number): Promise<GroupNews[]>;
}
