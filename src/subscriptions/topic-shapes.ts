import type { SearchDefinitions } from '../search/search-definitions.js';
import type { CompiledTopic } from '../topics/compile-topic.js';
import { ShapePlan } from '../topics/notification-shape.js';
import type { TopicCatalog } from '../topics/topic-catalog.js';
import { ANY_TYPE } from '../topics/topic-definition.js';

/** The shapes of one topic for one type of focus. */
export interface TopicShape {
  /** The same for all canonicals that name the topic. */
  name: string;
  plan: ShapePlan;
}

/** The notification shapes of all topics as they stood at one moment. */
export class TopicShapes {
  private readonly types = new Set<string>();
  private readonly byCanonical = new Map<string, TopicShape | undefined>();
  private readonly byName = new Map<string, TopicShape>();

  constructor(
    private readonly topics: TopicCatalog<Pick<CompiledTopic, 'definition'>>,
    private readonly definitions: SearchDefinitions,
  ) {
    for (const { definition } of topics.all()) for (const { type } of definition.shapes) this.types.add(type);
  }

  /** False: no topic whatever has a shape for such a focus. */
  mayShape(focusType: string): boolean {
    return this.types.has(focusType) || this.types.has(ANY_TYPE);
  }

  /** Shape of the topic a canonical means: of the active one, or, for events of the past, of one that was active. */
  of(canonical: string, focusType: string): TopicShape | undefined {
    const key = `${focusType} ${canonical}`;
    if (!this.byCanonical.has(key)) this.byCanonical.set(key, this.find(canonical, focusType));
    return this.byCanonical.get(key);
  }

  private find(canonical: string, focusType: string): TopicShape | undefined {
    const topic = this.topics.active(canonical) ?? this.topics.named(canonical)[0];
    const plan = topic && ShapePlan.of(topic.definition, focusType, this.definitions);
    if (topic === undefined || plan === undefined) return undefined;
    const name = `${topic.definition.id}/${focusType}`;
    const known = this.byName.get(name) ?? { name, plan };
    this.byName.set(name, known);
    return known;
  }
}
