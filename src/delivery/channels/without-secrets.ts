import type { OutboundAnswer, OutboundFailure } from '../../outbound/outbound-client.js';
import type { ChannelDefinition } from '../../subscriptions/subscription-definition.js';

/** Shorter values would blot out half of an answer and hide nothing. */
const SHORTEST = 6;

/**
 * What came of a call, its body without the secrets that were sent along: some endpoints answer with the request they got, and the
 * beginning of answers is kept.
 */
export function withoutSecrets(
  outcome: OutboundAnswer | OutboundFailure,
  { headers, signingSecrets }: Pick<ChannelDefinition, 'headers' | 'signingSecrets'>,
): OutboundAnswer | OutboundFailure {
  if (outcome.kind !== 'answered' || outcome.body.length === 0) return outcome;
  const secrets = [...headers.flatMap(([, value]) => [value, credentialsOf(value)]), ...signingSecrets];
  const found = secrets.filter((secret) => secret.length >= SHORTEST && outcome.body.includes(secret));
  if (found.length === 0) return outcome;
  let text = outcome.body.toString('utf8');
  // The longer ones first: one may hold another.
  for (const secret of found.sort((a, b) => b.length - a.length)) text = text.replaceAll(secret, '***');
  return { ...outcome, body: Buffer.from(text) };
}

/** `Bearer abc` is also known by `abc`. */
const credentialsOf = (value: string) => value.slice(value.indexOf(' ') + 1);
