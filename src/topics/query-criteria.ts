import type { Interaction } from '../fhir/change.js';
import type { QueryCriteria } from './topic-definition.js';

/**
 * The truth tables of https://hl7.org/fhir/R4B/subscriptiontopic.html. `previous` and `current` run the topic's own tests on the state
 * before and after; they are asked only where the table needs them. A side that has no test and no stated result takes no part; where
 * no side takes part, nothing is known and the trigger does not fire.
 */
export function criteriaFire(
  criteria: QueryCriteria,
  interaction: Interaction,
  tests: { previous: () => boolean; current: () => boolean },
): boolean {
  const sides = [previousSide(criteria, interaction, tests.previous), currentSide(criteria, interaction, tests.current)].filter(
    (side) => side !== undefined,
  );
  if (sides.length === 0) return false;
  return criteria.requireBoth ? sides.every((test) => test()) : sides.some((test) => test());
}

function previousSide(criteria: QueryCriteria, interaction: Interaction, test: () => boolean): (() => boolean) | undefined {
  if (interaction === 'create') return stated(criteria.resultForCreate);
  return criteria.previous === undefined ? undefined : test;
}

function currentSide(criteria: QueryCriteria, interaction: Interaction, test: () => boolean): (() => boolean) | undefined {
  if (interaction === 'delete') return stated(criteria.resultForDelete);
  return criteria.current === undefined ? undefined : test;
}

function stated(result: QueryCriteria['resultForCreate']): (() => boolean) | undefined {
  return result === undefined ? undefined : () => result === 'test-passes';
}
