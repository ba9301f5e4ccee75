/** One notification of events as a destination got it, whatever the channel. */
export interface Arrival {
  /** Name of the subscription in the test. */
  to: string;
  /** In the order of the notification. `version` is `Type/id/versionId`, as far as the notification tells. */
  events: { number: number; version: string }[];
  /** The header `webhook-id`; undefined on sockets. */
  webhookId: string | undefined;
  /** Whether the sender could know that it was taken: `unsure` where the answer was cut or came too late. */
  accepted: 'yes' | 'no' | 'unsure';
  /** When it was complete, in the milliseconds of `performance.now()`. */
  at: number;
  bytes: number;
}

/** A version of a resource as the history shows it. */
export interface StoredVersion {
  type: string;
  id: string;
  version: number;
  kind: 'create' | 'update' | 'delete';
  /** Undefined after a delete. */
  resource: Record<string, unknown> | undefined;
}

export const keyOf = ({ type, id, version }: Pick<StoredVersion, 'type' | 'id' | 'version'>): string =>
  `${type}/${id}/${version}`;

/** `Type/id` of a version's key. */
export const resourceOf = (key: string): string => key.slice(0, key.lastIndexOf('/'));
