import type { OperationDefinition } from 'fhir/r4b.js';
import { type Change, type Face, LOG_START } from '../fhir/change.js';
import { isTypeOfFace } from '../fhir/face-types.js';
import { clauseHolds } from '../search/clause-holds.js';
import type { Query } from '../search/query.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import { topicAsBasic } from '../topics/topic-as-basic.js';
import { type Included, includeResources } from './include-resources.js';
import type {
  HistoryOptions,
  HistoryPage,
  HistoryScope,
  LinkedVersion,
  PageMark,
  ResourceReader,
  SearchOptions,
  SearchPage,
} from './resource-reader.js';

/** Topics read at a time. */
const TOPICS_AT_ONCE = 500;
/** Marks a place among what is shown beside stored resources, or the end of it, in the walk of one search. */
const AMONG_SHOWN = 'shown';

/**
 * What is stored as a face shows it. R4 has no SubscriptionTopic: there every topic is a Basic of the same id and version, beside the
 * Basic resources that clients stored (which come after the topics in a search; docs/adr/0009-topics-in-r4.md). Beside the
 * OperationDefinitions that clients stored stand those of the hub's own operations.
 */
export class FaceReader {
  private readonly operations: ReadonlyMap<string, Change>;

  constructor(
    private readonly reader: ResourceReader,
    private readonly semantics: SearchSemantics,
    operations: readonly OperationDefinition[],
    private readonly since: Date = new Date(),
  ) {
    this.operations = new Map(operations.map((operation) => [operation.id ?? '', this.ownOperation(operation)]));
  }

  async current(face: Face, type: string, id: string): Promise<Change | undefined> {
    const own = await this.reader.current(type, id);
    return own?.body == null ? ((await this.shown(face, type, id)) ?? own) : own;
  }

  async version(face: Face, type: string, id: string, version: number): Promise<Change | undefined> {
    if (await this.isTopic(face, type, id)) {
      const topic = await this.reader.version('SubscriptionTopic', id, version);
      return topic && asBasic(topic);
    }
    const stored = await this.reader.version(type, id, version);
    const operation = type === 'OperationDefinition' ? this.operations.get(id) : undefined;
    return stored ?? (version === operation?.version ? operation : undefined);
  }

  async history(face: Face, scope: HistoryScope, options: HistoryOptions): Promise<HistoryPage> {
    const { type, id } = scope;
    if (type === undefined || id === undefined || !(await this.isTopic(face, type, id)))
      return this.reader.history(scope, options);
    const page = await this.reader.history({ type: 'SubscriptionTopic', id }, options);
    return { ...page, versions: page.versions.map(asBasic) };
  }

  async search(face: Face, query: Query, options: SearchOptions): Promise<SearchPage> {
    if (!showsMore(face, query.type)) return this.reader.search(query, options);
    const { count, after } = options;
    const among = isAmongShown(after);
    if (after !== undefined && !among) return this.reader.search(query, options);
    const all = await this.shownFor(query);
    if (query.countOnly) {
      const { matches, total = 0 } = await this.reader.search(query, options);
      return { matches, total: total + all.length };
    }
    const last = among ? all.findIndex((one) => isAfter(one, after)) : 0;
    const left = last < 0 ? [] : all.slice(last);
    const shown = left.slice(0, count);
    const lastShown = shown.at(-1);
    if (left.length >= count && lastShown !== undefined) return { matches: shown, next: markOf(lastShown) };
    const page = await this.reader.search(query, { count: count - shown.length });
    const total = page.total === undefined ? {} : { total: page.total + all.length };
    return { ...page, matches: [...shown, ...page.matches], ...total };
  }

  /** Of several types what is stored; what is shown beside it is found under its own type. */
  searchAll(face: Face, queries: readonly [Query, ...Query[]], options: SearchOptions): Promise<SearchPage> {
    return queries.length === 1 ? this.search(face, queries[0], options) : this.reader.searchSeveral(queries, options);
  }

  /** What goes along with a page of matches; nothing of types that the face does not have. */
  include(face: Face, { includes }: Query, matches: readonly LinkedVersion[]): Promise<Included> {
    return includeResources(includes, matches, this.reader, this.semantics, (type) => isTypeOfFace(type, face));
  }

  private async isTopic(face: Face, type: string, id: string): Promise<boolean> {
    if (!showsTopics(face, type)) return false;
    const own = await this.reader.current(type, id);
    return (own?.body ?? null) === null && (await this.reader.current('SubscriptionTopic', id)) !== undefined;
  }

  private async shown(face: Face, type: string, id: string): Promise<Change | undefined> {
    if (type === 'OperationDefinition') return this.operations.get(id);
    if (!showsTopics(face, type)) return undefined;
    const topic = await this.reader.current('SubscriptionTopic', id);
    return topic && asBasic(topic);
  }

  /** Those that match, newest first. */
  private async shownFor(query: Query): Promise<Change[]> {
    // What is shown beside the store is linked with nothing in it.
    if (query.links.length > 0) return [];
    const shown = query.type === 'Basic' ? await this.topics() : [...this.operations.values()];
    return shown.filter((one) => this.matches(one, query)).sort(newestFirst);
  }

  private matches({ type, id, at, body }: Change, query: Query): boolean {
    const values = this.semantics.extract(type, JSON.parse(body ?? '{}'), { id, lastUpdated: at });
    return query.clauses.every((clause) => clauseHolds(clause, values));
  }

  private ownOperation(operation: OperationDefinition): Change {
    const { resourceType: type, id = '', ...rest } = operation;
    const body = { resourceType: type, id, meta: { versionId: '1', lastUpdated: this.since.toISOString() }, ...rest };
    const written = { position: LOG_START, interaction: 'create', method: 'PUT', face: 'r4b' } as const;
    return { ...written, type, id, version: 1, at: this.since, body: JSON.stringify(body) };
  }

  private async topics(): Promise<Change[]> {
    const all = this.semantics.parse('SubscriptionTopic', [], { handling: 'strict' });
    const found: Change[] = [];
    let after: PageMark | undefined;
    do {
      const page = await this.reader.search({ ...all, total: 'none' }, { count: TOPICS_AT_ONCE, after });
      found.push(...page.matches.map(asBasic));
      after = page.next;
    } while (after !== undefined);
    return found;
  }
}

const showsTopics = (face: Face, type: string) => face === 'r4' && type === 'Basic';

const showsMore = (face: Face, type: string) => type === 'OperationDefinition' || showsTopics(face, type);

const asBasic = (topic: Change): Change => ({
  ...topic,
  type: 'Basic',
  body: topic.body === null ? null : topicAsBasic(topic.body),
});

const newestFirst = (a: Change, b: Change) => b.at.getTime() - a.at.getTime() || (a.id < b.id ? -1 : 1);

const markOf = ({ id, at }: Change): PageMark => ({ keys: [AMONG_SHOWN, at.getTime()], tie: id });

/** A place in the store has texts alone, one of which may be the same word. */
function isAmongShown(mark: PageMark | undefined): mark is PageMark {
  return mark?.keys[0] === AMONG_SHOWN && typeof mark.keys[1] === 'number';
}

function isAfter(one: Change, { keys, tie }: PageMark): boolean {
  const place = Number(keys[1]);
  const at = one.at.getTime();
  return at < place || (at === place && one.id > tie);
}
