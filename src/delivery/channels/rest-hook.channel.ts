import { notificationText } from '../../fhir/notification-bundle.js';
import type { OutboundClient, OutboundRequest } from '../../outbound/outbound-client.js';
import { resultOf } from '../attempt-result.js';
import { notificationId } from '../notification-id.js';
import { type Push, PushChannel, type PushOutcome } from '../push-channel.js';
import { calledOutcome, NOT_CALLED } from './called-outcome.js';
import { signatureHeaders } from './webhook-signature.js';

/**
 * Notifications by HTTP. Topic-based: POST of the Bundle to the endpoint as it was written. Classic: an empty POST for each event, or,
 * with a payload, PUT of the resource under the endpoint, as an update: https://hl7.org/fhir/R4B/subscription.html#2.46.7.1
 * Signed where the Subscription has a signing secret. docs/secrets-and-signatures.md
 */
export class RestHookChannel extends PushChannel {
  readonly type = 'rest-hook';

  constructor(private readonly client: OutboundClient) {
    super();
  }

  async send(push: Push): Promise<PushOutcome> {
    const request = requestOf(push);
    if (!request) return NOT_CALLED;
    const { channel } = push.definition;
    const signature = signatureHeaders(channel.signingSecrets, notificationId(push), request.body ?? '', new Date());
    const outcome = await this.client.send({ ...request, headers: [...request.headers, ...signature] });
    return calledOutcome(outcome, resultOf(outcome, Date.now()));
  }
}

function requestOf(push: Push): OutboundRequest | undefined {
  const { definition, timeoutMs, signal } = push;
  const { subject, channel } = definition;
  const endpoint = channel.endpoint ?? '';
  const common = { timeoutMs, signal };
  const marks = marksOf(push);

  if (subject.kind === 'topic') {
    const url = URL.parse(endpoint);
    const type = ['Content-Type', channel.payload ?? 'application/fhir+json'] as const;
    const body = notificationText(push.subject, { ...push, type: push.kind, status: definition.status }, new Date());
    return url ? { ...common, method: 'POST', url, headers: [type, ...marks, ...channel.headers], body } : undefined;
  }
  const focus = push.events[0]?.event.focus;
  if (channel.payload === undefined || !focus || focus.body === null) {
    const url = URL.parse(endpoint);
    return url ? { ...common, method: 'POST', url, headers: [...marks, ...channel.headers] } : undefined;
  }
  const url = URL.parse(`${endpoint.replace(/\/+$/, '')}/${focus.type}/${focus.id}`);
  const headers = [['Content-Type', channel.payload] as const, ...marks, ...channel.headers];
  return url ? { ...common, method: 'PUT', url, headers, body: focus.body } : undefined;
}

/** What says which notification this is, and for which request it is sent once more. */
function marksOf(push: Push): (readonly [name: string, value: string])[] {
  const replay = push.replay === undefined ? [] : [['carillon-replay', String(push.replay)] as const];
  return [['webhook-id', notificationId(push)], ...replay];
}
