/** The FHIR version a client speaks to us in; both faces share one store (`/fhir/r4b`, `/fhir/r4`). */
export type Face = 'r4b' | 'r4';

export type Interaction = 'create' | 'update' | 'delete';

/**
 * A place in the change log. Ordered by (epoch, xid, seq): `xid` is the 64-bit id of the writing transaction, `seq` a sequence,
 * `epoch` grows when the database was restored or moved to another cluster, whose transaction ids start lower.
 */
export interface LogPosition {
  epoch: number;
  xid: bigint;
  seq: bigint;
}

export const LOG_START: LogPosition = { epoch: 0, xid: 0n, seq: 0n };

export function comparePositions(a: LogPosition, b: LogPosition): number {
  if (a.epoch !== b.epoch) return a.epoch < b.epoch ? -1 : 1;
  if (a.xid !== b.xid) return a.xid < b.xid ? -1 : 1;
  return a.seq === b.seq ? 0 : a.seq < b.seq ? -1 : 1;
}

/** A coded event that happened with a change and is more than the change itself: a message was processed, a client fired it. */
export interface CodedEvent {
  codings: readonly EventCoding[];
  /** What the event is about, in the order given. */
  focus: readonly EventFocus[];
}

export interface EventCoding {
  system?: string;
  code: string;
}

export interface EventFocus {
  type: string;
  id: string;
  /** The request that brought the event also wrote this resource. */
  written: boolean;
}

/** One version of one resource, as the change log keeps it. */
export interface Change {
  position: LogPosition;
  type: string;
  id: string;
  /** 1, 2, 3 … for each resource; also `meta.versionId`. */
  version: number;
  interaction: Interaction;
  /** How it arrived, for `Bundle.entry.request` of history and notifications. */
  method: 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `meta.lastUpdated`, to the millisecond. */
  at: Date;
  face: Face;
  /** The exact JSON text with `id` and `meta` put in; null for a delete. */
  body: string | null;
  /** On the MessageHeader by which an event is recorded. */
  event?: CodedEvent;
}
