/**
 * A condition that always holds and has the transaction of its statement commit without waiting for the disk: for what can be worked out
 * again after a crash (later durable commits carry it along, so order is kept). In the statement itself it costs no round trip. It is
 * evaluated once, before any row is touched.
 */
export const RELAXED_COMMIT = `(SELECT set_config('synchronous_commit', 'off', true)) = 'off'`;
