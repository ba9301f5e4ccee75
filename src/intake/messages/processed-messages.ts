import type { ProcessedMessage } from '../change-store.js';

/** The messages that were processed lately, for senders who did not get their answer. */
export abstract class ProcessedMessages {
  /** Those of one source that bear this message id, or this envelope id. */
  abstract known(source: string, messageId: string, envelopeId: string): Promise<ProcessedMessage[]>;
}
