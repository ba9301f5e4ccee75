import type { Change } from '../fhir/change.js';
import { faultOf } from '../subscriptions/endpoint-fault.js';
import { endpointKey } from '../subscriptions/endpoint-key.js';
import type { SubscriptionDefinition } from '../subscriptions/subscription-definition.js';
import type { Log } from '../telemetry/log.js';
import type { ServedSubscription } from './cursor-store.js';
import type { Line } from './line.js';
import type { PushChannel } from './push-channel.js';
import { subjectOf } from './subject-of.js';

/** Reads a stored Subscription; throws where a newer release wrote what this one does not know. */
export type ReadDefinition = (resource: Change) => SubscriptionDefinition;

/** Makes lines of stored Subscriptions, and brings them to a later version. */
export class LineReader {
  constructor(
    private readonly readDefinition: ReadDefinition,
    /** FHIR base of a face. */
    private readonly baseOf: (face: Change['face']) => string,
    private readonly channelOf: (definition: SubscriptionDefinition) => PushChannel | undefined,
    private readonly log: Log,
  ) {}

  /** Undefined where the Subscription cannot be read. */
  newLine(served: ServedSubscription, now: number): Line | undefined {
    const { resource, standing } = served;
    const definition = this.definitionOf(resource);
    if (!definition) return undefined;
    return {
      id: resource.id,
      life: served.life,
      shard: served.shard,
      resource,
      definition,
      segments: standing.segments,
      writtenAt: resource.at.getTime(),
      acknowledged: served.acknowledged,
      latest: 0,
      failures: served.failures,
      retryAt: now + (served.dueInMs ?? 0),
      verified: definition.status === 'active' || (definition.status === 'error' && served.verifiedVersion !== undefined),
      verifiedVersion: served.verifiedVersion,
      fault: faultOf(served.lastError),
      sentAt: now - (served.sentAgoMs ?? now - resource.at.getTime()),
      subject: subjectOf(definition, this.baseOf),
      host: this.channelOf(definition)?.host(definition) ?? '',
      endpoint: endpointKey(definition.channel.endpoint),
      limit: Number.MAX_SAFE_INTEGER,
      busy: false,
      dropped: false,
      stale: false,
      abort: new AbortController(),
    };
  }

  /** The line goes by this version from now on. False where it cannot be read. */
  adopt(line: Line, resource: Change): boolean {
    const definition = this.definitionOf(resource);
    if (!definition) return false;
    if (definition.channel.endpoint !== line.definition.channel.endpoint) line.ceiling = undefined;
    line.resource = resource;
    line.definition = definition;
    line.writtenAt = resource.at.getTime();
    line.subject = subjectOf(definition, this.baseOf);
    line.host = this.channelOf(definition)?.host(definition) ?? '';
    line.endpoint = endpointKey(definition.channel.endpoint);
    if (definition.status === 'active') line.verified = true;
    if (definition.status === 'requested') {
      line.verified = false;
      line.verifiedVersion = undefined;
    }
    return true;
  }

  /** Undefined where the Subscription cannot be read, which is told in the log. */
  definitionOf(resource: Change): SubscriptionDefinition | undefined {
    try {
      return this.readDefinition(resource);
    } catch (error) {
      this.log.error({ err: error, subscription: resource.id }, 'delivery.subscription-unreadable');
      return undefined;
    }
  }
}
