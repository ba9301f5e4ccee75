import { officialSchemaTakes } from './official-schema.js';
import type { FaceName } from './subscriber.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- it looks into any resource */

export interface ExpectedNotification {
  face: FaceName;
  /** FHIR base of the face. */
  base: string;
  /** Id of the Subscription. */
  subscription: string;
  /** Canonical of its topic; undefined for a classic one. */
  topic?: string;
  level: 'empty' | 'id-only' | 'full-resource';
  type: 'handshake' | 'heartbeat' | 'event-notification' | 'query-status' | 'query-event';
}

const R4_STATUS_PROFILE = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-status-r4';
const STATUSES = ['requested', 'active', 'error', 'off'];
const NUMBER = /^(0|[1-9]\d*)$/;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** What an interaction answers, as the entry of a history shows it. */
const ANSWERS: Record<string, string[]> = { POST: ['201'], PUT: ['200', '201'], DELETE: ['200', '204'], GET: ['200'] };

interface StatusWords {
  status: string;
  type: string;
  total: string;
  subscription: string;
  topic?: string;
  events: { number: string; timestamp?: string; focus?: string; context: string[] }[];
}

/**
 * Everything in which a notification, or an answer of `$status` and `$events`, departs from the Backport IG and from the rules of FHIR's
 * history bundles; empty: nothing. It knows nothing of how the hub makes them.
 * https://hl7.org/fhir/uv/subscriptions-backport/notifications.html, https://hl7.org/fhir/R4B/bundle.html#invs
 */
export function notificationFaults(bundle: any, expected: ExpectedNotification): string[] {
  const faults: string[] = [];
  const must = (holds: boolean, rule: string) => void (holds || faults.push(rule));
  const isQuery = expected.type === 'query-status';
  must(officialSchemaTakes(bundle), 'the Bundle is valid by the official schema');
  must(bundle.type === (isQuery ? 'searchset' : 'history'), `Bundle.type is ${isQuery ? 'searchset' : 'history'}`);
  must(INSTANT.test(bundle.timestamp), 'Bundle.timestamp is an instant');
  must(isQuery || bundle.total === undefined, 'bdl-1: only a searchset has a total');
  must(expected.type === 'query-event' || isQuery || bundle.link === undefined, 'a notification has no link');
  const entries: any[] = bundle.entry ?? [];
  for (const [index, entry] of entries.entries()) {
    must(isQuery === (entry.request === undefined) && isQuery === (entry.response === undefined), `bdl-3, bdl-4: entry ${index}`);
    must(isQuery === (entry.search?.mode === 'match'), `bdl-2: entry ${index}`);
    must(!String(entry.fullUrl).includes('/_history/'), `bdl-8: entry ${index}`);
    must(entry.resource === undefined || officialSchemaTakes(entry.resource), `entry ${index} holds a valid resource`);
  }
  const [first, ...others] = entries;
  if (first === undefined) return [...faults, 'there is an entry'];
  checkStatusEntry(first, expected, must);
  if (first.resource === undefined) return faults;
  const words = expected.face === 'r4b' ? wordsOfR4b(first.resource, must) : wordsOfR4(first.resource, must);
  must(
    others.every(({ resource }) => !['SubscriptionStatus', 'Parameters'].includes(resource?.resourceType)),
    'there is one status',
  );
  checkStatus(words, expected, must);
  checkEvents(words, expected, must);
  if (!isQuery) checkEntries(others, words, expected, must);
  return faults;
}

type Must = (holds: boolean, rule: string) => void;

function checkStatusEntry(entry: any, { face, base, subscription, type }: ExpectedNotification, must: Must): void {
  const { resource } = entry;
  must(
    resource?.resourceType === (face === 'r4b' ? 'SubscriptionStatus' : 'Parameters'),
    'the first entry is the status of the face',
  );
  must(UUID.test(resource?.id) && entry.fullUrl === `urn:uuid:${resource.id}`, 'fullUrl of the status is the urn of its id');
  if (type === 'query-status') return;
  must(entry.request?.method === 'GET', 'the status is shown as a GET');
  must(entry.request?.url === `${base}/Subscription/${subscription}/$status`, 'the status mirrors a call of $status');
  must(entry.response?.status === '200', 'the status is answered with 200');
}

function wordsOfR4b(status: any, must: Must): StatusWords {
  const known = 'resourceType id status type eventsSinceSubscriptionStart notificationEvent subscription topic error'.split(' ');
  must(
    Object.keys(status).every((name) => known.includes(name)),
    'SubscriptionStatus has no other elements',
  );
  must(status.notificationEvent === undefined || status.notificationEvent.length > 0, 'no list is empty');
  return {
    status: status.status,
    type: status.type,
    total: status.eventsSinceSubscriptionStart,
    subscription: status.subscription?.reference,
    topic: status.topic,
    events: (status.notificationEvent ?? []).map((event: any) => ({
      number: event.eventNumber,
      timestamp: event.timestamp,
      focus: event.focus?.reference,
      context: (event.additionalContext ?? []).map(({ reference }: any) => reference),
    })),
  };
}

