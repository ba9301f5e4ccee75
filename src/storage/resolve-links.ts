import { type Canonical, canonicalOf, canonicalsReferredTo, keysReferringTo, leadsTo } from '../search/canonicals.js';
import type { Link, LinkedQuery, Reach } from '../search/query.js';
import type { ExtractedValues, ReferenceValue, SearchParameter } from '../search/values.js';

/** A resource at an end of a link. */
export interface Named {
  id: string;
  canonical: Canonical | undefined;
}

/** Searches at the other ends of links. Each answers within the time of the search it is part of. */
export interface InnerSearches {
  /** The resources that match, in no order; undefined where there are more than `most`, or were when that was last looked at. */
  atMost(query: LinkedQuery, most: number): Promise<readonly { id: string; version: number }[] | undefined>;
  /** Search values of these versions. */
  valuesOf(type: string, versions: readonly { id: string; version: number }[]): Promise<ExtractedValues[]>;
  /** Whether canonicals can lead to resources of a type. */
  bearsCanonical(type: string): boolean;
  /** These versions, each with the canonical it bears, where those of the type can bear one. */
  named(type: string, versions: readonly { id: string; version: number }[]): Promise<Named[]>;
  /** Ids of the resources of a type to which canonicals lead. */
  bearing(type: string, canonicals: readonly Canonical[]): Promise<string[]>;
  /** Those that match of what is referred to, by id or by canonical. */
  among(query: LinkedQuery, ids: readonly string[], canonicals: readonly Canonical[]): Promise<Named[]>;
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
      const keys = new Set<number>();
      for (const target of link.targets) {
        const found = await inner.atMost(target, bounds.referredTo - keys.size);
        if (found === undefined) return undefined;
        for (const named of await inner.named(target.type, found))
          for (const key of keysReferringTo(link.parameter, { type: target.type, ...named })) keys.add(key);
        if (keys.size > bounds.referredTo) return undefined;
      }
      return { ids: [], keys: [...keys] };
    }
    case 'has': {
      const { source, parameter } = link;
      const found = await inner.atMost(source, bounds.referring);
      if (found === undefined) return undefined;
      const values = await inner.valuesOf(source.type, found);
      const ids = values.flatMap((each) => idsReferredTo(each, parameter.code, type));
      const canonicals = values.flatMap((each) => canonicalsReferredTo(each, parameter.code));
      return { ids: [...new Set([...ids, ...(await inner.bearing(type, canonicals))])], keys: [] };
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
    const passes =
      link.kind === 'chain' ? await chainTest(left, valuesOf, link, inner) : await hasTest(type, left, valuesOf, link, inner);
    left = left.filter(passes);
  }
  return left;
}

async function chainTest<Row>(
  rows: readonly Row[],
  valuesOf: (row: Row) => ExtractedValues,
  { parameter: { code }, targets }: TestedLink & { kind: 'chain' },
  inner: InnerSearches,
): Promise<(row: Row) => boolean> {
  const ids = new Set<string>();
  const canonicals = new Map<string, Canonical[]>();
  for (const target of targets) {
    const asked = new Set(rows.flatMap((row) => idsReferredTo(valuesOf(row), code, target.type)));
    const askedBy = rows.flatMap((row) => canonicalsReferredTo(valuesOf(row), code));
    if (asked.size + askedBy.length === 0) continue;
    for (const { id, canonical } of await inner.among(target, [...asked], askedBy)) {
      ids.add(`${target.type}/${id}`);
      if (canonical) canonicals.set(canonical.url, [...(canonicals.get(canonical.url) ?? []), canonical]);
    }
  }
  return (row) =>
    referencesOf(valuesOf(row), code).some(({ type = '', id = '', url = '', version }) => {
      return ids.has(`${type}/${id}`) || canonicals.get(url)?.some((own) => leadsTo({ url, version }, own)) === true;
    });
}

async function hasTest<Row extends { id: string }>(
  type: string,
  rows: readonly Row[],
  valuesOf: (row: Row) => ExtractedValues,
  { parameter, source }: TestedLink & { kind: 'has' },
  inner: InnerSearches,
): Promise<(row: Row) => boolean> {
  const canonicalOfRow = (row: Row) => (inner.bearsCanonical(type) ? canonicalOf(valuesOf(row)) : undefined);
  const keysOf = (row: Row) => keysReferringTo(parameter, { type, id: row.id, canonical: canonicalOfRow(row) });
  const hit = await inner.keysHit(source, parameter, [...new Set(rows.flatMap(keysOf))]);
  return (row) => keysOf(row).some((key) => hit.has(key));
}

function referencesOf(values: ExtractedValues, code: string): readonly ReferenceValue[] {
  const found = values.get(code);
  return found?.type === 'reference' ? found.values : [];
}

/** Ids of the resources of `type` that a parameter refers to. */
export function idsReferredTo(values: ExtractedValues, code: string, type: string): string[] {
  return referencesOf(values, code).flatMap((reference) =>
    reference.type === type && reference.id !== undefined ? [reference.id] : [],
  );
}
