import { FailingGroups } from '../matching/failing-groups.js';
import type { Change } from '../fhir/change.js';
import { hubMayMove } from '../subscriptions/status-machine.js';
import type { SubscriptionStatus } from '../subscriptions/subscription-definition.js';
import { changeOf, type ChangeRow } from './change-row.js';
import type { Database } from './database.js';
import { GROUP_SUBSCRIPTIONS } from './sql/group-subscriptions.sql.js';
import type { ChangeStoreStatusWriter } from './status-writer.js';

/** Readings of a group's Subscriptions, should their owners write them at the same moment. */
const MOST_READINGS = 5;

export class PostgresFailingGroups extends FailingGroups {
  constructor(
    private readonly database: Database,
    private readonly statuses: Pick<ChangeStoreStatusWriter, 'write'>,
  ) {
    super();
  }

  async switchOff(fingerprint: string, reason: string): Promise<void> {
    for (let reading = 1; reading <= MOST_READINGS; reading++) {
      const left: Change[] = [];
      for (const subscription of await this.switchedOn(fingerprint)) {
        if ((await this.statuses.write(subscription, 'off', reason)) === undefined) left.push(subscription);
      }
      if (left.length === 0) return;
    }
    throw new Error('Subscriptions of a group that fails are written so often that they could not be switched off');
  }

  private async switchedOn(fingerprint: string): Promise<Change[]> {
    const rows = await this.database.rows<ChangeRow>(GROUP_SUBSCRIPTIONS, [`\\x${fingerprint}`]);
    return rows.map(changeOf).filter(({ body }) => {
      const { status } = JSON.parse(body ?? '{}') as { status?: SubscriptionStatus };
      return status !== undefined && hubMayMove(status, 'off');
    });
  }
}
