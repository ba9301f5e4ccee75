import type { CustomDefinition, CustomParameters } from './custom-definition.js';

/** A SearchParameter as it is stored now; `body` only where it has to be read. */
export interface StoredDefinition {
  id: string;
  version: number;
  body?: string;
}

/** A SearchParameter as it was taken up. */
export interface TakenDefinition {
  id: string;
  version: number;
  /** Absent: not used, and `reason` says why. */
  definition?: CustomDefinition;
  reason?: string;
}

/** What has to be changed so that what is used follows what is stored. */
export interface TakeUp {
  /** `isNew`: index rows made by what was known before are not those of the definition. */
  taken: readonly (TakenDefinition & { isNew: boolean })[];
  gone: readonly string[];
  /** Types whose resources have to be walked. Empty: no index row changes. */
  types: readonly string[];
}

/** How one SearchParameter stands. */
export interface DefinitionState extends TakenDefinition {
  generation: number;
}

/** Where the hub keeps which custom parameters there are. All processes on a database see the same. */
export abstract class ParameterStore {
  /** See {@link CustomParameters.revision}. */
  abstract revision(): Promise<number>;
  abstract load(): Promise<CustomParameters>;
  /**
   * Brings what is used in line with the SearchParameters that are stored. When it returns with index rows to change, no write made by older
   * definitions is under way any more, and none is let in. One process at a time.
   * @returns whether anything changed
   */
  abstract takeUp(decide: (stored: readonly StoredDefinition[], taken: readonly TakenDefinition[]) => TakeUp): Promise<boolean>;
  abstract state(id: string): Promise<DefinitionState | undefined>;
  /** Has the parameter indexed anew, as if it had just been stored. @returns false where it is not used */
  abstract again(id: string): Promise<boolean>;
}
