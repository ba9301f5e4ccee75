import { createHash } from 'node:crypto';
import { canonicalQuery } from '../search/canonical-query.js';
import type { CustomDefinition } from '../search/custom/custom-definition.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import { canonicalFilters } from '../subscriptions/filter-syntax.js';
import type { SubscriptionDefinition } from '../subscriptions/subscription-definition.js';

/**
 * What a filter group stands for. It is made from the Subscription alone, never from the topic as it stands today: a group keeps its
 * fingerprint whatever happens to its topic. Filters as written in one canonical spelling, criteria together with the custom parameters
 * that they go by: the same words by another definition are another group.
 */
export type GroupSubject =
  | { kind: 'classic'; criteria: string; parameters?: readonly CustomDefinition[] }
  | { kind: 'topic'; topic: string; filters: readonly string[] };

export interface GroupPlan {
  /** 32 hexadecimal digits. */
  fingerprint: string;
  /** The subject as JSON text, readable in the database. */
  definition: string;
  subject: GroupSubject;
}

/** Until access control tells subscribers apart, all have the same rights; sharing a group never widens them. */
const RIGHTS = 'open';

/** @throws FhirError when the criteria cannot be read */
export function groupPlan({ subject }: SubscriptionDefinition, semantics: SearchSemantics): GroupPlan {
  const canonical: GroupSubject =
    subject.kind === 'classic'
      ? {
          kind: 'classic',
          criteria: canonicalQuery(semantics.standing(subject.parameters).parseCriteria(subject.criteria)),
          ...(subject.parameters === undefined ? {} : { parameters: subject.parameters }),
        }
      : { kind: 'topic', topic: subject.topic, filters: canonicalFilters(subject.filters) };
  const definition = definitionOf(canonical);
  return { fingerprint: createHash('sha256').update(definition).digest('hex').slice(0, 32), definition, subject: canonical };
}

/** The subject of a stored definition. @throws SyntaxError when it is none */
export function subjectOf(definition: string): GroupSubject {
  return JSON.parse(definition) as GroupSubject;
}

function definitionOf(subject: GroupSubject): string {
  return JSON.stringify({ ...subject, rights: RIGHTS });
}
