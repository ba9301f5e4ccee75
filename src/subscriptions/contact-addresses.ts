import type { JsonObject } from '../fhir/json-object.js';
import { parseMailAddress } from './parse-mail-channel.js';

/** Most people who are told about one Subscription. */
const MOST_CONTACTS = 10;

/** The mail addresses in `Subscription.contact`. What is not one plain address is for people to read, not for the hub to use. */
export function contactAddresses(contact: unknown): readonly string[] {
  if (!Array.isArray(contact)) return [];
  const addresses = (contact as JsonObject[]).flatMap((point) => {
    if (point?.system !== 'email' || typeof point.value !== 'string') return [];
    const written = point.value.trim();
    const parsed = parseMailAddress(/^mailto:/i.test(written) ? written : `mailto:${encodeURIComponent(written)}`);
    return typeof parsed === 'string' ? [] : [parsed.address];
  });
  return [...new Set(addresses)].slice(0, MOST_CONTACTS);
}