/** Slices of the profile: name, type of the value, least and most. */
const SLICES: Record<string, [value: string | undefined, least: number, most: number]> = {
  subscription: ['valueReference', 1, 1],
  topic: ['valueCanonical', 0, 1],
  status: ['valueCode', 1, 1],
  type: ['valueCode', 1, 1],
  'events-since-subscription-start': ['valueString', 0, 1],
  'notification-event': [undefined, 0, Infinity],
  error: ['valueCodeableConcept', 0, Infinity],
};
const EVENT_SLICES: typeof SLICES = {
  'event-number': ['valueString', 1, 1],
  timestamp: ['valueInstant', 0, 1],
  focus: ['valueReference', 0, 1],
  'additional-context': ['valueReference', 0, Infinity],
};

function wordsOfR4(status: any, must: Must): StatusWords {
  must(status.meta?.profile?.length === 1 && status.meta.profile[0] === R4_STATUS_PROFILE, 'Parameters names its profile');
  const value = slicesOf(status.parameter ?? [], SLICES, must);
  return {
    status: value('status')[0],
    type: value('type')[0],
    total: value('events-since-subscription-start')[0],
    subscription: value('subscription')[0]?.reference,
    topic: value('topic')[0],
    events: value('notification-event').map((parts) => {
      const part = slicesOf(parts ?? [], EVENT_SLICES, must);
      return {
        number: part('event-number')[0],
        timestamp: part('timestamp')[0],
        focus: part('focus')[0]?.reference,
        context: part('additional-context').map(({ reference }: any) => reference),
      };
    }),
  };
}

function slicesOf(parameters: any[], slices: typeof SLICES, must: Must): (name: string) => any[] {
  for (const { name } of parameters) must(name in slices, `"${name}" is a slice of the profile`);
  for (const [name, [kind, least, most]] of Object.entries(slices)) {
    const found = parameters.filter((parameter) => parameter.name === name);
    must(found.length >= least && found.length <= most, `${name} occurs ${least} to ${most} times`);
    const members = kind ?? 'part';
    for (const one of found) must(Object.keys(one).sort().join() === ['name', members].sort().join(), `${name} has ${members}`);
  }
  return (name) =>
    parameters.filter((parameter) => parameter.name === name).map((parameter) => parameter[slices[name]![0] ?? 'part']);
}

function checkStatus(words: StatusWords, expected: ExpectedNotification, must: Must): void {
  must(STATUSES.includes(words.status), 'the status is a code of Subscription.status');
  must(words.type === expected.type, `the type is ${expected.type}, not ${words.type}`);
  must(typeof words.total === 'string' && NUMBER.test(words.total), 'eventsSinceSubscriptionStart is a number as text');
  must(
    words.subscription === `${expected.base}/Subscription/${expected.subscription}`,
    'the reference to the Subscription is absolute',
  );
  if (expected.level === 'empty') must(words.topic === undefined, 'level empty leaves out the topic');
  else must(words.topic === expected.topic, 'the topic is named');
}

function checkEvents({ events, total }: StatusWords, { base, level, type }: ExpectedNotification, must: Must): void {
  if (type === 'event-notification') must(events.length > 0, 'an event-notification has an event');
  if (type === 'event-notification') must(events.at(-1)?.number === total, 'the total is the number of the last event');
  if (type === 'heartbeat' || type === 'query-status') must(events.length === 0, `a ${type} has no event`);
  for (const [index, { number, timestamp, focus, context }] of events.entries()) {
    must(typeof number === 'string' && /^[1-9]\d*$/.test(number), 'an eventNumber is a number as text');
    must(Number(number) <= Number(total), 'no number is beyond the total');
    if (index > 0) must(Number(number) > Number(events[index - 1]!.number), 'numbers ascend');
    must(timestamp !== undefined && INSTANT.test(timestamp), 'an event has an instant');
    if (level === 'empty') must(focus === undefined && context.length === 0, 'level empty has neither focus nor context');
    else must(focus?.startsWith(`${base}/`) === true, 'the focus is an absolute reference');
    for (const reference of context) must(reference.startsWith(`${base}/`), 'a context is an absolute reference');
  }
}

function checkEntries(entries: any[], { events }: StatusWords, { base, level }: ExpectedNotification, must: Must): void {
  if (level !== 'full-resource') return must(entries.length === 0, `level ${level} has no entry after the status`);
  const mentioned = new Set(events.flatMap(({ focus, context }) => [focus, ...context]));
  const given = new Set(entries.map(({ fullUrl }) => fullUrl));
  for (const reference of mentioned) must(given.has(reference), `${reference} has an entry`);
  const versions = new Set<string>();
  for (const { fullUrl, resource, request, response } of entries) {
    must(mentioned.has(fullUrl), `${fullUrl} is a focus or a context`);
    const address = String(fullUrl).slice(base.length + 1);
    must((resource === undefined) === (request?.method === 'DELETE'), `${address}: a resource, unless it was deleted`);
    if (resource) must(`${resource.resourceType}/${resource.id}` === address, `${address}: the resource is the one of its URL`);
    const wanted = request?.method === 'POST' ? address.split('/')[0] : address;
    must(request?.url === wanted, `${address}: request.url is ${wanted}`);
    must(ANSWERS[request?.method]?.includes(response?.status) === true, `${address}: ${request?.method} ${response?.status}`);
    const version = `${address} ${resource?.meta?.versionId ?? request?.method} ${response?.etag}`;
    must(!versions.has(version), `${address}: a version stands there once`);
    versions.add(version);
  }
}
