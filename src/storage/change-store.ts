import { FhirError } from '../fhir/fhir-error.js';
import { LOG_START, type Change } from '../fhir/change.js';
import { ChangeStore, type ResourceToStore, type WriteOutcome, type WriteUnit } from '../intake/change-store.js';
import { type CurrentVersions, decideUnit, resourceKey, targetOf, type Draft, type UnitDecision } from '../intake/decide-unit.js';
import type { IndexRows } from '../search/values.js';
import type { WakeUps } from '../wake-ups/wake-ups.js';
import { appendParameters, type CurrentRow } from './append-parameters.js';
import type { Database, Queryable } from './database.js';
import { isLostRace, isOutdated, LostRace, storageFailure } from './database-failure.js';
import { FlushReferences, looksAround, type ReferringKeys } from './flush-references.js';
import { NO_DEFINITIONS, type WrittenDefinitions } from './written-definitions.js';
import { RecentVersions } from './recent-versions.js';
import { RidSupply } from './rid-supply.js';
import { APPEND_CHANGES, APPEND_NEW } from './sql/append-changes.sql.js';
import { FORGET_SEARCH_ROWS } from './sql/forget-search-rows.sql.js';
import { LOCK_CURRENT } from './sql/lock-current.sql.js';
import { KEEP_MESSAGE } from './sql/processed-messages.sql.js';
import { NOTE_SEALED } from './sql/sealed-versions.sql.js';
import { MOVE_WATERMARK } from './sql/move-watermark.sql.js';
import { UnitQueue } from './unit-queue.js';

export interface GroupCommitSettings {
  /** Flushes under way at once: while one waits for the disk, the next is worked out. */
  flushes: number;
  maxUnits: number;
  maxBytes: number;
}

const DEFAULTS: GroupCommitSettings = { flushes: 2, maxUnits: 200, maxBytes: 8 * 1024 * 1024 };
const ATTEMPTS = 8;
const NO_ROWS: IndexRows = { keys: [], dates: [], numbers: [], quantities: [], strings: [] };

interface Waiting {
  unit: WriteUnit;
  keys: string[];
  bytes: number;
  resolve: (outcomes: WriteOutcome[]) => void;
  reject: (reason: unknown) => void;
}

interface LockedRow extends Omit<Change, 'position' | 'version'> {
  rid: bigint;
  version: number | null;
  epoch: number;
  xid: bigint;
  seq: bigint;
}

/** What a flush knows of a resource: its current version and its row number. */
interface Known {
  change: Change;
  rid?: bigint;
}

/**
 * Intake's door on PostgreSQL, with group commit: the units that arrive while a flush is under way are stored by the next one, in one
 * database transaction, each with its own outcome. An idle hub flushes at once. docs/adr/0003-group-commit.md
 */
export class PostgresChangeStore extends ChangeStore {
  private readonly queue = new UnitQueue<Waiting>();
  private readonly rids = new RidSupply();
  private readonly settings: GroupCommitSettings;
  private underWay = 0;
  private planned = false;
  private lastMs = 0;

  constructor(
    private readonly database: Database,
    private readonly indexRows: (resource: ResourceToStore, lastUpdated: Date) => IndexRows,
    private readonly wakeUps: WakeUps,
    settings: Partial<GroupCommitSettings> = {},
    private readonly now: () => number = Date.now,
    private readonly recent = new RecentVersions(),
    /** By what the index rows are made. */
    private readonly definitions: WrittenDefinitions = NO_DEFINITIONS,
    /** For units whose references are checked. */
    private readonly referringKeys: ReferringKeys = () => [],
  ) {
    super();
    this.settings = { ...DEFAULTS, ...settings };
  }

  write(unit: WriteUnit): Promise<WriteOutcome[]> {
    return new Promise((resolve, reject) => {
      this.queue.add({ unit, keys: keysOf(unit), bytes: bytesOf(unit), resolve, reject });
      this.plan();
    });
  }

  /** Not at once but after the requests that arrived in the same breath have been read, so that they share the first flush. */
  private plan(): void {
    if (this.planned) return;
    this.planned = true;
    setImmediate(() => {
      this.planned = false;
      while (this.underWay < this.settings.flushes && this.queue.size > 0) {
        const units = this.queue.take(this.settings.maxUnits, this.settings.maxBytes);
        if (units.length === 0) return;
        void this.flush(units);
      }
    });
  }

