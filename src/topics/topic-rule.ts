import type { SearchSemantics } from '../search/search-semantics.js';
import { compileTopic } from './compile-topic.js';
import { checkShapes } from './notification-shape.js';
import { parseTopic } from './parse-topic.js';

interface RuledTopic {
  text: string;
  value: Record<string, unknown>;
}

/**
 * What a SubscriptionTopic must be to be stored: readable, and where it is active also computable, so that nobody subscribes to what
 * never fires. Drafts and retired topics may hold what they like; no Subscription can name them.
 */
export class TopicRule {
  readonly type = 'SubscriptionTopic';

  constructor(private readonly semantics: SearchSemantics) {}

  async apply(next: RuledTopic, id: string): Promise<RuledTopic> {
    if (next.value.status === 'active') {
      const definition = parseTopic(next.value, id, (name) => this.semantics.definitions.isResourceType(name));
      compileTopic(definition, this.semantics);
      checkShapes(definition, this.semantics.definitions);
    }
    return next;
  }
}
