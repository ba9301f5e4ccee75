import { createHash } from 'node:crypto';
import type { Face } from '../../fhir/change.js';
import { FhirError } from '../../fhir/fhir-error.js';
import type { ContentLevel } from '../../subscriptions/subscription-definition.js';

/** What a client of the live feed asks for: a Subscription that exists, or what a shared one would say. */
export type LiveRequest =
  | { kind: 'existing'; subscription: string; after?: number }
  | {
      kind: 'described';
      face: Face;
      /** Canonical of a topic, or a search such as `Observation?code=1975-2`. */
      criteria: string;
      isTopic: boolean;
      filters: readonly string[];
      content: ContentLevel;
      maxCount?: number;
      after?: number;
    };

const MEMBERS: ReadonlySet<string> = new Set([
  'subscription',
  'topic',
  'criteria',
  'filters',
  'content',
  'after',
  'maxCount',
  'face',
]);
const LEVELS: ReadonlySet<unknown> = new Set(['empty', 'id-only', 'full-resource']);
const BACKPORT = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-';

/**
 * Reads the argument of `subscribe`.
 * @throws FhirError naming the member at fault
 */
export function parseLiveRequest(argument: unknown, face: Face): LiveRequest {
  if (typeof argument !== 'object' || argument === null || Array.isArray(argument))
    throw new FhirError('structure', 'subscribe takes an object with subscription, topic or criteria');
  const request = argument as Record<string, unknown>;
  for (const name of Object.keys(request)) {
    if (!MEMBERS.has(name)) throw new FhirError('structure', `subscribe knows no "${name.slice(0, 50)}"`, name.slice(0, 50));
  }
  const after = wholeNumber(request, 'after', 0);
  const named = ['subscription', 'topic', 'criteria'].filter((name) => request[name] !== undefined);
  if (named.length !== 1) throw new FhirError('structure', 'subscribe takes exactly one of subscription, topic and criteria');
  if (request.subscription !== undefined) {
    const id = /^(?:Subscription\/)?([A-Za-z0-9\-.]{1,64})$/.exec(String(request.subscription))?.[1];
    if (typeof request.subscription !== 'string' || id === undefined)
      throw new FhirError('value', 'subscription is the id of a Subscription', 'subscription');
    for (const name of ['filters', 'content', 'maxCount', 'face']) {
      if (request[name] !== undefined) throw new FhirError('structure', `${name} is what the Subscription says already`, name);
    }
    return { kind: 'existing', subscription: id, after };
  }
  const isTopic = request.topic !== undefined;
  const criteria = request.topic ?? request.criteria;
  if (typeof criteria !== 'string' || criteria === '' || criteria.length > 4000)
    throw new FhirError('value', 'topic and criteria are texts of at most 4000 characters', isTopic ? 'topic' : 'criteria');
  const filters = request.filters ?? [];
  if (
    !Array.isArray(filters) ||
    filters.length > 50 ||
    !filters.every((filter) => typeof filter === 'string' && filter.length <= 4000)
  )
    throw new FhirError('value', 'filters are a list of at most 50 texts such as "Encounter?patient=Patient/1"', 'filters');
  if (!isTopic && filters.length > 0) throw new FhirError('structure', 'criteria hold their own filters', 'filters');
  const content = request.content ?? 'id-only';
  if (!LEVELS.has(content)) throw new FhirError('value', 'content is empty, id-only or full-resource', 'content');
  if (!isTopic && content === 'empty') throw new FhirError('value', 'criteria are told as id-only or full-resource', 'content');
  const asked = request.face ?? face;
  if (asked !== 'r4b' && asked !== 'r4') throw new FhirError('value', 'face is r4b or r4', 'face');
  return {
    kind: 'described',
    face: asked,
    criteria,
    isTopic,
    filters: [...new Set(filters as string[])].sort(),
    content: content as ContentLevel,
    maxCount: wholeNumber(request, 'maxCount', 1),
    after,
  };
}

/**
 * The Subscription that serves all who describe the same: its id is worked out from what it says, so in every process, and after every
 * restart, the same description leads to the same Subscription and its numbers.
 */
export function sharedSubscription(request: Extract<LiveRequest, { kind: 'described' }>): { id: string; text: string } {
  const { face, criteria, isTopic, filters, content, maxCount } = request;
  const words = JSON.stringify([face, criteria, isTopic, filters, content, maxCount ?? null]);
  const id = `live-${createHash('sha256').update(words).digest('hex').slice(0, 40)}`;
  const extension = (name: string, value: object) => ({ url: BACKPORT + name, ...value });
  const coding = { system: 'https://carillon.example/fhir/CodeSystem/channel-type', code: 'live' };
  const channel = {
    ...(maxCount === undefined ? {} : { extension: [extension('max-count', { valuePositiveInt: maxCount })] }),
    type: 'websocket',
    _type: { extension: [extension('channel-type', { valueCoding: coding })] },
    ...(isTopic || content === 'full-resource' ? { payload: 'application/fhir+json' } : {}),
    ...(isTopic ? { _payload: { extension: [extension('payload-content', { valueCode: content })] } } : {}),
  };
  const resource = {
    resourceType: 'Subscription',
    id,
    status: 'requested',
    reason: 'Shared by clients of the live feed',
    criteria,
    ...(filters.length === 0
      ? {}
      : { _criteria: { extension: filters.map((filter) => extension('filter-criteria', { valueString: filter })) } }),
    channel,
  };
  return { id, text: JSON.stringify(resource) };
}

function wholeNumber(request: Record<string, unknown>, name: string, least: number): number | undefined {
  const value = request[name];
  if (value === undefined) return undefined;
  const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < least)
    throw new FhirError('value', `${name} is a whole number from ${least}`, name);
  return number;
}
