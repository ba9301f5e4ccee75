import { bearsCanonical, type Canonical, canonicalOf, keyOfOwnUrl, keysReferringTo, leadsTo } from '../search/canonicals.js';
import { WILDCARD } from '../search/parse-include.js';
import type { Include } from '../search/query.js';
import type { SearchDefinitions } from '../search/search-definitions.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import type { ExtractedValues, SearchParameter } from '../search/values.js';
import type { FoundLinks, LinkedVersion, ResourceReader, WantedLinks } from './resource-reader.js';

/** Most resources that go along with one page. */
export const MOST_INCLUDED = 1000;
/** Most look-ups for what goes along with one page: each resource asks one for every reference and every parameter by which others refer. */
export const MOST_LOOK_UPS = 20_000;
/** How often what was included is followed in turn. */
export const MOST_ROUNDS = 16;

export interface Included {
  resources: readonly LinkedVersion[];
  /** Whether some were left out, because there are so many or they lie so deep. */
  truncated: boolean;
}

/** Something looked for: a resource, one version of it, or resources with a key (if for a canonical, those it leads to). */
type Want = { type: string; id: string; version?: number } | { type: string; key: number; canonical?: Canonical };

/**
 * What goes along with the matches of a page: what they refer to and what refers to them, then the same for what was added, by the includes
 * that iterate. No match again, each resource once, in the order of being found; rings end because of that. A reference that names a
 * version brings that version. https://hl7.org/fhir/R4B/search.html#include
 */
export async function includeResources(
  includes: readonly Include[],
  matches: readonly LinkedVersion[],
  reader: Pick<ResourceReader, 'linked' | 'typesPresent'>,
  semantics: SearchSemantics,
  isShown: (type: string) => boolean = () => true,
): Promise<Included> {
  if (includes.length === 0 || matches.length === 0) return { resources: [], truncated: false };
  const sources = includes.some(({ reverse, source }) => reverse && source === WILDCARD) ? await reader.typesPresent() : [];
  const directives = new Directives(includes, semantics.catalog.usable, sources);
  const known = new Known(reader, semantics);
  const taken = new Set(matches.map(nameOf));
  const resources: LinkedVersion[] = [];
  let edge = matches;
  let lookUps = 0;
  for (let round = 0; edge.length > 0; round++) {
    if (round === MOST_ROUNDS) return { resources, truncated: true };
    const wants = edge.flatMap((version) => wantsOf(version, directives, round === 0, semantics));
    if ((lookUps += wants.length) > MOST_LOOK_UPS) return { resources, truncated: true };
    await known.learn(wants);
    const added: LinkedVersion[] = [];
    for (const version of wants.flatMap((want) => known.foundFor(want))) {
      const name = nameOf(version);
      if (taken.has(name) || !isShown(version.type)) continue;
      if (resources.length === MOST_INCLUDED) return { resources, truncated: true };
      taken.add(name);
      resources.push(version);
      added.push(version);
    }
    edge = directives.iterate ? added : [];
  }
  return { resources, truncated: !known.complete };
}

function wantsOf(of: LinkedVersion, directives: Directives, isMatch: boolean, semantics: SearchSemantics): Want[] {
  const { type, id, body } = of;
  const forward = directives.forward(type, isMatch);
  const backward = directives.backward(type, isMatch);
  const isNamed = backward.length > 0 && bearsCanonical(semantics.definitions, type);
  const values = forward.length === 0 && !isNamed ? undefined : semantics.extract(type, JSON.parse(body ?? '{}'));
  const canonical = isNamed && values !== undefined ? canonicalOf(values) : undefined;
  return [
    ...forward.flatMap(({ parameter, target }) => referredTo(values, parameter, target, semantics.definitions)),
    ...backward.flatMap((parameter) =>
      keysReferringTo(parameter, { type, id, canonical }).map((key) => ({ type: parameter.base, key })),
    ),
  ];
}

function referredTo(
  values: ExtractedValues | undefined,
  parameter: SearchParameter,
  target: string | undefined,
  definitions: SearchDefinitions,
): Want[] {
  const found = values?.get(parameter.code);
  if (found?.type !== 'reference') return [];
  return found.values.flatMap(({ type, id, version, url }): Want[] => {
    if (type !== undefined && id !== undefined) {
      if (target !== undefined && target !== type) return [];
      return [/^[1-9]\d{0,8}$/.test(version ?? '') ? { type, id, version: Number(version) } : { type, id }];
    }
    if (url === undefined) return [];
    // A canonical: the resources of the types it may lead to that bear it as their own.
    const types = target === undefined ? parameter.targets : [target];
    return types
      .filter((each) => bearsCanonical(definitions, each))
      .map((each) => ({ type: each, key: keyOfOwnUrl(each, url), canonical: { url, version } }));
  });
}

