import type { Change, CodedEvent, Face, Interaction } from '../fhir/change.js';

/** A row of `resource_version`, as {@link CHANGE_COLUMNS} selects it. */
export interface ChangeRow {
  epoch: number;
  xid: bigint;
  seq: bigint;
  type: string;
  id: string;
  version: number;
  interaction: Interaction;
  method: Change['method'];
  face: Face;
  at: Date;
  body: string | null;
  event?: string | null;
}

/** What a Change is made of, for a `resource_version` that the statement calls `v`. */
export const CHANGE_COLUMNS =
  'v.epoch, v.xid, v.seq, v.type, v.id, v.version, v.interaction, v.method, v.face, v.at, v.body, v.event';

export function changeOf(row: ChangeRow): Change {
  return {
    position: { epoch: row.epoch, xid: row.xid, seq: row.seq },
    type: row.type,
    id: row.id,
    version: row.version,
    interaction: row.interaction,
    method: row.method,
    at: row.at,
    face: row.face,
    body: row.body,
    ...(row.event === null || row.event === undefined ? {} : { event: JSON.parse(row.event) as CodedEvent }),
  };
}
