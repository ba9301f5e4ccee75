import type { SubscriptionStatus } from '../subscriptions/subscription-definition.js';
import type { StatusNotice } from './compose-status-mail.js';
import type { Line } from './line.js';

/** What the contacts of a line whose status was moved are to be told; undefined: nothing, as when its end is reached. */
export function noticeOf(line: Line, from: SubscriptionStatus, reason: string | undefined): StatusNotice | undefined {
  const { definition, subject, resource, fault } = line;
  const { status } = definition;
  const concerns = status === 'error' || (status === 'off' && fault !== undefined) || (status === 'active' && from === 'error');
  if (!concerns) return undefined;
  return {
    subscriptionId: line.id,
    version: resource.version,
    status,
    since: resource.at,
    reason,
    waiting: Math.max(0, line.latest - line.acknowledged),
    url: `${subject.base}/Subscription/${line.id}`,
    contacts: definition.contacts ?? [],
  };
}
