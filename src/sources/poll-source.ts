import { FhirError } from '../fhir/fhir-error.js';
import { parseExact, stringifyExact } from '../fhir/exact-json.js';
import { parseJson } from '../fhir/json-text.js';
import { validateResource } from '../fhir/validate-resource.js';
import type { HistoryEntry } from './history-page.js';
import { hasBeenHere, isSteering, localise } from './localise.js';
import { mapId } from './map-id.js';
import { planUnits, type Version } from './plan-units.js';
import type { SourceClient } from './source-client.js';
import type { SourceDefinition } from './source-definition.js';
import type { SourceIntake, SourceUnit, SourceWrite, Watermark } from './source-store.js';
import { walkHistory, type WalkLimits } from './walk-history.js';

export interface PollParts {
  client: SourceClient;
  intake: SourceIntake;
  /** Base URLs of this hub, one for each face. */
  ownBases: readonly string[];
  limits: WalkLimits & { unitWrites: number };
}

export interface PollResult {
  pages: number;
  /** Versions given to intake, deletes included; what equals the stored copy makes no change there. */
  taken: number;
  /** What was left out because it cannot be stored, in words. */
  skipped: string[];
  watermark: Watermark;
}

/**
 * One poll of a source: walk its history to the end, keep what is new, store it oldest first. A version that cannot be stored is told
 * and left out; it never holds up the others. `stillOurs` is asked before each unit and ends the poll where the lease has passed on.
 * @throws PollFailure when the source could not be read; Error when the store could not take it
 */
export async function pollSource(
  source: SourceDefinition,
  before: Watermark,
  parts: PollParts,
  stillOurs: () => Promise<boolean>,
  signal: AbortSignal,
): Promise<PollResult> {
  const skipped: string[] = [];
  const seen = new Set(before.seen);
  const since = before.since === null ? null : askFrom(before.since, source.overlapSeconds);
  const keep = (entry: HistoryEntry): Version => ({ ...versionOf(entry), write: writeOf(entry, source, seen, parts, skipped) });
  const walk = await walkHistory(source, since, parts.client, parseBody, keep, parts.limits, signal);
  skipped.unshift(...walk.unreadable);

  const { serverTime } = walk;
  const units = planUnits(walk.kept, source.endpointId, before, serverTime, source.overlapSeconds, parts.limits.unitWrites);
  const result: PollResult = { pages: walk.pages, taken: 0, skipped, watermark: before };
  for (const unit of units) {
    signal.throwIfAborted();
    if (unit.writes.length > 0) {
      if (!(await stillOurs())) break;
      result.taken += await store(unit, parts.intake, skipped);
    }
    result.watermark = { since: unit.watermark.since, seen: unit.watermark.seen };
  }
  return result;
}

/** On the second: a source may keep its times in whole seconds, and then compares them with what it is asked. */
function askFrom(since: Date, overlapSeconds: number): Date {
  return new Date((Math.floor(since.getTime() / 1_000) - overlapSeconds) * 1_000);
}

function parseBody(body: Buffer): unknown {
  return parseExact(body.toString('utf8'));
}

function versionOf({ type, id, key, versionId, at }: HistoryEntry): Omit<Version, 'write'> {
  return { type, id, key, versionId, at };
}

/** What is to be stored for an entry; undefined for what is known already, is of no use here, or cannot be stored. */
function writeOf(
  entry: HistoryEntry,
  source: SourceDefinition,
  seen: ReadonlySet<string>,
  parts: PollParts,
  skipped: string[],
): SourceWrite | undefined {
  const { type, id, key, resource } = entry;
  if (seen.has(key) || isSteering(type, resource)) return undefined;
  if (source.types.length > 0 && !source.types.includes(type)) return undefined;
  if (resource === undefined) return { kind: 'delete', type, id: mapId(source.idPrefix, id) };
  if (hasBeenHere(resource, source, parts.ownBases)) return undefined;
  try {
    const { text, value } = parseJson(stringifyExact(localise(resource, source)));
    const [issue] = validateResource(value).filter(({ severity }) => severity !== 'warning' && severity !== 'information');
    if (issue === undefined)
      return { kind: 'put', method: 'PUT', resource: new HeldResource(type, mapId(source.idPrefix, id), text) };
    skipped.push(`${key}: ${issue.diagnostics}${issue.expression === undefined ? '' : ` (${issue.expression})`}`);
  } catch (error) {
    skipped.push(`${key}: ${(error as Error).message}`);
  }
  return undefined;
}

/** A resource of a walk: thousands wait here at once, and a parsed one takes several times the room of its text. */
class HeldResource {
  private parsed: Record<string, unknown> | undefined;

  constructor(
    readonly type: string,
    readonly id: string,
    readonly text: string,
  ) {}

  get value(): Record<string, unknown> {
    return (this.parsed ??= JSON.parse(this.text) as Record<string, unknown>);
  }
}

/** Stores a unit; where one of its writes is refused for good, the others alone. Says how many were taken. */
async function store(unit: SourceUnit, intake: SourceIntake, skipped: string[]): Promise<number> {
  try {
    await intake.write(unit);
    return unit.writes.length;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    if (unit.writes.length <= 1) {
      const [write] = unit.writes;
      if (write !== undefined) skipped.push(`${nameOf(write)}: ${error.message}`);
      // An empty unit still moves the watermark, past what was refused.
      if (unit.watermark !== undefined) await intake.write({ ...unit, writes: [] });
      return 0;
    }
  }
  const middle = unit.writes.length >> 1;
  const first = await store({ face: unit.face, writes: unit.writes.slice(0, middle) }, intake, skipped);
  return first + (await store({ ...unit, writes: unit.writes.slice(middle) }, intake, skipped));
}

/** A refusal of the content; what may pass by itself (a lost race, a busy database) fails the poll, which is then tried again. */
function isRefusal(error: unknown): error is FhirError {
  return error instanceof FhirError && error.status >= 400 && error.status < 500 && error.status !== 409 && error.status !== 429;
}

function nameOf(write: SourceWrite): string {
  return write.kind === 'delete' ? `${write.type}/${write.id}` : `${write.resource.type}/${write.resource.id}`;
}
