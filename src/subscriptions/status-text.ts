import { parseExact, stringifyExact } from '../fhir/exact-json.js';
import type { SubscriptionStatus } from './subscription-definition.js';

/** A Subscription's text with another status; `reason` becomes its `error`, without one an old error is taken out. */
export function withStatus(text: string, status: SubscriptionStatus, reason?: string): string {
  const { error: _error, _error: _errorExtensions, ...rest } = parseExact(text) as Record<string, unknown>;
  return stringifyExact({ ...rest, status, ...(reason === undefined ? {} : { error: reason }) });
}
