import { randomUUID } from 'node:crypto';
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import type { Change, Face, LogPosition } from '../fhir/change.js';
import { FhirError } from '../fhir/fhir-error.js';
import type { JsonObject } from '../fhir/json-object.js';
import { validateResource } from '../fhir/validate-resource.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import { explainChange, filingOf, linksAsked, type Outcome } from '../subscriptions/explain-change.js';
import type { LinkedResources } from '../subscriptions/linked-resources.js';
import { parseSubscription } from '../subscriptions/parse-subscription.js';
import type { SubscriptionRule } from '../subscriptions/subscription-rule.js';
import type { SubscriptionDefinition } from '../subscriptions/subscription-definition.js';
import type { CompiledTopic } from '../topics/compile-topic.js';
import type { CurrentCatalog } from '../topics/current-catalog.js';
import { resourceState } from '../topics/resource-state.js';
import { ANY_TYPE } from '../topics/topic-definition.js';
import type { RecentChanges } from './recent-changes.js';
import { linkVerdicts } from './link-verdicts.js';
import { code, flag, group, instant, number, parametersText, text } from './parameter-parts.js';

const USUAL_LAST = 1000;
const MOST_LAST = 10_000;
/** Events told of one by one; the rest are counted. */
const MOST_TOLD = 500;
const PAGE = 200;
const MOST_AT_ONCE = 2;
const SLICE_MS = 5;

interface Tried {
  definition: SubscriptionDefinition;
  topic: CompiledTopic | undefined;
  /** That it may be about; undefined: all. */
  types: readonly string[] | undefined;
}

interface Found {
  examined: number;
  complete: boolean;
  oldest?: Date;
  newest?: Date;
  events: Change[];
  outcomes: Map<string, number>;
  filing: ReturnType<typeof filingOf>;
}

/**
 * What a Subscription that is not made yet would have fired on among the last changes of the log. Leaves no trace; works in slices and for
 * a limited time, so that nobody waits for it. docs/explain.md
 */
export class DryRuns {
  private running = 0;

  constructor(
    private readonly rule: SubscriptionRule,
    private readonly catalog: CurrentCatalog,
    private readonly changes: RecentChanges,
    private readonly semantics: SearchSemantics,
    private readonly linked: LinkedResources,
    private readonly budgetMs: number,
  ) {}

  /** @throws FhirError 400, 429, and 422 with what the Subscription itself would be refused for */
  async run(face: Face, subscription: JsonObject | undefined, last: string | undefined): Promise<string> {
    const wanted = lastOf(last);
    const definition = await this.accepted(face, subscription);
    if (this.running >= MOST_AT_ONCE)
      throw new FhirError('throttled', 'Enough dry runs are under way; try again in a moment', undefined, {
        headers: { 'Retry-After': '5' },
      });
    this.running += 1;
    try {
      return answer(await this.walk(definition, wanted));
    } finally {
      this.running -= 1;
    }
  }

  /** Taken as it would be stored: checked by the same rule, and active. */
  private async accepted(face: Face, subscription: JsonObject | undefined): Promise<SubscriptionDefinition> {
    if (subscription?.['resourceType'] !== 'Subscription')
      throw new FhirError('required', 'subscription is the Subscription to try', 'subscription');
    const [issue, ...issues] = validateResource(subscription);
    if (issue !== undefined) throw FhirError.ofIssues([issue, ...issues], { status: 422 });
    const id = randomUUID();
    const { value } = await this.rule.apply({ text: JSON.stringify(subscription), value: subscription }, id, face);
    return { ...parseSubscription(value, id, 0, face), status: 'active' };
  }

