import type { SearchSemantics } from '../search/search-semantics.js';
import { type CompiledTopic, compileTopic } from './compile-topic.js';
import { parseTopic } from './parse-topic.js';
import type { StoredTopics } from './stored-topics.js';
import { TopicCatalog } from './topic-catalog.js';

/** The catalog as it is stored at this moment: one cheap statement tells which topics changed, only those are read and compiled. */
export class CurrentCatalog {
  private readonly compiled = new Map<string, { version: number; topic: CompiledTopic | undefined }>();

  constructor(
    private readonly stored: StoredTopics,
    private readonly semantics: SearchSemantics,
  ) {}

  async read(): Promise<TopicCatalog<CompiledTopic>> {
    const versions = await this.stored.versions();
    const missing = versions.filter(({ id, version }) => this.compiled.get(id)?.version !== version);
    for (const { id, version, text } of missing.length === 0 ? [] : await this.stored.read(missing)) {
      this.compiled.set(id, { version, topic: readTopic(text, id, this.semantics) });
    }
    const ids = new Set(versions.map(({ id }) => id));
    for (const id of this.compiled.keys()) if (!ids.has(id)) this.compiled.delete(id);
    return new TopicCatalog([...this.compiled.values()].flatMap(({ topic }) => topic ?? []));
  }
}

/**
 * A stored topic, compiled. One that is not active is kept by name with no trigger: it need not be computable. Undefined: it cannot be
 * read at all.
 */
export function readTopic(text: string, id: string, semantics: SearchSemantics): CompiledTopic | undefined {
  try {
    const definition = parseTopic(JSON.parse(text) as Record<string, unknown>, id, (name) =>
      semantics.definitions.isResourceType(name),
    );
    return definition.status === 'active' ? compileTopic(definition, semantics) : { definition, triggers: [] };
  } catch {
    return undefined;
  }
}
