import type { Face } from '../fhir/change.js';
import type { CustomDefinition } from '../search/custom/custom-definition.js';

export type SubscriptionStatus = 'requested' | 'active' | 'error' | 'off';
export type ContentLevel = 'empty' | 'id-only' | 'full-resource';
/** `live` is the hub's own channel over Socket.IO, asked for by the backport channel-type extension. */
export type ChannelType = 'rest-hook' | 'websocket' | 'email' | 'message' | 'live';

export interface ChannelDefinition {
  type: ChannelType;
  /** As written: absolute URL, `mailto:` for email; none for sockets. */
  endpoint?: string;
  /** Request headers (for email the subject) in the order given, split at the first colon. */
  headers: readonly (readonly [name: string, value: string])[];
  /** What calls are signed with, the current one first; empty: they are not signed. */
  signingSecrets: readonly string[];
  /** MIME type of notifications as given, with its parameters; undefined: a classic hook without payload. */
  payload?: string;
  /** Topic-based only. */
  content?: ContentLevel;
  heartbeatSeconds?: number;
  timeoutSeconds?: number;
  /** Most events in one notification. */
  maxCount?: number;
  /** Most requests to its endpoint. */
  ratePerSecond?: number;
}

/** A Subscription resource, read once into what the hub works with. https://hl7.org/fhir/uv/subscriptions-backport/ */
export interface SubscriptionDefinition {
  id: string;
  version: number;
  face: Face;
  status: SubscriptionStatus;
  end?: Date;
  /** Mail addresses of those who are told when deliveries fail. */
  contacts?: readonly string[];
  subject:
    | {
        kind: 'classic';
        /** `Type?query` */ criteria: string;
        /** Custom parameters that the criteria go by, as they were when the Subscription was written; absent: none. */
        parameters?: readonly CustomDefinition[];
      }
    | {
        kind: 'topic';
        /** Canonical, maybe with `|version`. */ topic: string;
        /** Each as written. */ filters: readonly string[];
      };
  channel: ChannelDefinition;
}
