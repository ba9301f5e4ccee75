import { createHash } from 'node:crypto';
import type { WriteUnit, WrittenReference } from '../intake/change-store.js';
import { type ReferredTo, refuseDangling, stillReferredTo } from '../intake/decide-references.js';
import { type CurrentVersions, resourceKey, type UnitDecision } from '../intake/decide-unit.js';
import type { Queryable } from './database.js';
import { LOCK_REFERENCES } from './sql/lock-references.sql.js';
import { REFERRED_TO } from './sql/referred-to.sql.js';
import { STILL_REFERRING } from './sql/still-referring.sql.js';

/** The equality keys of all resources that refer to one. */
export type ReferringKeys = (type: string, id: string) => readonly number[];

/** The space of our locks among the advisory ones of two numbers. */
const SPACE = 0x7265_6673;
/** Locks in all: however many references a transaction has, it takes no more, as PostgreSQL has room for some thousands. */
const STRIPES = 256;
/** Deletes that one statement asks about; each brings a thousand keys and more. */
const AT_ONCE = 50;
const VERSION = /^[1-9]\d{0,8}$/;

/** Whether a unit has anything to be held against what is there. */
export function looksAround({ references, writes }: WriteUnit): boolean {
  return references !== undefined && (references.length > 0 || writes.some(({ kind }) => kind === 'delete'));
}

/**
 * The references of one flush, held against what is there. From here to the commit no other process, and no other flush of this one, deletes
 * what the flush refers to or refers to what it deletes: whoever refers shares a lock with others who do, whoever deletes has it alone.
 * docs/adr/0022-dangling-references.md
 */
export class FlushReferences {
  /** What the units taken so far refer to, by the resource that does. */
  private readonly taken = new Map<string, ReadonlySet<string>>();
  private readonly madeVersions = new Set<string>();

  private constructor(
    private readonly on: Queryable,
    private readonly referringKeys: ReferringKeys,
    private readonly deleted: ReadonlyMap<string, boolean>,
    private readonly versions: ReadonlySet<string>,
  ) {}

  /** Locks and looks; the first thing in a transaction, before it locks any row. */
  static async begin(on: Queryable, units: readonly WriteUnit[], referringKeys: ReferringKeys): Promise<FlushReferences> {
    const checked = units.filter(looksAround);
    const references = new Map(checked.flatMap((unit) => unit.references ?? []).map((each) => [versionKey(each), each]));
    await lock(on, checked, [...references.values()]);
    const asked = [...references.values()];
    const rows =
      asked.length === 0
        ? []
        : await on.rows<{ n: number; deleted: boolean; hasVersion: boolean }>(REFERRED_TO, [
            asked.map(({ type }) => type),
            asked.map(({ id }) => id),
            asked.map(({ version }) => (version !== undefined && VERSION.test(version) ? Number(version) : null)),
          ]);
    const deleted = new Map<string, boolean>();
    const versions = new Set<string>();
    for (const row of rows) {
      const reference = asked[row.n - 1]!;
      deleted.set(resourceKey(reference.type, reference.id), row.deleted);
      if (row.hasVersion) versions.add(versionKey(reference));
    }
    return new FlushReferences(on, referringKeys, deleted, versions);
  }

  /**
   * @param current what the flush has made of resources so far
   * @throws RefusedWrite 422, 409
   */
  async check(unit: WriteUnit, decision: UnitDecision, current: CurrentVersions): Promise<void> {
    if (looksAround(unit)) {
      refuseDangling(unit, decision, this.before(current));
      await this.refuseReferredTo(unit, decision);
    }
    const stored = referencesOf(unit, decision);
    for (const { change } of decision.drafts) {
      const key = resourceKey(change.type, change.id);
      const targets = stored.get(key);
      if (targets === undefined) this.taken.delete(key);
      else this.taken.set(key, targets);
      if (change.interaction !== 'delete')
        this.madeVersions.add(versionKey({ type: change.type, id: change.id, version: String(change.version) }));
    }
  }

  private before(current: CurrentVersions): ReferredTo {
    return {
      state: (type, id) => {
        const change = current(type, id);
        const deleted = change === undefined ? this.deleted.get(resourceKey(type, id)) : change.interaction === 'delete';
        return deleted === undefined ? 'never' : deleted ? 'deleted' : 'current';
      },
      hasVersion: (type, id, version) => {
        const key = versionKey({ type, id, version });
        return this.versions.has(key) || this.madeVersions.has(key);
      },
    };
  }

  private async refuseReferredTo(unit: WriteUnit, decision: UnitDecision): Promise<void> {
    const deletes = decision.drafts.map(({ change }) => change).filter(({ interaction }) => interaction === 'delete');
    if (deletes.length === 0) return;
    const after = new Map([...this.taken, ...referencesOf(unit, decision)]);
    for (const { type, id } of deletes) {
      const key = resourceKey(type, id);
      for (const [referring, targets] of after) if (targets.has(key)) throw stillReferredTo(unit, type, id, referring);
    }
    for (let first = 0; first < deletes.length; first += AT_ONCE) {
      const some = deletes.slice(first, first + AT_ONCE);
      const keys = some.map(({ type, id }) => `{${this.referringKeys(type, id).join(',')}}`);
      const [hit] = await this.on.rows<{ n: number; name: string }>(STILL_REFERRING, [keys, [...after.keys()]]);
      if (hit === undefined) continue;
      const { type, id } = some[hit.n - 1]!;
      throw stillReferredTo(unit, type, id, hit.name);
    }
  }
}

/**
 * What each resource that a unit stores refers to from then on. Of units that are not checked it is not known: for those, what stands in
 * the database counts.
 */
function referencesOf(unit: WriteUnit, { drafts }: UnitDecision): Map<string, ReadonlySet<string>> {
  if (unit.references === undefined) return new Map();
  const stored = new Map(drafts.map(({ change }) => [resourceKey(change.type, change.id), new Set<string>()]));
  for (const { write, type, id } of unit.references) {
    const source = unit.writes[write]!;
    if (source.kind !== 'delete') stored.get(resourceKey(source.resource.type, source.resource.id))?.add(resourceKey(type, id));
  }
  return stored;
}

async function lock(on: Queryable, units: readonly WriteUnit[], references: readonly WrittenReference[]): Promise<void> {
  const stripes = new Map<number, boolean>();
  for (const { type, id } of references) stripes.set(stripeOf(type, id), false);
  for (const { writes } of units) {
    for (const write of writes) if (write.kind === 'delete') stripes.set(stripeOf(write.type, write.id), true);
  }
  const sorted = [...stripes].sort(([a], [b]) => a - b);
  if (sorted.length === 0) return;
  await on.rows(LOCK_REFERENCES, [sorted.map(([stripe]) => stripe), sorted.map(([, alone]) => alone), SPACE]);
}

function stripeOf(type: string, id: string): number {
  return createHash('sha256').update(resourceKey(type, id)).digest().readUInt32BE(0) % STRIPES;
}

function versionKey({ type, id, version }: { type: string; id: string; version?: string }): string {
  return `${resourceKey(type, id)}/${version ?? ''}`;
}
