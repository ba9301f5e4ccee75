import type { OperationDefinition, OperationDefinitionParameter } from 'fhir/r4b.js';

const CANONICAL = 'https://carillon.example/fhir/OperationDefinition';

/** The operations that are the hub's own; those of the standard are defined where their canonicals say. */
export const OWN_OPERATIONS: readonly OperationDefinition[] = [
  definition('subscription-explain', 'explain', 'SubscriptionExplain', 'Why a change is or is not an event', {
    resource: ['Subscription'],
    type: true,
    instance: true,
    affectsState: false,
    description:
      'For a resource given or stored, and one Subscription or all: each test with the values it saw, whether it would notify, and where delivery stands.',
    parameter: [
      input('resource', 0, '1', 'Any', 'The state after the change'),
      input('reference', 0, '1', 'Reference', 'A stored resource instead, maybe one of its versions'),
      input('previous', 0, '1', 'Any', 'The state before'),
      input('interaction', 0, '1', 'code', 'create, update or delete, where it does not follow from the rest'),
      input('subscription', 0, '*', 'id', 'At the level of the type: only these'),
      output('considered', 'decimal', 'Subscriptions looked at'),
      output('wouldNotify', 'decimal', 'Subscriptions for which it is an event'),
      { ...output('subscription', undefined, 'One Subscription, explained'), min: 0, max: '*' },
    ],
  }),
  definition('subscription-dry-run', 'dry-run', 'SubscriptionDryRun', 'What a Subscription would have fired on', {
    resource: ['Subscription'],
    type: true,
    instance: false,
    affectsState: false,
    description: 'Tries a Subscription that is not made yet on the last changes of the log. Stores and sends nothing.',
    parameter: [
      input('subscription', 1, '1', 'Subscription', 'Checked as if it were created'),
      input('last', 0, '1', 'integer', 'How many changes; 1,000 unless given, at most 10,000'),
      output('examined', 'decimal', 'Changes looked at'),
      output('complete', 'boolean', 'Whether it came to the end in its time'),
      output('wouldNotify', 'decimal', 'Changes that would have been events'),
      { ...output('count', undefined, 'Changes by outcome'), min: 0, max: '*' },
      { ...output('event', undefined, 'A change that would have been an event'), min: 0, max: '*' },
    ],
  }),
  definition('fire-event', 'fire-event', 'FireEvent', 'Says that a coded event has happened', {
    type: false,
    instance: false,
    affectsState: true,
    description: 'For systems without messages: fires the topics that have an eventTrigger for the event.',
    parameter: [
      input('event', 1, '1', 'Coding', 'The event'),
      input('focus', 1, '*', 'Reference', 'A stored resource that it is about'),
      output('message', 'Reference', 'The MessageHeader by which the event is recorded'),
    ],
  }),
];

type Details = Required<Pick<OperationDefinition, 'type' | 'instance' | 'affectsState' | 'description' | 'parameter'>> & {
  /** Absent: an operation of the whole system. */
  resource?: OperationDefinition['resource'];
};

function definition(id: string, code: string, name: string, title: string, details: Details): OperationDefinition {
  return {
    resourceType: 'OperationDefinition',
    id,
    url: `${CANONICAL}/${id}`,
    name,
    title,
    status: 'active',
    kind: 'operation',
    description: details.description,
    affectsState: details.affectsState,
    code,
    ...(details.resource === undefined ? {} : { resource: details.resource }),
    system: details.resource === undefined,
    type: details.type,
    instance: details.instance,
    parameter: details.parameter,
  };
}

function input(
  name: string,
  min: number,
  max: string,
  type: OperationDefinitionParameter['type'],
  documentation: string,
): OperationDefinitionParameter {
  return { name, use: 'in', min, max, documentation, type };
}

function output(name: string, type: OperationDefinitionParameter['type'], documentation: string): OperationDefinitionParameter {
  const part =
    type === undefined ? [{ name: 'detail', use: 'out' as const, min: 0, max: '*', type: 'Element' as const }] : undefined;
  return { name, use: 'out', min: 1, max: '1', documentation, ...(type === undefined ? { part } : { type }) };
}
