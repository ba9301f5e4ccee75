import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { Bundle } from 'fhir/r4b.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { Client, type FaceName } from '../support/subscriber.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- tests look into any resource */

let hub: Hub;
beforeAll(async () => {
  hub = await startHub();
});
afterAll(() => hub?.stop());

const TAG = 'http://example.org/of';
/** Ways in which one resource names another, each with what reads the name back. */
const FORMS: [type: string, content: (address: string) => object, read: (stored: any) => unknown][] = [
  ['Basic', (address) => ({ code: { text: 'a' }, subject: { reference: address } }), (stored) => stored.subject.reference],
  [
    'Basic',
    (address) => ({ code: { text: 'a' }, extension: [{ url: 'http://x', valueUri: address }] }),
    (stored) => stored.extension[0].valueUri,
  ],
  [
    'PlanDefinition',
    (address) => ({ status: 'draft', library: [`${address}|2.0`] }),
    (stored) => stored.library[0].replace('|2.0', ''),
  ],
  [
    'Patient',
    (address) => ({
      extension: [
        { url: 'http://x', extension: [{ url: 'a', extension: [{ url: 'b', valueReference: { reference: address } }] }] },
      ],
    }),
    (stored) => stored.extension[0].extension[0].extension[0].valueReference.reference,
  ],
  [
    'Observation',
    (address) => ({
      status: 'final',
      code: { text: 'a' },
      valueQuantity: { value: 1 },
      contained: [{ resourceType: 'Specimen', id: 's', subject: { reference: address } }],
      specimen: { reference: '#s' },
    }),
    (stored) => stored.contained[0].subject.reference,
  ],
  [
    'Patient',
    (address) => ({
      text: {
        status: 'generated',
        div: `<div xmlns="http://www.w3.org/1999/xhtml"><a href="${address}">${address}</a> <img src="${address}#i" alt="x"/></div>`,
      },
    }),
    (stored) => /href="([^"]*)"/.exec(stored.text.div)?.[1],
  ],
  [
    'DocumentReference',
    (address) => ({ status: 'current', content: [{ attachment: { url: address } }] }),
    (stored) => stored.content[0].attachment.url,
  ],
];

describe.each<FaceName>(['r4b', 'r4'])('references of a transaction in the face %s', (face) => {
  const client = () => new Client(hub, face);
  const run = async (entry: object[]): Promise<string[]> => {
    const { status, body } = await client().send('POST', '', { resourceType: 'Bundle', type: 'transaction', entry });
    expect({ status, issue: body.issue }).toEqual({ status: 200, issue: undefined });
    return (body as Bundle).entry!.map(({ response }) => /[^/]+\/[^/]+(?=\/_history\/)/.exec(response!.location!)![0]);
  };

  test('a thousand entries in a ring: each form of a name leads to where the next resource is kept', async () => {
    const code = randomUUID();
    const urns = Array.from({ length: 1000 }, () => `urn:uuid:${randomUUID()}`);
    const formAt = (at: number) => FORMS[at % FORMS.length]!;
    const kept = await run(
      urns.map((fullUrl, at) => {
        const [resourceType, content] = formAt(at);
        const meta = { tag: [{ system: TAG, code }] };
        return {
          fullUrl,
          resource: { resourceType, meta, ...content(urns[(at + 1) % urns.length]!) },
          request: { method: 'POST', url: resourceType },
        };
      }),
    );
    const stored = new Map<string, unknown>();
    for (const type of new Set(FORMS.map(([name]) => name))) {
      const { body } = await client().send('GET', `${type}?_tag=${TAG}|${code}&_count=1000`);
      for (const { resource } of body.entry) stored.set(`${type}/${resource.id}`, resource);
    }
    expect(stored.size).toBe(1000);
    const wrong = kept.filter((name, at) => formAt(at)[2](stored.get(name)) !== kept[(at + 1) % kept.length]);
    expect(wrong).toEqual([]);
    const narrative = stored.get(kept[FORMS.findIndex(([, , read]) => read.toString().includes('href'))]!) as any;
    expect(narrative.text.div).toMatch(
      /<a href="DocumentReference\/[^"]+">urn:uuid:[^<]+<\/a> <img src="DocumentReference\/[^"]+#i"/,
    );
  });

  test('one resource that names a thousand others', async () => {
    const urns = Array.from({ length: 1000 }, () => `urn:uuid:${randomUUID()}`);
    const list = {
      resourceType: 'List',
      status: 'current',
      mode: 'working',
      entry: urns.map((reference) => ({ item: { reference } })),
    };
    const [name, ...kept] = await run([
      { resource: list, request: { method: 'POST', url: 'List' } },
      ...urns.map((fullUrl) => ({ fullUrl, resource: { resourceType: 'Patient' }, request: { method: 'POST', url: 'Patient' } })),
    ]);
    const { body } = await client().send('GET', name!);
    expect(body.entry.map(({ item }: any) => item.reference)).toEqual(kept);
  });

  test('relative names of another system, in references, attachments and narratives', async () => {
    const base = 'http://source.example/fhir';
    const entry = (resource: { resourceType: string; [more: string]: unknown }, id: string) => ({
      fullUrl: `${base}/${resource.resourceType}/${id}`,
      resource,
      request: { method: 'POST', url: resource.resourceType },
    });
    const [document, patient, binary] = await run([
      entry(
        {
          resourceType: 'DocumentReference',
          status: 'current',
          subject: { reference: 'Patient/7' },
          content: [{ attachment: { url: 'Binary/b' } }],
          text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml"><a href="Patient/7">Patient/7</a></div>' },
        },
        'd',
      ),
      entry({ resourceType: 'Patient' }, '7'),
      entry({ resourceType: 'Binary', contentType: 'text/plain', data: 'eA==' }, 'b'),
    ]);
    expect((await client().send('GET', document!)).body).toMatchObject({
      subject: { reference: patient },
      content: [{ attachment: { url: binary } }],
      text: { div: `<div xmlns="http://www.w3.org/1999/xhtml"><a href="${patient}">Patient/7</a></div>` },
    });
  });
});