/** The includes of a query, by the types they begin at. */
class Directives {
  readonly iterate: boolean;
  private readonly forwards = new Map<string, { parameter: SearchParameter; target?: string }[]>();
  private readonly backwards = new Map<string, SearchParameter[]>();

  /** @param present types that `*` stands for where it means who refers */
  constructor(
    private readonly includes: readonly Include[],
    private readonly definitions: SearchDefinitions,
    private readonly present: readonly string[],
  ) {
    this.iterate = includes.some(({ iterate }) => iterate);
  }

  /** What to follow from a resource: from a match every include, from an included one those that iterate. */
  forward(type: string, isMatch: boolean): readonly { parameter: SearchParameter; target?: string }[] {
    return kept(this.forwards, `${type} ${String(isMatch)}`, () =>
      this.includes.flatMap(({ reverse, iterate, source, code, target }) =>
        !reverse && (isMatch || iterate) && (source === type || source === WILDCARD)
          ? this.references(type, code).map((parameter) => ({ parameter, target }))
          : [],
      ),
    );
  }

  /** By which parameters others refer to a resource. */
  backward(type: string, isMatch: boolean): readonly SearchParameter[] {
    return kept(this.backwards, `${type} ${String(isMatch)}`, () =>
      this.includes.flatMap(({ reverse, iterate, source, code, target }) => {
        if (!reverse || !(isMatch || iterate) || (target !== undefined && target !== type)) return [];
        const sources = source === WILDCARD ? this.present : [source];
        return sources.flatMap((each) => this.references(each, code).filter(({ targets }) => targets.includes(type)));
      }),
    );
  }

  private references(type: string, code: string): SearchParameter[] {
    return this.definitions
      .parametersOf(type)
      .filter((parameter) => parameter.type === 'reference' && (code === WILDCARD || code === parameter.code));
  }
}

function kept<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}

/** What was found so far, so that nothing is asked for twice. */
class Known {
  complete = true;
  private readonly named = new Map<string, LinkedVersion | undefined>();
  private readonly keyed = new Map<string, LinkedVersion[]>();

  constructor(
    private readonly reader: Pick<ResourceReader, 'linked'>,
    private readonly semantics: SearchSemantics,
  ) {}

  async learn(wants: readonly Want[]): Promise<void> {
    const asked = { named: [], versions: [], keyed: [] } as {
      [Part in keyof WantedLinks]: WantedLinks[Part][number][];
    };
    for (const want of wants) {
      if ('key' in want) {
        const name = keyName(want.type, want.key);
        if (this.keyed.has(name)) continue;
        this.keyed.set(name, []);
        asked.keyed.push({ type: want.type, key: want.key });
      } else {
        const name = wantedName(want);
        if (this.named.has(name)) continue;
        this.named.set(name, undefined);
        if (want.version === undefined) asked.named.push(want);
        else asked.versions.push({ ...want, version: want.version });
      }
    }
    if (asked.named.length + asked.versions.length + asked.keyed.length === 0) return;
    // One more than may be shown, so that it is noticed where there are more.
    this.note(await this.reader.linked(asked, MOST_INCLUDED + 1));
  }

  foundFor(want: Want): readonly LinkedVersion[] {
    if (!('key' in want)) {
      const found = this.named.get(wantedName(want));
      return found === undefined ? [] : [found];
    }
    const found = this.keyed.get(keyName(want.type, want.key)) ?? [];
    const { canonical } = want;
    return canonical?.version === undefined ? found : found.filter((each) => this.isLedTo(each, canonical));
  }

  private isLedTo({ type, body }: LinkedVersion, canonical: Canonical): boolean {
    const own = canonicalOf(this.semantics.extract(type, JSON.parse(body ?? '{}')));
    return own !== undefined && leadsTo(canonical, own);
  }

  private note({ named, versions, keyed, complete }: FoundLinks): void {
    for (const found of named) this.named.set(wantedName({ type: found.type, id: found.id }), found);
    for (const found of versions) this.named.set(nameOf(found), found);
    for (const { key, version } of keyed) this.keyed.get(keyName(version.type, key))?.push(version);
    for (const versions of this.keyed.values()) versions.sort((a, b) => (a.id < b.id ? -1 : 1));
    this.complete &&= complete;
  }
}

const keyName = (type: string, key: number) => `${type} ${String(key)}`;
const nameOf = ({ type, id, version }: LinkedVersion) => `${type}/${id}/${String(version)}`;
const wantedName = ({ type, id, version }: { type: string; id: string; version?: number }) =>
  version === undefined ? `${type}/${id}` : `${type}/${id}/${String(version)}`;
