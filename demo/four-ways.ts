/**
 * Push or poll in, push or pull out, on official examples. Starts a hub, and a second one as a source to be polled, in
 * temporary folders; subscribes by rest-hook, FHIR websocket and Socket.IO; writes; prints what arrived where and when. Ends with 0 only
 * if everything expected came.
 */
import { send, until } from './client.ts';
import { type Example, officialExamples } from './examples.ts';
import { removeHubs, startHub } from './hub-process.ts';
import { fociOf, keyOf, listenOnLiveFeed, listenOnWebsocket, type NotificationBundle } from './listeners.ts';
import { Receiver } from './receiver.ts';
import { Report, table } from './report.ts';
import { closing, runDemo } from './run-demo.ts';
import { classicSubscription, polledSource, topicSubscription } from './subscriptions.ts';

const TOPICS = 'https://carillon.example/topics';
const SOURCE_PREFIX = 'lab-';
const SENT_TYPES = [
  'Patient',
  'Practitioner',
  'Organization',
  'Encounter',
  'Condition',
  'Medication',
  'MedicationRequest',
  'ServiceRequest',
];

type Resource = Record<string, unknown>;

/** One way out: who listens, what should come, and what came. */
interface Destination {
  name: string;
  wants: (resource: Resource) => boolean;
  arrived: Map<string, number>;
}

const destinations: Destination[] = [];
/** When each resource had been written, by the name it has in the hub. */
const written = new Map<string, { at: number; resource: Resource }>();
const report = new Report();
closing.push(removeHubs, () => report.end());
await runDemo(demonstrate);

async function demonstrate(): Promise<boolean> {
  const [hub, source] = await Promise.all([startHub(), startHub()]);
  report.line(`hub     ${hub.fhir}   ready after ${hub.startMilliseconds} ms`);
  report.line(`source  ${source.fhir}   ready after ${source.startMilliseconds} ms: a second hub, to be polled\n`);
  const medicationSubscription = await subscribe(hub.url, hub.fhir);
  await send('PUT', `${hub.fhir}/Endpoint/lab`, polledSource('lab', source.fhir, SOURCE_PREFIX, 1));

  const pushed = officialExamples(SENT_TYPES);
  const observations = officialExamples(['Observation']);
  const toSource = observations.filter((_, index) => index % 2 === 0);
  report.begin(pushed.length + observations.length);
  await putEach(
    hub.fhir,
    observations.filter((_, index) => index % 2 === 1),
  );
  await putTogether(
    hub.fhir,
    pushed.filter(({ type }) => type.startsWith('Medication')),
  );
  await postEach(
    hub.fhir,
    pushed.filter(({ type }) => type === 'ServiceRequest'),
  );
  await putEach(
    hub.fhir,
    pushed.filter(({ type }) => !type.startsWith('Medication') && type !== 'ServiceRequest'),
  );
  await putEach(source.fhir, toSource, SOURCE_PREFIX);

  const complete = await until('everything expected', () => destinations.every((one) => missing(one).length === 0));
  report.end();
  const pulled = await pull(hub.fhir, medicationSubscription);
  summarise();
  return complete && pulled;
}

/** Subscribes in four ways. Gives back the id of the Subscription whose events are pulled at the end. */
async function subscribe(url: string, fhir: string): Promise<string> {
  const receiver = new Receiver(({ path, body, at }) => {
    if (path.startsWith('/criteria/')) arrive(criteria, keyOf(path), at);
    else fociOf(JSON.parse(body) as NotificationBundle).forEach((key) => arrive(topic, key, at));
  });
  await receiver.start();
  closing.push(() => receiver.stop());

  const criteria = destination(
    'rest-hook   criteria Observation?status=final, payload',
    (resource) => resource.resourceType === 'Observation' && resource.status === 'final',
  );
  const topic = destination(
    'rest-hook   topic medication-request-changed, full-resource',
    (resource) => resource.resourceType === 'MedicationRequest',
  );
  const socket = destination('websocket   topic laboratory-result, id-only', isLaboratoryResult);
  const live = destination('Socket.IO   topic order-placed, full-resource', isPlacedOrder);

  const payload = 'application/fhir+json';
  const subscriptions = [
    classicSubscription('Observation?status=final', { type: 'rest-hook', endpoint: `${receiver.url}/criteria`, payload }),
    topicSubscription(
      `${TOPICS}/medication-request-changed`,
      { type: 'rest-hook', endpoint: `${receiver.url}/topic` },
      { content: 'full-resource' },
    ),
    topicSubscription(`${TOPICS}/laboratory-result`, { type: 'websocket' }, { content: 'id-only' }),
  ];
  const ids: string[] = [];
  for (const subscription of subscriptions) ids.push(String((await send('POST', `${fhir}/Subscription`, subscription)).id));
  for (const id of ids.slice(0, 2)) {
    const isActive = await until(
      `Subscription/${id} to be active`,
      async () => (await send('GET', `${fhir}/Subscription/${id}`)).status === 'active',
    );
    if (!isActive) throw new Error('A Subscription did not become active.');
  }
  closing.push(
    await listenOnWebsocket(url, fhir, ids[2]!, (bundle, at) => fociOf(bundle).forEach((key) => arrive(socket, key, at))),
  );
  const request = { topic: `${TOPICS}/order-placed`, content: 'full-resource' };
  closing.push(await listenOnLiveFeed(url, request, (bundle, at) => fociOf(bundle).forEach((key) => arrive(live, key, at))));
  for (const { name } of destinations) report.line(`subscribed   ${name}`);
  report.line();
  return ids[1]!;
}

