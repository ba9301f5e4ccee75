import { type Kept, type Reindexed, type WalkedResource, type WalkLease, Walks } from '../../../src/reindex/walks.js';

interface Walk {
  wanted: number;
  done: number;
  walking: number | null;
  place: string;
  walked: number;
  failures: number;
  token?: string;
  leaseEnds: number;
  nextTry: number;
}

/** Walks in memory, over the resources that a test puts there. */
export class MemoryWalks extends Walks {
  readonly resources = new Map<string, WalkedResource & { type: string }>();
  generation = 0;
  private readonly walks = new Map<string, Walk>();
  private tokens = 0;

  constructor(
    private readonly pageSize = 2,
    private readonly now: () => number = Date.now,
  ) {
    super();
  }

  want(type: string, generation: number): void {
    const walk = this.walks.get(type) ?? {
      ...{ done: 0, walking: null, place: '', walked: 0, failures: 0, leaseEnds: -Infinity, nextTry: -Infinity },
      wanted: generation,
    };
    this.walks.set(type, { ...walk, wanted: generation, nextTry: -Infinity, failures: 0 });
  }

  doneOf(type: string): number {
    return this.walks.get(type)?.done ?? 0;
  }

  override async lease(_process: string, seconds: number): Promise<WalkLease | undefined> {
    const due = [...this.walks.entries()]
      .filter(([, walk]) => walk.wanted > walk.done && walk.leaseEnds <= this.now() && walk.nextTry <= this.now())
      .sort(
        ([a, x], [b, y]) => Number(x.walking === null) - Number(y.walking === null) || x.wanted - y.wanted || (a < b ? -1 : 1),
      )[0];
    if (due === undefined) return undefined;
    const [type, walk] = due;
    if (walk.walking === null) Object.assign(walk, { walking: walk.wanted, place: '', walked: 0 });
    Object.assign(walk, { token: String(++this.tokens), leaseEnds: this.now() + seconds * 1000 });
    const { done, place, walked, failures } = walk;
    return { type, token: walk.token!, generation: walk.walking!, done, place, walked, failures };
  }

  override async page(type: string, after: string): Promise<WalkedResource[]> {
    return [...this.resources.values()]
      .filter((each) => each.type === type && each.id > after)
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .slice(0, this.pageSize)
      .map(({ type: _, ...each }) => each);
  }

  override async keep(
    lease: WalkLease,
    place: { id: string; walked: number },
    reindexed: readonly Reindexed[],
    generation: number,
    seconds: number,
  ): Promise<Kept> {
    const walk = this.held(lease);
    if (!walk) return 'lost';
    if (generation !== this.generation) return 'outdated';
    Object.assign(walk, { place: place.id, walked: place.walked, leaseEnds: this.now() + seconds * 1000, failures: 0 });
    for (const { rid, version, rows } of reindexed) {
      const found = [...this.resources.values()].find((each) => each.rid === rid && each.version === version);
      if (found) found.keys = rows.keys;
    }
    return 'kept';
  }

  override async finish(lease: WalkLease): Promise<boolean> {
    const walk = this.held(lease);
    if (walk) Object.assign(walk, { ...FREE, done: walk.walking!, walking: null });
    return walk !== undefined;
  }

  override async release(lease: WalkLease): Promise<void> {
    const walk = this.held(lease);
    if (walk) Object.assign(walk, FREE);
  }

  override async fail(lease: WalkLease, _reason: string, waitSeconds: number): Promise<void> {
    const walk = this.held(lease);
    if (walk) Object.assign(walk, { ...FREE, failures: walk.failures + 1, nextTry: this.now() + waitSeconds * 1000 });
  }

  private held({ type, token }: WalkLease): Walk | undefined {
    const walk = this.walks.get(type);
    return walk?.token === token ? walk : undefined;
  }
}

const FREE = { token: undefined, leaseEnds: -Infinity };
