import type { OperationDefinition, OperationDefinitionParameter } from 'fhir/r4b.js';

const CANONICAL = 'https://carillon.example/fhir/OperationDefinition';

const PAGING_INPUT = [
  input('_count', 0, '1', 'integer', 'How many on a page; 50 unless given, at most 1,000'),
  input('_page', 0, '1', 'string', 'The place where a page begins, out of the link to it'),
];

const NEXT_PAGE = output('next', 'url', 'The next page, where there is one', 0);

const REPLAY = group('replay', 'One request', [
  part('id', 1, 'id', 'Its id'),
  part('kind', 1, 'code', 'replay or resend'),
  part('state', 1, 'code', 'waiting, sending, done or cancelled'),
  part('reason', 0, 'string', 'Why it was cancelled'),
  part('first', 1, 'decimal', 'Number of the first event'),
  part('last', 1, 'decimal', 'Number of the last event'),
  part('next', 1, 'decimal', 'The number it comes to next'),
  part('failedOnly', 1, 'boolean', 'Whether only those that were set aside'),
  part('rate', 0, 'decimal', 'Events a second at most'),
  part('events', 1, 'decimal', 'Events it was asked for'),
  part('sent', 1, 'decimal', 'Events taken by the endpoint'),
  part('refused', 1, 'decimal', 'Events the endpoint refused'),
  part('gone', 1, 'decimal', 'Events no longer kept when it came to them'),
  part('askedAt', 1, 'instant', 'When it was asked for'),
  part('finishedAt', 0, 'instant', 'When it was through, or cancelled'),
]);

