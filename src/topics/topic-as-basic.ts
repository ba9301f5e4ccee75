import type { JsonObject } from '../fhir/json-object.js';

/** How a Basic says that it stands for a topic. */
export const TOPIC_CODE = { system: 'http://hl7.org/fhir/fhir-types', code: 'SubscriptionTopic' } as const;

const CROSS_VERSION = 'http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.';

/** Elements of SubscriptionTopic in the order of R5, with the type of their extension's value. */
const ELEMENTS: readonly (readonly [name: string, type: string])[] = [
  ['url', 'Uri'],
  ['version', 'String'],
  ['title', 'String'],
  ['derivedFrom', 'Canonical'],
  ['experimental', 'Boolean'],
  ['date', 'DateTime'],
  ['publisher', 'String'],
  ['contact', 'ContactDetail'],
  ['description', 'Markdown'],
  ['useContext', 'UsageContext'],
  ['jurisdiction', 'CodeableConcept'],
  ['purpose', 'Markdown'],
  ['copyright', 'Markdown'],
  ['approvalDate', 'Date'],
  ['lastReviewDate', 'Date'],
  ['effectivePeriod', 'Period'],
];

const PARTS: Readonly<Record<string, string>> = {
  description: 'Markdown',
  resource: 'Uri',
  supportedInteraction: 'Code',
  previous: 'String',
  resultForCreate: 'Code',
  current: 'String',
  resultForDelete: 'Code',
  requireBoth: 'Boolean',
  fhirPathCriteria: 'String',
  event: 'CodeableConcept',
  filterParameter: 'String',
  filterDefinition: 'Uri',
  comparator: 'Code',
  modifier: 'Code',
  include: 'String',
  revInclude: 'String',
};

/** R4B has comparators and modifiers in one list, R5 in two; `=` is in neither. */
const COMPARATORS: ReadonlySet<unknown> = new Set(['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap']);

/**
 * A stored SubscriptionTopic as plain R4 shows it: a Basic of the same id and version whose extensions are R5's elements, the status as
 * a modifier. https://hl7.org/fhir/uv/subscriptions-backport/ (1.2), section on topics in R4
 */
export function topicAsBasic(text: string): string {
  const topic = JSON.parse(text) as JsonObject;
  const extensions = [
    ...ELEMENTS.flatMap(([name, type]) => listOf(topic[name]).map((value) => extension(CROSS_VERSION + name, type, value))),
    ...(['resourceTrigger', 'eventTrigger', 'canFilterBy', 'notificationShape'] as const).flatMap((name) =>
      listOf(topic[name]).map((part) => ({ url: CROSS_VERSION + name, extension: partsOf(part as JsonObject) })),
    ),
    ...listOf(topic['extension']),
  ];
  const { id, meta, implicitRules, language, text: narrative, identifier } = topic;
  return JSON.stringify({
    resourceType: 'Basic',
    id,
    meta,
    implicitRules,
    language,
    text: narrative,
    extension: extensions,
    modifierExtension: [extension(`${CROSS_VERSION}status`, 'Code', topic['status'])],
    identifier,
    code: { coding: [TOPIC_CODE] },
  });
}

/** Whether a Basic claims to be a topic, by its code or by the extensions that make one. */
export function claimsToBeTopic(basic: JsonObject): boolean {
  const codings = listOf((basic['code'] as JsonObject | undefined)?.['coding']) as JsonObject[];
  const extensions = [...listOf(basic['extension']), ...listOf(basic['modifierExtension'])] as JsonObject[];
  return (
    codings.some(({ system, code }) => system === TOPIC_CODE.system && code === TOPIC_CODE.code) ||
    extensions.some(({ url }) => String(url).includes('/extension-SubscriptionTopic.'))
  );
}

function partsOf(part: JsonObject): JsonObject[] {
  return Object.entries(part).flatMap(([name, value]): JsonObject[] => {
    if (name === 'extension') return listOf(value) as JsonObject[];
    if (name === 'queryCriteria') return [{ url: name, extension: partsOf(value as JsonObject) }];
    const type = PARTS[name];
    if (type === undefined) return [];
    return listOf(value).flatMap((one) => {
      if (name !== 'modifier') return [extension(name, type, one)];
      return one === '=' ? [] : [extension(COMPARATORS.has(one) ? 'comparator' : 'modifier', type, one)];
    });
  });
}

const extension = (url: string, type: string, value: unknown): JsonObject => ({ url, [`value${type}`]: value });

function listOf(value: unknown): unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}