  private async flush(units: Waiting[]): Promise<void> {
    this.underWay += 1;
    try {
      await this.store(units);
    } finally {
      this.underWay -= 1;
      this.queue.release(units);
      if (this.queue.size > 0) this.plan();
    }
  }

  /** Stores the units together; where the database refuses the lot for what one of them holds, each alone. Settles every unit's promise. */
  private async store(units: readonly Waiting[]): Promise<void> {
    try {
      return await this.storeTogether(units);
    } catch (error) {
      const failure = storageFailure(error);
      if (units.length === 1 || failure.code === 'transient') {
        for (const { reject } of units) reject(failure.error);
        return;
      }
    }
    for (const unit of units) await this.store([unit]);
  }

  private async storeTogether(units: readonly Waiting[]): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const { settle, written } = await this.attempt(units, attempt > 1);
        for (const change of written) this.recent.add(change);
        if (written.length > 0) this.wakeUps.send('changes');
        if (written.some(({ type }) => type === 'SearchParameter')) await this.definitions.changed();
        for (const each of settle) each();
        return;
      } catch (error) {
        if (attempt >= ATTEMPTS) throw error;
        if (isOutdated(error)) await this.definitions.refresh();
        else if (!isLostRace(error)) throw error;
      }
    }
  }

  /** After a lost race creates are looked up too: that tells an id in use from the race of somebody else in the same flush. */
  private async attempt(units: readonly Waiting[], lookUpAll: boolean): Promise<{ settle: (() => void)[]; written: Change[] }> {
    const targets = lookUpTargets(units, lookUpAll);
    const together =
      targets.length > 0 ||
      units.some(
        ({ unit }) => unit.watermark !== undefined || unit.message !== undefined || unit.sealed === true || looksAround(unit),
      );
    return together
      ? this.database.transaction((tx) => this.attemptOn(tx, units, targets))
      : this.attemptOn(this.database, units, targets);
  }

  private async attemptOn(on: Queryable, units: readonly Waiting[], targets: readonly { type: string; id: string }[]) {
    const references = units.some(({ unit }) => looksAround(unit))
      ? await FlushReferences.begin(
          on,
          units.map(({ unit }) => unit),
          this.referringKeys,
        )
      : undefined;
    const known = targets.length === 0 ? new Map<string, Known>() : await lockCurrent(on, targets);
    const settle: (() => void)[] = [];
    const drafts: Draft[] = [];
    const nowMs = this.clock();
    for (const waiting of units) {
      const decision =
        references === undefined
          ? decide(waiting.unit, known, nowMs)
          : await decideChecked(waiting.unit, known, nowMs, references);
      if (decision instanceof FhirError) {
        settle.push(() => waiting.reject(decision));
        continue;
      }
      drafts.push(...decision.drafts);
      settle.push(() => waiting.resolve(decision.outcomes));
      if (waiting.unit.watermark !== undefined) {
        const { endpointId, since, seen } = waiting.unit.watermark;
        await on.run(MOVE_WATERMARK, [endpointId, since, seen]);
      }
      if (waiting.unit.message !== undefined) {
        const { source, messageId, envelopeId, response } = waiting.unit.message;
        await on.run(KEEP_MESSAGE, [source, messageId, envelopeId, response]);
      }
    }
    if (drafts.length > 0) await this.append(on, drafts, known);
    if (units.some(({ unit }) => unit.sealed)) await noteSealed(on, drafts);
    return { settle, written: drafts.map(({ change }) => change) };
  }

  private async append(on: Queryable, drafts: readonly Draft[], known: ReadonlyMap<string, Known>): Promise<void> {
    const last = new Map<string, Draft>();
    for (const draft of drafts) last.set(resourceKey(draft.change.type, draft.change.id), draft);
    const replaced: bigint[] = [];
    const current: CurrentRow[] = [];
    const fresh = await this.rids.take(on, [...last.keys()].filter((key) => known.get(key)?.rid === undefined).length);
    // Read in the same breath as the rows are made.
    const generation = this.definitions.generation;
    for (const [key, { change, resource }] of last) {
      const before = known.get(key)?.rid;
      if (before !== undefined) replaced.push(before);
      const rows = resource === undefined ? NO_ROWS : this.indexRows(resource, change.at);
      current.push({ rid: before ?? fresh.pop()!, change, rows });
    }
    if (replaced.length > 0) await on.rows(FORGET_SEARCH_ROWS, [`{${replaced.join(',')}}`]);
    const changes = drafts.map((draft) => draft.change);
    const positions = await on.rows<{ epoch: number; xid: bigint; seq: bigint }>(
      replaced.length > 0 ? APPEND_CHANGES : APPEND_NEW,
      appendParameters(changes, current, generation),
    );
    for (const [index, change] of changes.entries()) change.position = positions[index] ?? LOG_START;
  }

  /** Milliseconds that never run backwards, so that the order of versions and of their times agree. */
  private clock(): number {
    this.lastMs = Math.max(this.lastMs, this.now());
    return this.lastMs;
  }
}

