import type { NotifiedVersion } from '../fhir/event-parts.js';
import { bearsCanonical, type Canonical, canonicalOf, keyOfOwnUrl, keysReferringTo, leadsTo } from '../search/canonicals.js';
import type { SearchDefinitions } from '../search/search-definitions.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import type { ExtractedValues } from '../search/values.js';
import type { ShapePlan } from '../topics/notification-shape.js';
import type { FindResources, FoundResources } from './context-store.js';

/** An event whose context is wanted. */
export interface ContextRequest {
  plan: ShapePlan;
  focus: NotifiedVersion;
  /** The text its directives are read from: that of the focus, of a delete the one before it. */
  body: string;
}

/** Most resources that go with one event. */
export const MOST_INCLUDED = 100;
/** How often what was included is followed in turn. */
export const MOST_ROUNDS = 8;

/** Something looked for on behalf of a resource, in the order of the directives; under a key if for a canonical, what it leads to. */
type Want = { type: string; id: string } | { type: string; key: number; canonical?: Canonical };

interface Gathering {
  plan: ShapePlan;
  /** `type/id` of the focus, which is no context of its own. */
  own: string;
  included: Map<string, NotifiedVersion>;
  /** What is to be followed next. */
  edge: { type: string; id: string; values: ExtractedValues | undefined }[];
}

/**
 * What the shapes of a topic add to each event: first what the focus includes, then what refers to it, then the same for what was added,
 * by the directives that iterate. Each resource once; never the focus itself. All events of a batch are looked up together, round by round.
 * `complete` is false where `find` left something out.
 */
export async function resolveContexts(
  requests: readonly ContextRequest[],
  find: FindResources,
  semantics: SearchSemantics,
  onUnreadable: (error: unknown, resource: { type: string; id: string }) => void,
): Promise<{ contexts: (readonly NotifiedVersion[])[]; complete: boolean }> {
  const read = valuesReader(semantics, onUnreadable);
  const gatherings = requests.map(({ plan, focus: { type, id }, body }): Gathering => {
    return { plan, own: nameOf({ type, id }), included: new Map(), edge: [{ type, id, values: read({ type, id, body }) }] };
  });
  const known = new Known(read);
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const wants = gatherings.map((gathering) => wantsOf(gathering, round === 0, semantics.catalog.usable));
    await known.learn(wants.flat(), find);
    gatherings.forEach((gathering, index) => {
      const added = take(gathering, wants[index] ?? [], known);
      gathering.edge = gathering.plan.iterates ? added.map((version) => ({ ...version, values: read(version) })) : [];
    });
    if (gatherings.every(({ edge }) => edge.length === 0)) break;
  }
  return { contexts: gatherings.map(({ included }) => [...included.values()]), complete: known.complete };
}

function wantsOf({ plan, edge }: Gathering, isFocus: boolean, definitions: SearchDefinitions): Want[] {
  return edge.flatMap(({ type, id, values }) => {
    const canonical = values && bearsCanonical(definitions, type) ? canonicalOf(values) : undefined;
    return [
      ...plan.forwardOf(type, isFocus).flatMap(({ code, target }) => referencesOf(values, code, target, definitions)),
      ...plan
        .backwardOf(type, isFocus)
        .flatMap(({ source, code }) =>
          keysReferringTo({ base: source, code }, { type, id, canonical }).map((key) => ({ type: source, key })),
        ),
    ];
  });
}

function referencesOf(
  values: ExtractedValues | undefined,
  code: string,
  target: string | undefined,
  definitions: SearchDefinitions,
): Want[] {
  const found = values?.get(code);
  if (values === undefined || found?.type !== 'reference') return [];
  return found.values.flatMap(({ type, id, url, version }): Want[] => {
    if (type !== undefined && id !== undefined) return target === undefined || target === type ? [{ type, id }] : [];
    if (url === undefined) return [];
    const types = target === undefined ? (definitions.find(values.resourceType, code)?.targets ?? []) : [target];
    return types
      .filter((each) => bearsCanonical(definitions, each))
      .map((each) => ({ type: each, key: keyOfOwnUrl(each, url), canonical: { url, version } }));
  });
}

/** Adds what was found, until there are enough; returns what is new. */
function take({ own, included }: Gathering, wants: readonly Want[], known: Known): NotifiedVersion[] {
  const added: NotifiedVersion[] = [];
  for (const version of wants.flatMap((want) => known.foundFor(want))) {
    const name = nameOf(version);
    if (name === own || included.has(name)) continue;
    if (included.size >= MOST_INCLUDED) break;
    included.set(name, version);
    added.push(version);
  }
  return added;
}

/** What was found so far, so that nothing is asked for twice. */
class Known {
  complete = true;
  private readonly named = new Map<string, NotifiedVersion | undefined>();
  private readonly referring = new Map<number, NotifiedVersion[]>();

  constructor(private readonly read: (version: NotifiedVersion) => ExtractedValues | undefined) {}

  async learn(wants: readonly Want[], find: FindResources): Promise<void> {
    const named: { type: string; id: string }[] = [];
    const referring: { type: string; key: number }[] = [];
    for (const want of wants) {
      if ('id' in want) {
        if (this.named.has(nameOf(want))) continue;
        this.named.set(nameOf(want), undefined);
        named.push(want);
      } else if (!this.referring.has(want.key)) {
        this.referring.set(want.key, []);
        referring.push(want);
      }
    }
    // One more, because the focus may be among them.
    if (named.length + referring.length > 0) this.note(await find({ named, referring }, MOST_INCLUDED + 1));
  }

  foundFor(want: Want): readonly NotifiedVersion[] {
    if ('key' in want) {
      const keyed = this.referring.get(want.key) ?? [];
      return want.canonical?.version === undefined ? keyed : keyed.filter((version) => this.isLedTo(version, want.canonical));
    }
    const found = this.named.get(nameOf(want));
    return found === undefined ? [] : [found];
  }

  private isLedTo(version: NotifiedVersion, canonical: Canonical | undefined): boolean {
    const values = this.read(version);
    const own = values && canonicalOf(values);
    return canonical !== undefined && own !== undefined && leadsTo(canonical, own);
  }

  private note({ named, referring, complete }: FoundResources): void {
    for (const version of named) this.named.set(nameOf(version), version);
    for (const { key, version } of referring) this.referring.get(key)?.push(version);
    for (const versions of this.referring.values()) versions.sort((a, b) => (a.id < b.id ? -1 : 1));
    this.complete &&= complete;
  }
}

const nameOf = ({ type, id }: { type: string; id: string }) => `${type}/${id}`;

/** Search values of a text, each text read once. One that cannot be read includes nothing; it must not hold up what comes after it. */
function valuesReader(
  semantics: SearchSemantics,
  onUnreadable: (error: unknown, resource: { type: string; id: string }) => void,
) {
  const read = new Map<string, ExtractedValues | undefined>();
  return ({ type, id, body }: { type: string; id: string; body: string | null }): ExtractedValues | undefined => {
    if (body === null) return undefined;
    if (!read.has(body)) {
      try {
        read.set(body, semantics.extract(type, JSON.parse(body)));
      } catch (error) {
        onUnreadable(error, { type, id });
        read.set(body, undefined);
      }
    }
    return read.get(body);
  };
}
