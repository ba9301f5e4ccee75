import type { Change } from '../fhir/change.js';
import type { SubscriptionStatus } from '../subscriptions/subscription-definition.js';

/** Makes a new version of a Subscription that says its status, where all who read, search or follow it see it. */
export abstract class StatusWriter {
  /**
   * `reason` becomes `Subscription.error`; without one an old error is taken out.
   * @returns the new version, or undefined where `resource` is no longer the current one: somebody else decided meanwhile
   */
  abstract write(resource: Change, status: SubscriptionStatus, reason?: string): Promise<Change | undefined>;
}
