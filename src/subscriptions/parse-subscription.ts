import type { Face } from '../fhir/change.js';
import type { JsonObject } from '../fhir/json-object.js';
import { frozenIn } from '../search/custom/frozen-definitions.js';
import { contactAddresses } from './contact-addresses.js';
import { knownExtensions, parseChannel, PAYLOAD_CONTENT } from './parse-channel.js';
import { refused } from './refused.js';
import { FILTER_CRITERIA } from './resolve-filters.js';
import type { SubscriptionDefinition, SubscriptionStatus } from './subscription-definition.js';

const BACKPORT_PROFILE = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription';
const STATUSES: ReadonlySet<string> = new Set(['requested', 'active', 'error', 'off']);

/**
 * Reads a Subscription of R4 or R4B, classic or topic-based (Backport IG). Whether topic and criteria exist is another question.
 * @throws FhirError 422 naming the element that the hub would not honour
 */
export function parseSubscription(resource: JsonObject, id: string, version: number, face: Face): SubscriptionDefinition {
  refuseUnknownExtensions(resource);
  const subject = parseSubject(resource);
  return {
    id,
    version,
    face,
    status: parseStatus(resource.status),
    end: parseEnd(resource.end),
    contacts: contactAddresses(resource.contact),
    subject,
    channel: parseChannel(resource, subject.kind, face),
  };
}

/**
 * Topic-based: criteria are an absolute URI. Classic: they begin with the name of a resource type. What says both at once (a search
 * string with a payload content level or filters) or neither is refused.
 */
function parseSubject(resource: JsonObject): SubscriptionDefinition['subject'] {
  const criteria = typeof resource.criteria === 'string' ? resource.criteria.trim() : '';
  const filters = knownExtensions(resource._criteria, [FILTER_CRITERIA], 'Subscription.criteria').map((extension, index) => {
    if (typeof extension.valueString !== 'string')
      throw refused(`Subscription.criteria.extension[${index}]`, 'A filter is a valueString.');
    return extension.valueString;
  });
  if (/^(https?|urn):/i.test(criteria)) return { kind: 'topic', topic: criteria, filters };
  if (!/^\/?[A-Z][A-Za-z]*(\?|$)/.test(criteria))
    throw refused(
      'Subscription.criteria',
      `"${criteria}" is neither the canonical URL of a topic nor a search like Observation?code=1975-2.`,
    );
  if (filters.length > 0 || hasContentLevel(resource) || hasBackportProfile(resource))
    throw refused(
      'Subscription.criteria',
      'A topic-based Subscription names the canonical URL of its topic in criteria, not a search.',
    );
  const parameters = frozenIn(resource);
  return { kind: 'classic', criteria, ...(parameters.length === 0 ? {} : { parameters }) };
}

function parseStatus(status: unknown): SubscriptionStatus {
  if (typeof status !== 'string' || !STATUSES.has(status))
    throw refused('Subscription.status', 'The status must be requested or off (the hub itself sets active and error).');
  return status as SubscriptionStatus;
}

function parseEnd(end: unknown): Date | undefined {
  if (end === undefined) return undefined;
  const date = new Date(typeof end === 'string' ? end : NaN);
  if (Number.isNaN(date.getTime())) throw refused('Subscription.end', 'The end is not an instant.');
  return date;
}

function hasContentLevel(resource: JsonObject): boolean {
  return JSON.stringify((resource.channel as JsonObject | undefined)?._payload ?? null).includes(PAYLOAD_CONTENT);
}

function hasBackportProfile(resource: JsonObject): boolean {
  const profiles = (resource.meta as JsonObject | undefined)?.profile;
  return Array.isArray(profiles) && profiles.some((profile) => String(profile).split('|')[0] === BACKPORT_PROFILE);
}

/** Extensions on the Subscription itself pass, unless they restate an element the hub would have to act on. */
function refuseUnknownExtensions(resource: JsonObject): void {
  if (Array.isArray(resource.modifierExtension) && resource.modifierExtension.length > 0)
    throw refused('Subscription.modifierExtension', 'The hub does not know this modifierExtension.', 'not-supported');
  const extensions = Array.isArray(resource.extension) ? (resource.extension as JsonObject[]) : [];
  for (const extension of extensions) {
    const url = String(extension.url);
    const restates = /\/extension-Subscription\.(?!identifier$|name$)/.test(url) || /\bbackport-/.test(url);
    if (restates)
      throw refused('Subscription.extension', `The hub does not act on the extension "${url}" here.`, 'not-supported');
  }
}
