import type { Change, LogPosition } from '../../src/fhir/change.js';

/**
 * What classic subscriptions by patient (and maybe status) must have been given, worked out from the log by the plainest means: one list
 * for each, walked change by change.
 */
export function modelEvents(changes: readonly Change[]): Map<string, LogPosition[]> {
  const given = new Map<string, LogPosition[]>();
  const active = new Map<string, { patient: string; status?: string }>();
  const versions = new Map<string, number>();
  for (const change of changes) {
    const body = JSON.parse(change.body ?? 'null') as Record<string, unknown> | null;
    if (change.type === 'Observation' && body !== null) {
      for (const [id, wanted] of active) {
        const patient = (body.subject as { reference: string }).reference === `Patient/${wanted.patient}`;
        if (patient && (wanted.status === undefined || wanted.status === body.status)) given.get(id)?.push(change.position);
      }
    }
    if (change.type !== 'Subscription' || change.version < (versions.get(change.id) ?? 0)) continue;
    versions.set(change.id, change.version);
    if (body === null) {
      active.delete(change.id);
      given.delete(change.id);
      continue;
    }
    if (!given.has(change.id)) given.set(change.id, []);
    const [, patient = '', , status] = /patient=(\w+)(&status=(\w+))?/.exec(String(body.criteria)) ?? [];
    if (body.status === 'off') active.delete(change.id);
    else active.set(change.id, { patient, status });
  }
  return given;
}
