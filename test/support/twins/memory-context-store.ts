import type { NotifiedVersion } from '../../../src/fhir/event-parts.js';
import { versionKey } from '../../../src/fhir/event-parts.js';
import type { SearchSemantics } from '../../../src/search/search-semantics.js';
import {
  ContextStore,
  type FindResources,
  type FoundResources,
  type WantedResources,
} from '../../../src/subscriptions/context-store.js';

/** Walks all versions, with no index; passes the same contract suite as the Postgres one. */
export class MemoryContextStore extends ContextStore {
  readonly versions: NotifiedVersion[] = [];
  readonly topics = new Map<number, string>();
  written = 0;
  /** What was asked, one entry a call. */
  readonly calls: string[] = [];

  constructor(
    private readonly semantics: SearchSemantics,
    private readonly mostBytes = Number.MAX_SAFE_INTEGER,
  ) {
    super();
  }

  async topicsWritten(): Promise<number> {
    this.calls.push('topicsWritten');
    return this.written;
  }

  async topicsOf(groupIds: readonly number[]): Promise<ReadonlyMap<number, string>> {
    this.calls.push('topicsOf');
    return new Map([...this.topics].filter(([groupId]) => groupIds.includes(groupId)));
  }

  async beforeDeletes(deletes: readonly NotifiedVersion[]): Promise<ReadonlyMap<string, string>> {
    this.calls.push('beforeDeletes');
    return new Map(
      deletes.flatMap((deleted) => {
        const before = this.versions.find(
          ({ type, id, version }) => type === deleted.type && id === deleted.id && version === deleted.version - 1,
        );
        return before?.body ? [[versionKey(deleted), before.body] as const] : [];
      }),
    );
  }

  async find({ named, referring }: WantedResources, limit: number): Promise<FoundResources> {
    this.calls.push('find');
    const newest = new Map(this.versions.map((version) => [`${version.type}/${version.id}`, version]));
    const current = [...newest.values()].filter(({ body }) => body !== null);
    let bytes = 0;
    let complete = true;
    const fits = (version: NotifiedVersion) => {
      bytes += version.body!.length;
      if (bytes <= this.mostBytes) return true;
      complete = false;
      return false;
    };
    const byName = named.flatMap(({ type, id }) => current.filter((one) => one.type === type && one.id === id)).filter(fits);
    const byKey = referring.flatMap(({ type, key }) =>
      current
        .filter((one) => one.type === type && this.keysOf(one).has(key))
        .slice(0, limit)
        .filter(fits)
        .map((version) => ({ key, version })),
    );
    return { named: byName, referring: byKey, complete };
  }

  atOneMoment<T>(work: (find: FindResources) => Promise<T>): Promise<T> {
    this.calls.push('atOneMoment');
    return work((wanted, limit) => this.find(wanted, limit));
  }

  private keysOf({ type, body }: NotifiedVersion): ReadonlySet<number> {
    return new Set(this.semantics.indexRows(this.semantics.extract(type, JSON.parse(body!))).keys);
  }
}
