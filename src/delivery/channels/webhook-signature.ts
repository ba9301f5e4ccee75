import { createHmac } from 'node:crypto';
import { signingKey } from '../../subscriptions/signing-secret.js';

/**
 * Headers by which a receiver tells that a call is the hub's and fresh: `webhook-timestamp` in seconds and `webhook-signature`, one for
 * each secret, so that a receiver who knows any of them is content. Nothing where there is no secret.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 * @param id as sent in `webhook-id`
 * @param body exactly the bytes that are sent
 */
export function signatureHeaders(
  secrets: readonly string[],
  id: string,
  body: string | Buffer,
  now: Date,
): (readonly [name: string, value: string])[] {
  const keys = secrets.map(signingKey).filter((key) => key !== undefined);
  if (keys.length === 0) return [];
  const seconds = String(Math.floor(now.getTime() / 1000));
  const signatures = keys.map(
    (key) => `v1,${createHmac('sha256', key).update(`${id}.${seconds}.`).update(body).digest('base64')}`,
  );
  return [
    ['webhook-timestamp', seconds],
    ['webhook-signature', signatures.join(' ')],
  ];
}
