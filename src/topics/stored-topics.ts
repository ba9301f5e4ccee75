export interface StoredTopic {
  id: string;
  version: number;
  text: string;
}

/** The SubscriptionTopics as they are stored now, every acknowledged write included. */
export abstract class StoredTopics {
  /** Ids and versions of all topics that are not deleted. */
  abstract versions(): Promise<{ id: string; version: number }[]>;
  abstract read(topics: readonly { id: string; version: number }[]): Promise<StoredTopic[]>;
  /** The newest version of one topic, undefined where the id was never used; `text` null: deleted. */
  abstract newest(id: string): Promise<{ version: number; text: string | null } | undefined>;
}
