import type { SealedResource } from './vault.js';

/** A stored version, as its row has it. */
export interface StoredText {
  type: string;
  id: string;
  version: number;
  body: string;
}

/** What becomes of a stored text; undefined where it holds no secret. */
export type SealAgain = (stored: StoredText) => SealedResource | undefined;

/** The secrets in the change log as rows to go through: sealed for the first time, or under another key. */
export abstract class StoredSecrets {
  /** Seals some of the versions that a release without sealing stored. Returns how many were looked at; 0: none is left. */
  abstract sealPlain(limit: number, seal: SealAgain): Promise<number>;
  /** Seals some of the versions that are sealed under any other key than `keyId`. Returns how many; 0: none is left. */
  abstract sealAgain(keyId: string, limit: number, seal: SealAgain): Promise<number>;
  /**
   * Takes all keys but one out of the register, after which nothing can be stored that is sealed under them.
   * @returns false where something was stored under them meanwhile
   */
  abstract keepOnly(keyId: string): Promise<boolean>;
}
