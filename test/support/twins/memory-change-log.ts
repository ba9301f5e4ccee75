import { type Change, comparePositions, type LogPosition } from '../../../src/fhir/change.js';
import { ChangeLog } from '../../../src/matching/change-log.js';

/** A change log in memory: what is appended is committed at once. */
export class MemoryChangeLog extends ChangeLog {
  private readonly changes: Change[] = [];

  append(...changes: readonly Change[]): void {
    this.changes.push(...changes);
    this.changes.sort((a, b) => comparePositions(a.position, b.position));
  }

  after(position: LogPosition, limit: number): Promise<Change[]> {
    return Promise.resolve(this.changes.filter((change) => comparePositions(change.position, position) > 0).slice(0, limit));
  }

  previous(changes: readonly Change[]): Promise<Map<Change, Change>> {
    const previous = new Map<Change, Change>();
    for (const change of changes) {
      const before = this.changes.find(
        ({ type, id, version }) => type === change.type && id === change.id && version === change.version - 1,
      );
      if (before !== undefined && before.body !== null) previous.set(change, before);
    }
    return Promise.resolve(previous);
  }

  at(asked: readonly { type: string; id: string; position: LogPosition }[]): Promise<(Change | undefined)[]> {
    return Promise.resolve(
      asked.map(({ type, id, position }) => {
        const versions = this.changes.filter(
          (change) => change.type === type && change.id === id && comparePositions(change.position, position) <= 0,
        );
        const [newest] = versions.sort((a, b) => b.version - a.version);
        return newest?.body === null ? undefined : newest;
      }),
    );
  }

  overtaken(changes: readonly Change[]): Promise<ReadonlySet<Change>> {
    const isOvertaken = ({ type, id, version, position }: Change) =>
      this.changes.some(
        (other) =>
          other.type === type && other.id === id && other.version > version && comparePositions(other.position, position) < 0,
      );
    return Promise.resolve(new Set(changes.filter(isOvertaken)));
  }

  async *snapshot(types: readonly string[], position: LogPosition): AsyncIterable<Change[]> {
    for (const type of types) {
      const newest = new Map<string, Change>();
      for (const change of this.changes) {
        if (change.type !== type || comparePositions(change.position, position) > 0) continue;
        if ((newest.get(change.id)?.version ?? 0) < change.version) newest.set(change.id, change);
      }
      const living = [...newest.values()].filter((change) => change.body !== null);
      if (living.length > 0) yield living;
    }
  }
}
