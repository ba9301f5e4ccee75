import type { Change } from '../../../src/fhir/change.js';
import { type StoredTopic, StoredTopics } from '../../../src/topics/stored-topics.js';
import { currentOf } from './current-of.js';

/** The topics of a log in memory. Trusted because it passes the same contract suite as the Postgres one. */
export class MemoryStoredTopics extends StoredTopics {
  constructor(private readonly log: readonly Change[]) {
    super();
  }

  override async versions(): Promise<{ id: string; version: number }[]> {
    return currentOf(this.topics).map(({ id, version }) => ({ id, version }));
  }

  override async read(topics: readonly { id: string; version: number }[]): Promise<StoredTopic[]> {
    return topics.flatMap(({ id, version }) => {
      const found = this.topics.find((change) => change.id === id && change.version === version);
      return found === undefined || found.body === null ? [] : [{ id, version, text: found.body }];
    });
  }

  override async newest(id: string): Promise<{ version: number; text: string | null } | undefined> {
    const last = this.topics.findLast((change) => change.id === id);
    return last && { version: last.version, text: last.body };
  }

  private get topics(): Change[] {
    return this.log.filter(({ type }) => type === 'SubscriptionTopic');
  }
}
