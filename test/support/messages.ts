import { randomUUID } from 'node:crypto';

export const ADMIT = { system: 'http://terminology.hl7.org/CodeSystem/v2-0003', code: 'A01' };
export const SENDER = 'http://sender.example/fhir';

interface Content {
  resource: Record<string, unknown>;
  fullUrl?: string;
}

export interface MessageOptions {
  id?: string;
  envelope?: string;
  event?: object;
  focus?: string[];
  header?: object;
  headerUrl?: string;
}

/** A message Bundle: its header, then the content. */
export function message(content: readonly Content[], options: MessageOptions = {}): Record<string, unknown> {
  const { id = randomUUID(), envelope = randomUUID(), event = ADMIT, focus = [], header, headerUrl } = options;
  return {
    resourceType: 'Bundle',
    identifier: { system: 'urn:ietf:rfc:3986', value: `urn:uuid:${envelope}` },
    type: 'message',
    timestamp: '2026-11-23T10:00:00Z',
    entry: [
      {
        fullUrl: headerUrl ?? `urn:uuid:${id}`,
        resource: {
          resourceType: 'MessageHeader',
          id,
          eventCoding: event,
          source: { endpoint: SENDER },
          ...(focus.length === 0 ? {} : { focus: focus.map((reference) => ({ reference })) }),
          ...header,
        },
      },
      ...content,
    ],
  };
}

export function encounter(
  id: string | undefined,
  status = 'in-progress',
  code = 'IMP',
  more: object = {},
): Record<string, unknown> {
  return {
    resourceType: 'Encounter',
    ...(id === undefined ? {} : { id }),
    status,
    class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code },
    ...more,
  };
}
