/** What the contacts of a Subscription are to be told: deliveries fail, are given up, or succeed again. */
export interface StatusNotice {
  subscriptionId: string;
  /** Version of the Subscription that says so; with the id it makes a repetition known. */
  version: number;
  status: 'error' | 'off' | 'active';
  /** When it was moved to this status. */
  since: Date;
  /** What the hub says in `Subscription.error`. */
  reason?: string;
  /** Events that wait to be sent. */
  waiting: number;
  /** Address of the Subscription. */
  url: string;
  contacts: readonly string[];
}

const SUBJECTS = {
  error: 'FHIR subscription: notifications cannot be delivered',
  off: 'FHIR subscription: switched off after failures',
  active: 'FHIR subscription: notifications are delivered again',
} as const;

/** A mail for people. It tells nothing of what the notifications carry, and no header of them; its subject depends on the status alone. */
export function composeStatusMail(notice: StatusNotice): { subject: string; text: string } {
  return { subject: SUBJECTS[notice.status], text: paragraphsOf(notice).join('\n\n') + '\n' };
}

function paragraphsOf({ status, url, since, reason, waiting }: StatusNotice): string[] {
  const subscription = `Subscription: ${url}`;
  const at = since.toISOString();
  const said = `What happened: ${plain(reason ?? 'not known')}`;
  switch (status) {
    case 'error':
      return [
        'The hub cannot deliver the notifications of a FHIR Subscription for which this address is the contact.',
        subscription,
        `Since: ${at}\n${said}\nEvents that wait: ${waiting}`,
        'Nothing is lost: events are kept, in order, and the hub goes on trying. Once the endpoint accepts again it gets all of them. ' +
          'To have it tried at once, mend the endpoint and write the Subscription with the status "requested".',
      ];
    case 'off':
      return [
        'The hub has switched off a FHIR Subscription for which this address is the contact: its endpoint is gone, or failed for too long.',
        subscription,
        `Since: ${at}\n${said}\nEvents that wait: ${waiting}`,
        'What happens from now on is not recorded for it. To go on, mend the endpoint and write the Subscription with the status ' +
          '"requested": the events that wait are sent first. Without need for it, delete the Subscription.',
      ];
    case 'active':
      return [
        'The notifications of a FHIR Subscription for which this address is the contact are delivered again.',
        subscription,
        `Since: ${at}\nEvents that wait and follow now: ${waiting}`,
        'Nothing has to be done.',
      ];
  }
}

const LONGEST_REASON = 300;

/** One line, whatever an endpoint or a mail server put into it. */
function plain(text: string): string {
  const line = text.replace(/[\s\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ').trim();
  return line.length > LONGEST_REASON ? `${line.slice(0, LONGEST_REASON)}…` : line;
}
