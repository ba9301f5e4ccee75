import { type Label, type LabelsInUse, MetaInUse } from '../pull/meta-in-use.js';
import { presenceKey } from '../search/equality-key.js';
import type { Queryable } from './database.js';
import { withinBudget } from './resource-reader.js';
import { META_IN_USE } from './sql/meta-in-use.sql.js';

interface LabelRow {
  kind: 'profile' | 'security' | 'tag';
  system: string | null;
  code: string | null;
  display: string | null;
}

export class PostgresMetaInUse extends MetaInUse {
  /** @param searches whose statements the server cancels after their time */
  constructor(private readonly searches: Queryable) {
    super();
  }

  async of(types: readonly string[]): Promise<LabelsInUse> {
    const keys = types.flatMap((type) => ['_profile', '_tag', '_security'].map((code) => presenceKey(type, code)));
    const rows = await withinBudget(() => this.searches.rows<LabelRow>(META_IN_USE, [keys]));
    const ofKind = (kind: LabelRow['kind']) => rows.filter((row) => row.kind === kind);
    return {
      profile: ofKind('profile').flatMap(({ code }) => code ?? []),
      security: ofKind('security').map(labelOf),
      tag: ofKind('tag').map(labelOf),
    };
  }
}

function labelOf({ system, code, display }: LabelRow): Label {
  return { ...(system === null ? {} : { system }), ...(code === null ? {} : { code }), ...(display === null ? {} : { display }) };
}
