import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { type Hub, startHub } from '../support/start-hub.js';

const FOLDER = new URL('../../node_modules/hl7.fhir.r4b.examples/', import.meta.url);

/** Examples that break the definitions they are published with, or the rules of a hub, each with its fault. */
const REFUSED: Readonly<Record<string, string>> = {
  'Bundle-valuesets.json': 'holds a CodeSystem and a ValueSet without status',
  'CodeSystem-catalogType.json': 'no status',
  'ValueSet-catalogType.json': 'no status',
  ...Object.fromEntries(
    ['author', 'effective', 'end', 'keyword', 'workflow'].flatMap((name) => [
      [`SearchParameter-codesystem-extensions-CodeSystem-${name}.json`, 'no base'],
      [`SearchParameter-valueset-extensions-ValueSet-${name}.json`, 'no base'],
    ]),
  ),
  'SearchParameter-questionnaireresponse-extensions-QuestionnaireResponse-item-subject.json': 'id of more than 64 characters',
  'Subscription-example.json': 'its end has passed',
  'Subscription-example-error.json': 'its end has passed',
};
const NEVER_STORED = new Set(['Parameters', 'OperationOutcome', 'SubscriptionStatus']);

let hub: Hub;
beforeAll(async () => {
  // The largest example has some 20 MB.
  hub = await startHub({ env: { MAX_BODY_BYTES: '64 MiB' } });
});
afterAll(() => hub.stop());

interface Example {
  file: string;
  text: string;
  type: string;
  id: string;
}

const all: Example[] = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.json') && !['package.json', '.index.json'].includes(file))
  .map((file) => ({ file, text: readFileSync(new URL(file, FOLDER), 'utf8') }))
  .map(({ file, text }) => {
    const { resourceType, id } = JSON.parse(text) as { resourceType: string; id: string };
    return { file, text, type: resourceType, id };
  })
  .filter(({ type }) => type !== undefined && !NEVER_STORED.has(type));
const examples = all.filter(({ file }) => REFUSED[file] === undefined);
/** In characters. The largest fifty examples are two thirds of all; they are written one by one, and what is different in a Bundle is not their size. */
const LARGE = 300_000;
const small = examples.filter(({ text }) => text.length < LARGE);

/**
 * The tokens of a JSON text in order, white space aside: a comparison that knows nothing of the hub's own reading. Numbers stay as
 * they are written, strings are compared by what they say.
 */
function tokens(text: string): string[] {
  const found = text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? [];
  return found.map((token) => (token.startsWith('"') && token.includes('\\') ? JSON.stringify(JSON.parse(token)) : token));
}

/** The members of the top object as lists of tokens, without id; of meta, what the client may say. */
function comparable(text: string): Map<string, string> {
  const all = tokens(text);
  const members = new Map<string, string>();
  for (let at = 1; at < all.length - 1;) {
    const name = JSON.parse(all[at]!) as string;
    let depth = 0;
    let end = at + 2;
    for (; depth > 0 || (all[end] !== ',' && end < all.length - 1); end += 1) {
      if (all[end] === '{' || all[end] === '[') depth += 1;
      if (all[end] === '}' || all[end] === ']') depth -= 1;
    }
    const value = all.slice(at + 2, end).join(' ');
    if (name === 'meta') for (const [part, inside] of comparable(value)) members.set(`meta.${part}`, inside);
    else if (name !== 'id') members.set(name, value);
    at = end + 1;
  }
  members.delete('meta.versionId');
  members.delete('meta.lastUpdated');
  members.delete('versionId');
  members.delete('lastUpdated');
  return members;
}

async function each<T>(items: readonly T[], atOnce: number, work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (next < items.length) await work(items[next++]!);
    }),
  );
}

test('every official example sent by PUT is read back with every digit', async () => {
  expect(examples.length).toBeGreaterThan(2700);
  const wrong: string[] = [];
  await each(examples, 16, async ({ file, text, type, id }) => {
    const url = `${hub.fhir}/${type}/${id}`;
    const response = await fetch(url, { method: 'PUT', headers: { 'content-type': 'application/fhir+json' }, body: text });
    if (!response.ok) {
      wrong.push(`${file}: ${response.status} ${(await response.text()).slice(0, 400)}`);
      return;
    }
    const written = await response.text();
    const read = await (await fetch(url)).text();
    if (read !== written) wrong.push(`${file}: read differs from what the write answered`);
    const [sent, got] = [comparable(text), comparable(read)];
    for (const name of new Set([...sent.keys(), ...got.keys()])) {
      if (sent.get(name) !== got.get(name)) wrong.push(`${file}: ${name} differs`);
    }
    if (!/^\{"resourceType":"[A-Za-z]+","id":"[^"]+","meta":\{"versionId":"[1-9][0-9]*","lastUpdated":"/.test(read)) {
      wrong.push(`${file}: not stamped`);
    }
  });
  expect(wrong).toEqual([]);
}, 300_000);

test('every official example that is not large, sent in transactions, keeps every digit too', async () => {
  expect(small.length).toBeGreaterThan(2700);
  const wrong: string[] = [];
  // Into an empty hub: what is there already would only be found unchanged.
  const hub = await startHub({ env: { MAX_BODY_BYTES: '64 MiB' } });
  const bundles: Example[][] = [[]];
  let bytes = 0;
  for (const example of small) {
    bytes += example.text.length;
    if (bundles.at(-1)!.length === 100 || bytes > 4_000_000) {
      bundles.push([]);
      bytes = example.text.length;
    }
    bundles.at(-1)!.push(example);
  }
  await each(bundles, 2, async (group) => {
    const seen = new Set<string>();
    const unique = group.filter(({ type, id }) => !seen.has(`${type}/${id}`) && seen.add(`${type}/${id}`));
    const entry = unique.map(
      ({ text, type, id }) =>
        `{"fullUrl":"http://hl7.org/fhir/${type}/${id}","resource":${text},"request":{"method":"PUT","url":"${type}/${id}"}}`,
    );
    const response = await fetch(hub.fhir, {
      method: 'POST',
      headers: { 'content-type': 'application/fhir+json', prefer: 'return=representation' },
      body: `{"resourceType":"Bundle","type":"transaction","entry":[${entry.join(',')}]}`,
    });
    const body = await response.text();
    if (!response.ok) {
      wrong.push(body.slice(0, 500));
      return;
    }
    const answers = (JSON.parse(body) as { entry: { response: { status: string } }[] }).entry;
    expect(answers.map(({ response: { status } }) => status.slice(0, 3))).toEqual(
      unique.map(() => expect.stringMatching(/^20[01]$/)),
    );
    for (const { file, text, type, id } of unique) {
      const read = await (await fetch(`${hub.fhir}/${type}/${id}`)).text();
      const [sent, got] = [tokens(text), tokens(read)].map((list) => list.filter((token) => /^-?[0-9]/.test(token)));
      if (sent!.join() !== got!.join()) wrong.push(`${file}: digits differ`);
    }
  });
  await hub.stop();
  expect(wrong).toEqual([]);
}, 300_000);

test('the examples left out are refused, and only for their faults', async () => {
  for (const { file, text, type, id } of all.filter((example) => REFUSED[example.file] !== undefined)) {
    const response = await fetch(`${hub.fhir}/${type}/${id}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/fhir+json' },
      body: text,
    });
    expect([file, response.status]).toEqual([file, file.startsWith('Subscription-') ? 422 : 400]);
    expect((await fetch(`${hub.fhir}/${type}/${id}`)).status).toBeGreaterThanOrEqual(400);
  }
}, 180_000);
