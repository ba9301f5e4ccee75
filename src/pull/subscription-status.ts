import type { Face } from '../fhir/change.js';
import { FhirError } from '../fhir/fhir-error.js';
import type { NotificationLevel } from '../fhir/event-parts.js';
import { type NumberedEvent, notificationSubject, notificationText, statusBundleText } from '../fhir/notification-bundle.js';
import { levelOf } from '../subscriptions/content-level.js';
import { faultOf } from '../subscriptions/endpoint-fault.js';
import type { EventLog, Standing } from '../subscriptions/event-log.js';
import { parseSubscription } from '../subscriptions/parse-subscription.js';
import { latestNumber, stretchesOf } from '../subscriptions/segments.js';
import type { SubscriptionDefinition, SubscriptionStatus } from '../subscriptions/subscription-definition.js';
import type { ListedSubscription, SubscriptionDirectory } from '../subscriptions/subscription-directory.js';
import { boundOf } from './event-bounds.js';

/** Subscriptions that one `$status` without ids goes through. */
const MOST_SUBSCRIPTIONS = 10_000;
/** Events in one answer of `$events`; a link leads to the rest. */
const EVENTS_PER_PAGE = 200;

const LEVELS: readonly NotificationLevel[] = ['empty', 'id-only', 'full-resource'];
const STATUSES: readonly SubscriptionStatus[] = ['requested', 'active', 'error', 'off'];

interface Known {
  definition: SubscriptionDefinition;
  lastError?: string;
  standing?: Standing;
}

export interface EventRange {
  since?: string;
  until?: string;
  content?: string;
}

/**
 * What a subscriber asks of its Subscription: how it stands, and events once more. Answers in every status, in the face that is asked.
 * https://hl7.org/fhir/uv/subscriptions-backport/operations.html
 */
export class SubscriptionAnswers {
  constructor(
    private readonly directory: SubscriptionDirectory,
    private readonly events: EventLog,
    private readonly baseOf: (face: Face) => string,
    private readonly now: () => Date = () => new Date(),
  ) {}

  /** @throws FhirError 404 */
  async status(face: Face, id: string, selfUrl: string): Promise<string> {
    return this.statusText(face, [await this.one(id)], selfUrl);
  }

  /** Ids are alternatives, statuses are alternatives, both must hold. @throws FhirError 400 for a status that is none */
  async statuses(face: Face, ids: readonly string[], statuses: readonly string[], selfUrl: string): Promise<string> {
    for (const status of statuses) {
      if (!STATUSES.includes(status as SubscriptionStatus))
        throw new FhirError('value', `"${status.slice(0, 50)}" is no status; there are ${STATUSES.join(', ')}`, 'status');
    }
    const listed = await this.directory.list(ids.length === 0 ? undefined : ids, MOST_SUBSCRIPTIONS + 1);
    if (listed.length > MOST_SUBSCRIPTIONS)
      throw new FhirError('too-costly', `More than ${MOST_SUBSCRIPTIONS} Subscriptions: name ids`, 'id', { status: 400 });
    const wanted = this.withStanding(
      listed.map(read).filter(({ definition }) => statuses.length === 0 || statuses.includes(definition.status)),
    );
    return this.statusText(face, await wanted, selfUrl);
  }

