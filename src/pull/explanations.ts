import { setImmediate as yieldToOthers } from 'node:timers/promises';
import type { Face } from '../fhir/change.js';
import { FhirError } from '../fhir/fhir-error.js';
import type { CurrentParameters } from '../search/custom/current-parameters.js';
import type { CustomDefinition } from '../search/custom/custom-definition.js';
import { stateOf } from '../search/custom/frozen-definitions.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import type { DeliveryStandings } from '../subscriptions/delivery-standings.js';
import type { EventLog } from '../subscriptions/event-log.js';
import { explainChange, type Explanation, linksAsked, parametersOf } from '../subscriptions/explain-change.js';
import { parseSubscription } from '../subscriptions/parse-subscription.js';
import type { WrittenLink } from '../search/conditions.js';
import type { LinkedResources } from '../subscriptions/linked-resources.js';
import { latestNumber } from '../subscriptions/segments.js';
import type { SubscriptionDefinition } from '../subscriptions/subscription-definition.js';
import type { SubscriptionDirectory } from '../subscriptions/subscription-directory.js';
import type { TopicChange } from '../topics/compile-topic.js';
import type { CurrentCatalog } from '../topics/current-catalog.js';
import { type AskedChange, explainedChange } from './explained-change.js';
import { linkVerdicts } from './link-verdicts.js';
import { deliveryPart, explanationParts, parameterPart, subjectPart } from './explained-parameters.js';
import type { ResourceReader } from './resource-reader.js';
import { code, group, number, parametersText, text } from './parameter-parts.js';

const MOST_SUBSCRIPTIONS = 10_000;
/** Subscriptions told of in one answer: those that would notify first. */
const MOST_TOLD = 200;
/** Matching and requests share the thread: after so much work others have a turn. */
const SLICE_MS = 5;

interface Explained {
  definition: SubscriptionDefinition;
  explanation: Explanation;
  parameters: readonly CustomDefinition[];
}

/** Why a change is or is not an event for Subscriptions, and where the delivery of each stands. docs/explain.md */
export class Explanations {
  constructor(
    private readonly directory: SubscriptionDirectory,
    private readonly events: EventLog,
    private readonly deliveries: DeliveryStandings,
    private readonly catalog: CurrentCatalog,
    private readonly reader: ResourceReader,
    private readonly semantics: SearchSemantics,
    private readonly linked: LinkedResources,
    private readonly baseOf: (face: Face) => string,
    private readonly current: Pick<CurrentParameters, 'follow'>,
  ) {}

  /**
   * `ids`: the Subscriptions asked about, each told of whatever comes out; undefined: all, of which those that no such change can concern
   * are only counted.
   * @throws FhirError 400, 404, 422
   */
  async explain(face: Face, ids: readonly string[] | undefined, asked: AskedChange): Promise<string> {
    const { change, focus } = await explainedChange(asked, this.reader, this.semantics);
    const definitions = await this.definitions(ids);
    const explained = await this.explainAll(definitions, change);
    const notified = explained.filter(({ explanation }) => explanation.outcome === 'event');
    const others = explained.filter(({ explanation }) => explanation.outcome !== 'event');
    const told = [...notified, ...(ids ? others : others.filter(({ explanation }) => explanation.outcome !== 'type'))];
    return parametersText([
      text('focus', focus),
      code('resource', change.type),
      code('interaction', change.interaction),
      number('considered', explained.length),
      number('wouldNotify', notified.length),
      ...(await this.tell(face, told.slice(0, MOST_TOLD))),
    ]);
  }

  private async definitions(ids: readonly string[] | undefined): Promise<SubscriptionDefinition[]> {
    const listed = await this.directory.list(ids, MOST_SUBSCRIPTIONS + 1);
    if (listed.length > MOST_SUBSCRIPTIONS)
      throw new FhirError('too-costly', `More than ${MOST_SUBSCRIPTIONS} Subscriptions: name some`, 'subscription', {
        status: 400,
      });
    const known = new Set(listed.map(({ resource }) => resource.id));
    const missing = ids?.find((id) => !known.has(id));
    if (missing !== undefined) throw new FhirError('not-found', `There is no Subscription/${missing}`, 'subscription');
    return listed.map(({ resource: { id, version, face, body } }) =>
      parseSubscription(JSON.parse(body ?? '{}') as Record<string, unknown>, id, version, face),
    );
  }

  private async explainAll(definitions: readonly SubscriptionDefinition[], change: TopicChange): Promise<Explained[]> {
    const catalog = await this.catalog.read();
    const topicOf = ({ subject }: SubscriptionDefinition) =>
      subject.kind === 'topic' ? catalog.active(subject.topic) : undefined;
    /** By what custom parameters mean to the Subscription, then by how they were written. */
    const asked = new Map<string, Map<string, WrittenLink>>();
    const meaningOf = (definition: SubscriptionDefinition) => JSON.stringify(parametersOf(definition, topicOf(definition)));
    await this.inTurns(definitions, (definition) => {
      const links = linksAsked(definition, topicOf(definition), change, this.semantics);
      if (links.length === 0) return;
      const meaning = meaningOf(definition);
      const ofMeaning = asked.get(meaning) ?? new Map<string, WrittenLink>();
      for (const link of links) ofMeaning.set(link.written, link);
      asked.set(meaning, ofMeaning);
    });
    const verdicts = new Map<string, Awaited<ReturnType<typeof linkVerdicts>>>();
    for (const [meaning, links] of asked) verdicts.set(meaning, await linkVerdicts(this.linked, change, [...links.values()]));
    const explained: Explained[] = [];
    await this.inTurns(definitions, (definition) => {
      const topic = topicOf(definition);
      const ofMeaning = verdicts.size === 0 ? undefined : verdicts.get(meaningOf(definition));
      const explanation = explainChange(definition, topic, change, this.semantics, (written) => ofMeaning?.get(written));
      explained.push({ definition, explanation, parameters: parametersOf(definition, topic) });
    });
    return explained;
  }

  private async inTurns(definitions: readonly SubscriptionDefinition[], look: (definition: SubscriptionDefinition) => void) {
    let slice = performance.now();
    for (const definition of definitions) {
      look(definition);
      if (performance.now() - slice < SLICE_MS) continue;
      await yieldToOthers();
      slice = performance.now();
    }
  }

  private async tell(face: Face, told: readonly Explained[]) {
    if (told.some(({ parameters }) => parameters.length > 0)) await this.current.follow();
    const { custom } = this.semantics.catalog;
    const ids = told.map(({ definition }) => definition.id);
    const [standings, deliveries] = await Promise.all([this.events.standings(ids), this.deliveries.of(ids)]);
    const latest = new Map(standings.map((one) => [one.subscriptionId, latestNumber(one.segments, one.groupLastN)]));
    const delivered = new Map(deliveries.map((one) => [one.subscriptionId, one]));
    return told.map(({ definition, explanation, parameters }) =>
      group('subscription', [
        { name: 'reference', valueReference: { reference: `${this.baseOf(face)}/Subscription/${definition.id}` } },
        subjectPart(definition),
        ...parameters.map((parameter) => parameterPart(parameter, stateOf(parameter, custom))),
        ...explanationParts(explanation),
        deliveryPart(definition.status, latest.get(definition.id) ?? 0, delivered.get(definition.id)),
      ]),
    );
  }
}
