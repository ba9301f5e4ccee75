import type { CustomDefinition } from '../search/custom/custom-definition.js';
import type { DeliveryStanding } from '../subscriptions/delivery-standings.js';
import type { ExplainedPredicate, ExplainedTrigger, Explanation } from '../subscriptions/explain-change.js';
import type { SubscriptionDefinition } from '../subscriptions/subscription-definition.js';
import { code, flag, group, instant, number, type Part, text } from './parameter-parts.js';

/** The answer of an explanation for one Subscription, without its name and delivery. */
export function explanationParts({ outcome, because, triggers, predicates }: Explanation): Part[] {
  return [
    flag('wouldNotify', outcome === 'event'),
    code('outcome', outcome),
    text('because', because),
    ...triggers.map(triggerPart),
    ...predicates.map(predicatePart),
  ];
}

export function subjectPart({ subject }: SubscriptionDefinition): Part {
  return subject.kind === 'topic' ? { name: 'topic', valueCanonical: subject.topic } : text('criteria', subject.criteria);
}

/** A custom parameter as the Subscription goes by it. `state`: what has become of the definition since. */
export function parameterPart({ code: name, url }: CustomDefinition, state: string): Part {
  return group('parameter', [code('code', name), text('definition', url), code('state', state)]);
}

/** Where delivery stands: `latest` is the number of the newest event. */
export function deliveryPart(status: string, latest: number, standing: DeliveryStanding | undefined): Part {
  const acknowledged = standing?.acknowledged ?? 0;
  return group('delivery', [
    code('status', status),
    number('lastNumber', latest),
    number('acknowledged', acknowledged),
    number('owed', Math.max(0, latest - acknowledged)),
    number('failures', standing?.failures ?? 0),
    instant('nextAttempt', standing?.nextAttempt),
    instant('lastSent', standing?.lastSent),
    text('lastError', standing?.lastError),
  ]);
}

function triggerPart({ path, type, concerned, fired, problem, predicates }: ExplainedTrigger): Part {
  return group('trigger', [
    text('path', path),
    code('resource', type),
    flag('concerned', concerned),
    flag('fired', fired),
    text('problem', problem),
    ...predicates.map(predicatePart),
  ]);
}

function predicatePart({ kind, expression, held, seen, accessPath }: ExplainedPredicate): Part {
  return group('predicate', [
    code('kind', kind),
    text('expression', expression),
    flag('held', held),
    ...seen.map((value) => text('value', value)),
    code('accessPath', accessPath),
  ]);
}
