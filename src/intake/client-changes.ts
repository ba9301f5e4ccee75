import { ownReferences } from '../fhir/own-references.js';
import { ChangeStore, type WriteOutcome, type WriteUnit, type WrittenReference } from './change-store.js';

/**
 * The door into the change log for what clients write. Where dangling references are refused, the references of a unit go with it, so that
 * the store can hold them against what is there. What the hub writes by itself, and what a polled source says, takes the other door.
 */
export class ClientChanges extends ChangeStore {
  constructor(
    private readonly store: ChangeStore,
    private readonly refusesDangling: boolean,
    private readonly bases: readonly string[],
  ) {
    super();
  }

  write(unit: WriteUnit): Promise<WriteOutcome[]> {
    return this.store.write(this.refusesDangling ? { ...unit, references: this.referencesOf(unit) } : unit);
  }

  private referencesOf(unit: WriteUnit): WrittenReference[] {
    return unit.writes.flatMap((write, index) =>
      write.kind === 'delete'
        ? []
        : ownReferences(write.resource.value, this.bases).map((reference) => ({ ...reference, write: index })),
    );
  }
}
