import type { Change } from '../fhir/change.js';
import { endpointKey } from '../subscriptions/endpoint-key.js';
import { isPushed } from '../subscriptions/is-pushed.js';
import { RATE_LIMIT } from '../subscriptions/parse-rate-limit.js';
import type { SubscriptionDefinition } from '../subscriptions/subscription-definition.js';

interface NamedLimits {
  /** By subscription. */
  of: Map<string, number>;
  /** Until one of them changes. */
  lowest?: number;
}

/**
 * How often an endpoint may be called: as often as the most careful of its subscriptions allows, whoever serves that one; where none says
 * anything, as the operator's setting says. Several processes share a limit as they share the subscriptions, so that together they
 * never go beyond it.
 */
export class RateLimits {
  private readonly named = new Map<string, NamedLimits>();
  private readonly endpoints = new Map<string, string>();

  constructor(
    /** Requests a second where no subscription names a number; 0: no limit. */
    private readonly usual: number,
    /** This process's part of all subscriptions, 0 to 1. */
    private readonly share: () => number,
  ) {}

  /** A Subscription as it is now; `definitionOf` is asked only where the text speaks of a limit. */
  learn(resource: Change, definitionOf: (resource: Change) => SubscriptionDefinition | undefined): void {
    this.forget(resource.id);
    const definition = resource.body?.includes(RATE_LIMIT) ? definitionOf(resource) : undefined;
    if (definition === undefined) return;
    const { ratePerSecond, endpoint } = definition.channel;
    if (ratePerSecond === undefined || definition.status === 'off' || !isPushed(definition)) return;
    const key = endpointKey(endpoint);
    const limits = this.named.get(key) ?? { of: new Map<string, number>() };
    this.named.set(key, limits);
    limits.of.set(definition.id, ratePerSecond);
    limits.lowest = undefined;
    this.endpoints.set(definition.id, key);
  }

  /** It is gone, and with it the limit it named. */
  forget(subscriptionId: string): void {
    const key = this.endpoints.get(subscriptionId);
    if (key === undefined) return;
    this.endpoints.delete(subscriptionId);
    const limits = this.named.get(key);
    if (!limits) return;
    limits.of.delete(subscriptionId);
    limits.lowest = undefined;
    if (limits.of.size === 0) this.named.delete(key);
  }

  /** Requests a second that this process may make; undefined: no limit. */
  of(endpoint: string): number | undefined {
    const limits = this.named.get(endpoint);
    const limit = limits === undefined ? this.usual : (limits.lowest ??= lowestOf(limits.of));
    return limit === 0 ? undefined : limit * this.share();
  }
}

function lowestOf(limits: ReadonlyMap<string, number>): number {
  let lowest = Infinity;
  for (const limit of limits.values()) lowest = Math.min(lowest, limit);
  return lowest;
}
