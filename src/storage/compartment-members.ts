import type { Change } from '../fhir/change.js';
import { CompartmentMembers, type MembersAsked } from '../pull/compartment-members.js';
import { parameterId } from '../search/equality-key.js';
import { type ChangeRow, changeOf } from './change-row.js';
import type { Queryable } from './database.js';
import { withinBudget } from './resource-reader.js';
import { COMPARTMENT_MEMBERS } from './sql/compartment-members.sql.js';

export class PostgresCompartmentMembers extends CompartmentMembers {
  /** @param searches whose statements the server cancels after their time */
  constructor(private readonly searches: Queryable) {
    super();
  }

  async page({ keys, since, care, after, limit }: MembersAsked): Promise<Change[]> {
    const [type = null, id = null] = after?.split('/') ?? [];
    const dates = care?.dates.map(({ type: ofType, code }) => parameterId(ofType, code)) ?? null;
    const rows = await withinBudget(() =>
      this.searches.rows<ChangeRow>(COMPARTMENT_MEMBERS, [
        keys,
        since?.toISOString() ?? null,
        type,
        id,
        dates,
        instantOf(care?.period.low),
        instantOf(care?.period.high),
        limit,
      ]),
    );
    return rows.map(changeOf);
  }
}

function instantOf(milliseconds: number | undefined): string | null {
  if (milliseconds === undefined) return null;
  if (!Number.isFinite(milliseconds)) return milliseconds < 0 ? '-infinity' : 'infinity';
  return new Date(milliseconds).toISOString();
}
