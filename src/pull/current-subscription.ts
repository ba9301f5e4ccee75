import { FhirError } from '../fhir/fhir-error.js';
import { parseSubscription } from '../subscriptions/parse-subscription.js';
import type { SubscriptionDefinition } from '../subscriptions/subscription-definition.js';
import type { ResourceReader } from './resource-reader.js';

/** The Subscription that an operation is about. @throws FhirError 404, 410 */
export async function currentSubscription(reader: Pick<ResourceReader, 'current'>, id: string): Promise<SubscriptionDefinition> {
  const current = await reader.current('Subscription', id);
  if (!current) throw new FhirError('not-found', `There is no Subscription/${id}`);
  const { body, version, face, at } = current;
  if (body === null) throw new FhirError('deleted', `Subscription/${id} was deleted at ${at.toISOString()}`);
  return parseSubscription(JSON.parse(body) as Record<string, unknown>, id, version, face);
}
