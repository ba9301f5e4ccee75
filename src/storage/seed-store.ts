import { FhirError } from '../fhir/fhir-error.js';
import { validateResource } from '../fhir/validate-resource.js';
import type { ChangeStore } from '../intake/change-store.js';
import type { WriteRules } from '../intake/write-rules.js';
import { SeedStore, type SeedTopic } from '../topics/seed-topics.js';
import type { StoredTopics } from '../topics/stored-topics.js';

/** Stores seeds through the door that every change takes, under the rules that hold for a client's writes. */
export class ChangeStoreSeeds extends SeedStore {
  constructor(
    private readonly changes: ChangeStore,
    private readonly stored: StoredTopics,
    private readonly rules: WriteRules,
  ) {
    super();
  }

  newest(id: string): Promise<{ version: number; text: string | null } | undefined> {
    return this.stored.newest(id);
  }

  async write({ id, value }: SeedTopic, version: number | undefined): Promise<void> {
    const [issue, ...issues] = validateResource(value);
    if (issue !== undefined) throw FhirError.ofIssues([issue, ...issues]);
    const ruled = await this.rules.apply('SubscriptionTopic', { text: JSON.stringify(value), value }, id, 'r4b');
    const resource = { type: 'SubscriptionTopic', id, text: ruled.text, value: ruled.value };
    const condition = version === undefined ? { ifNoneMatchAny: true } : { ifMatch: version };
    try {
      await this.changes.write({ face: 'r4b', writes: [{ kind: 'put', resource, method: 'PUT', ...condition }] });
    } catch (error) {
      // A hub that started at the same moment, or an operator, was first.
      if (!(error instanceof FhirError && error.status === 412)) throw error;
    }
  }
}