function destination(name: string, wants: Destination['wants']): Destination {
  const made: Destination = { name, wants, arrived: new Map() };
  destinations.push(made);
  return made;
}

function isLaboratoryResult({ resourceType, status, category }: Resource): boolean {
  return (
    resourceType === 'Observation' &&
    ['final', 'amended', 'corrected'].includes(String(status)) &&
    ((category ?? []) as { coding?: { system?: string; code?: string }[] }[]).some(({ coding }) =>
      coding?.some(
        ({ system, code }) => system === 'http://terminology.hl7.org/CodeSystem/observation-category' && code === 'laboratory',
      ),
    )
  );
}

function isPlacedOrder({ resourceType, status, intent }: Resource): boolean {
  const orders = ['order', 'original-order', 'reflex-order', 'filler-order', 'instance-order'];
  return resourceType === 'ServiceRequest' && status === 'active' && orders.includes(String(intent));
}

/** A notification may be there before the answer to its write has been read: it counts as 0 ms then. */
function arrive(destination: Destination, key: string, at: number): void {
  const write = written.get(key);
  const milliseconds = write === undefined ? 0 : Math.max(0, at - write.at);
  if (destination.arrived.has(key)) return;
  destination.arrived.set(key, milliseconds);
  report.line(`${milliseconds.toFixed(1).padStart(8)} ms   ${destination.name.slice(0, 10)}   ${key}`);
}

/** Push in, one by one, under the examples' own ids. Through the source they reach the hub by being polled. */
async function putEach(fhir: string, examples: readonly Example[], prefix = ''): Promise<void> {
  for (const { type, id, resource } of examples) {
    await send('PUT', `${fhir}/${type}/${id}`, resource);
    wrote(`${type}/${prefix}${id}`, resource);
  }
}

/** Push in by create: the hub gives the ids. */
async function postEach(fhir: string, examples: readonly Example[]): Promise<void> {
  for (const { type, resource } of examples) {
    const { id } = await send('POST', `${fhir}/${type}`, resource);
    wrote(`${type}/${String(id)}`, resource);
  }
}

/** Push in by transactions of ten. */
async function putTogether(fhir: string, examples: readonly Example[]): Promise<void> {
  for (let from = 0; from < examples.length; from += 10) {
    const some = examples.slice(from, from + 10);
    const entry = some.map(({ type, id, resource }) => ({ resource, request: { method: 'PUT', url: `${type}/${id}` } }));
    await send('POST', fhir, { resourceType: 'Bundle', type: 'transaction', entry });
    for (const { type, id, resource } of some) wrote(`${type}/${id}`, resource);
  }
}

function wrote(key: string, resource: Resource): void {
  written.set(key, { at: performance.now(), resource });
  report.step(key);
}

/** Pull out: what was pushed can be asked for as well. */
async function pull(fhir: string, subscriptionId: string): Promise<boolean> {
  const final = [...written.values()].filter(({ resource }) => destinations[0]!.wants(resource)).length;
  const search = await send('GET', `${fhir}/Observation?status=final&_summary=count`);
  const history = await send('GET', `${fhir}/Observation/${SOURCE_PREFIX}example/_history`);
  const first = (await send(
    'GET',
    `${fhir}/Subscription/${subscriptionId}/$events?eventsSinceNumber=1&eventsUntilNumber=1`,
  )) as unknown as NotificationBundle;
  const medication = (first.entry[0]!.resource.notificationEvent ?? []).map(({ focus }) => keyOf(focus!.reference));
  report.line();
  report.line(`pulled   search   Observation?status=final → ${String(search.total)} of ${final}`);
  report.line(`pulled   history  Observation/${SOURCE_PREFIX}example → ${(history.entry as unknown[]).length} version`);
  report.line(`pulled   $events  number 1 of the medication subscription → ${medication.join()}`);
  return search.total === final && medication.length === 1 && destinations[1]!.arrived.has(medication[0]!);
}

function missing({ wants, arrived }: Destination): string[] {
  return [...written].flatMap(([key, { resource }]) => (wants(resource) && !arrived.has(key) ? [key] : []));
}

function summarise(): void {
  const viaSource = (key: string) => key.includes(`/${SOURCE_PREFIX}`);
  const rows = destinations.flatMap((one) => {
    const expected = [...written].filter(([, { resource }]) => one.wants(resource)).map(([key]) => key);
    return [false, true].flatMap((polled) => {
      const mine = expected.filter((key) => viaSource(key) === polled);
      if (mine.length === 0) return [];
      const times = mine.flatMap((key) => one.arrived.get(key) ?? []).toSorted((a, b) => a - b);
      const at = (share: number) => `${(times[Math.floor((times.length - 1) * share)] ?? Number.NaN).toFixed(1)} ms`;
      return [[one.name, polled ? 'polled' : 'pushed', mine.length, times.length, at(0.5), at(0.99)]];
    });
  });
  console.log(
    `\n${written.size} changes: ${[...written.keys()].filter((key) => !viaSource(key)).length} pushed in, the others polled every second\n`,
  );
  console.log(table([['destination', 'came in', 'matched', 'delivered', 'p50', 'p99'], ...rows]));
  const lost = destinations.flatMap((one) => missing(one).map((key) => `${one.name}: ${key}`));
  const unasked = destinations.flatMap((one) =>
    [...one.arrived.keys()].filter((key) => !one.wants(written.get(key)?.resource ?? {})).map((key) => `${one.name}: ${key}`),
  );
  for (const line of lost) console.log(`NEVER CAME   ${line}`);
  for (const line of unasked) console.log(`NOT ASKED FOR   ${line}`);
  if (lost.length === 0 && unasked.length === 0) console.log('\nEverything that was asked for came, and nothing else.');
}