/** Works a unit out on what is known, and lets the units after it see its result; a refused unit leaves nothing behind. */
function decide(unit: WriteUnit, known: Map<string, Known>, nowMs: number): UnitDecision | FhirError {
  try {
    return take(decideUnit(unit, currentOf(known), nowMs), known);
  } catch (error) {
    return refusal(error);
  }
}

/** The same where references have to lead somewhere. */
async function decideChecked(
  unit: WriteUnit,
  known: Map<string, Known>,
  nowMs: number,
  references: FlushReferences,
): Promise<UnitDecision | FhirError> {
  try {
    const decision = decideUnit(unit, currentOf(known), nowMs);
    await references.check(unit, decision, currentOf(known));
    return take(decision, known);
  } catch (error) {
    return refusal(error);
  }
}

function currentOf(known: ReadonlyMap<string, Known>): CurrentVersions {
  return (type, id) => known.get(resourceKey(type, id))?.change;
}

function take(decision: UnitDecision, known: Map<string, Known>): UnitDecision {
  for (const { change } of decision.drafts) {
    const key = resourceKey(change.type, change.id);
    known.set(key, { change, rid: known.get(key)?.rid });
  }
  return decision;
}

function refusal(error: unknown): FhirError {
  if (error instanceof FhirError) return error;
  throw error;
}

/** Under which key the secrets of these versions are sealed: a key that is noted cannot be dropped. */
async function noteSealed(on: Queryable, drafts: readonly Draft[]): Promise<void> {
  const sealed = drafts.flatMap(({ change, resource }) =>
    resource?.sealed === undefined ? [] : [{ ...change, keyId: resource.sealed.keyId }],
  );
  if (sealed.length === 0) return;
  await on.run(NOTE_SEALED, [
    sealed.map(({ type }) => type),
    sealed.map(({ id }) => id),
    sealed.map(({ version }) => version),
    sealed.map(({ keyId }) => keyId),
  ]);
}

async function lockCurrent(on: Queryable, targets: readonly { type: string; id: string }[]): Promise<Map<string, Known>> {
  const types = targets.map((target) => target.type).join('\n');
  const ids = targets.map((target) => target.id).join('\n');
  const known = new Map<string, Known>();
  for (const { rid, epoch, xid, seq, version, ...rest } of await on.rows<LockedRow>(LOCK_CURRENT, [types, ids])) {
    if (version === null) throw new LostRace();
    known.set(resourceKey(rest.type, rest.id), { rid, change: { ...rest, version, position: { epoch, xid, seq } } });
  }
  return known;
}

/** Distinct and sorted: all processes lock in the same order. Ids made by the hub for a POST cannot be there yet. */
function lookUpTargets(units: readonly Waiting[], all: boolean): { type: string; id: string }[] {
  const targets = new Map<string, { type: string; id: string }>();
  for (const { unit } of units) {
    for (const write of unit.writes) {
      if (!all && write.kind === 'create' && write.method === 'POST') continue;
      const { type, id } = targetOf(write);
      targets.set(resourceKey(type, id), { type, id });
    }
  }
  return [...targets.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, target]) => target);
}

function keysOf(unit: WriteUnit): string[] {
  const keys = unit.writes.map((write) => {
    const { type, id } = targetOf(write);
    return resourceKey(type, id);
  });
  if (unit.watermark !== undefined) keys.push(`watermark of ${unit.watermark.endpointId}`);
  return keys;
}

function bytesOf(unit: WriteUnit): number {
  return unit.writes.reduce((sum, write) => sum + (write.kind === 'delete' ? 0 : write.resource.text.length), 0);
}
