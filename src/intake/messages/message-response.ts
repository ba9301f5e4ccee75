import { randomUUID } from 'node:crypto';

/** The message that answers a message which was processed. https://hl7.org/fhir/R4B/messageheader-definitions.html#MessageHeader.response */
export function responseMessage(
  request: { header: Record<string, unknown>; headerId: string; source: string },
  base: string,
  now: Date,
): string {
  const { eventCoding, eventUri } = request.header;
  const id = randomUUID();
  return JSON.stringify({
    resourceType: 'Bundle',
    id: randomUUID(),
    identifier: { system: 'urn:ietf:rfc:3986', value: `urn:uuid:${randomUUID()}` },
    type: 'message',
    timestamp: now.toISOString(),
    entry: [
      {
        fullUrl: `urn:uuid:${id}`,
        resource: {
          resourceType: 'MessageHeader',
          id,
          ...(eventCoding === undefined ? { eventUri } : { eventCoding }),
          destination: [{ endpoint: request.source }],
          source: { name: 'Carillon', endpoint: base },
          response: { identifier: request.headerId, code: 'ok' },
        },
      },
    ],
  });
}
