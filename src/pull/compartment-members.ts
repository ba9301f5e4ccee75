import type { Change } from '../fhir/change.js';
import type { DateValue } from '../search/values.js';

export interface MembersAsked {
  /** Every member has one of these equality keys. */
  keys: readonly number[];
  /** Members changed at this instant or later. */
  since?: Date;
  /** Members of care given in a period, and those whose care has no date. */
  care?: { period: DateValue; dates: readonly { type: string; code: string }[] };
  /** `Type/id` of the member that the last page ended with. */
  after?: string;
  limit: number;
}

/** The current resources of a compartment, ordered by type and id, so that a walk neither skips nor repeats those that stay. */
export abstract class CompartmentMembers {
  /** @throws FhirError 503 too-costly when that takes longer than a search may */
  abstract page(asked: MembersAsked): Promise<Change[]>;
}
