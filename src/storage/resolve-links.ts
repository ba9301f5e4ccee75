import { keyOfTwo, parameterKeys } from '../search/parameter-keys.js';
import type { Link, LinkedQuery, Reach } from '../search/query.js';
import type { ExtractedValues, SearchParameter } from '../search/values.js';

/** Searches at the other ends of links. Each answers within the time of the search it is part of. */
export interface InnerSearches {
  /** Up to `limit` resources that match, in no order. */
  matching(query: LinkedQuery, limit: number): Promise<readonly { id: string; version: number }[]>;
  /** Search values of these versions. */
  valuesOf(type: string, versions: readonly { id: string; version: number }[]): Promise<ExtractedValues[]>;
  /** Those of the ids that match. */
  among(query: LinkedQuery, ids: readonly string[]): Promise<ReadonlySet<string>>;
  /** Those of the keys, all of `parameter`, that some match has. */
  keysHit(query: LinkedQuery, parameter: SearchParameter, keys: readonly number[]): Promise<ReadonlySet<number>>;
}

/** A link that has too many at its other end to name them: it is tested for one candidate after another. */
export type TestedLink = Exclude<Link, { kind: 'reach' }>;

/** How many resources at the other end of a link are found first; where there are more, the link is tested. */
export interface LinkBounds {
  /** Most matches at the other end of a chain whose keys are looked up together. */
  referredTo: number;
  /** Most matches of `_has` that are read for what they refer to. */
  referring: number;
}

/** GIN tests each resource it meets against all keys asked for, so that many keys cost by their square. */
export const LINK_BOUNDS: LinkBounds = { referredTo: 200, referring: 500 };

/**
 * What links come to: where few resources stand at the other end, they are found first, and the index then leads from them to what is searched
 * for; where there are many, the candidates are walked and tested, which soon meets enough of what is common.
 */
export async function resolveLinks(
  type: string,
  links: readonly Link[],
  inner: InnerSearches,
  bounds: LinkBounds,
): Promise<{ reached: Reach[]; tested: TestedLink[] }> {
  const reached: Reach[] = [];
  const tested: TestedLink[] = [];
  for (const link of links) {
    const reach = await reachOf(type, link, inner, bounds);
    if (reach) reached.push(reach);
    else tested.push(link as TestedLink);
  }
  return { reached, tested };
}

async function reachOf(type: string, link: Link, inner: InnerSearches, bounds: LinkBounds): Promise<Reach | undefined> {
  switch (link.kind) {
    case 'reach':
      return link.reach;
    case 'chain': {
      const { prefix } = parameterKeys(link.parameter);
      const keys: number[] = [];
      for (const target of link.targets) {
        const found = await inner.matching(target, bounds.referredTo - keys.length + 1);
        for (const { id } of found) keys.push(keyOfTwo(prefix.local, target.type, id));
        if (keys.length > bounds.referredTo) return undefined;
      }
      return { ids: [], keys };
    }
    case 'has': {
      const { source, parameter } = link;
      const found = await inner.matching(source, bounds.referring + 1);
      if (found.length > bounds.referring) return undefined;
      const values = await inner.valuesOf(source.type, found);
      return { ids: [...new Set(values.flatMap((each) => idsReferredTo(each, parameter.code, type)))], keys: [] };
    }
  }
}

/** Which of the candidates pass every link. */
export async function passLinks<Row extends { id: string }>(
  type: string,
  rows: readonly Row[],
  valuesOf: (row: Row) => ExtractedValues,
  tested: readonly TestedLink[],
  inner: InnerSearches,
): Promise<readonly Row[]> {
  let left = rows;
  for (const link of tested) {
    if (left.length === 0) break;
    const passes = link.kind === 'chain' ? await chainTest(left, valuesOf, link, inner) : await hasTest(type, left, link, inner);
    left = left.filter(passes);
  }
  return left;
}

async function chainTest<Row>(
  rows: readonly Row[],
  valuesOf: (row: Row) => ExtractedValues,
  { parameter, targets }: TestedLink & { kind: 'chain' },
  inner: InnerSearches,
): Promise<(row: Row) => boolean> {
  const idsOf = (row: Row, type: string) => idsReferredTo(valuesOf(row), parameter.code, type);
  const hits: { type: string; ids: ReadonlySet<string> }[] = [];
  for (const target of targets) {
    const asked = [...new Set(rows.flatMap((row) => idsOf(row, target.type)))];
    if (asked.length > 0) hits.push({ type: target.type, ids: await inner.among(target, asked) });
  }
  return (row) => hits.some(({ type, ids }) => idsOf(row, type).some((id) => ids.has(id)));
}

async function hasTest<Row extends { id: string }>(
  type: string,
  rows: readonly Row[],
  { parameter, source }: TestedLink & { kind: 'has' },
  inner: InnerSearches,
): Promise<(row: Row) => boolean> {
  const keyOf = ({ id }: Row) => keyOfTwo(parameterKeys(parameter).prefix.local, type, id);
  const hit = await inner.keysHit(source, parameter, rows.map(keyOf));
  return (row) => hit.has(keyOf(row));
}

/** Ids of the resources of `type` that a parameter refers to. */
export function idsReferredTo(values: ExtractedValues, code: string, type: string): string[] {
  const found = values.get(code);
  if (found?.type !== 'reference') return [];
  return found.values.flatMap((reference) => (reference.type === type && reference.id !== undefined ? [reference.id] : []));
}
