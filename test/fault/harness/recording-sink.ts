import { EndpointReceiver, type Answer, type Behaviour, type Received } from '../../support/endpoint-receiver.js';
import { readNotification } from '../../support/subscriber.js';
import type { Arrival } from './arrival.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- it looks into any notification */

/** No Subscription can ask for a shorter time-out. */
const SHORTEST_PATIENCE_MILLISECONDS = 1000;

/**
 * The destinations of rest-hooks: one HTTP endpoint, a path for each subscription, all of it recorded. What a path answers is scripted
 * with {@link answer} (every behaviour of EndpointReceiver, or a function of the request); otherwise 200. Notifications on sockets
 * are recorded with {@link take}.
 */
export class RecordingSink {
  readonly arrivals: Arrival[] = [];
  /** Handshakes and heartbeats, by subscription. */
  readonly greetings = new Map<string, number>();
  private readonly answers = new Map<string, Answer>();

  private constructor(readonly receiver: EndpointReceiver) {}

  static async start(): Promise<RecordingSink> {
    const sink = new RecordingSink(await EndpointReceiver.start());
    sink.receiver.always((request) => sink.record(request));
    return sink;
  }

  /** Where the subscription of this name is to be sent; by way of a proxy, if one is given. */
  url(name: string, port = this.receiver.port): string {
    return `http://127.0.0.1:${port}/${name}`;
  }

  /** From now on. A function sees every request, handshakes included, at the moment it has arrived whole. */
  answer(name: string, answer: Answer): void {
    this.answers.set(name, answer);
  }

  to(name: string): Arrival[] {
    return this.arrivals.filter((arrival) => arrival.to === name);
  }

  /** Keeps a notification that came by a socket. */
  take(name: string, bundle: any, bytes: number): void {
    this.keep(name, bundle, { accepted: 'yes', at: performance.now(), bytes, webhookId: undefined });
  }

  close(): Promise<void> {
    return this.receiver.close();
  }

  private record(request: Received): Behaviour | number {
    const name = request.path.slice(1);
    const scripted = this.answers.get(name) ?? 200;
    const answer = typeof scripted === 'function' ? scripted(request) : scripted;
    const behaviour: Behaviour = typeof answer === 'number' ? { kind: 'status', status: answer } : answer;
    const { json, at, body, headers } = request;
    const webhookId = headers['webhook-id'];
    const accepted = acceptance(behaviour);
    if (json?.resourceType === 'Bundle')
      this.keep(name, json, {
        accepted,
        at,
        bytes: body.length,
        webhookId: webhookId === undefined ? undefined : String(webhookId),
      });
    return behaviour;
  }

  private keep(name: string, bundle: any, more: Pick<Arrival, 'accepted' | 'at' | 'bytes' | 'webhookId'>): void {
    const told = readNotification(bundle);
    if (told.type !== 'event-notification') {
      this.greetings.set(name, (this.greetings.get(name) ?? 0) + 1);
      return;
    }
    const versions = bundle.entry.slice(1).map(versionOfEntry);
    const events = told.events.map(({ number }, index) => ({ number: Number(number), version: versions[index] ?? 'untold' }));
    this.arrivals.push({ to: name, events, ...more });
  }
}

/** With `full-resource` and no notification shape, the entries after the status are the foci, in the order of the events. */
function versionOfEntry(entry: any): string {
  const [type, id] = String(entry.fullUrl).split('/').slice(-2);
  return `${type}/${id}/${/\d+/.exec(String(entry.response.etag))?.[0]}`;
}

function acceptance(behaviour: Behaviour): Arrival['accepted'] {
  switch (behaviour.kind) {
    case 'status':
      if (behaviour.status < 200 || behaviour.status > 299) return 'no';
      return (behaviour.afterMilliseconds ?? 0) < SHORTEST_PATIENCE_MILLISECONDS ? 'yes' : 'unsure';
    case 'drip':
    case 'half-answer':
      return (behaviour.status ?? 200) < 300 ? 'unsure' : 'no';
    default:
      return 'no';
  }
}
