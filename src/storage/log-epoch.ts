import type { Database } from './database.js';

/**
 * The epoch of the change log that writers put into their rows. Transaction ids order the log, but only within one cluster: after a
 * restore or a move they may start lower than those already stored, and everything new would sort before what was read. Then a new
 * epoch begins, which sorts after all of the old.
 */
export class LogEpoch {
  private constructor(readonly current: number) {}

  /** Compares the cluster with the one the log was written in, and begins a new epoch if it is another or its ids have gone back. */
  static async open(database: Database): Promise<LogEpoch> {
    return database.transaction(async (tx) => {
      // The lock lets processes that start together take turns: the second one finds the epoch the first began.
      await tx.run({ text: 'LOCK TABLE log_epoch IN SHARE ROW EXCLUSIVE MODE' });
      const [row] = await tx.rows<{ epoch: number }>({ text: NEXT_EPOCH });
      return new LogEpoch(row!.epoch);
    });
  }
}

/**
 * One statement, so that cluster, own transaction id and stored ids are seen at one moment. The highest stored id is one step down an
 * index. The matching position counts too: the log it has read may have been pruned.
 */
const NEXT_EPOCH = `
  WITH here AS (
    SELECT (SELECT system_identifier::text FROM pg_control_system()) AS system_identifier, pg_current_xact_id() AS xid
  ), stored AS (
    SELECT l.epoch, l.system_identifier,
           (SELECT v.xid FROM resource_version AS v WHERE v.epoch = l.epoch ORDER BY v.xid DESC LIMIT 1) AS written,
           (SELECT max(p.xid) FROM matching_position AS p WHERE p.epoch = l.epoch) AS read
    FROM log_epoch AS l
  )
  INSERT INTO log_epoch AS l (epoch, system_identifier)
  SELECT CASE
           WHEN stored.epoch IS NULL THEN 1
           WHEN stored.system_identifier = here.system_identifier
                AND here.xid > coalesce(stored.written, '0') AND here.xid > coalesce(stored.read, '0') THEN stored.epoch
           ELSE stored.epoch + 1
         END,
         here.system_identifier
  FROM here LEFT JOIN stored ON true
  ON CONFLICT (only_row) DO UPDATE SET epoch = excluded.epoch, system_identifier = excluded.system_identifier
  RETURNING epoch`;
