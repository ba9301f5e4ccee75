import type { CursorStore } from './cursor-store.js';
import type { EventWindow } from './event-window.js';

const ASK_AGAIN_MS = 500;

/** Who takes the events of the groups that were touched since the shards last changed, of those that this process serves. */
export class GroupAudience {
  private readonly groups = new Map<number, Set<string>>();
  /** How often the shards have changed. */
  private changes = 0;

  constructor(
    private readonly cursors: CursorStore,
    private readonly window: EventWindow,
  ) {}

  /** Learns who belongs to those groups that are not known yet, and has their events followed. */
  async learn(groupIds: ReadonlySet<number>, shards: () => readonly number[]): Promise<void> {
    const unknown = [...groupIds].filter((groupId) => !this.groups.has(groupId));
    const asked = shards();
    if (unknown.length === 0 || asked.length === 0) return;
    const { changes } = this;
    const members = await this.cursors.members(unknown, asked);
    // Other shards came meanwhile, and with them members that this answer leaves out.
    if (changes !== this.changes) return this.learn(groupIds, shards);
    for (const { groupId, lastN, subscriptionIds } of members) {
      const known = this.groups.get(groupId) ?? new Set();
      for (const id of subscriptionIds) known.add(id);
      if (known.size > 0) this.window.follow(groupId, lastN);
      this.groups.set(groupId, known);
    }
    // Groups that are no more have nobody.
    for (const groupId of unknown) if (!this.groups.has(groupId)) this.groups.set(groupId, new Set());
  }

  /**
   * Hands the members of these groups to `visit`: at once as far as they are known, the others when they have been asked for. Shards may
   * have changed since {@link learn}, and whoever takes events of the groups is to be visited all the same.
   */
  visit(groupIds: Iterable<number>, shards: () => readonly number[], visit: (subscriptionIds: readonly string[]) => void): void {
    const asked = [...groupIds];
    const forgotten = asked.filter((groupId) => !this.groups.has(groupId));
    visit(asked.flatMap((groupId) => [...(this.groups.get(groupId) ?? [])]));
    if (forgotten.length === 0 || shards().length === 0) return;
    this.learn(new Set(forgotten), shards).then(
      () => this.visit(forgotten, shards, visit),
      () => setTimeout(() => this.visit(forgotten, shards, visit), ASK_AGAIN_MS).unref(),
    );
  }

  /** A group that is not known is not made known by one of its members. */
  set(groupId: number, subscriptionId: string, belongs: boolean): void {
    const group = this.groups.get(groupId);
    if (belongs) group?.add(subscriptionId);
    else group?.delete(subscriptionId);
  }

  /** Other shards, other audience. */
  forget(): void {
    this.changes += 1;
    this.groups.clear();
  }
}
