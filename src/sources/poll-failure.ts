/** A poll that has to be tried again later; its message is what the operator reads. */
export class PollFailure extends Error {
  override readonly name = 'PollFailure';

  constructor(
    message: string,
    /** How long the source asked us to stay away. */
    readonly retryAfterMilliseconds?: number,
  ) {
    super(message);
  }
}
