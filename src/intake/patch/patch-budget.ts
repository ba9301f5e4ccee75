import { FhirError } from '../../fhir/fhir-error.js';

/** Characters that one patch may read, compare and copy in all: seconds of work would hold up everybody else. */
const MOST_CHARACTERS = 64 * 1024 * 1024;

/** What one patch has cost so far. Few operations can copy a resource into itself until it is larger than any memory. */
export class PatchBudget {
  private left = MOST_CHARACTERS;

  /** @throws FhirError 422 */
  spend(characters: number): void {
    this.left -= characters;
    if (this.left >= 0) return;
    throw new FhirError(
      'too-long',
      'The patch copies and compares more than one request may; send the whole resource',
      undefined,
      {
        status: 422,
      },
    );
  }
}

/** A patch that cannot be applied to the resource as it is. `where` names the operation. */
export function cannotApply(diagnostics: string, where: string): FhirError {
  return new FhirError('processing', diagnostics, where, { status: 422 });
}
