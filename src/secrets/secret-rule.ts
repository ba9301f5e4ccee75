import { FhirError } from '../fhir/fhir-error.js';
import { keyIdOf } from './sealed-text.js';
import { secretPlaces } from './secret-places.js';
import { MASK } from './vault.js';

interface Written {
  text: string;
  value: Record<string, unknown>;
}

/**
 * Refuses a mask where a secret belongs: the client took the resource from a notification and would overwrite the secret it never saw.
 * So it does what looks sealed, which only the hub writes. Intake's WriteRule by its shape.
 */
export class SecretRule {
  constructor(readonly type: 'Subscription' | 'Endpoint') {}

  /** @throws FhirError 422 naming the element */
  apply(next: Written): Promise<Written> {
    for (const { start, end, expression } of secretPlaces(this.type, next.text)) {
      const secret = next.text.slice(start, end).trim();
      if (secret === MASK)
        return refusal(
          `${this.type}.${expression}`,
          'This is the mask that stands for a secret in notifications; read the resource to get it.',
        );
      if (keyIdOf(secret) !== undefined)
        return refusal(`${this.type}.${expression}`, 'This is how the hub keeps a secret; write the secret itself.');
    }
    return Promise.resolve(next);
  }
}

function refusal(expression: string, diagnostics: string): Promise<never> {
  return Promise.reject(new FhirError('business-rule', diagnostics, expression, { status: 422 }));
}
