import type { Issue } from '../fhir/fhir-error.js';
import type { FilterDeclaration, TopicDefinition } from './topic-definition.js';

/**
 * What a topic may not do to the one it derives from: drop a filter or a way to use it, or be about other resources. It may add filters
 * and say the same in another computable form. https://hl7.org/fhir/R5/subscriptiontopic.html
 */
export function derivationIssues(topic: TopicDefinition, parent: TopicDefinition, index: number): Issue[] {
  const expression = `SubscriptionTopic.derivedFrom[${index}]`;
  const issue = (diagnostics: string): Issue => ({ code: 'business-rule', diagnostics, expression });
  const issues: Issue[] = [];
  if (parent.url === topic.url) issues.push(issue('A topic does not derive from itself; a version of it has the same url.'));
  const [own, inherited] = [rootTypes(topic), rootTypes(parent)];
  if (own !== inherited) issues.push(issue(`${parent.url} is about ${inherited}, the topic derived from it about ${own}.`));
  for (const filter of parent.filters) {
    if (!topic.filters.some((candidate) => covers(candidate, filter)))
      issues.push(issue(`${parent.url} can be filtered by ${nameOf(filter)}; a topic derived from it keeps that.`));
  }
  return issues;
}

const rootTypes = ({ triggers, eventTriggers }: TopicDefinition) =>
  [...new Set([...triggers, ...eventTriggers].map(({ type }) => type))].sort().join(', ');

function covers(candidate: FilterDeclaration, filter: FilterDeclaration): boolean {
  const sameName = candidate.parameter === filter.parameter;
  const sameType = candidate.type === undefined || candidate.type === filter.type;
  const allowed = operatorsOf(candidate);
  return sameName && sameType && operatorsOf(filter).every((operator) => allowed.includes(operator));
}

/** `eq` and `=` are one; nothing declared means equality alone. */
function operatorsOf({ modifiers }: FilterDeclaration): string[] {
  return modifiers.length === 0 ? ['='] : modifiers.map((modifier) => (modifier === 'eq' ? '=' : modifier));
}

const nameOf = ({ type, parameter, modifiers }: FilterDeclaration) =>
  `${type === undefined ? '' : `${type}?`}${parameter}${modifiers.length === 0 ? '' : ` (${modifiers.join(', ')})`}`;
