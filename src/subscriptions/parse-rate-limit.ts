import type { JsonObject } from '../fhir/json-object.js';
import { refused } from './refused.js';

/** The hub's own extension of `Subscription.channel`: how many requests a second its endpoint wants at most (`valueDecimal`). */
export const RATE_LIMIT = 'https://carillon.example/fhir/StructureDefinition/subscription-rate-limit';

const LEAST = 0.01;
const MOST = 10_000;

/**
 * Reads the rate limit from the extensions of a channel, if one is there.
 * @throws FhirError 422 naming the element
 */
export function parseRateLimit(extensions: readonly JsonObject[], isPushed: boolean, path: string): number | undefined {
  const places = extensions.flatMap((extension, index) => (extension.url === RATE_LIMIT ? [index] : []));
  const [place, second] = places;
  if (place === undefined) return undefined;
  if (second !== undefined) throw refused(`${path}.extension[${second}]`, 'A Subscription has one rate limit.');
  if (!isPushed)
    throw refused(`${path}.extension[${place}]`, 'A rate limit belongs to channels on which the hub calls an endpoint.');
  const value = extensions[place]!.valueDecimal;
  if (typeof value !== 'number' || !(value >= LEAST && value <= MOST))
    throw refused(
      `${path}.extension[${place}].valueDecimal`,
      `The rate limit is a valueDecimal from ${LEAST} to ${MOST} requests a second.`,
    );
  return value;
}
