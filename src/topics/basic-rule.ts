import type { Face } from '../fhir/change.js';
import { FhirError } from '../fhir/fhir-error.js';
import type { StoredTopics } from './stored-topics.js';
import { claimsToBeTopic } from './topic-as-basic.js';

interface RuledBasic {
  text: string;
  value: Record<string, unknown>;
}

/**
 * Topics are shown to R4 as Basic and are written as what they are; a Basic that claims to be one would be stored and never fire
 * (docs/adr/0009-topics-in-r4.md).
 */
export class BasicRule {
  readonly type = 'Basic';

  constructor(private readonly topics: StoredTopics) {}

  /** @throws FhirError 422, 409 for an id under which R4 sees a topic */
  async apply(next: RuledBasic, id: string): Promise<RuledBasic> {
    if (claimsToBeTopic(next.value))
      throw new FhirError(
        'business-rule',
        'A topic is written as a SubscriptionTopic at /fhir/r4b/SubscriptionTopic; here it can be read as Basic',
        'Basic.code',
        { status: 422 },
      );
    if ((await this.topics.newest(id))?.text)
      throw new FhirError('conflict', `SubscriptionTopic/${id} is shown to R4 under this id; choose another`, 'Basic.id');
    return next;
  }

  /** @throws FhirError 422 for what only stands for a topic */
  async checkDelete(id: string, face: Face): Promise<void> {
    if (face === 'r4' && (await this.topics.newest(id))?.text)
      throw new FhirError('business-rule', `A topic is deleted as what it is, at /fhir/r4b/SubscriptionTopic/${id}`, 'id');
  }
}
