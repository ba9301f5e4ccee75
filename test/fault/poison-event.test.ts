import { expect } from '@jest/globals';
import type { Received } from '../support/endpoint-receiver.js';
import { readNotification } from '../support/subscriber.js';
import { waitFor } from '../support/wait-for.js';
import { faultTest, type FaultRun } from './harness/fault-run.js';
import { CODE_SYSTEM, codeOf } from './harness/load-writer.js';
import { arrived } from './harness/progress.js';

const BATCH = 16;
const EVENTS = 48;
const ENV = { DELIVERY_BACKOFF_MILLISECONDS: '50', DELIVERY_BACKOFF_CEILING_SECONDS: '1' };

const numbersOf = ({ json }: Received): number[] => {
  const told = json?.resourceType === 'Bundle' ? readNotification(json) : undefined;
  return told?.type === 'event-notification' ? told.events.map(({ number }) => Number(number)) : [];
};
const numbersTaken = (run: FaultRun, name: string) =>
  run.sink
    .to(name)
    .filter(({ accepted }) => accepted === 'yes')
    .flatMap(({ events }) => events.map(({ number }) => number));
const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

/** A subscription with a backlog of {@link EVENTS}, which its endpoint will take in batches of {@link BATCH}; `note` is what an event holds more. */
async function withBacklog(run: FaultRun, name: string, note: (number: number) => string): Promise<void> {
  await run.subscribe(name, {
    filters: [`Observation?code=${CODE_SYSTEM}|${name}`],
    concerns: (version) => codeOf(version) === name,
    maxCount: BATCH,
  });
  run.sink.answer(name, 503);
  for (const number of upTo(EVENTS)) {
    const { status } = await run.client.send('PUT', `Observation/${name}-${number}`, {
      resourceType: 'Observation',
      id: `${name}-${number}`,
      status: 'final',
      category: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' }] }],
      code: { coding: [{ system: CODE_SYSTEM, code: name }] },
      note: [{ text: note(number) }],
    });
    expect(status).toBe(201);
  }
  await run.client.untilTotal(run.idOf(name), EVENTS);
}

/** Numbers that were set aside and are still missing, as `$dead-letters` tells. */
async function deadLetters(run: FaultRun, name: string): Promise<number[]> {
  const { status, body } = await run.client.send('GET', `Subscription/${run.idOf(name)}/$dead-letters?resolved=false`);
  expect(status).toBe(200);
  const letters = body.parameter.filter((parameter: { name: string }) => parameter.name === 'letter');
  const numberIn = (letter: { part: { name: string }[] }) => letter.part.find(({ name: part }) => part === 'number')!;
  return letters.map((letter: { part: { name: string }[] }) =>
    Number(Object.entries(numberIn(letter)).find(([key]) => key.startsWith('value'))![1]),
  );
}

faultTest(
  'one event that is refused with 422 is isolated, set aside and redriven; the rest flows and the gap shows',
  async (run) => {
    await run.hubs({ hubs: 1, env: ENV });
    await withBacklog(run, 'poison', () => 'small');
    // Anywhere behind the first batch.
    const poison = run.random.between(BATCH + 1, EVENTS - 2);
    const refused: number[][] = [];
    run.sink.answer('poison', (request) => {
      const numbers = numbersOf(request);
      if (!numbers.includes(poison)) return 200;
      refused.push(numbers);
      return 422;
    });
    const rest = upTo(EVENTS).filter((number) => number !== poison);
    await waitFor(() => arrived(run, 'poison') === rest.length, { milliseconds: 60_000, what: 'all others' });
    expect(numbersTaken(run, 'poison')).toEqual(rest);
    const bundles = refused.filter(({ length }) => length > 1);
    console.log(`event ${poison} refused in bundles of ${bundles.map(({ length }) => length).join(', ')}, then alone`);
    expect(bundles.length).toBeLessThanOrEqual(Math.log2(BATCH));
    expect(refused.filter(({ length }) => length === 1).length).toBeGreaterThan(0);
    await waitFor(async () => (await deadLetters(run, 'poison')).length > 0, { what: 'the event to be set aside' });
    expect(await deadLetters(run, 'poison')).toEqual([poison]);

    // The endpoint has learnt to take it.
    run.sink.answer('poison', 200);
    const { status } = await run.client.send(
      'GET',
      `Subscription/${run.idOf('poison')}/$resend?eventsSinceNumber=${poison}&eventsUntilNumber=${poison}`,
    );
    expect(status).toBe(200);
    await waitFor(() => numbersTaken(run, 'poison').includes(poison), { what: 'the event that was set aside' });
    await waitFor(async () => (await deadLetters(run, 'poison')).length === 0, { what: 'it to count as made good' });
    const verdict = await run.settle();
    expect(verdict.faults).toEqual([]);
  },
);

faultTest(
  'an endpoint that refuses what is too large with 413 gets it in smaller bundles; what is too large alone is set aside',
  async (run) => {
    await run.hubs({ hubs: 1, env: ENV });
    const huge = run.random.between(BATCH + 1, EVENTS - 2);
    await withBacklog(run, 'narrow', (number) => 'x'.repeat(number === huge ? 40_000 : 4000));
    let tries = 0;
    const refused: number[] = [];
    run.sink.answer('narrow', (request) => {
      tries += 1;
      if (request.body.length <= 20_000) return 200;
      refused.push(numbersOf(request).length);
      return 413;
    });
    const rest = upTo(EVENTS).filter((number) => number !== huge);
    await waitFor(() => arrived(run, 'narrow') === rest.length, { milliseconds: 60_000, what: 'all that fit' });
    expect(numbersTaken(run, 'narrow')).toEqual(rest);
    await waitFor(async () => (await deadLetters(run, 'narrow')).length > 0, { what: 'the event to be set aside' });
    expect(await deadLetters(run, 'narrow')).toEqual([huge]);
    console.log(
      `${EVENTS} events in ${tries} tries, of which ${run.sink.to('narrow').filter(({ accepted }) => accepted === 'yes').length} were taken`,
    );
    // What it takes is found once, and kept to.
    expect(refused.filter((events) => events > 1).length).toBeLessThanOrEqual(Math.log2(BATCH));
    expect(tries).toBeLessThan(EVENTS);
    const verdict = await run.settle({ parked: new Map([['narrow', new Set([huge])]]) });
    expect(verdict.faults).toEqual([]);
  },
);
