/** Resource types that are only ever part of an exchange; nothing could be done with one that is stored. */
export const NEVER_STORED: ReadonlySet<string> = new Set(['Parameters', 'OperationOutcome', 'SubscriptionStatus']);
