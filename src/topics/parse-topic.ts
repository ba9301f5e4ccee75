import { FhirError, type Issue } from '../fhir/fhir-error.js';
import type { Interaction } from '../fhir/change.js';
import { isJsonObject, type JsonObject } from '../fhir/json-object.js';
import { frozenIn } from '../search/custom/frozen-definitions.js';
import { parseShape } from './notification-shape.js';
import { resourceTypeOf } from './resource-type.js';
import type {
  Coding,
  EventTrigger,
  FilterDeclaration,
  QueryCriteria,
  ResourceTrigger,
  TopicDefinition,
  TopicStatus,
} from './topic-definition.js';

const INTERACTIONS: ReadonlySet<string> = new Set(['create', 'update', 'delete']);
const RESULTS: ReadonlySet<string> = new Set(['test-passes', 'test-fails']);
const STATUSES: ReadonlySet<string> = new Set(['draft', 'active', 'retired', 'unknown']);

/**
 * Reads a SubscriptionTopic that has the shape of its schema. `isType` tells a resource type's name from any other word.
 * @throws FhirError 422 naming every element that cannot be meant
 */
export function parseTopic(resource: JsonObject, id: string, isType: (name: string) => boolean): TopicDefinition {
  const reader = new TopicReader(isType);
  const topic = reader.read(resource, id);
  const [first, ...rest] = reader.issues;
  if (first !== undefined) throw FhirError.ofIssues([first, ...rest], { status: 422 });
  return topic;
}

class TopicReader {
  readonly issues: Issue[] = [];

  constructor(private readonly isType: (name: string) => boolean) {}

  read(resource: JsonObject, id: string): TopicDefinition {
    const path = 'SubscriptionTopic';
    this.refuseModifierExtensions(resource, path);
    const url = text(resource.url) ?? '';
    if (url === '') this.refuse(`${path}.url`, 'A topic needs a url, by which subscriptions name it.');
    else if (url.includes('|')) this.refuse(`${path}.url`, 'The url must not hold "|": the version has its own element.');
    const status = text(resource.status) ?? '';
    if (!STATUSES.has(status)) this.refuse(`${path}.status`, 'The status must be draft, active, retired or unknown.');
    const list = <T>(name: string, read: (item: JsonObject, at: string) => T | undefined): T[] =>
      items(resource[name]).flatMap((item, index) => {
        const at = `${path}.${name}[${index}]`;
        this.refuseModifierExtensions(item, at);
        const value = read(item, at);
        return value === undefined ? [] : [value];
      });
    const parameters = frozenIn(resource);
    return {
      id,
      url,
      version: text(resource.version),
      status: status as TopicStatus,
      title: text(resource.title),
      date: text(resource.date),
      derivedFrom: strings(resource.derivedFrom),
      triggers: list('resourceTrigger', (item, at) => this.resourceTrigger(item, at)),
      eventTriggers: list('eventTrigger', (item, at) => this.eventTrigger(item, at)),
      filters: list('canFilterBy', (item, at) => this.filter(item, at)),
      shapes: list('notificationShape', (item, at) => {
        const type = this.type(item.resource, `${at}.resource`);
        if (type === undefined) return undefined;
        const shape = { type, path: at, include: strings(item.include), revInclude: strings(item.revInclude) };
        return parseShape(shape, (place, problem) => this.refuse(place, problem));
      }),
      ...(parameters.length === 0 ? {} : { parameters }),
    };
  }

  private resourceTrigger(item: JsonObject, path: string): ResourceTrigger | undefined {
    const type = this.type(item.resource, `${path}.resource`);
    if (type === undefined) return undefined;
    const interactions = strings(item.supportedInteraction);
    interactions.forEach((code, index) => {
      if (!INTERACTIONS.has(code))
        this.refuse(`${path}.supportedInteraction[${index}]`, `"${code}" is none of create, update and delete.`);
    });
    return {
      path,
      type,
      interactions: new Set((interactions.length > 0 ? interactions : [...INTERACTIONS]) as Interaction[]),
      queryCriteria: isJsonObject(item.queryCriteria)
        ? this.queryCriteria(item.queryCriteria, `${path}.queryCriteria`)
        : undefined,
      fhirPathCriteria: text(item.fhirPathCriteria),
    };
  }

  private queryCriteria(item: JsonObject, path: string): QueryCriteria {
    this.refuseModifierExtensions(item, path);
    const result = (name: 'resultForCreate' | 'resultForDelete') => {
      const code = text(item[name]);
      if (code !== undefined && !RESULTS.has(code))
        this.refuse(`${path}.${name}`, `"${code}" is neither test-passes nor test-fails.`);
      return code as QueryCriteria['resultForCreate'];
    };
    const criteria: QueryCriteria = {
      previous: text(item.previous),
      resultForCreate: result('resultForCreate'),
      current: text(item.current),
      resultForDelete: result('resultForDelete'),
      requireBoth: item.requireBoth === true,
    };
    if (criteria.previous === undefined && criteria.current === undefined)
      this.refuse(path, 'The criteria need a test: previous, current or both.');
    return criteria;
  }

  private eventTrigger(item: JsonObject, path: string): EventTrigger | undefined {
    const type = this.type(item.resource, `${path}.resource`);
    const event = isJsonObject(item.event) ? item.event : {};
    const codings: Coding[] = items(event.coding).map((coding) => ({ system: text(coding.system), code: text(coding.code) }));
    return type === undefined ? undefined : { type, codings };
  }

  private filter(item: JsonObject, path: string): FilterDeclaration | undefined {
    const type = item.resource === undefined ? undefined : this.type(item.resource, `${path}.resource`);
    const parameter = text(item.filterParameter) ?? '';
    if (parameter === '' || /[:?&=,|\s]/.test(parameter)) {
      this.refuse(`${path}.filterParameter`, 'A filter is named by a search parameter or a chain, without a modifier.');
      return undefined;
    }
    return { path, type, parameter, definition: text(item.filterDefinition), modifiers: strings(item.modifier) };
  }

  private type(value: unknown, path: string): string | undefined {
    const type = resourceTypeOf(text(value) ?? '', this.isType);
    if (type === undefined) this.refuse(path, `"${text(value) ?? ''}" is not a resource type of FHIR R4B.`);
    return type;
  }

  private refuseModifierExtensions(item: JsonObject, path: string): void {
    if (items(item.modifierExtension).length > 0)
      this.refuse(`${path}.modifierExtension`, 'The hub does not know this modifierExtension, so it cannot act on the element.');
  }

  private refuse(expression: string, diagnostics: string): void {
    this.issues.push({ code: 'business-rule', diagnostics, expression });
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function items(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}
