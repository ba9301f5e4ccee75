import { FhirError } from '../fhir/fhir-error.js';
import type { CurrentParameters } from '../search/custom/current-parameters.js';
import { withFrozen } from '../search/custom/frozen-definitions.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import { compileTopic } from './compile-topic.js';
import type { CurrentCatalog } from './current-catalog.js';
import { derivationIssues } from './derivation-issues.js';
import { checkShapes } from './notification-shape.js';
import { parametersAskedOf } from './parameters-asked.js';
import { parseTopic } from './parse-topic.js';
import type { TopicDefinition } from './topic-definition.js';

interface RuledTopic {
  text: string;
  value: Record<string, unknown>;
}

/**
 * What a SubscriptionTopic must be to be stored: readable, and where it is active also computable, so that nobody subscribes to what
 * never fires. Drafts and retired topics may hold what they like; no Subscription can name them. An active one is given the custom
 * parameters that it goes by, as they are defined now: they mean the same to it from then on.
 */
export class TopicRule {
  readonly type = 'SubscriptionTopic';

  constructor(
    private readonly semantics: SearchSemantics,
    /** To compare a topic with those that it derives from. */
    private readonly catalog?: Pick<CurrentCatalog, 'read'>,
    private readonly current?: Pick<CurrentParameters, 'follow'>,
  ) {}

  async apply(next: RuledTopic, id: string): Promise<RuledTopic> {
    const bare = withFrozen(next, []);
    if (bare.value.status !== 'active') return bare;
    const read = (value: Record<string, unknown>) =>
      parseTopic(value, id, (name) => this.semantics.definitions.isResourceType(name));
    const asked = read(bare.value);
    await this.current?.follow();
    const ruled = withFrozen(bare, parametersAskedOf(asked, this.semantics));
    const definition = read(ruled.value);
    compileTopic(definition, this.semantics);
    checkShapes(definition, this.semantics.definitions);
    await this.checkDerivation(definition);
    return ruled;
  }

  /** A parent that the hub does not hold cannot be compared with. */
  private async checkDerivation(definition: TopicDefinition): Promise<void> {
    if (definition.derivedFrom.length === 0 || this.catalog === undefined) return;
    const catalog = await this.catalog.read();
    const [first, ...rest] = definition.derivedFrom.flatMap((canonical, index) => {
      const parent = catalog.active(canonical) ?? catalog.named(canonical)[0];
      return parent === undefined ? [] : derivationIssues(definition, parent.definition, index);
    });
    if (first !== undefined) throw FhirError.ofIssues([first, ...rest], { status: 422 });
  }
}