  /**
   * The events of a range, bounds included, ascending; the total is that of the subscription, not of the range. What is no longer kept
   * shows as a gap in the numbers; `missing` says so where the range begins with it.
   * @throws FhirError 404, 400 for bounds that are no numbers or the wrong way round
   */
  async range(face: Face, id: string, range: EventRange): Promise<{ text: string; missing?: string }> {
    const since = Math.max(1, boundOf(range.since, 'eventsSinceNumber') ?? 1);
    const until = boundOf(range.until, 'eventsUntilNumber');
    if (until !== undefined && since > until)
      throw new FhirError('value', `eventsSinceNumber ${since} lies after eventsUntilNumber ${until}`, 'eventsSinceNumber');
    const known = await this.one(id);
    const { definition } = known;
    const level = lowerLevel(levelOf(definition), range.content);
    const { segments, groupLastN } = known.standing ?? { segments: [], groupLastN: 0 };
    const total = latestNumber(segments, groupLastN);
    const last = Math.min(until ?? total, total);
    const events = await this.read(segments, { first: since, last }, groupLastN);
    const reached = events.at(-1)?.number;
    const next =
      reached !== undefined && reached < last
        ? `${this.baseOf(face)}/Subscription/${id}/$events?eventsSinceNumber=${reached + 1}&eventsUntilNumber=${last}&content=${level}`
        : undefined;
    const content = { type: 'query-event', status: definition.status, total, events, faults: faultsOf(known), next } as const;
    const first = stretchesOf(segments, { first: since, last }, groupLastN, 1)[0]?.firstNumber ?? last + 1;
    const missing = first > since && since <= last ? `Events ${since} to ${first - 1} are no longer kept` : undefined;
    return { text: notificationText(this.subject(face, definition, level), content, this.now()), missing };
  }

  private async read(
    segments: Standing['segments'],
    numbers: { first: number; last: number },
    lastN: number,
  ): Promise<NumberedEvent[]> {
    const stretches = stretchesOf(segments, numbers, lastN, EVENTS_PER_PAGE);
    const read = await this.events.read(stretches, EVENTS_PER_PAGE);
    const events: NumberedEvent[] = [];
    for (const { groupId, afterN, untilN, firstNumber } of stretches) {
      const found = read.filter((event) => event.groupId === groupId && event.n > afterN && event.n <= untilN);
      for (const event of found) events.push({ number: firstNumber + event.n - afterN - 1, parts: event.parts });
      // Large bodies end a page early; what lies behind is read by the next.
      if (found.length < untilN - afterN) break;
    }
    return events;
  }

  private async one(id: string): Promise<Known> {
    const [known] = await this.withStanding((await this.directory.list([id], 1)).map(read));
    if (!known) throw new FhirError('not-found', `There is no Subscription/${id}`);
    return known;
  }

  private async withStanding(known: readonly Known[]): Promise<Known[]> {
    const standings = await this.events.standings(known.map(({ definition }) => definition.id));
    const byId = new Map(standings.map((standing) => [standing.subscriptionId, standing]));
    return known.map((one) => ({ ...one, standing: byId.get(one.definition.id) }));
  }

  private statusText(face: Face, known: readonly Known[], selfUrl: string): string {
    const statuses = known.map((one) => ({
      subject: this.subject(face, one.definition, levelOf(one.definition)),
      status: one.definition.status,
      total: one.standing ? latestNumber(one.standing.segments, one.standing.groupLastN) : 0,
      faults: faultsOf(one),
    }));
    return statusBundleText(statuses, selfUrl, this.now());
  }

  private subject(face: Face, { id, subject }: SubscriptionDefinition, level: NotificationLevel) {
    const topic = subject.kind === 'topic' ? subject.topic : undefined;
    return notificationSubject({ id, face, base: this.baseOf(face), topic, level });
  }
}

function read({ resource, lastError }: ListedSubscription): Known {
  const value = JSON.parse(resource.body ?? '{}') as Record<string, unknown>;
  return { definition: parseSubscription(value, resource.id, resource.version, resource.face), lastError };
}

function faultsOf({ definition, lastError }: Known) {
  const fault = definition.status === 'error' ? faultOf(lastError) : undefined;
  return fault ? [fault] : [];
}

/** A hint may ask for less than was granted, never for more. */
function lowerLevel(granted: NotificationLevel, asked: string | undefined): NotificationLevel {
  if (asked === undefined) return granted;
  const level = LEVELS.indexOf(asked as NotificationLevel);
  if (level < 0) throw new FhirError('value', `content is ${LEVELS.join(', ')}, not "${asked.slice(0, 50)}"`, 'content');
  return LEVELS[Math.min(level, LEVELS.indexOf(granted))]!;
}
