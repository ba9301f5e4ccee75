import type { OutboundClient } from '../../outbound/outbound-client.js';
import { type AttemptResult, resultOf } from '../attempt-result.js';
import { notificationId } from '../notification-id.js';
import { type Push, PushChannel, type PushOutcome } from '../push-channel.js';
import { calledOutcome, NOT_CALLED } from './called-outcome.js';
import { notificationMessage } from './notification-message.js';
import { signatureHeaders } from './webhook-signature.js';

/** Notifications as FHIR messages to `$process-message` of a server: https://hl7.org/fhir/uv/subscriptions-backport/channels.html */
export class MessageChannel extends PushChannel {
  readonly type = 'message';

  constructor(private readonly client: OutboundClient) {
    super();
  }

  async send(push: Push): Promise<PushOutcome> {
    const { channel } = push.definition;
    const url = operationUrl(channel.endpoint ?? '');
    if (url === undefined) return NOT_CALLED;
    const body = notificationMessage(push, url.href, new Date());
    const outcome = await this.client.send({
      method: 'POST',
      url,
      headers: [['Content-Type', channel.payload ?? 'application/fhir+json'], ...marksOf(push, body), ...channel.headers],
      body,
      timeoutMs: push.timeoutMs,
      signal: push.signal,
    });
    const result = resultOf(outcome, Date.now());
    const isTaken = outcome.kind === 'answered' && result.kind === 'accepted';
    return calledOutcome(outcome, isTaken ? answerResult(outcome.body.toString('utf8')) : result);
  }
}

/** Those of a signed call; a message bears its own ids in any case. */
function marksOf(push: Push, body: string): (readonly [name: string, value: string])[] {
  const id = notificationId(push);
  const signature = signatureHeaders(push.definition.channel.signingSecrets, id, body, new Date());
  return signature.length === 0 ? [] : [['webhook-id', id], ...signature];
}

/** The endpoint is a FHIR base, or the operation itself; a query stays behind the path. */
export function operationUrl(endpoint: string): URL | undefined {
  const url = URL.parse(endpoint);
  if (url === null) return undefined;
  if (!url.pathname.endsWith('/$process-message')) url.pathname = `${url.pathname.replace(/\/+$/, '')}/$process-message`;
  return url;
}

/**
 * What the response message in a 2xx answer says. An answer without one is taken for a yes: receivers that only store what comes answer so.
 */
export function answerResult(body: string): AttemptResult {
  const code = responseCode(body);
  if (code !== 'transient-error' && code !== 'fatal-error') return { kind: 'accepted' };
  const fault = { code: 'error-response', text: `MessageHeader.response.code ${code}` } as const;
  return { kind: code === 'fatal-error' ? 'refused' : 'retry', fault };
}

function responseCode(body: string): unknown {
  try {
    const bundle = JSON.parse(body) as {
      entry?: { resource?: { resourceType?: string; response?: { code?: unknown } } }[];
    } | null;
    return bundle?.entry?.find(({ resource }) => resource?.resourceType === 'MessageHeader')?.resource?.response?.code;
  } catch {
    return undefined;
  }
}
