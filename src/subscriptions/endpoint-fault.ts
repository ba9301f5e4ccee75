import type { NotificationFault } from '../fhir/notification-bundle.js';

/** The fault that a cursor keeps as one line of text: `code: what happened`. */
export function faultOf(lastError: string | undefined): NotificationFault | undefined {
  const parts = /^(no-response|error-response): ([^]*)$/.exec(lastError ?? '');
  return parts ? { code: parts[1] as NotificationFault['code'], text: parts[2]! } : undefined;
}

export const faultText = (fault: NotificationFault) => `${fault.code}: ${fault.text}`;