  private async walk(definition: SubscriptionDefinition, wanted: number): Promise<Found> {
    const { subject } = definition;
    const topic = subject.kind === 'topic' ? (await this.catalog.read()).active(subject.topic) : undefined;
    const types = this.typesOf(definition, topic);
    const found: Found = {
      examined: 0,
      complete: false,
      events: [],
      outcomes: new Map(),
      filing: filingOf(definition, topic, this.semantics),
    };
    const deadline = performance.now() + this.budgetMs;
    let slice = performance.now();
    let place: LogPosition | undefined;
    while (found.examined < wanted && performance.now() < deadline) {
      const limit = Math.min(PAGE, wanted - found.examined);
      const page = await this.changes.before(place, limit, types);
      const previous = await this.changes.previous(page.filter((change) => needsPrevious(change, topic)));
      for (const change of page) {
        await this.examine(change, previous.get(change), { definition, topic, types }, found);
        if (performance.now() - slice < SLICE_MS) continue;
        await yieldToOthers();
        slice = performance.now();
        if (slice > deadline) return found;
      }
      place = page.at(-1)?.position;
      if (page.length < limit) return { ...found, complete: true };
    }
    return { ...found, complete: found.examined >= wanted };
  }

  private async examine(
    change: Change,
    previous: Change | undefined,
    { definition, topic, types }: Tried,
    found: Found,
  ): Promise<void> {
    const state = (of: Change | undefined) =>
      of?.body == null
        ? undefined
        : resourceState(of.type, JSON.parse(of.body), this.semantics, { id: of.id, lastUpdated: of.at });
    const { type, interaction } = change;
    let outcome: Outcome = 'type';
    if (types === undefined || types.includes(type)) {
      const seen = { type, interaction, previous: state(previous), current: state(change) };
      outcome = explainChange(definition, topic, seen, this.semantics, () => true).outcome;
      // Other resources are asked where nothing else stands in the way.
      const links = outcome === 'event' ? linksAsked(definition, topic, seen, this.semantics) : [];
      if (links.length > 0) {
        const verdicts = await linkVerdicts(this.linked, seen, links);
        outcome = explainChange(definition, topic, seen, this.semantics, (written) => verdicts.get(written)).outcome;
      }
    }
    found.examined += 1;
    found.newest ??= change.at;
    found.oldest = change.at;
    found.outcomes.set(outcome, (found.outcomes.get(outcome) ?? 0) + 1);
    if (outcome === 'event') found.events.push(change);
  }

  /** Undefined: every type. */
  private typesOf({ subject }: SubscriptionDefinition, topic: CompiledTopic | undefined): string[] | undefined {
    if (subject.kind === 'classic') return [this.semantics.standing(subject.parameters).parseCriteria(subject.criteria).type];
    const types = (topic?.triggers ?? []).map((trigger) => trigger.type);
    return types.includes(ANY_TYPE) ? undefined : types;
  }
}

function needsPrevious({ type, interaction }: Change, topic: CompiledTopic | undefined): boolean {
  return (topic?.triggers ?? []).some(
    (trigger) =>
      (trigger.type === type || trigger.type === ANY_TYPE) && interaction !== 'create' && trigger.needsPrevious(interaction),
  );
}

function lastOf(written: string | undefined): number {
  if (written === undefined) return USUAL_LAST;
  const last = /^\d{1,9}$/.test(written) ? Number(written) : 0;
  if (last >= 1 && last <= MOST_LAST) return last;
  throw new FhirError('value', `last is a number of changes from 1 to ${MOST_LAST}, not "${written.slice(0, 50)}"`, 'last');
}

function answer({ examined, complete, oldest, newest, events, outcomes, filing }: Found): string {
  return parametersText([
    number('examined', examined),
    flag('complete', complete),
    instant('oldest', oldest),
    instant('newest', newest),
    number('wouldNotify', events.length),
    ...filing.map(({ kind, expression, accessPath }) =>
      group('predicate', [code('kind', kind), text('expression', expression), code('accessPath', accessPath)]),
    ),
    ...[...outcomes].sort().map(([outcome, count]) => group('count', [code('outcome', outcome), number('changes', count)])),
    ...events
      .slice(0, MOST_TOLD)
      .map(({ type, id, version, interaction, at }) =>
        group('event', [
          text('focus', `${type}/${id}/_history/${version}`),
          code('interaction', interaction),
          instant('timestamp', at),
        ]),
      ),
  ]);
}
