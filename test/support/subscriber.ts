import { expect } from '@jest/globals';
import type { Hub } from './start-hub.js';
import { waitFor } from './wait-for.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- tests look into any resource */

export type FaceName = 'r4b' | 'r4';
const BACKPORT = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-';
const extension = (name: string, value: object) => ({ url: BACKPORT + name, ...value });

/** The topic of the starter set that tests subscribe to. */
export const LAB_TOPIC = 'https://carillon.example/topics/laboratory-result';

export interface TopicSubscription {
  topic?: string;
  endpoint?: string;
  type?: string;
  content?: string;
  filters?: string[];
  headers?: string[];
  payload?: string;
  maxCount?: number;
  heartbeat?: number;
  timeout?: number;
  end?: string;
}

/** A Subscription by the Backport profile. */
export function topicSubscription(options: TopicSubscription = {}): Record<string, any> {
  const { endpoint, type = 'rest-hook', content = 'id-only', filters = [], headers, maxCount, heartbeat, timeout, end } = options;
  return {
    resourceType: 'Subscription',
    status: 'requested',
    reason: 'a test',
    ...(end ? { end } : {}),
    criteria: options.topic ?? LAB_TOPIC,
    ...(filters.length > 0
      ? { _criteria: { extension: filters.map((filter) => extension('filter-criteria', { valueString: filter })) } }
      : {}),
    channel: {
      ...(maxCount || heartbeat || timeout
        ? {
            extension: [
              ...(heartbeat ? [extension('heartbeat-period', { valueUnsignedInt: heartbeat })] : []),
              ...(timeout ? [extension('timeout', { valueUnsignedInt: timeout })] : []),
              ...(maxCount ? [extension('max-count', { valuePositiveInt: maxCount })] : []),
            ],
          }
        : {}),
      type,
      ...(endpoint ? { endpoint } : {}),
      payload: options.payload ?? 'application/fhir+json',
      _payload: { extension: [extension('payload-content', { valueCode: content })] },
      ...(headers ? { header: headers } : {}),
    },
  };
}

export function classicSubscription(endpoint: string | undefined, channel: Record<string, unknown> = {}): Record<string, any> {
  return {
    resourceType: 'Subscription',
    status: 'requested',
    reason: 'a test',
    criteria: 'Observation?code=http://loinc.org|1975-2',
    channel: { type: 'rest-hook', ...(endpoint ? { endpoint } : {}), ...channel },
  };
}

/** A laboratory result that the topic and the classic criteria both tell of. */
export function labResult(value: string | number = 1, more: object = {}): string {
  const text = JSON.stringify({
    resourceType: 'Observation',
    status: 'final',
    category: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' }] }],
    code: { coding: [{ system: 'http://loinc.org', code: '1975-2' }] },
    valueQuantity: { value: 0 },
    ...more,
  });
  return text.replace('"value":0', `"value":${value}`);
}

/** Talks to a hub as a client would. */
export class Client {
  constructor(
    private readonly hub: Pick<Hub, 'url'>,
    private readonly face: FaceName = 'r4b',
  ) {}

  get base(): string {
    return `${this.hub.url}/fhir/${this.face}`;
  }

  async send(method: string, path: string, body?: unknown): Promise<{ status: number; body: any; text: string }> {
    const response = await fetch(path.startsWith('http') ? path : `${this.base}/${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { headers: { 'content-type': 'application/fhir+json' }, body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text), text };
  }

  async create(resource: unknown, type = 'Subscription'): Promise<any> {
    const { status, body } = await this.send('POST', type, resource);
    expect({ status, issue: body?.issue }).toEqual({ status: 201, issue: undefined });
    return body;
  }

  /** A Subscription that ends soon: where the machine is so busy that it would have been over before it came, one that ends later. */
  async createEnding(resource: object): Promise<any> {
    for (let milliseconds = 1000; ; milliseconds *= 2) {
      const end = new Date(Date.now() + milliseconds).toISOString();
      const { status, body } = await this.send('POST', 'Subscription', { ...resource, end });
      if (status === 201) return body;
      expect(body.issue).toMatchObject([{ diagnostics: expect.stringContaining('The end has passed already') }]);
    }
  }

  result(value: string | number = 1): Promise<any> {
    return this.create(labResult(value), 'Observation');
  }

  async read(id: string): Promise<any> {
    return (await this.send('GET', `Subscription/${id}`)).body;
  }

  /** Its events so far, as `$events` hands them out. */
  async events(id: string): Promise<any> {
    const { status, body } = await this.send('GET', `Subscription/${id}/$events`);
    expect(status).toBe(200);
    return body;
  }

  /** Waits until the Subscription has so many events. */
  async untilTotal(id: string, total: number): Promise<void> {
    await waitFor(
      async () => Number(readNotification((await this.send('GET', `Subscription/${id}/$status`)).body).total) >= total,
      { what: `Subscription/${id} to have ${total} events` },
    );
  }

  untilStatus(id: string, status: string, milliseconds = 60_000): Promise<any> {
    return waitFor(
      async () => {
        const subscription = await this.read(id);
        return subscription.status === status && subscription;
      },
      { milliseconds, what: `Subscription/${id} to be ${status}` },
    );
  }
}

/** What a notification says, in the same words for both faces. */
export function readNotification(bundle: any): {
  type: string;
  status: string;
  total: string;
  topic?: string;
  subscription: string;
  events: { number: string; focus?: string; timestamp?: string }[];
  errors: any[];
} {
  const status = bundle.entry[0].resource;
  if (status.resourceType === 'SubscriptionStatus') {
    return {
      type: status.type,
      status: status.status,
      total: status.eventsSinceSubscriptionStart,
      topic: status.topic,
      subscription: status.subscription.reference,
      events: (status.notificationEvent ?? []).map((event: any) => ({
        number: event.eventNumber,
        focus: event.focus?.reference,
        timestamp: event.timestamp,
      })),
      errors: status.error ?? [],
    };
  }
  const all = (name: string) => status.parameter.filter((parameter: any) => parameter.name === name);
  const one = (parts: any[], name: string) => {
    const part = parts.find((parameter: any) => parameter.name === name);
    return part && Object.entries(part).find(([key]) => key.startsWith('value'))?.[1];
  };
  return {
    type: one(status.parameter, 'type') as string,
    status: one(status.parameter, 'status') as string,
    total: one(status.parameter, 'events-since-subscription-start') as string,
    topic: one(status.parameter, 'topic') as string | undefined,
    subscription: (one(status.parameter, 'subscription') as any).reference,
    events: all('notification-event').map((event: any) => ({
      number: one(event.part, 'event-number'),
      focus: (one(event.part, 'focus') as any)?.reference,
      timestamp: one(event.part, 'timestamp'),
    })),
    errors: all('error').map((error: any) => error.valueCodeableConcept),
  };
}

export const isOfType = (type: string) => (request: { json: any }) =>
  request.json?.resourceType === 'Bundle' && readNotification(request.json).type === type;
