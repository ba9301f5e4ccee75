import { FhirError } from '../fhir/fhir-error.js';
import type { CustomDefinition } from '../search/custom/custom-definition.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import type { StandingSearch } from '../search/standing-search.js';
import { filterParameterOf, typesOfFilter } from './compile-topic.js';
import { ANY_TYPE, type FilterDeclaration, type TopicDefinition } from './topic-definition.js';

/** The custom parameters that a topic's triggers test and its filters may ask for, as they are defined now. What cannot be read is passed over. */
export function parametersAskedOf(topic: TopicDefinition, semantics: SearchSemantics): CustomDefinition[] {
  const spelledOut = (type: string) => (type === ANY_TYPE ? semantics.definitions.resourceTypes() : [type]);
  return semantics.customAskedBy((by) => {
    for (const { type, queryCriteria } of topic.triggers)
      for (const query of [queryCriteria?.previous, queryCriteria?.current]) {
        if (query === undefined) continue;
        for (const each of spelledOut(type)) readable(() => by.parseTerms(each, query));
      }
    for (const filter of topic.filters)
      for (const type of new Set(typesOfFilter(filter, topic).flatMap(spelledOut))) readable(() => askFor(filter, type, by));
  });
}

/** What values Subscriptions will ask for is open; that they ask is all that counts. */
function askFor(filter: FilterDeclaration, type: string, by: StandingSearch): void {
  if (filter.parameter.includes('.')) by.parseTerms(type, [[`${filter.parameter}:missing`, 'true']], { links: true });
  const parameter = filterParameterOf(filter, type, by);
  if (parameter?.custom === true) by.definitions.find(type, parameter.code);
}

function readable(read: () => void): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof FhirError)) throw error;
  }
}
