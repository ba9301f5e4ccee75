import type { SourceUnit, SourceWrite, Watermark } from './source-store.js';

/** A version of the source that is to be taken in, or that was before; in the order the source listed it, newest first. */
export interface Version {
  type: string;
  /** The source's id. */
  id: string;
  key: string;
  versionId: string | undefined;
  at: number | undefined;
  /** Undefined: known already, or of no use here; it counts for the watermark alone. */
  write: SourceWrite | undefined;
}

/** The next poll asks from a whole second on, and some sources look at whole seconds only. */
const PRECISION_MILLISECONDS = 1_000;

/**
 * Cuts what a walk brought into units that are stored one after another, oldest version first, each moving the watermark over what it
 * holds. So a poll that ends half-way goes on from there and takes nothing in twice; only the last unit moves it to the source's own
 * time, and the overlap is looked at again by the next poll in any case. The last entry may have no writes.
 */
export function planUnits(
  versions: readonly Version[],
  endpointId: string,
  before: Watermark,
  serverTime: number | undefined,
  overlapSeconds: number,
  maxWrites: number,
): (SourceUnit & { watermark: Watermark & { endpointId: string } })[] {
  const sorted = oldestFirst(versions);
  const units: (SourceUnit & { watermark: Watermark & { endpointId: string } })[] = [];
  let writes: SourceWrite[] = [];
  let targets = new Set<string>();
  let done = 0;
  let reached = before.since?.getTime();
  let window = 0;
  const known = sorted.flatMap(({ version }, index) => (version.write === undefined ? [index] : []));

  const close = (since: number | undefined): void => {
    const watermark = { endpointId, since: since === undefined ? null : new Date(since), seen: seenAt(since) };
    units.push({ face: 'r4b', writes, watermark });
    writes = [];
    targets = new Set();
  };
  /** What the next poll, asking from `since` less the overlap, will be shown again. */
  const seenAt = (since: number | undefined): string[] => {
    const from = since === undefined ? -Infinity : since - overlapSeconds * 1_000 - PRECISION_MILLISECONDS;
    while (window < done && sorted[window]!.at < from) window += 1;
    const ahead = known.filter((index) => index >= done).map((index) => sorted[index]!.version.key);
    return [...new Set([...sorted.slice(window, done).map(({ version }) => version.key), ...ahead])];
  };

  for (const { version, at } of sorted) {
    if (version.write !== undefined) {
      const target = targetOf(version.write);
      if (targets.has(target) || writes.length >= maxWrites) close(reached);
      writes.push(version.write);
      targets.add(target);
    }
    done += 1;
    reached = Math.min(Math.max(reached ?? at, at), serverTime ?? Infinity);
  }
  window = 0;
  close(serverTime ?? reached);
  return units;
}

/** Each version with a time: where the source told none, that of the version listed just before it in time. */
function oldestFirst(versions: readonly Version[]): { version: Version; at: number }[] {
  let last = 0;
  const timed = versions.toReversed().map((version) => {
    last = version.at ?? last;
    return { version, at: last };
  });
  const sorted = timed.sort((a, b) => a.at - b.at);
  for (let from = 0; from < sorted.length;) {
    let to = from + 1;
    while (to < sorted.length && sorted[to]!.at === sorted[from]!.at) to += 1;
    if (to - from > 1) orderWithinInstant(sorted, from, to);
    from = to;
  }
  return sorted;
}

/**
 * Versions of one resource that bear the same time stand in the order of the list, newest first, unless their ids are plain numbers:
 * then these tell it better, as some servers list a single instant in any order.
 */
function orderWithinInstant(sorted: { version: Version; at: number }[], from: number, to: number): void {
  const places = new Map<string, number[]>();
  for (let index = from; index < to; index += 1) {
    const { type, id } = sorted[index]!.version;
    const name = `${type}/${id}`;
    const place = places.get(name);
    if (place === undefined) places.set(name, [index]);
    else place.push(index);
  }
  for (const indices of places.values()) {
    const group = indices.map((index) => sorted[index]!);
    if (group.length < 2 || !group.every(({ version }) => /^\d{1,15}$/.test(version.versionId ?? ''))) continue;
    group.sort((a, b) => Number(a.version.versionId) - Number(b.version.versionId));
    indices.forEach((place, index) => (sorted[place] = group[index]!));
  }
}

function targetOf(write: SourceWrite): string {
  return write.kind === 'delete' ? `${write.type}/${write.id}` : `${write.resource.type}/${write.resource.id}`;
}
