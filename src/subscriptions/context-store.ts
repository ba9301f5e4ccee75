import type { NotifiedVersion } from '../fhir/event-parts.js';

/** Resources that are named, and resources of a type that refer to something: those with an equality key of a reference parameter. */
export interface WantedResources {
  named: readonly { type: string; id: string }[];
  referring: readonly { type: string; key: number }[];
}

export interface FoundResources {
  named: readonly NotifiedVersion[];
  referring: readonly { key: number; version: NotifiedVersion }[];
  /** False where some were left out because their bodies are so large, or all because finding them takes so long. */
  complete: boolean;
}

/** Current versions, deleted ones left out; of those that refer under one key at most `limit`. */
export type FindResources = (wanted: WantedResources, limit: number) => Promise<FoundResources>;

/** What is read to tell of an event with its context. */
export abstract class ContextStore {
  /** A number that changes with every write of a SubscriptionTopic. */
  abstract topicsWritten(): Promise<number>;
  /** Canonicals of the topics that groups are about; groups of classic criteria are left out. */
  abstract topicsOf(groupIds: readonly number[]): Promise<ReadonlyMap<number, string>>;
  /** Texts as they were before these deletes, by `type/id/version` of the delete. */
  abstract beforeDeletes(deletes: readonly NotifiedVersion[]): Promise<ReadonlyMap<string, string>>;
  abstract find(...asked: Parameters<FindResources>): ReturnType<FindResources>;
  /** All that is found within `work` is what was committed at one moment. */
  abstract atOneMoment<T>(work: (find: FindResources) => Promise<T>): Promise<T>;
}
