import type { Change, Face } from '../fhir/change.js';
import { clauseHolds } from '../search/clause-holds.js';
import type { Query } from '../search/query.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import { topicAsBasic } from '../topics/topic-as-basic.js';
import type {
  HistoryOptions,
  HistoryPage,
  HistoryScope,
  PageMark,
  ResourceReader,
  SearchOptions,
  SearchPage,
} from './resource-reader.js';

/** Topics read at a time. */
const TOPICS_AT_ONCE = 500;
/** Marks a place among topics, or the end of them, in the walk of one search. */
const AMONG_TOPICS = 'topic';

/**
 * What is stored as a face shows it. R4 has no SubscriptionTopic: there every topic is a Basic of the same id and version, beside the
 * Basic resources that clients stored (which come after the topics in a search; docs/adr/0009-topics-in-r4.md).
 */
export class FaceReader {
  constructor(
    private readonly reader: ResourceReader,
    private readonly semantics: SearchSemantics,
  ) {}

  async current(face: Face, type: string, id: string): Promise<Change | undefined> {
    const own = await this.reader.current(type, id);
    if (!showsTopics(face, type) || (own !== undefined && own.body !== null)) return own;
    const topic = await this.reader.current('SubscriptionTopic', id);
    return topic === undefined ? own : shown(topic);
  }

  async version(face: Face, type: string, id: string, version: number): Promise<Change | undefined> {
    if (!(await this.isTopic(face, type, id))) return this.reader.version(type, id, version);
    const topic = await this.reader.version('SubscriptionTopic', id, version);
    return topic && shown(topic);
  }

  async history(face: Face, scope: HistoryScope, options: HistoryOptions): Promise<HistoryPage> {
    const { type, id } = scope;
    if (type === undefined || id === undefined || !(await this.isTopic(face, type, id)))
      return this.reader.history(scope, options);
    const page = await this.reader.history({ type: 'SubscriptionTopic', id }, options);
    return { ...page, versions: page.versions.map(shown) };
  }

  async search(face: Face, query: Query, options: SearchOptions): Promise<SearchPage> {
    if (!showsTopics(face, query.type)) return this.reader.search(query, options);
    const { count, after } = options;
    const among = after?.keys[0] === AMONG_TOPICS;
    if (after !== undefined && !among) return this.reader.search(query, options);
    const all = await this.topics(query);
    if (query.countOnly) {
      const { matches, total = 0 } = await this.reader.search(query, options);
      return { matches, total: total + all.length };
    }
    const last = among ? all.findIndex((topic) => isAfter(topic, after)) : 0;
    const left = last < 0 ? [] : all.slice(last);
    const topics = left.slice(0, count);
    const lastTopic = topics.at(-1);
    if (left.length >= count && lastTopic !== undefined) return { matches: topics, next: markOf(lastTopic) };
    const page = await this.reader.search(query, { count: count - topics.length });
    const total = page.total === undefined ? {} : { total: page.total + all.length };
    return { ...page, matches: [...topics, ...page.matches], ...total };
  }

  private async isTopic(face: Face, type: string, id: string): Promise<boolean> {
    if (!showsTopics(face, type)) return false;
    const own = await this.reader.current(type, id);
    return (own?.body ?? null) === null && (await this.reader.current('SubscriptionTopic', id)) !== undefined;
  }

  /** Those that match, newest first. */
  private async topics(query: Query): Promise<Change[]> {
    const all = this.semantics.parse('SubscriptionTopic', [], { handling: 'strict' });
    const found: Change[] = [];
    let after: PageMark | undefined;
    do {
      const page = await this.reader.search({ ...all, total: 'none' }, { count: TOPICS_AT_ONCE, after });
      for (const topic of page.matches.map(shown)) {
        const values = this.semantics.extract('Basic', JSON.parse(topic.body ?? '{}'), { id: topic.id, lastUpdated: topic.at });
        if (query.clauses.every((clause) => clauseHolds(clause, values))) found.push(topic);
      }
      after = page.next;
    } while (after !== undefined);
    return found.sort(newestFirst);
  }
}

const showsTopics = (face: Face, type: string) => face === 'r4' && type === 'Basic';

const shown = (topic: Change): Change => ({
  ...topic,
  type: 'Basic',
  body: topic.body === null ? null : topicAsBasic(topic.body),
});

const newestFirst = (a: Change, b: Change) => b.at.getTime() - a.at.getTime() || (a.id < b.id ? -1 : 1);

const markOf = ({ id, at }: Change): PageMark => ({ keys: [AMONG_TOPICS, at.getTime()], tie: id });

function isAfter(topic: Change, { keys, tie }: PageMark): boolean {
  const place = Number(keys[1]);
  const at = topic.at.getTime();
  return at < place || (at === place && topic.id > tie);
}
