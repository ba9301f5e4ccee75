const BACKPORT = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport';

interface Channel {
  type: 'rest-hook' | 'websocket';
  endpoint?: string;
  payload?: string;
}

/** A classic R4 Subscription: its criteria are a search. */
export function classicSubscription(criteria: string, channel: Channel): object {
  return { resourceType: 'Subscription', status: 'requested', reason: `Hear of ${criteria}`, criteria, channel };
}

export interface TopicOptions {
  content: 'empty' | 'id-only' | 'full-resource';
  filters?: string[];
  /** Over the hub's own Socket.IO feed instead of the FHIR websocket. */
  live?: boolean;
  maxCount?: number;
}

/** A Subscription of a SubscriptionTopic by the Backport profile. https://hl7.org/fhir/uv/subscriptions-backport */
export function topicSubscription(topic: string, channel: Channel, options: TopicOptions): object {
  const { content, filters = [], live = false, maxCount } = options;
  const liveType = { system: 'https://carillon.example/fhir/CodeSystem/channel-type', code: 'live' };
  return {
    resourceType: 'Subscription',
    meta: { profile: [`${BACKPORT}-subscription`] },
    status: 'requested',
    reason: `Hear of ${topic}`,
    criteria: topic,
    ...(filters.length === 0
      ? {}
      : { _criteria: { extension: filters.map((filter) => ({ url: `${BACKPORT}-filter-criteria`, valueString: filter })) } }),
    channel: {
      ...(maxCount === undefined ? {} : { extension: [{ url: `${BACKPORT}-max-count`, valuePositiveInt: maxCount }] }),
      type: channel.type,
      ...(live ? { _type: { extension: [{ url: `${BACKPORT}-channel-type`, valueCoding: liveType }] } } : {}),
      ...(channel.endpoint === undefined ? {} : { endpoint: channel.endpoint }),
      payload: channel.payload ?? 'application/fhir+json',
      _payload: { extension: [{ url: `${BACKPORT}-payload-content`, valueCode: content }] },
    },
  };
}

/** An Endpoint that makes another FHIR server a source the hub polls. */
export function polledSource(id: string, address: string, idPrefix: string, intervalSeconds: number): object {
  const parts = [
    { url: 'mode', valueCode: 'history' },
    { url: 'intervalSeconds', valuePositiveInt: intervalSeconds },
    { url: 'idPrefix', valueString: idPrefix },
  ];
  return {
    resourceType: 'Endpoint',
    id,
    extension: [{ url: 'https://carillon.example/fhir/StructureDefinition/source-poll', extension: parts }],
    status: 'active',
    connectionType: { system: 'http://terminology.hl7.org/CodeSystem/endpoint-connection-type', code: 'hl7-fhir-rest' },
    payloadType: [{ text: 'any' }],
    address,
  };
}