const REINDEX_STATUS = [
  output('state', 'code', 'unused, waiting (to be taken up), indexing or usable'),
  output('reason', 'string', 'Why it is unused, or why a walk last failed', 0),
  output('percent', 'decimal', 'How much of its index is there', 0),
  output('walked', 'decimal', 'Resources looked at', 0),
  output('total', 'decimal', 'Of how many', 0),
  output('types', 'decimal', 'Resource types that it is a parameter of', 0),
  group('walk', 'A type that is not through', [
    part('type', 1, 'code', 'The resource type'),
    part('state', 1, 'code', 'waiting or walking'),
    part('walked', 0, 'decimal', 'Resources of it looked at'),
    part('total', 0, 'decimal', 'Of how many, as counted at the beginning'),
    part('reason', 0, 'string', 'Why the walk last failed; it is tried again'),
  ]),
];

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
  definition('subscription-attempts', 'attempts', 'SubscriptionAttempts', 'What was tried to reach a subscriber', {
    resource: ['Subscription'],
    type: false,
    instance: true,
    affectsState: false,
    description:
      'Attempts to send something for the Subscription, newest first. Kept for some days; no header and no content is.',
    parameter: [
      input('outcome', 0, '1', 'code', 'Only those with this outcome: accepted, retry or give-up'),
      input('since', 0, '1', 'instant', 'Only those begun then or later'),
      input('until', 0, '1', 'instant', 'Only those begun then or earlier'),
      input('number', 0, '1', 'decimal', 'Only those that the event with this number went along with'),
      ...PAGING_INPUT,
      NEXT_PAGE,
      group('attempt', 'One try', [
        part('at', 1, 'instant', 'When it began'),
        part('kind', 1, 'code', 'handshake, heartbeat or event-notification'),
        part('firstNumber', 0, 'decimal', 'Number of the first event in it'),
        part('lastNumber', 0, 'decimal', 'Number of the last event in it'),
        part('outcome', 1, 'code', 'accepted; retry: failed, and tried again; give-up: failed, and not tried again as it was'),
        part('milliseconds', 1, 'decimal', 'How long it took'),
        part('httpStatus', 0, 'integer', 'What the endpoint answered'),
        part('reason', 0, 'string', 'Why it failed'),
        part(
          'answer',
          0,
          'string',
          'Beginning of the body that was answered, at most 1 KiB; what it repeats of headers and content is masked',
        ),
        part('nextAttempt', 0, 'instant', 'After a failure: when the Subscription was to be tried next'),
        part('replay', 0, 'id', 'The request to send events again that it was made for'),
      ]),
    ],
  }),
  definition('subscription-dead-letters', 'dead-letters', 'SubscriptionDeadLetters', 'Events that were set aside', {
    resource: ['Subscription'],
    type: false,
    instance: true,
    affectsState: false,
    description:
      'Events that the endpoint refused for good while it took others, highest number first. $replay with failedOnly sends them again.',
    parameter: [
      input('resolved', 0, '1', 'boolean', 'Only those taken since, or only the others'),
      ...PAGING_INPUT,
      NEXT_PAGE,
      group('letter', 'One event', [
        part('number', 1, 'decimal', 'Its number'),
        part('at', 1, 'instant', 'When it was set aside'),
        part('reason', 1, 'string', 'Why it was refused, the last time it was'),
        part('sentAgain', 1, 'decimal', 'How often it was sent again on request'),
        part('refusedAgainAt', 0, 'instant', 'When it was last refused on request'),
        part('resolved', 1, 'boolean', 'Whether it was taken since'),
        part('resolvedAt', 0, 'instant', 'When'),
      ]),
    ],
  }),
  definition('subscription-replay', 'replay', 'SubscriptionReplay', 'Sends events again, at a pace, with progress', {
    resource: ['Subscription'],
    type: false,
    instance: true,
    affectsState: true,
    description:
      'Sends events once more to where the Subscription sends, with their numbers, behind whatever is new. Goes on after a restart. ' +
      'Not for Subscriptions of sockets.',
    parameter: [
      input('eventsSinceNumber', 0, '1', 'string', 'From this number on'),
      input('eventsUntilNumber', 0, '1', 'string', 'Up to this number'),
      input('eventsSinceInstant', 0, '1', 'instant', 'Of changes made then or later'),
      input('eventsUntilInstant', 0, '1', 'instant', 'Of changes made then or earlier'),
      input('failedOnly', 0, '1', 'boolean', 'Only those that were set aside and not taken since'),
      input('rate', 0, '1', 'decimal', 'Events a second at most'),
      { ...REPLAY, min: 1, max: '1' },
      output('notice', 'string', 'What of the range is no longer kept', 0),
    ],
  }),
  definition('subscription-replay-status', 'replay-status', 'SubscriptionReplayStatus', 'How far a replay has come', {
    resource: ['Subscription'],
    type: false,
    instance: true,
    affectsState: false,
    description: 'One request to send events again ($replay or $resend), or the newest 100 of the Subscription.',
    parameter: [input('replay', 0, '1', 'id', 'The one; without it the newest'), REPLAY],
  }),
  definition('subscription-replay-cancel', 'replay-cancel', 'SubscriptionReplayCancel', 'Ends a replay', {
    resource: ['Subscription'],
    type: false,
    instance: true,
    affectsState: true,
    description: 'What was not sent yet will not be.',
    parameter: [input('replay', 1, '1', 'id', 'Which one'), { ...REPLAY, min: 1, max: '1' }],
  }),
  definition('search-parameter-reindex-status', 'reindex-status', 'SearchParameterReindexStatus', 'How far an index is', {
    resource: ['SearchParameter'],
    type: false,
    instance: true,
    affectsState: false,
    description: 'Whether searches can use a SearchParameter, and how much of what is stored is indexed by it.',
    parameter: REINDEX_STATUS,
  }),
  definition('search-parameter-reindex', 'reindex', 'SearchParameterReindex', 'Makes the index of a parameter anew', {
    resource: ['SearchParameter'],
    type: false,
    instance: true,
    affectsState: true,
    description: 'All resources of its types are indexed again; until that is done, searches by the parameter are refused.',
    parameter: REINDEX_STATUS,
  }),
  definition('bundle-unpack', 'unpack', 'BundleUnpack', 'Stores the resources of a document one by one', {
    resource: ['Bundle'],
    type: false,
    instance: true,
    affectsState: true,
    description:
      'Each resource of a stored document is stored by itself, all of them or none, with the references between them. What the hub has under an address of its own stays.',
    parameter: [output('return', 'Bundle', 'A transaction-response, one entry for each resource of the document')],
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

/** A parameter with parts, any number of times. */
function group(name: string, documentation: string, parts: OperationDefinitionParameter[]): OperationDefinitionParameter {
  return { name, use: 'out', min: 0, max: '*', documentation, part: parts };
}

function part(
  name: string,
  min: number,
  type: OperationDefinitionParameter['type'],
  documentation: string,
): OperationDefinitionParameter {
  return { name, use: 'out', min, max: '1', documentation, type };
}

function output(
  name: string,
  type: OperationDefinitionParameter['type'],
  documentation: string,
  min = 1,
): OperationDefinitionParameter {
  const detail =
    type === undefined ? [{ name: 'detail', use: 'out' as const, min: 0, max: '*', type: 'Element' as const }] : undefined;
  return { name, use: 'out', min, max: '1', documentation, ...(type === undefined ? { part: detail } : { type }) };
}
