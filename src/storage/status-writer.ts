import { StatusWriter } from '../delivery/status-writer.js';
import type { Change } from '../fhir/change.js';
import { FhirError } from '../fhir/fhir-error.js';
import type { ChangeStore } from '../intake/change-store.js';
import { hubMayMove } from '../subscriptions/status-machine.js';
import { withStatus } from '../subscriptions/status-text.js';
import type { SubscriptionStatus } from '../subscriptions/subscription-definition.js';

/** Writes a Subscription's status through the door that every change takes, on the condition that nobody wrote meanwhile. */
export class ChangeStoreStatusWriter extends StatusWriter {
  constructor(private readonly changes: ChangeStore) {
    super();
  }

  async write(resource: Change, status: SubscriptionStatus, reason?: string): Promise<Change | undefined> {
    if (resource.body === null) return undefined;
    const { status: stored } = JSON.parse(resource.body) as { status: SubscriptionStatus };
    if (!hubMayMove(stored, status)) throw new Error(`The hub never moves a Subscription from ${stored} to ${status}`);
    const text = withStatus(resource.body, status, reason);
    const value = JSON.parse(text) as Record<string, unknown>;
    const { type, id, version, face } = resource;
    try {
      const [outcome] = await this.changes.write({
        face,
        writes: [{ kind: 'put', resource: { type, id, text, value }, method: 'PUT', ifMatch: version }],
      });
      return outcome?.kind === 'absent' ? undefined : outcome?.change;
    } catch (error) {
      if (error instanceof FhirError && [404, 409, 410, 412].includes(error.status)) return undefined;
      throw error;
    }
  }
}
