import type { LogPosition } from '../../src/fhir/change.js';
import type { Database } from '../../src/storage/database.js';

const GIVEN = {
  text: `
  SELECT s.first_number + e.n - s.after_n - 1 AS number, e.epoch, e.xid, e.seq
  FROM subscription_segment AS s
  JOIN group_event AS e ON e.group_id = s.group_id AND e.n > s.after_n AND (s.until_n IS NULL OR e.n <= s.until_n)
  WHERE s.subscription_id = $1
  ORDER BY number`,
};

/** The events a subscription was given, by number, as the tables say; throws where the numbers are not 1, 2, 3 … */
export async function givenEvents(database: Database, subscriptionId: string): Promise<LogPosition[]> {
  const rows = await database.rows<{ number: bigint; epoch: number; xid: bigint; seq: bigint }>(GIVEN, [subscriptionId]);
  return rows.map(({ number, epoch, xid, seq }, index) => {
    if (Number(number) !== index + 1) throw new Error(`${subscriptionId}: number ${String(number)} stands at place ${index + 1}`);
    return { epoch, xid, seq };
  });
}
